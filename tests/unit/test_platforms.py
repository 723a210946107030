"""fixtures.arms.platforms, and that the suite is imported and collected without what Linux alone has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.arms.platforms import missing_here, take_lock, why_no_workers

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = """
import faulthandler, os, pkgutil, signal, sys
import execnet, memory_profiler, psutil, pytest, pytest_benchmark.plugin  # these know other systems themselves

for name in ("fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "syslog"):
    sys.modules[name] = None
lacking = {
    os: ("sched_getaffinity", "sched_setaffinity", "killpg", "getpgid", "setsid", "fork", "waitid", "statvfs",
         "sysconf", "getloadavg", "geteuid", "getgid", "posix_fallocate", "memfd_create", "mkfifo", "WNOWAIT", "P_PID"),
    signal: ("SIGKILL", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGALRM", "SIGCHLD", "alarm", "setitimer", "pthread_sigmask"),
    faulthandler: ("register", "unregister"),
}
for module, names in lacking.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
"""
IMPORTS = """
import importlib, fixtures, models
found = [*pkgutil.walk_packages(fixtures.__path__, "fixtures."), *pkgutil.iter_modules(models.__path__, "models.")]
assert len(found) > 150, len(found)
for each in found:
    importlib.import_module(each.name)
"""
COLLECTS = """
sys.exit(pytest.main(["bench", "--collect-only", "-q", "-p", "no:cacheprovider"]))
"""


def elsewhere(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process without the modules and functions that only Linux, or only POSIX, has."""
    command = [sys.executable, "-c", ELSEWHERE + code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_module_is_imported_without_what_only_linux_has() -> None:
    """Windows and macOS lack some of it each; here it is missing all at once."""
    run = elsewhere(IMPORTS)
    assert run.returncode == 0, run.stderr


def test_benchmarks_are_collected_without_what_only_linux_has() -> None:
    """Options are read, and every benchmark is there."""
    run = elsewhere(COLLECTS)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "test_training_step[digits-pytorch-cpu]" in run.stdout


def test_what_is_hidden_is_hidden() -> None:
    """So the tests above can fail."""
    run = elsewhere("import fcntl")
    assert run.returncode == 1
    assert "fcntl" in run.stderr


def test_a_system_without_locks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system without them does, which callers know."""
    monkeypatch.setattr("fixtures.arms.platforms.fcntl", None)
    with (tmp_path / "lock").open("w") as file, pytest.raises(OSError, match="no locks"):
        take_lock(file, wait=False)


def test_one_lock_has_one_holder(tmp_path: Path) -> None:
    """Who opens the file a second time does not get it."""
    with (tmp_path / "lock").open("w") as one, (tmp_path / "lock").open("w") as two:
        take_lock(one, wait=False)
        with pytest.raises(BlockingIOError):
            take_lock(two, wait=False)


def test_what_a_system_lacks_is_one_line() -> None:
    """Nothing on Linux; on Windows nothing can be measured, and the line says where it can."""
    assert not missing_here("Linux")
    assert not why_no_workers("Linux")
    assert not why_no_workers("Darwin")
    assert missing_here("Darwin").startswith(
        "the suite is tested on Linux alone; on Darwin it has not: arms side by side"
    )
    assert why_no_workers("Windows").endswith("measure in WSL")

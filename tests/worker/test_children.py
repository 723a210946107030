"""No child, and nothing that a child has started, outlives this suite: not Ctrl-C at any moment, not SIGKILL."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fixtures.arms.environments.interpreters import ask
from fixtures.arms.environments.uv import run_uv
from fixtures.datasets.child_process import run_child
from fixtures.workers.children import interrupts_held, run

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SLEEPS = [sys.executable, "-c", "import time; time.sleep(300)"]

STARTED: dict[str, Callable[[], object]] = {
    "any": lambda: run(SLEEPS),
    "uv": lambda: run_uv("testing", "pip", "install"),
    "data": lambda: run_child(SLEEPS, "fake"),
    "interpreter": lambda: ask(Path(sys.executable)),
}


@pytest.mark.parametrize("name", STARTED)
def test_ctrl_c_as_soon_as_a_child_has_started_ends_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anybody can have noted that there is a child."""
    usual, started = subprocess.Popen, list[Any]()

    def interrupted(command: list[str], **settings: Any) -> Any:
        process = usual(command, **settings)
        if "watchdog.py" not in command[-1]:
            started.append(process)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)  # Python handles it here
        return process

    monkeypatch.setattr("fixtures.workers.children.subprocess.Popen", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        STARTED[name]()
    (child,) = started
    assert child.returncode == -signal.SIGKILL
    assert signal.getsignal(signal.SIGINT) is before


def test_a_time_limit_ends_what_the_child_has_started(tmp_path: Path) -> None:
    """Its whole process group: what it writes to the same pipe would else be waited for."""
    with pytest.raises(subprocess.TimeoutExpired):
        run(["sh", "-c", f"sleep 300 & echo $! > {tmp_path}/child; wait"], timeout=1.0)
    gone(int((tmp_path / "child").read_text(encoding="utf-8")))


@pytest.mark.parametrize("one", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_waits_for_what_takes_no_time(one: signal.Signals) -> None:
    """It takes effect at the end, and the handler is the usual one again: schedulers interrupt as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(one, interrupt)
    done = []

    def interrupted() -> None:
        with interrupts_held():
            os.kill(os.getpid(), one)
            done.append("what takes no time")

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert done
        assert signal.getsignal(one) is interrupt
    finally:
        signal.signal(one, before)


WORKER = """
import shlex, sys, time
from pathlib import Path
from fixtures.workers.parent import Worker
with Worker("killed", shlex.quote(sys.argv[1]), Path(sys.argv[2])) as worker:
    print(worker.pid, flush=True)
    time.sleep(300)
"""
UV = """
import sys
from fixtures.arms.environments import uv
uv._executable = lambda: sys.argv[1]
uv.run_uv("testing", "pip")
"""
DATA = """
import sys
from fixtures.datasets.child_process import run_child
run_child([sys.argv[1]], "fake")
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no process groups")
@pytest.mark.parametrize("program", [WORKER, UV, DATA], ids=["worker", "uv", "data"])
@pytest.mark.parametrize("how", ["killed", "group killed"])
def test_what_a_child_has_started_ends_with_a_run_that_is_killed(tmp_path: Path, program: str, how: str) -> None:
    """Also with its process group, as a shell's ``kill -9 %1`` does it."""
    script = tmp_path / "python"
    then = f'exec {shlex.quote(sys.executable)} "$@"' if program == WORKER else "wait"
    script.write_text(
        f"#!/bin/sh\nsleep 300 &\necho $! > {tmp_path}/new\nmv {tmp_path}/new {tmp_path}/child\n{then}\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    command = [sys.executable, "-c", program, str(script), str(tmp_path)]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, process_group=0)
    try:
        deadline = time.monotonic() + 60
        if program == WORKER:
            assert parent.stdout is not None
            assert int(parent.stdout.readline())
        while not (tmp_path / "child").is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        if how == "killed":
            parent.kill()
        else:
            os.killpg(parent.pid, signal.SIGKILL)
        with parent:
            pass
    gone(int((tmp_path / "child").read_text(encoding="utf-8")))


def test_a_worker_behind_a_program_of_the_users_ends_with_it(tmp_path: Path) -> None:
    """One that starts Python and waits for it, as wrappers of package managers do."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\n{shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    command = [sys.executable, "-c", WORKER.replace("time.sleep(300)", "pass"), str(script), str(tmp_path)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    gone(int(finished.stdout))


def gone(number: int) -> None:
    """Wait until a process has ended."""
    child = [psutil.Process(number)] if psutil.pid_exists(number) else []
    assert psutil.wait_procs(child, timeout=20)[1] == []

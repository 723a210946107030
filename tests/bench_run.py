"""Runs ``pytest bench`` as a user does, in a process of its own, and reads what it said and saved."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from fixtures.arms.environments.__main__ import CACHE

PROJECT_ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_SECONDS = 1200
"""No run of a test takes as long; one that hangs is killed, and the kernel ends its workers with it."""
END_SECONDS = 20
"""So long may processes take to notice that nobody is there any more."""
RUN_MARK = "CNN_DYNO_TEST_RUN"


@dataclass(frozen=True)
class BenchRun:
    """A finished run: exit status, all that it printed, and the JSON that it saved."""

    status: int
    output: str
    saved: dict[str, Any]

    def benchmark(self, name: str) -> dict[str, Any]:
        """The saved benchmark called ``name``."""
        found: list[dict[str, Any]] = [one for one in self.saved["benchmarks"] if one["name"] == name]
        assert len(found) == 1, f"{name} is not in {[one['name'] for one in self.saved['benchmarks']]}"
        return found[0]


@cache
def workspace() -> Path:
    """A folder of the tests' own, for as long as they run: what a developer has prepared or measured is not in it.

    Environments are the checkout's all the same. They are named by what is in them, and take minutes to build.
    """
    folder = Path(tempfile.mkdtemp(prefix="cnn-dyno-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    (folder / "environments").symlink_to(CACHE, target_is_directory=True)
    return folder


def bench_command(*arguments: str) -> list[str]:
    """The command line of ``pytest bench`` with ``arguments``; with a root of its own, it has a workspace there."""
    return [sys.executable, "-m", "pytest", *bench_arguments(*arguments)]


def bench_arguments(*arguments: str) -> list[str]:
    """What that command line hands to pytest."""
    own = [] if {"--rootdir", "--workspace"} & set(arguments) else [f"--workspace={workspace()}"]
    return ["bench", "-p", "no:cacheprovider", *own, *arguments]


def bench_environment() -> dict[str, str]:
    """This process's environment, without what pytest and coverage add to it, and marked as this process's run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return {**kept, RUN_MARK: str(os.getpid())}


def processes_of_runs() -> list[psutil.Process]:
    """All processes of runs that this process has started, those on hosts of its ssh servers and orphans included."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_MARK) == str(os.getpid()):
                found.append(process)
        except psutil.Error:
            continue  # it has ended, or belongs to somebody else
    return found


def saving_to(results: Path) -> tuple[str, str]:
    """The options that save a run under ``results`` only."""
    return f"--benchmark-json={results / 'saved.json'}", f"--benchmark-storage={results / 'storage'}"


def workers() -> list[psutil.Process]:
    """Those that execnet has started: workers, and agents on hosts."""
    found = []
    for process in processes_of_runs():
        with suppress(psutil.Error):
            found += [process] if "sys.stdin.readline" in " ".join(process.cmdline()) else []
    return found


def demand_nothing_left() -> None:
    """All processes of all runs end soon, here and on hosts."""
    _gone, alive = psutil.wait_procs(processes_of_runs(), timeout=END_SECONDS)
    assert not alive


class RunningBench:
    """A run that goes on while a test does something: a mark in what it prints says when.

    Args:
        results: folder for what it saves.
        arguments: of ``pytest bench``.
    """

    def __init__(self, results: Path, *arguments: str) -> None:
        self._results = results
        self.output = ""
        self.process = subprocess.Popen(
            bench_command(*saving_to(results), *arguments),
            cwd=PROJECT_ROOT,
            env=bench_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._watchdog = threading.Timer(TIMEOUT_SECONDS, self.process.kill)
        self._watchdog.daemon = True  # whoever ends the tests does not wait for it
        self._watchdog.start()

    def wait_for(self, mark: str) -> None:
        """Until a line with this text is printed."""
        for line in self.process.stdout or ():
            self.output += line
            sys.stdout.write(line)
            if mark in line:
                return
        self._watchdog.cancel()
        raise AssertionError(f"{mark!r} was not printed:\n{self.output}")

    def end(self, how: signal.Signals) -> None:
        """Ctrl-C reaches the whole process group, as from a terminal; other signals only the run itself."""
        os.killpg(self.process.pid, how) if how == signal.SIGINT else self.process.send_signal(how)

    def finish(self) -> BenchRun:
        """Wait for its end."""
        rest = self.process.communicate()[0]
        sys.stdout.write(rest)
        self.output += rest
        self._watchdog.cancel()
        return finished_run(self._results, self.process.returncode, self.output)


def run_bench(results: Path, *arguments: str) -> BenchRun:
    """Run the benchmarks and save them under ``results`` only."""
    finished = subprocess.run(
        bench_command(*saving_to(results), *arguments),
        cwd=PROJECT_ROOT,
        env=bench_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    return finished_run(results, finished.returncode, finished.stdout + finished.stderr)


def finished_run(results: Path, status: int, output: str) -> BenchRun:
    """A run that has ended, with what it saved under ``results``."""
    saved = results / "saved.json"
    content = json.loads(saved.read_text(encoding="utf-8")) if saved.is_file() and saved.stat().st_size else {}
    return BenchRun(status, output, content)

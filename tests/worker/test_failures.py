"""A worker that fails costs its own benchmarks, with the cause, and nobody else's."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.bench_run import PROJECT_ROOT, BenchRun, bench_command, bench_environment, run_bench

if TYPE_CHECKING:
    from pathlib import Path

CAUSES = {
    "segfault": "killed by signal 11, SIGSEGV",
    "killed": "killed by signal 9, SIGKILL (what the kernel does when memory runs out)",
    "hanging": "no answer to TrainSteps within 60 s; the worker was killed",
    "raising": "ArithmeticError during TrainSteps: cannot train on",
    "out_of_memory": "MemoryError during TrainSteps: Unable to allocate",
    "nan_loss": "the loss became nan during TrainSteps",
    "unimportable": "ModuleNotFoundError during ImportFramework: No module named 'a_framework_that_nobody_has'",
    "noisy_exit": "exit status 3",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> BenchRun:
    """One run of a sound framework beside all that misbehave."""
    paths = ",".join(f"tests/adapters/{name}.py" for name in CAUSES)
    return run_bench(
        tmp_path_factory.mktemp("results"),
        *("-m", "cpu and step", "--quick", "--processes", "1", "--worker-timeout", "60"),
        *("--framework", f"pytorch,{paths}"),
    )


def test_the_sound_framework_still_reports(run: BenchRun) -> None:
    """It is measured, saved and in the table; the run as a whole has failed."""
    assert run.status == pytest.ExitCode.TESTS_FAILED
    info = run.benchmark("test_training_step[digits-pytorch-cpu]")["extra_info"]
    assert info["images_per_second"] > 0
    assert "1 passed" in run.output
    assert f"{len(CAUSES)} failed" in run.output
    assert len(run.saved["benchmarks"]) == 1


@pytest.mark.parametrize("name", CAUSES)
def test_a_failed_worker_says_what_happened(run: BenchRun, name: str) -> None:
    """One line: which worker, doing what, what happened; and how to replay it by hand."""
    line = rf"digits-{name}-cpu process-1: .*{re.escape(CAUSES[name])}"
    assert re.search(line, run.output), run.output
    assert not re.search(rf"failed.*digits-{name}-cpu.*\n.*File .*fixtures", run.output)


def test_the_last_words_of_a_worker_are_shown(run: BenchRun) -> None:
    """What it wrote to standard error before it died."""
    assert "the driver said goodbye" in run.output
    assert "-m fixtures.worker.child" in run.output


def test_a_failed_worker_can_be_replayed_by_hand(run: BenchRun) -> None:
    """The command that the message shows performs the same requests, and fails in the same way."""
    command = next(
        line.strip().removeprefix("E").strip().removeprefix("to replay it: ")
        for line in run.output.splitlines()
        if "to replay it" in line and "digits-raising-cpu" in line
    )
    replayed = subprocess.run(
        shlex.split(command), cwd=PROJECT_ROOT, env=bench_environment(), capture_output=True, text=True, check=False
    )
    assert replayed.returncode == 1
    assert '"kind": "ArithmeticError"' in replayed.stdout


def test_no_worker_is_left_behind(run: BenchRun) -> None:
    """After a run with deaths and hangs, no process of this checkout's workers exists."""
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert workers_of(os.getpid()) == []


def workers_of(pid: int) -> list[int]:
    """Worker processes below a process."""
    return [
        child.pid
        for child in psutil.Process(pid).children(recursive=True)
        if "sys.stdin.readline" in " ".join(child.cmdline())
    ]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_workers_end_with_the_run_however_it_ends(tmp_path: Path, how: signal.Signals) -> None:
    """Interrupted or killed while a worker trains: the workers are gone, and Ctrl-C says so without a traceback."""
    saved = tmp_path / "saved.json"
    arguments = ["-m", "cpu and step", "--framework", "pytorch", "--thorough", f"--benchmark-json={saved}"]
    process = subprocess.Popen(
        bench_command(*arguments, f"--benchmark-storage={tmp_path}"),
        cwd=PROJECT_ROOT,
        env=bench_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    watchdog = threading.Timer(300, process.kill)
    watchdog.start()
    output = ""
    for line in process.stdout:
        output += line
        if "process 2 of 8: training steps" in line:
            break
    workers = [psutil.Process(pid) for pid in workers_of(process.pid)]
    assert len(workers) == 1, output
    os.killpg(process.pid, how) if how == signal.SIGINT else process.kill()
    output += process.communicate()[0]
    watchdog.cancel()
    _gone, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    if how == signal.SIGINT:
        assert process.returncode == pytest.ExitCode.INTERRUPTED, output
        assert "Traceback" not in output
        assert "test_training_step[digits-pytorch-cpu]" in saved.read_text(encoding="utf-8")

"""A worker that fails costs its own benchmarks, with the cause, and nobody else's."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.bench_run import PROJECT_ROOT, BenchRun, RunningBench, bench_environment, run_bench, workers

if TYPE_CHECKING:
    from pathlib import Path

CAUSES = {
    "segfault": "killed by signal 11, SIGSEGV",
    "killed": "killed by signal 9, SIGKILL (what the kernel does when memory runs out)",
    "hanging": "no answer to ObserveParity within 30 s; the worker was killed",
    "raising": "ArithmeticError during ObserveParity: cannot train on",
    "out_of_memory": "MemoryError during ObserveParity: Unable to allocate",
    "nan_loss": "parity failed: ",
    "unimportable": "ModuleNotFoundError during ImportFramework: No module named 'a_framework_that_nobody_has'",
    "noisy_exit": "exit status 3",
    "quits": "SystemExit during ObserveParity: the licence has expired",
    "untransferable": "DumpError during ImportFramework: the reply cannot travel",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> BenchRun:
    """One run of a sound framework beside all that misbehave."""
    paths = ",".join(f"tests/adapters/{name}.py" for name in CAUSES)
    return run_bench(
        tmp_path_factory.mktemp("results"),
        *("-m", "cpu and step", "--quick", "--processes", "1", "--worker-timeout", "30"),
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
    line = rf"digits-{name}-cpu proof: .*{re.escape(CAUSES[name])}"
    assert re.search(line, run.output), run.output


def test_the_last_words_of_a_worker_are_shown(run: BenchRun) -> None:
    """What it wrote to standard error before it died."""
    assert "the driver said goodbye" in run.output
    assert "-m fixtures.workers.child" in run.output


def test_a_failed_worker_can_be_replayed_by_hand(run: BenchRun) -> None:
    """The command that the message shows performs the same requests, and fails in the same way."""
    command = next(
        line.strip().removeprefix("E").strip().removeprefix("to replay it, from the checkout: ")
        for line in run.output.splitlines()
        if "to replay it" in line and "digits-raising-cpu" in line
    )
    replayed = subprocess.run(
        shlex.split(command), cwd=PROJECT_ROOT, env=bench_environment(), capture_output=True, text=True, check=False
    )
    assert replayed.returncode == 1
    assert '"kind": "ArithmeticError"' in replayed.stdout


def test_no_worker_is_left_behind(run: BenchRun) -> None:
    """After a run with deaths and hangs, none of its workers exists."""
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert workers() == []


@dataclass
class Interruption:
    """A run that is ended in a phase: its exit status, all that it printed, and its file of results."""

    status: int
    output: str
    saved: Path


def interrupt(results: Path, phase: str, how: signal.Signals, *arguments: str) -> Interruption:
    """Start a run, end it in the given way once it prints ``phase``, and see its workers end."""
    run = RunningBench(results, *arguments)
    run.wait_for(phase)
    run.end(how)
    ended = run.finish()
    _gone, alive = psutil.wait_procs(workers(), timeout=20)
    assert not alive
    return Interruption(ended.status, ended.output, results / "saved.json")


STEPS = ("-m", "cpu and step", "--framework", "pytorch", "--thorough")


@pytest.mark.parametrize(
    "phase", ["proving that 1 arm trains", "block 1: steps of pytorch", "block 2: steps of pytorch"]
)
def test_ctrl_c_ends_the_workers_and_says_so_without_a_traceback(tmp_path: Path, phase: str) -> None:
    """In any phase; what was read before it is saved, marked as interrupted."""
    ended = interrupt(tmp_path, phase, signal.SIGINT, *STEPS)
    assert ended.status == pytest.ExitCode.INTERRUPTED, ended.output
    assert "Traceback" not in ended.output
    if "block 2" in phase:
        assert ended.saved.exists(), ended.output
        saved = json.loads(ended.saved.read_text(encoding="utf-8"))
        (benchmark,) = saved["benchmarks"]
        assert benchmark["extra_info"]["interrupted"] is True
        assert "The run was interrupted" in ended.output
    else:
        assert "interrupted before it was measured" in ended.output


def test_a_schedulers_end_while_memory_is_watched_keeps_what_was_timed(tmp_path: Path) -> None:
    """The first step of every process was read; memory was not. SIGTERM is taken for Ctrl-C."""
    arguments = ("-m", "cpu and (first_step or memory)", "--framework", "pytorch", "--quick", "--processes", "1")
    ended = interrupt(tmp_path, "block 2: memory of pytorch", signal.SIGTERM, *arguments)
    assert ended.status == pytest.ExitCode.INTERRUPTED, ended.output
    assert "Traceback" not in ended.output
    names = [one["name"] for one in json.loads(ended.saved.read_text(encoding="utf-8"))["benchmarks"]]
    assert names == ["test_first_step[digits-pytorch-cpu]"]


def test_workers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    """Nobody is there to end them, so the kernel does."""
    ended = interrupt(tmp_path, "block 1: steps of pytorch", signal.SIGKILL, *STEPS)
    assert ended.status == -signal.SIGKILL

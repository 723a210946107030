"""Which benchmarks there are, and what it costs to find out."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.machine import gpu_available
from tests.bench_run import PROJECT_ROOT, bench_environment
from tests.forked_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path

FRAMEWORK_MODULES = ("torch", "torchvision", "tensorflow", "keras", "jax", "flax", "optax")


def collected(tmp_path: Path, *arguments: str) -> list[str]:
    """Names of the benchmarks that a command line selects."""
    run = run_bench(tmp_path, "--collect-only", "-q", *arguments)
    assert run.status in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), run.output
    return [line.rpartition("::")[2] for line in run.output.splitlines() if "::" in line]


def test_collecting_the_benchmarks_imports_no_framework() -> None:
    """In a fresh interpreter, as ``pytest bench --collect-only`` does it."""
    program = (
        "import pytest, sys\n"
        "status = pytest.main(['bench', '--collect-only', '-q', '-p', 'no:cacheprovider'])\n"
        f"print('status', int(status), 'found', [name for name in {FRAMEWORK_MODULES} if name in sys.modules])\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT_ROOT,
        env=bench_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "status 0 found []" in finished.stdout, finished.stdout + finished.stderr


def test_the_default_is_every_measure_of_the_three_frameworks_on_digits(tmp_path: Path) -> None:
    """On both devices: what cannot run is skipped later, with the reason."""
    tests = ["test_training_step", "test_epoch", "test_first_step", "test_peak_memory", "test_final_accuracy"]
    frameworks = ["pytorch", "tensorflow", "keras-tensorflow"]
    assert set(collected(tmp_path)) == {
        f"{test}[digits-{framework}-{device}]"
        for test in tests
        for framework in frameworks
        for device in ("cpu", "cuda")
    }


def test_a_marker_expression_selects_by_measure_and_device(tmp_path: Path) -> None:
    """``-m "gpu and memory"`` means what it says."""
    names = collected(tmp_path, "-m", "gpu and memory", "--framework", "pytorch")
    assert names == ["test_peak_memory[digits-pytorch-cuda]"]


def test_options_take_lists_and_repetitions(tmp_path: Path) -> None:
    """Commas and repeated options add up, without doubles, in the order given."""
    names = collected(tmp_path, "-m", "step and cpu", "--framework", "tensorflow,pytorch", "--framework", "tensorflow")
    assert names == ["test_training_step[digits-tensorflow-cpu]", "test_training_step[digits-pytorch-cpu]"]


def test_a_gpu_benchmark_without_a_gpu_is_skipped_with_the_reason(tmp_path: Path) -> None:
    """No worker starts for it; a run without any figure says so by its exit status."""
    available, reason = gpu_available()
    if available:
        pytest.skip("this machine has a GPU")
    run = run_bench(tmp_path, "-m", "gpu and step", "--framework", "pytorch", "-rs")
    assert run.status == pytest.ExitCode.NO_TESTS_COLLECTED, run.output
    assert "1 skipped" in run.output
    assert reason in run.output.replace("\n", " ")

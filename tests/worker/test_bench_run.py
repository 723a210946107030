"""A whole run with a real framework: what it prints, what it saves, and what others can do with that."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from tests.bench_run import PROJECT_ROOT, BenchRun, bench_command, bench_environment, run_bench

if TYPE_CHECKING:
    from pathlib import Path

COMMON = {"framework", "framework_version", "workload", "device", "precision", "threads", "allocator", "parity"}
OWN = {
    "training_step": {"images_per_second", "process_medians_seconds", "bursts_seconds", "relative_half_width"},
    "epoch": {"process_medians_seconds", "input_overhead"},
    "first_step": {"first_step_seconds", "import_seconds", "compile_seconds"},
    "peak_memory": {"peak_memory_bytes", "memory_phases_bytes", "memory_samples"},
    "final_accuracy": {"accuracy", "loss", "confusion_matrix", "per_class", "training_seconds"},
}
ARGUMENTS = ("--framework", "pytorch", "-m", "cpu", "--quick", "--processes", "2")
HABITS = ("--benchmark-only", "--benchmark-group-by=param:framework")
"""Of people who know pytest-benchmark."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module's run saves."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def run(results: Path) -> BenchRun:
    """PyTorch on digits, every measure."""
    finished = run_bench(results, *ARGUMENTS, *HABITS, "--report", str(results / "report.html"))
    assert finished.status == pytest.ExitCode.OK, finished.output
    return finished


@pytest.mark.parametrize("test", OWN)
def test_every_benchmark_carries_what_it_measured(run: BenchRun, test: str) -> None:
    """The documented keys, none of them empty, and parity that was proven."""
    info = run.benchmark(f"test_{test}[digits-pytorch-cpu]")["extra_info"]
    for key in COMMON | OWN[test]:
        assert info[key] not in (None, "", [], {}), key
    assert info["parity"]["passed"] is True


def test_parameters_are_identifiers(run: BenchRun) -> None:
    """Not a dump of what they stand for: whoever groups by one, or reads the file, knows them from the options."""
    names = {"workload": "digits", "framework": "pytorch", "device": "cpu"}
    expected = names | {"precision": "float32", "defaults": "equal"}
    assert all(benchmark["params"] == expected for benchmark in run.saved["benchmarks"])
    assert "benchmark 'framework=pytorch'" in run.output


@pytest.mark.parametrize(("test", "processes"), [("training_step", 2), ("epoch", 3), ("first_step", 2)])
def test_the_reference_kernel_was_timed_beside_every_process(run: BenchRun, test: str, processes: int) -> None:
    """One reading of it for each of the process's, and what they depend on. A training times whole epochs, too."""
    info = run.benchmark(f"test_{test}[digits-pytorch-cpu]")["extra_info"]
    assert len(info["reference_seconds"]) == len(info["process_medians_seconds"]) == processes
    assert all(0 < seconds < 60 for seconds in info["reference_seconds"])
    assert info["reference_kernel"].startswith("version 1, threads ")


def test_rounds_are_exactly_what_the_worker_reported(run: BenchRun) -> None:
    """One round for each burst, over both processes, to the last bit that a clock which adds up can keep."""
    benchmark = run.benchmark("test_training_step[digits-pytorch-cpu]")
    bursts = list(itertools.chain.from_iterable(benchmark["extra_info"]["bursts_seconds"]))
    assert 2 <= len(bursts) <= 12  # a slow machine has time for fewer
    assert benchmark["stats"]["data"] == pytest.approx(bursts, abs=1e-12)


def test_memory_grows_from_phase_to_phase_up_to_the_peak(run: BenchRun) -> None:
    """The kernel's high-water mark is at least what was sampled at the end of any phase."""
    info = run.benchmark("test_peak_memory[digits-pytorch-cpu]")["extra_info"]
    phases = info["memory_phases_bytes"]
    assert list(phases) == ["after_import", "after_build", "training"]
    assert 0 < phases["after_import"] <= phases["after_build"]
    assert max(phases.values()) <= info["peak_memory_bytes"]
    assert "mmap_threshold" not in info["allocator"]


def test_training_reaches_its_threshold(run: BenchRun) -> None:
    """And the confusion matrix counts every test example once."""
    info = run.benchmark("test_final_accuracy[digits-pytorch-cpu]")["extra_info"]
    assert info["accuracy"] >= info["accuracy_threshold"] == 0.95
    matrix = info["confusion_matrix"]
    assert sum(map(sum, matrix)) == 360
    assert sum(row[index] for index, row in enumerate(matrix)) / 360 == pytest.approx(info["accuracy"])
    assert set(info["per_class"]) >= {str(digit) for digit in range(10)}


def test_the_machine_is_described(run: BenchRun) -> None:
    """With everything that decides speed."""
    facts = run.saved["machine_info"]["cnn_dyno"]
    assert {"cpu", "usable_cores", "versions", "allocator", "threads", "precision", "gpus"} <= set(facts)
    assert facts["versions"]["torch"]


def test_the_run_ends_with_one_table(run: BenchRun) -> None:
    """One row for each framework, after pytest-benchmark's own tables."""
    table = run.output.partition("= cnn-dyno =")[2]
    assert "digits on cpu" in table
    assert "PyTorch" in table
    assert "95 % confidence interval over 2 or 3 fresh processes" in table


def test_the_run_has_a_page(run: BenchRun, results: Path) -> None:
    """Made of what was saved, so that a later one of the same file says the same."""
    assert f"Wrote the report to {results / 'report.html'}" in run.output
    page = (results / "report.html").read_text(encoding="utf-8")
    for part in ("Over time", "Distributions", "Memory", "Accuracy", "Is it the same network?"):
        assert part in page
    assert page.count("<svg") >= 5


def test_a_run_that_was_not_named_is_saved_and_can_be_compared_with(run: BenchRun, results: Path) -> None:
    """A bare ``--benchmark-compare`` finds the run before it; ``--benchmark-save`` names the new one."""
    assert run.saved
    assert len(list(results.glob("storage/*/0001_*.json"))) == 1
    again = results / "again"
    shutil.copytree(results / "storage", again / "storage")
    arguments = ["--framework", "pytorch", "-m", "cpu and (first_step or memory)", "--quick", "--processes", "1"]
    compared = ["--benchmark-compare", "--margin", "memory=30%", "--benchmark-save=mine"]
    second = run_bench(again, *arguments, *compared)
    assert second.status in (pytest.ExitCode.OK, EXIT_INCONCLUSIVE, EXIT_REGRESSION), second.output
    assert "(0001_" in second.output
    assert "(NOW)" in second.output
    assert len(list(again.glob("storage/*/0002_mine.json"))) == 1
    # Of the same code: never called worse or better, however busy the machine is.
    found = second.benchmark("test_peak_memory[digits-pytorch-cpu]")["extra_info"]["regression"]
    assert found["verdict"] in ("no regression", "inconclusive"), second.output
    assert found["lower"] < 0.0 < found["upper"]
    assert found["baselines"] == 1
    assert "compared with saved runs" in second.output


def test_pytest_benchmarks_own_command_reads_the_results(run: BenchRun, results: Path) -> None:
    """``pytest-benchmark compare`` with a histogram, on the file that the run saved."""
    assert run.saved
    command = [sys.executable, "-m", "pytest_benchmark", f"--storage={results / 'storage'}"]
    compared = subprocess.run(
        [*command, "compare", f"--histogram={results / 'picture'}"],
        cwd=results,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "test_training_step[digits-pytorch-cpu]" in compared.stdout
    assert list(results.glob("picture*.svg"))


def test_an_arm_that_trains_something_else_publishes_nothing(tmp_path: Path) -> None:
    """Its benchmarks fail with what differs, by layer, and nothing of it is saved."""
    finished = run_bench(tmp_path, "--framework", "tests/adapters/wrong_epsilon.py", "-m", "cpu", "--processes", "1")
    assert finished.status == pytest.ExitCode.TESTS_FAILED
    assert "parity failed: adam_" in finished.output
    assert "dense_1/" in finished.output
    assert "5 failed" in finished.output
    assert not finished.saved.get("benchmarks")


def test_two_runs_at_once_leave_each_others_files_alone(tmp_path: Path) -> None:
    """Both finish and both are saved; at least one is told that the other disturbs its figures."""
    arguments = ["--framework", "pytorch", "-m", "cpu and first_step", "--processes", "1"]
    runs = [
        subprocess.Popen(
            bench_command(*arguments, f"--benchmark-storage={tmp_path}"),
            cwd=PROJECT_ROOT,
            env=bench_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [one.communicate()[0] for one in runs]
    assert [one.returncode for one in runs] == [0, 0], "\n".join(outputs)
    assert len(list(tmp_path.glob("*/*.json"))) == 2
    assert any("measures here now" in output for output in outputs)

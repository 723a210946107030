"""Two versions compared for real: measured in pairs, judged, saved, and said by the exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.comparing.plugin import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from fixtures.reports.verdicts import verdict_report
from tests.bench_run import PROJECT_ROOT, BenchRun, run_bench

if TYPE_CHECKING:
    from pathlib import Path

NAME = "digits-pytorch-cpu"


def compare(results: Path, *arguments: str) -> BenchRun:
    """PyTorch in this environment against PyTorch in the same one, named as another."""
    return run_bench(results, "--against", sys.executable, "--framework", "pytorch", *arguments)


@pytest.fixture(scope="module")
def equal(tmp_path_factory: pytest.TempPathFactory) -> BenchRun:
    """Time for a few blocks of steps and memory, with margins that equal code must be within."""
    margins = ["--margin", "step=60%", "--margin", "memory=30%"]
    arguments = ["-m", "cpu and (step or memory)", "--budget", "4m", *margins]
    return compare(tmp_path_factory.mktemp("results"), *arguments)


def test_equal_environments_show_no_regression(equal: BenchRun) -> None:
    """Certainly less than the margin, said in one line, and by exit status 0."""
    assert equal.status == pytest.ExitCode.OK, equal.output
    assert "**NO REGRESSION**" in equal.output
    assert "2 passed" in equal.output


@pytest.mark.parametrize("test", ["training_step", "peak_memory"])
def test_the_verdict_and_its_blocks_are_saved(equal: BenchRun, test: str) -> None:
    """As ordinary pytest-benchmark results, from which the report can be made again."""
    benchmark = next(one for one in equal.saved["benchmarks"] if one["name"].startswith(f"test_{test}[{NAME}@"))
    info = benchmark["extra_info"]
    assert info["verdict"] in ("no regression", "improvement")
    assert info["blocks"] >= 4
    assert len(info["raw"]) >= info["blocks"]
    assert info["parity"]["passed"] is True
    assert info["changed_packages"] == {}
    assert info["versions"][0] == info["versions"][1]
    assert info["lower"] < info["estimate"] < info["upper"] < info["margins"]["margin"]
    assert verdict_report(equal.saved["benchmarks"]) in equal.output


def test_steps_are_paired_burst_by_burst(equal: BenchRun) -> None:
    """Both sides of a block have as many readings."""
    benchmark = next(one for one in equal.saved["benchmarks"] if one["name"].startswith("test_training_step"))
    info = benchmark["extra_info"]
    assert info["schedule"] in ("duet", "alternating")
    for block in info["raw"]:
        assert len(block["candidate"]) == len(block["baseline"]) == 80


def test_too_little_time_is_inconclusive_and_says_so(tmp_path: Path) -> None:
    """Never silently green: another exit status, and a skipped test."""
    run = compare(tmp_path, "-m", "cpu and first_step", "--budget", "1s")
    assert run.status == EXIT_INCONCLUSIVE, run.output
    assert "**INCONCLUSIVE**" in run.output
    assert "1 skipped" in run.output


def test_a_slower_adapter_is_a_regression(tmp_path: Path) -> None:
    """It does half of its work twice; the revision to compare with has the same file, which is quick there."""
    slower = "tests/adapters/slower_without_revision.py"
    arguments = ["--against", "git:HEAD", "--framework", slower, "-m", "cpu and step", "--budget", "5m"]
    run = run_bench(tmp_path, *arguments)
    assert run.status == EXIT_REGRESSION, run.output
    assert "**REGRESSION**" in run.output
    assert "training step" in run.output.partition("**REGRESSION**")[2]
    assert "1 failed" in run.output


def test_the_revision_is_taken_from_the_checkout() -> None:
    """The test above needs one; a checkout without git cannot compare revisions."""
    assert (PROJECT_ROOT / ".git").exists()

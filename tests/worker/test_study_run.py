"""A study repeated for real, on a handful of generated photographs, and every framework in one run."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from models.registry import FRAMEWORKS
from tests.bench_run import PROJECT_ROOT, BenchRun, run_bench
from tests.generate_photographs import write_photographs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[BenchRun, Path]:
    """PyTorch's part of the study of photographs, and where the run is saved."""
    folder = tmp_path_factory.mktemp("study")
    write_photographs(folder / "PetImages", 200)
    arguments = ["--framework", "pytorch", "--seeds", "1", "--data-dir", str(folder), "-m", "cpu"]
    return run_bench(folder, "--study", "cats-vs-dogs", *arguments), folder / "saved.json"


def test_a_study_ends_with_its_report(study: tuple[BenchRun, Path]) -> None:
    """Published beside measured, and how this run departs from the study."""
    run, _ = study
    assert run.status == pytest.ExitCode.OK, run.output
    report = run.output.partition("= published and measured =")[2]
    assert "## cats-vs-dogs: AGROCOMPUTAÇÃO study" in report
    assert "PyTorch, equal: trained once, where the study trained 3 times" in report
    assert "88.00" in report
    assert run.benchmark("test_final_accuracy[cats-vs-dogs-pytorch-cpu]")["extra_info"]["epochs"] == 10


def test_the_report_can_be_made_again_from_the_saved_run(study: tuple[BenchRun, Path]) -> None:
    """With the machine, the time and the commit, which only the file knows."""
    run, saved = study
    again = subprocess.run(
        [sys.executable, "-m", "fixtures.reports.study", str(saved)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    figures = again.stdout.partition("### Figures")[2].strip()
    assert figures
    assert figures in run.output
    assert json.loads(saved.read_text(encoding="utf-8"))["datetime"] in again.stdout


@pytest.mark.slow
def test_every_framework_takes_its_first_step(tmp_path: Path) -> None:
    """In one run, each proven; what cannot run here is skipped with its reason.

    Two minutes for what ``test_adapters`` and ``test_tf_estimator`` prove of each framework alone.
    """
    run = run_bench(tmp_path, "--framework", "all", "-m", "cpu and first_step", "--processes", "1", "-rs")
    assert run.status == pytest.ExitCode.OK, run.output
    measured = {one["extra_info"]["framework"]: one["extra_info"] for one in run.saved["benchmarks"]}
    assert all(info["parity"]["passed"] for info in measured.values())
    skipped = {name for name in FRAMEWORKS if name not in measured}
    assert skipped <= {"tf-estimator", "pytorch-compile"}
    assert f"{len(measured)} passed" in run.output
    if "tf-estimator" in measured:
        assert measured["tf-estimator"]["environment"] == "tf-estimator"
        assert measured["tf-estimator"]["framework_version"].startswith("2.15")

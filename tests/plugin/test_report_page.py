"""``--report``: what cannot become a page is said before anything is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "is a folder"), ("nowhere/report.html", "lies in no folder that there is")],
)
def test_a_path_that_can_be_no_file_is_a_usage_error(tmp_path: Path, name: str, message: str) -> None:
    """In one line."""
    run = run_bench(tmp_path, "--report", str(tmp_path / name), "--framework", "pytorch", "-m", "cpu and memory")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert message in run.output
    assert "Traceback" not in run.output


def test_many_runs_are_no_page(tmp_path: Path) -> None:
    """The trend has a report of its own."""
    run = run_bench(tmp_path, "--report", str(tmp_path / "report.html"), "--trend")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "leave one of them away" in run.output


def test_a_run_that_measures_nothing_writes_nothing(tmp_path: Path) -> None:
    """And says so."""
    run = run_bench(tmp_path, "--report", str(tmp_path / "report.html"), "--framework", "pytorch", "-k", "no_such_test")
    assert run.status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert not (tmp_path / "report.html").exists()

"""``--report``: what cannot become a page is said before anything is measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.forked_run import run_bench
from tests.saved_runs import saved_benchmark, saved_run

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


def test_the_page_of_a_trend_shows_every_saved_run(tmp_path: Path) -> None:
    """Too few to look for changes, and nothing is measured."""
    storage = tmp_path / "storage" / "any"
    storage.mkdir(parents=True)
    for number in range(2):
        saved = saved_run(saved_benchmark("memory"), recorded=f"2026-03-0{number + 1}T10:00:00+00:00")
        (storage / f"000{number + 1}_run.json").write_text(json.dumps(saved), encoding="utf-8")
    page = tmp_path / "history.html"
    run = run_bench(tmp_path, "--trend", "--report", str(page), f"--benchmark-storage={storage.parent}")
    assert run.status == pytest.ExitCode.OK
    assert "Wrote the report to" in run.output
    assert "There are too few runs" in page.read_text(encoding="utf-8")


def test_a_run_that_measures_nothing_writes_nothing(tmp_path: Path) -> None:
    """And says so."""
    run = run_bench(tmp_path, "--report", str(tmp_path / "report.html"), "--framework", "pytorch", "-k", "no_such_test")
    assert run.status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert not (tmp_path / "report.html").exists()

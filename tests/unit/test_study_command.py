"""The command that makes the report of a study again from saved runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.reports.study import main, study_report
from tests.saved_studies import accuracy, cells, pair


def test_saved_runs_are_merged_and_the_later_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Equal settings in one file, native defaults in another."""
    files = []
    for index, benchmarks in enumerate([pair(99.0, 150.0), pair(100.0, 150.0), pair(120.0, 150.0, "native")]):
        file = tmp_path / f"{index}.json"
        file.write_text(json.dumps({"benchmarks": benchmarks, "datetime": f"day {index}"}), encoding="utf-8")
        files.append(str(file))
    assert main(files) == 0
    report = capsys.readouterr().out
    assert ["248", "100", "120"] in cells(report, "training, s")
    assert "day 0" in report
    assert "day 2" in report


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("no json", "Expecting value", id="not-json"),
        pytest.param("[]", "TypeError", id="a-list"),
        pytest.param("{}", "benchmarks", id="no-benchmarks"),
        pytest.param(
            json.dumps({"benchmarks": [accuracy("pytorch", [-1.0], [0.9])]}),
            "trainings_seconds must be numbers, above 0, got [-1.0]",
            id="impossible-time",
        ),
        pytest.param(
            json.dumps({"benchmarks": [accuracy("pytorch", [1.0], [0.9], confusion_matrix=[[1, 2]])]}),
            "confusion_matrix must have a row and a column of counts for each class",
            id="impossible-matrix",
        ),
        pytest.param(
            json.dumps({"benchmarks": [accuracy("pytorch", [1.0], [0.9], defaults="own")]}),
            "defaults must be 'equal' or 'native', got 'own'",
            id="unknown-defaults",
        ),
        pytest.param(json.dumps({"benchmarks": []}), "no benchmark of a study in", id="nothing-of-a-study"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str) -> None:
    """What is wrong, and in which file."""
    file = tmp_path / "saved.json"
    file.write_text(content, encoding="utf-8")
    assert main([str(file)]) == 2
    error = capsys.readouterr().err
    assert str(file) in error
    assert said in error
    assert error.count("\n") == 1


def test_no_file_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments, the way to call it."""
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_the_report_is_made_again_by_a_command(tmp_path: Path) -> None:
    """In a process of its own, which prints nothing else, so that its output can become a page."""
    file = tmp_path / "saved.json"
    saved: dict[str, Any] = {"benchmarks": pair(100.0, 150.0), "datetime": "2026-01-02"}
    file.write_text(json.dumps(saved), encoding="utf-8")
    command = [sys.executable, "-m", "fixtures.reports.study", str(file)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True, encoding="utf-8")
    assert done.stdout == study_report(saved["benchmarks"], runs=[saved])
    assert done.stderr == ""

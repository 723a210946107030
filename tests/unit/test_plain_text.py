"""Text from outside is shown as text: in a terminal, and on a page or in a pull request's comment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.reports import calibration, summary, verdicts
from fixtures.reports.calibration import calibration_report
from fixtures.reports.plain_text import cleaned, encodable, inert
from fixtures.reports.regression import report_of
from fixtures.reports.summary import tables
from fixtures.reports.verdicts import verdict_report
from fixtures.workers.parent import WorkerError
from tests.unit.test_summary import step

ROOT = Path(__file__).parents[2]
COLOURS, TITLE = "\x1b[31mred\x1b[0m", "\x1b]0;owned\x07"
HOSTILE = "<script>alert(1)</script> [click](https://example.org) @somebody www.example.org &#60;b&#62;"


def visible(text: str) -> str:
    """Without what is not seen."""
    return text.replace("\N{ZERO WIDTH SPACE}", "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (COLOURS, "\\x1b[31mred\\x1b[0m"),
        (TITLE, "\\x1b]0;owned\\x07"),
        ("two\nlines", "two lines"),
        ("right\N{RIGHT-TO-LEFT OVERRIDE}left", "right\\u202eleft"),
        ("größer", "größer"),
        ({"a\x1b": ["\x1b", 1, None]}, {"a\\x1b": ["\\x1b", 1, None]}),
        (("\x07",), ["\\x07"]),
        (1.5, 1.5),
    ],
    ids=repr,
)
def test_what_cannot_be_printed_is_spelled_out(value: Any, expected: Any) -> None:
    """In strings, lists and dictionaries; everything else stays what it is."""
    assert cleaned(value) == expected


@pytest.mark.parametrize("alive", ["<script", "](http", "://", "@somebody", "www.example", "&#60;"])
def test_nothing_of_it_comes_to_life(alive: str) -> None:
    """And it looks the same."""
    assert alive in HOSTILE.replace("](https", "](http")
    assert alive not in inert(HOSTILE)
    assert visible(inert(HOSTILE)) == HOSTILE
    assert inert(inert(HOSTILE)) == inert(HOSTILE)


ORDINARY = ("2 < 3", "torch @ file", "1 & 2", "**bold**", "| a | b |", "<details><summary>more</summary>", "</details>")


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Comparisons, requirements, the reports' own marks."""
    assert inert(text) == text


def test_a_workers_words_reach_a_terminal_as_text() -> None:
    """Its exception's, and the last lines of what it printed, which stay lines."""
    error = WorkerError(f"pytorch: ValueError: {COLOURS}", "ValueError", f"first\n\tsecond {TITLE}")
    assert "\x1b" not in str(error) + error.cause + error.detail
    assert error.detail == "first\n\tsecond \\x1b]0;owned\\x07"


def test_the_table_of_a_saved_run_has_no_escape_sequences() -> None:
    """Whatever the names in the file are."""
    text = tables([step("one", 0.02, framework_title=f"One {COLOURS} {TITLE}", framework_version="1\n2")])
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\\x1b[31mred" in text


@pytest.mark.parametrize("field", ["framework_title", "reason", "against", "workload"])
def test_a_verdicts_report_holds_no_live_markup(field: str) -> None:
    """Wherever in the file the words stand."""
    lost = {
        "framework_title": "PyTorch",
        "measure": "step",
        "against": "torch==2.13.0",
        "workload": "digits",
        "device": "cpu",
        "outcome": "failed",
        "reason": "the worker died",
    }
    text = verdict_report([], [lost | {field: f"{HOSTILE} {COLOURS}"}])
    assert HOSTILE in visible(text)
    for alive in ("<script", "](http", "@somebody", "www.example", "\x1b"):
        assert alive not in text


def test_other_reports_hold_none_either() -> None:
    """Of saved runs, and of a calibration."""
    error = report_of([], {"error": f"{HOSTILE} {COLOURS}"})
    info = {
        "calibration": "digits-pytorch-cpu@copy",
        "framework_title": f"{HOSTILE} {COLOURS}",
        "framework_version": "1",
        "workload": "digits",
        "device": "cpu",
        "blocks": {"0": []},
    }
    for text in (error, calibration_report([{"extra_info": info}])):
        assert HOSTILE in visible(text)
        assert "<script" not in text
        assert "\x1b" not in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", None])
def test_an_output_that_is_not_utf_8_keeps_its_lines(encoding: str | None) -> None:
    """And what can be said in plain characters; nothing is ever lost for a sign."""
    text = "By step time ± 3 %:\n─────\nPyTorch → größer\N{ZERO WIDTH SPACE}"
    found = encodable(text, encoding)
    found.encode(encoding or "ascii")
    assert len(found.splitlines()) == 3
    assert "+-" in found or encoding == "latin-1"
    assert encodable(text, "utf-8") == text


@pytest.mark.parametrize(
    "benchmarks",
    [
        [
            {
                "extra_info": {
                    "measure": "step",
                    "framework": "a",
                    "workload": "b",
                    "device": "c",
                    "threads": 1,
                    "seconds": 0,
                }
            }
        ],
        [[[[]]]],
        [{"extra_info": {"measure": "step", "framework": {}, "workload": 10**400}}],
        {"\x1b[31m": 1},
    ],
    ids=["little", "lists", "numbers", "escape"],
)
def test_an_absurd_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], benchmarks: Any) -> None:
    """Whatever report is asked for."""
    file = tmp_path / "absurd.json"
    file.write_text(json.dumps({"benchmarks": benchmarks}), encoding="utf-8")
    for report in (summary, verdicts, calibration):
        assert report.main([str(file)]) == 2
        said = capsys.readouterr()
        assert (said.out, len(said.err.splitlines())) == ("", 1)
        assert "\x1b" not in said.err


@pytest.mark.parametrize(
    "command",
    [
        ["fixtures.baselines", "compare", "größer→.json", "größer→.json"],
        ["fixtures.reports.summary", "größer→.json"],
        ["fixtures.reports.study", "größer→.json"],
        ["fixtures.reports.page", "größer→.json"],
        ["pytest", "bench", "--workload", "größer→.toml"],
    ],
    ids=lambda command: command[0],
)
def test_no_command_ends_in_a_traceback_for_want_of_characters(command: list[str]) -> None:
    """Of the user's own words, or of a saved file's, where the output is that of the C locale."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:surrogateescape"}
    run = [sys.executable, "-m", *command]
    ended = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, encoding="latin-1", check=False)
    assert "Traceback" not in ended.stderr
    assert "er\\u2192." in ended.stderr + ended.stdout
    assert ended.returncode in (2, 4)


def test_progress_is_shown_on_any_terminal(tmp_path: Path) -> None:
    """What the suite prints past pytest holds arrows and signs, too."""
    (tmp_path / "prints.py").write_text(
        "def pytest_collection_finish(session):\n"
        "    capture = session.config.pluginmanager.getplugin('capturemanager')\n"
        "    with capture.global_and_fixture_disabled():\n"
        "        print('5 % \\N{PLUS-MINUS SIGN} 1 \\N{RIGHTWARDS ARROW} 6', flush=True)\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "pytest", "bench", "-p", "prints", "--collect-only", "-q"]
    environment["PYTHONPATH"] = str(tmp_path)
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert r"5 % \xb1 1 \u2192 6" in run.stdout, run.stdout + run.stderr

"""The text for a pull request's comment and a job's summary: a sentence, a small table, the rest folded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.reports.comment import comment, main
from fixtures.reports.range_bars import LEGEND, range_bar
from fixtures.reports.verdicts import conclusion, verdict_report
from tests.unit.test_verdict_report import LOST, benchmark

READINGS = Path(__file__).resolve().parents[2] / "docs" / "readings"
BLANK = "\N{NO-BREAK SPACE}"


def rows(text: str) -> list[list[str]]:
    """Cells of the tables before the folded part, without the rules below their headings."""
    lines = [line for line in text.partition("<details>")[0].splitlines() if line.startswith("| ")]
    return [[cell.strip(" ") for cell in line.strip("|").split("|")] for line in lines if not line.startswith("| --")]


@pytest.mark.parametrize("name", ["upgrade-torch", "upgrade-tf", "upgrade-keras", "upgrade-copy"])
def test_a_comment_is_a_sentence_a_small_table_and_a_fold(name: str) -> None:
    """Of real runs: few columns, of which no cell can be broken, and nothing of the whole report is lost."""
    saved = json.loads((READINGS / f"{name}.json").read_text(encoding="utf-8"))["benchmarks"]
    infos = [one["extra_info"] for one in saved]
    text = comment(saved)
    assert text.splitlines()[0] == conclusion(infos, [])
    found = rows(text)
    assert len(found) == 1 + len(infos)
    assert {len(row) for row in found} == {5}
    assert not any(" " in cell for row in found for cell in row)
    assert [row[4] for row in found[1:]] == [f"`{range_bar(info).replace(' ', BLANK)}`" for info in infos]
    shown, folded = text.split("<details><summary>")
    assert LEGEND in shown
    assert f"\n\n{verdict_report(saved)}\n\n</details>" in folded


def test_several_comparisons_share_one_sentence() -> None:
    """The worst first; each has its own below."""
    better, worse = (
        benchmark("step", verdict, 0.1, against=f"torch=={index}")
        for index, verdict in enumerate(["no regression", "regression"])
    )
    text = comment([better, worse, benchmark("step", "no regression", 0.0, against="torch==3")])
    assert text.splitlines()[0] == "**REGRESSION** in 1 of 3 comparisons; no regression in 2."
    assert "### digits on cpu: the current environment against torch==1.\n\n**REGRESSION**: PyTorch's" in text
    assert len(rows(text)) == 6


def test_what_failed_is_said_without_a_table() -> None:
    """Where nothing was read, there is nothing to draw; beside what was read, the failure comes first."""
    lost = comment([benchmark("memory", "no regression", 0.0, unanswered=[LOST | {"against": "other"}])])
    assert lost.splitlines()[0] == "**NOT COMPLETE** in 1 of 2 comparisons; no regression in 1."
    assert "against other.\n\n**NOT COMPLETE**: 1 of 1 failed (PyTorch's epoch: the worker died).\n\n" in lost


def test_names_are_text() -> None:
    """Markup, columns, code, mentions."""
    hostile = "<script>a|b`c`[d](https://example.org) @somebody"
    text = comment([benchmark("step", "no regression", 0.0, framework_title=hostile)])
    assert "<script" not in text
    assert "](http" not in text
    assert "@somebody" not in text
    assert {line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("| ")} == {6, 9}


def test_a_run_without_comparisons_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and exit status 2."""
    assert comment([{"name": "other"}]) == ""
    file = tmp_path / "run.json"
    file.write_text('{"benchmarks": []}', encoding="utf-8")
    assert main([str(file)]) == 2
    assert "holds no comparison" in capsys.readouterr().err


def test_the_page_about_github_shows_what_is_printed() -> None:
    """Of the run that it names."""
    saved = json.loads((READINGS / "upgrade-torch.json").read_text(encoding="utf-8"))["benchmarks"]
    page = (READINGS.parent / "how-to" / "github_actions.md").read_text(encoding="utf-8")
    table = [line for line in comment(saved).partition("<details>")[0].splitlines() if line.startswith("| ")]
    assert "\n".join(table).replace(BLANK, " ") in page

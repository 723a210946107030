"""fixtures.reports.page: of what was judged, the picture of contrasts and all that the terminal says of it."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from fixtures.reports.page.document import page
from fixtures.reports.regression import regression_report
from fixtures.reports.search import search_report
from tests.shown_runs import comparison, figures, run

pytest.importorskip("matplotlib")


def contrast_rows(text: str) -> list[list[str]]:
    """Cells of the table behind the picture of contrasts."""
    table = text[text.index("<caption>Changes of times and memory") :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[: table.index("</table>")], flags=re.DOTALL)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]


def test_a_range_without_a_bound_ends_in_an_arrow_and_not_at_its_estimate() -> None:
    """Two blocks bound nothing; that is no certainty."""
    text = page(run(comparison(lower=None), comparison(measure="memory", upper=None)), "run")
    _, step, memory = contrast_rows(text)
    assert (step[3], memory[4]) == ("unbounded", "unbounded")
    assert re.findall(r'id="p\d+-(unbounded-\w+-\d)"', text) == ["unbounded-below-0", "unbounded-above-1"]
    assert "unbounded-" not in page(run(comparison()), "run")


def test_a_comparison_without_an_estimate_is_no_point() -> None:
    """It would stand at no change."""
    nothing = {"estimate": None, "lower": None, "upper": None}
    text = page(run(comparison(), comparison(measure="memory", **nothing)), "run")
    assert [row[0] for row in contrast_rows(text)] == ["contrast", "A, training step"]
    assert '<h2 id="title-1">Table' in page(run(comparison(**nothing)), "run")


def test_the_floor_of_a_verdict_is_drawn_and_said() -> None:
    """A range that touches no change's neighbourhood alone is why a clear change may be undecided."""
    text = page(run(comparison()), "run")
    headings, step = contrast_rows(text)
    assert (headings[6], step[6]) == ("floor", "0.2503")
    assert re.findall(r'id="p\d+-floor-0-(-?[0-9.]+)"', text) == ["-0.249688", "0.250313"]
    assert "are the floor" in text
    older = page(run(comparison(margins={"margin": 0.0198})), "run")
    assert "floor-0" not in older
    assert "are the floor" not in older


def points(text: str) -> list[str]:
    """Of the page's list of doubts."""
    section = text[text.index("What makes a figure doubtful</h2>") :]
    return [html.unescape(point) for point in re.findall(r"<li>(.*?)</li>", section[: section.index("</section>")])]


def bullets(report: str) -> list[str]:
    """Of a report in the terminal."""
    return [line.removeprefix("- ") for line in report.splitlines() if line.startswith("- ")]


def test_a_page_of_a_search_has_what_the_terminal_says_of_it_and_every_ladder() -> None:
    """What was skipped, what was not checked, what cannot be parted, whether less would do."""
    bounds = {"estimate": 0.05, "lower": 0.04, "upper": 0.06, "blocks": 7, "verdict": "regression"}
    check = {"before": "old", "after": "torch", "change": "worse", "kept": False, "seconds": 61.0, **bounds}
    search = {
        "kind": "blame",
        "asked": "old.txt",
        "outcome": "found",
        "states": ["old", "torch"],
        "skipped": {"numpy": "it does not install"},
        "ends": ["old", "torch"],
        "between_ends": "worse",
        "changes": [{"before": "old", "after": "torch", "change": "worse", "among": [], "packages": ["torch"]}],
        "left": [],
        "unchecked": [["old", "numpy"]],
        "stopped": "",
        "share": 0.001,
        "alpha": 0.01,
        "checks": [check],
        "culprits": ["torch"],
        "versions": {"torch": ["1", "2"]},
        "smallest": True,
        "sentences": ["triton cannot be moved without torch"],
        "further": [{"states": ["old", "only torch"], "checks": [{**check, "after": "only torch"}]}],
    }
    info = comparison()["extra_info"] | {"search": search}
    benchmark = {"name": "test", "extra_info": {name: info[name] for name in info if name != "comparison"}}
    text = page(run(benchmark), "run")
    said = bullets(search_report([benchmark]))
    assert points(text) == said
    assert "triton cannot be moved without torch" in said
    assert "Skipped: numpy (it does not install)." in said
    assert text.count("old → only torch") >= 2
    assert '<td class="word">only torch</td>' in text


def test_a_page_of_a_run_against_saved_ones_has_what_the_terminal_says_of_it() -> None:
    """Why the baseline was not made again, whose versions differ, what was not selected."""
    finding = {name: comparison()["extra_info"][name] for name in ("estimate", "lower", "upper", "margins", "verdict")}
    finding |= {"benchmark": "test", "measure": "step", "framework_title": "A", "where": "digits on cpu"}
    finding |= {"versions": ["1.0", "2.0"], "baseline": 0.01, "now": 0.01, "normalised": False, "forced": False}
    finding |= {"to_decide": "", "remark": "few processes"}
    about: dict[str, Any] = {
        "name": "baselines/main",
        "baselines": [{"label": "main", "recorded": "2026-11-27T10:00:00", "commit": "0123"}],
        "versions": {"A": ["1.0", "2.0"]},
        "family": 1,
        "unasked": 2,
        "missing": [],
        "recreation": ["The baseline cannot be re-created, so saved figures alone judge times: no commit."],
    }
    (benchmark, *_) = figures("A")
    benchmark["extra_info"]["regression"] = finding | {"run": about}
    found = points(page(run(benchmark), "run"))
    said = bullets(regression_report([benchmark]))
    assert set(said) <= set(found)
    assert about["recreation"][0] in said
    assert "Packages that differ from the newest of the baseline: A 1.0 → 2.0." in said


def test_each_pair_of_versions_has_its_own_remarks() -> None:
    """With whom they are about."""
    other = comparison(against="A==0.9", changed_packages={"A": ["2.0", "0.9"]}, same_program="SAME PROGRAM: yes.")
    found = points(page(run(comparison(), other), "run"))
    assert "digits on cpu, against A==1.0: Packages that differ: A 1.0 → 2.0." in found
    assert "digits on cpu, against A==0.9: Packages that differ: A 0.9 → 2.0." in found
    assert "digits on cpu, against A==0.9: SAME PROGRAM: yes." in found

"""The report of a search: what is named, what is left, and what a reader should know besides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fixtures.reports.search import main, search_report

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

STATES = ["1.0", "1.1", "1.2", "1.3"]


def check(before: str, after: str, change: str, estimate: float, *, kept: bool = False) -> dict[str, Any]:
    """One rung."""
    bounds = {"estimate": estimate, "lower": estimate - 0.01, "upper": estimate + 0.01, "blocks": 7}
    return {"before": before, "after": after, "change": change, "kept": kept, "seconds": 61.0, "alpha": 0.001, **bounds}


def changed(before: str, after: str, change: str, among: tuple[str, ...] = ()) -> dict[str, Any]:
    """A change that was located."""
    found = {"before": before, "after": after, "direction": "worse", "change": change}
    return {**found, "among": list(among), "packages": []}


def report(**given: Any) -> str:
    """Of a search in which these differ from one that nothing came of."""
    search = {
        "kind": "bisect",
        "asked": "six==1.0..1.3",
        "outcome": "undecided",
        "states": STATES,
        "skipped": {},
        "ends": ["1.0", "1.3"],
        "between_ends": "",
        "changes": [],
        "left": [],
        "unchecked": [],
        "stopped": "",
        "interrupted": False,
        "share": 0.001,
        "alpha": 0.01,
        "checks": [],
        **given,
    }
    info = {
        "search": search,
        "measure": "step",
        "framework_title": "PyTorch",
        "workload": "digits",
        "device": "cpu",
        "margins": {"margin": 0.0198, "floor": 0.0025, "minimum_effect": 0.005},
    }
    return search_report([{"extra_info": info}])


ENDS, STEP = check("1.0", "1.3", "worse", 0.05), check("1.1", "1.2", "worse", 0.05)


def test_the_release_is_named_with_its_change_and_what_lies_beside_it() -> None:
    """And the ladder is in the order of releases."""
    sides = [check("1.2", "1.3", "same", 0.0), check("1.0", "1.1", "same", 0.001, kept=True)]
    text = report(
        outcome="found", between_ends="worse", changes=[changed("1.1", "1.2", "worse")], checks=[ENDS, *sides, STEP]
    )
    assert "**FOUND: 1.2**: 5.13 % longer than 1.1 (+4.08 % to +6.18 %)." in text
    assert "Not monotone" not in text
    assert "Beside it: 1.0 to 1.1 no change, -0.90 % to +1.11 %." in text
    rungs = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| 1.")]
    assert [(one.strip(), other.strip()) for one, other in rungs] == [
        ("1.0", "1.1"),
        ("1.0", "1.3"),
        ("1.1", "1.2"),
        ("1.2", "1.3"),
    ]
    assert "1 check of 4 known from earlier runs." in text


def test_a_second_change_contradicts_a_single_one() -> None:
    """It is said where, and how much."""
    both = [changed("1.1", "1.2", "worse"), changed("1.2", "1.3", "better")]
    checks = [ENDS, STEP, check("1.2", "1.3", "better", -0.03)]
    text = report(outcome="found", between_ends="worse", changes=both, checks=checks)
    assert "Not monotone: also changed at 1.3 (2.96 % shorter than 1.2 (" in text


def test_a_culprit_among_skipped_ones_is_not_hidden() -> None:
    """Its neighbours are named, and why it was skipped."""
    found = changed("1.0", "1.3", "worse", ("1.1", "1.2"))
    skipped = {"1.1": "it does not install", "1.2": "it dies"}
    text = report(outcome="found", between_ends="worse", changes=[found], checks=[ENDS], skipped=skipped)
    assert "**FOUND: 1.3, or one of the skipped 1.1 or 1.2**" in text
    assert "The culprit may be among the skipped between 1.0 and 1.3." in text
    assert "Skipped: 1.1 (it does not install)." in text


def test_what_is_left_is_said_with_how_to_go_on() -> None:
    """Of a change that is known to be there, and of one that is not."""
    left = {"left": [["1.1", "1.3"]], "stopped": "the budget is used up", "checks": [ENDS]}
    text = report(between_ends="worse", **left)
    assert "**NOT DECIDED** (the budget is used up). The change is between 1.1 and 1.3." in text
    assert "The same command goes on from here" in text
    assert "If anything changed it, it is between 1.1 and 1.3." in report(between_ends="open", **left)


def test_no_change_and_many_small_ones() -> None:
    """Neither names a release."""
    text = report(outcome="no change", between_ends="same", checks=[check("1.0", "1.3", "same", 0.002)])
    assert "**NO CHANGE** by the margin between the ends: 0.20 % longer than 1.0 (-0.80 % to +1.21 %)" in text
    gradual = changed("1.1", "1.2", "same")
    checks = [ENDS, check("1.1", "1.2", "same", 0.01)]
    text = report(outcome="gradual", between_ends="worse", changes=[gradual], checks=checks)
    assert "**NO SINGLE STEP**: the ends differ, 5.13 % longer than 1.0 (" in text


def test_packages_are_named_with_their_versions() -> None:
    """And whether they are enough."""
    found = changed("1.1", "1.2", "worse")
    blame = {"culprits": ["torch", "triton"], "versions": {"torch": ["1", "2"], "triton": ["3", "absent"]}}
    more = {"smallest": True, "sentences": ["torch and triton cannot be parted: torch needs triton"], "further": []}
    text = report(
        kind="blame",
        asked="old.txt",
        outcome="found",
        between_ends="worse",
        **{"changes": [found], "checks": [ENDS, STEP], **blame, **more},
    )
    assert "**FOUND: torch 1 → 2 and triton 3 → absent**: 5.13 % longer once moved to the current version" in text
    assert "No more is needed: with torch and triton alone moved" in text
    assert "- torch and triton cannot be parted: torch needs triton" in text


def test_a_saved_run_is_reported_again_and_others_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"benchmarks": [{"extra_info": {"measure": "step"}}]}), encoding="utf-8")
    assert main([str(file)]) == 2
    assert "holds no search; it was measured without --bisect and --blame" in capsys.readouterr().err


def test_a_change_that_no_package_is_named_for_names_none() -> None:
    """The state after it is called by a package that may have nothing to do with it."""
    states = ["the other", "its packages here", "+ a", "the current"]
    text = report(
        kind="blame",
        states=states,
        outcome="found",
        ends=[states[0], states[-1]],
        changes=[changed("the other", "+ a", "worse", among=("its packages here",))],
        checks=[check("the other", "+ a", "worse", 0.05)],
        culprits=[],
        versions={"a": ["1", "2"]},
        smallest=False,
    )
    assert "**FOUND: between the other and + a**" in text
    assert "a 1 → 2" not in text

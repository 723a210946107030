"""The gate's own figures as they are reported, from saved blocks whose truth is known."""

from __future__ import annotations

import json
import math
import random
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.judging.head_to_head import alarms
from fixtures.judging.simulation import bootstrapped
from fixtures.reports import calibration, other_rules, simulated_rates
from fixtures.reports.calibration import calibration_report, contradicted_promises, main
from fixtures.reports.simulated_rates import interval
from fixtures.sessions.calibration import HANDICAPS

if TYPE_CHECKING:
    from pathlib import Path


def saved(equal: int = 40, slower: int = 13, spread: float = 0.012, offset: float = 0.0) -> dict[str, Any]:
    """What a calibration saves: blocks of equal arms, and of each slowdown."""
    generator = random.Random(9)  # noqa: S311 - simulation, not secrecy

    def block(truth: float) -> dict[str, Any]:
        value = generator.gauss(truth, spread)
        baseline = [0.01 * math.exp(generator.gauss(0.0, 0.02)) for _ in range(8)]
        candidate = [one * math.exp(value) for one in baseline]
        return {"value": value, "candidate": candidate, "baseline": baseline, "seconds": 20.0, "disturbed": ""}

    blocks = {"0": [block(offset) for _ in range(equal)]}
    blocks |= {f"{handicap:g}": [block(math.log1p(handicap)) for _ in range(slower)] for handicap in HANDICAPS}
    return {
        "calibration": "digits-pytorch-cpu@copy",
        "framework_title": "PyTorch",
        "framework_version": "2.15.0",
        "workload": "digits",
        "device": "cpu",
        "schedule": "duet",
        "threads": 1,
        "blocks": blocks,
    }


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One margin and one budget, and fewer resampled sets of blocks: the words are the same."""
    monkeypatch.setattr(calibration, "MARGINS", (0.02,))
    monkeypatch.setattr(simulated_rates, "BUDGETS_SECONDS", (300.0,))
    monkeypatch.setattr(simulated_rates, "bootstrapped", partial(bootstrapped, resamples=20))
    monkeypatch.setattr(other_rules, "alarms", partial(alarms, resamples=4))


def cells(text: str, start: str, number: int = 1) -> list[str]:
    """The first table row that begins with these words, or a later one."""
    row = [line for line in text.splitlines() if line.startswith(f"| {start}")][number - 1]
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.usefixtures("quick")
def test_the_report_has_every_figure_that_the_gate_promises() -> None:
    """False alarms, power at every slowdown, intervals, the equal arms' offset, and what one run has to itself."""
    text = calibration_report([{"extra_info": saved(offset=0.004)}, {"extra_info": {}}])
    assert cells(text, "0% ")[1:3] == ["40", "+0.23 %"]
    assert cells(text, "0% ")[4] == "0.0127"
    assert cells(text, "centred")[1] == "5 min"
    for equal in ("centred", "in stretches"):
        assert re.fullmatch(r"(< )?0\.\d % \(< 0\.2 to (< )?\d\.\d\)", cells(text, equal)[2])
    assert cells(text, "10% ", 2)[2] == "> 99.8 % (> 99.8 to > 99.8)"
    assert "Correlation of neighbouring blocks: " in text
    assert "Skewness " in text
    assert "a run of one benchmark, which has the whole budget and the whole error of 1% to itself" in text
    assert "Mean of the equal arms, which should be zero: +0." in text
    assert re.search(r"within 5 minutes: \d\.\d %", text)
    assert cells(text, "**this gate**")[-1] == "> 99.8 % (> 99.8 to > 99.8)"


@pytest.mark.usefixtures("quick")
def test_false_improvements_of_equal_arms_are_false_alarms() -> None:
    """Arms that are called equal, of which the candidate is the faster one: in a column of its own, and in the sum."""
    text = calibration_report([{"extra_info": saved(offset=-0.2)}])
    row = dict(zip(cells(text, "equal arms"), cells(text, "as measured"), strict=True))
    assert row["false alarms (95 %)"].startswith("> 99.8 %")
    assert row["faster"] == "> 99.8 %"
    assert row["slower"] == row["not slower"] == "< 0.2 %"


@pytest.mark.usefixtures("quick")
def test_the_smallest_slowdown_and_its_row_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both come from the blocks of all kinds, of which those of slowdowns may spread more than equal arms do."""
    monkeypatch.setattr(simulated_rates, "_RESOLUTION", 0.0)
    info = saved(spread=0.004)
    noisy = saved(spread=0.03, slower=30)
    info["blocks"] |= {slowdown: blocks for slowdown, blocks in noisy["blocks"].items() if slowdown != "0"}
    text = calibration_report([{"extra_info": info}])
    smallest = re.search(r"within 5 minutes: (\d\.\d) %", text)
    assert smallest is not None
    for slowdown in (1, 2, 3, 5):
        found = float(cells(text, f"{slowdown}% ", 2)[2].partition(" ")[0])
        assert (found >= 90.0) == (slowdown >= float(smallest[1])), (slowdown, found, smallest[1])


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((0.001, 0.0, 0.0), "< 0.2 % (< 0.2 to < 0.2)"),
        ((0.5, 0.6, 0.7), "50.0 % (50.0 to 70.0)"),
        ((0.999, 0.95, 0.99), "> 99.8 % (95.0 to > 99.8)"),
    ],
)
def test_an_interval_holds_its_estimate(shares: tuple[float, float, float], words: str) -> None:
    """And says no more than so many runs can."""
    assert interval(*shares) == words


@pytest.mark.usefixtures("quick")
def test_every_slowdown_is_counted_directly() -> None:
    """In runs one after another, each with its interval; 300 s are fifteen blocks of 20 s, 10 % is seen in four."""
    counted = calibration_report([{"extra_info": saved(equal=100)}]).partition("### Counted")[2]
    assert "a budget of 5 minutes and a margin of 2%" in counted
    runs = int(cells(counted, "0%")[1])
    assert 100 // 15 < runs <= 25
    assert cells(counted, "10%")[1:3] == ["3", "3 (29 to 100 %)"]
    assert re.search(rf"0 of {runs} runs of equal arms gave a false alarm.* \d would contradict the promise", counted)
    few = calibration_report([{"extra_info": saved(slower=2)}]).partition("### Counted")[2]
    assert "the promise counts as untested" in few
    assert cells(few, "1%") == ["1%", "0", "–", "–", "–", "–", "2"]  # noqa: RUF001 - the dash that means nothing


@pytest.mark.usefixtures("quick")
def test_the_time_of_void_blocks_is_paid_by_those_that_count() -> None:
    """Half of the blocks void: a block that counts costs twice the time."""
    info = saved()
    info["blocks"]["0"] += [{**block, "disturbed": "stolen"} for block in info["blocks"]["0"]]
    assert "A block takes 40.0 s, the time of void ones included" in calibration_report([{"extra_info": info}])


@pytest.mark.parametrize("equal", [0, 1, 24])
def test_few_runs_leave_the_promise_untested(equal: int) -> None:
    """Twenty-four blocks of equal arms are six runs at most."""
    assert contradicted_promises(saved(equal=equal)) is None


@pytest.mark.parametrize("offset", [0.0, 0.3, -0.3])
def test_a_broken_promise_is_found(offset: float) -> None:
    """Arms that are called equal and are not raise false alarms in all runs, of either direction."""
    found = contradicted_promises(saved(equal=100, offset=offset))
    assert found == (["50 false alarms in 50 runs of equal arms"] if offset else [])


@pytest.mark.usefixtures("quick")
def test_values_are_made_of_what_was_read() -> None:
    """So that the analysis is that of the gate as it is now, whatever the value was when it was saved."""
    info = saved()
    expected = calibration_report([{"extra_info": info}])
    for blocks in info["blocks"].values():
        for block in blocks:
            block["value"] = 0.5
    assert calibration_report([{"extra_info": info}]) == expected


def test_an_interrupted_calibration_says_so() -> None:
    """Also one that has nothing to show."""
    text = calibration_report([{"extra_info": saved(equal=1, slower=0) | {"interrupted": True}}])
    assert "The calibration was interrupted" in text
    assert "Too few blocks of equal arms to say anything; 0 void." in text


@pytest.mark.usefixtures("quick")
def test_a_saved_calibration_prints_the_same_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From pytest-benchmark's JSON, with where it comes from if that is known; anything else is refused in one line."""
    benchmarks = [{"extra_info": saved()}]
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"benchmarks": benchmarks}), encoding="utf-8")
    assert main([str(file)]) == 0
    assert capsys.readouterr().out.strip() == calibration_report(benchmarks)
    about = {"datetime": "2026-11-22T10:00:00", "commit_info": {"id": "0123456789abcdef", "dirty": True}}
    facts = {
        "cpu": {"name": "A Processor"},
        "usable_cores": [0, 1],
        "versions": {"python": "3.11.7", "torch": "2.15.0"},
    }
    file.write_text(json.dumps({"benchmarks": benchmarks, **about, "machine_info": {"cnn_dyno": facts}}), "utf-8")
    assert main([str(file)]) == 0
    assert capsys.readouterr().out.startswith(
        "Measured on 2026-11-22 at commit 0123456789ab, with changes that are not committed. "
        "Machine: A Processor, 2 usable cores. Versions: python 3.11.7 and torch 2.15.0.\n\n## PyTorch"
    )
    file.write_text("{}", encoding="utf-8")
    assert main([str(file)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1

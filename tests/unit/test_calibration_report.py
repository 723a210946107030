"""The gate's own figures as they are reported, from saved blocks whose truth is known."""

from __future__ import annotations

import json
import math
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.comparing.calibration import HANDICAPS, measured_in_turn
from fixtures.gate.rules import alarms_of_rules
from fixtures.gate.simulation import Scheme, bootstrapped
from fixtures.progress import PlainDisplay
from fixtures.reports import calibration as report
from fixtures.reports.calibration import calibration_report, contradicted_promises, main
from fixtures.worker.parent import WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fixtures.measurement.arms import Measure


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
    """One margin and one budget, and fewer simulated runs: the words are the same."""
    monkeypatch.setattr(report, "MARGINS", (0.02,))
    monkeypatch.setattr(report, "BUDGETS_SECONDS", (300.0,))
    monkeypatch.setattr(report, "Scheme", partial(Scheme, runs=100))
    monkeypatch.setattr(report, "bootstrapped", partial(bootstrapped, resamples=40, runs=20))
    monkeypatch.setattr(report, "alarms_of_rules", partial(alarms_of_rules, runs=20))
    monkeypatch.setattr(report, "smallest_detectable", lambda *_: math.log1p(0.034))


def cells(text: str, start: str) -> list[str]:
    """The first table row that begins with these words."""
    row = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.usefixtures("quick")
def test_the_report_has_every_figure_that_the_gate_promises() -> None:
    """False alarms, power at every slowdown, intervals, the equal arms' offset, and what one run has to itself."""
    text = calibration_report([{"extra_info": saved(offset=0.004)}, {"extra_info": {}}])
    assert cells(text, "0% ")[1:3] == ["40", "+0.23 %"]
    assert cells(text, "equal, centred")[1].startswith("0.0 % (0.0 to ")
    assert cells(text, "equal, in stretches")[1].startswith("0.0 % (0.0 to ")
    assert cells(text, "10% slower")[1] == "100.0 % (100.0 to 100.0)"
    assert "Correlation of neighbouring blocks: " in text
    assert "a run of one benchmark, which has the whole budget and the whole error of 1% to itself" in text
    assert "Mean of the equal arms, which should be zero: +0." in text
    assert "within 5 minutes: 3.4 %" in text
    assert "Other tools' rules" in text


@pytest.mark.usefixtures("quick")
def test_every_slowdown_is_counted_directly() -> None:
    """Forty blocks are ten runs of four, thirteen are three; each count has its interval."""
    counted = calibration_report([{"extra_info": saved()}]).partition("### Counted")[2]
    assert "Runs of 4 blocks" in counted
    assert cells(counted, "0%")[1] == "10"
    assert cells(counted, "10%")[1:3] == ["3", "3 (29 to 100 %)"]
    assert "2 false alarms in 10 runs of equal arms would contradict the promise; a true rate of 27 %" in counted


@pytest.mark.usefixtures("quick")
def test_the_time_of_void_blocks_is_paid_by_those_that_count() -> None:
    """Half of the blocks void: a block that counts costs twice the time."""
    info = saved()
    info["blocks"]["0"] += [{**block, "disturbed": "stolen"} for block in info["blocks"]["0"]]
    assert "A block takes 40.0 s, the time of void ones included" in calibration_report([{"extra_info": info}])


def test_few_runs_leave_the_promise_untested() -> None:
    """Twenty-four blocks of equal arms are six runs of the shortest kind."""
    assert contradicted_promises(saved(equal=24)) is None


@pytest.mark.parametrize(("offset", "contradicted"), [(0.0, False), (0.1, True)], ids=["equal", "not equal"])
def test_a_broken_promise_is_found(offset: float, *, contradicted: bool) -> None:
    """Arms that are called equal and are not raise false alarms in all runs."""
    found = contradicted_promises(saved(equal=60, offset=offset))
    assert found == (["10 false alarms in 10 runs of equal arms"] if contradicted else [])


@pytest.mark.usefixtures("quick")
def test_a_saved_calibration_prints_the_same_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From pytest-benchmark's JSON; anything else is refused in one line."""
    benchmarks = [{"extra_info": saved()}]
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"benchmarks": benchmarks}), encoding="utf-8")
    assert main([str(file)]) == 0
    assert capsys.readouterr().out.strip() == calibration_report(benchmarks)
    file.write_text("{}", encoding="utf-8")
    assert main([str(file)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


class Runner:
    """Stands for a runner of blocks.

    Args:
        order: notes who ran.
        name: of this one.
        fails_at: number of the block whose worker fails; none if negative.
    """

    def __init__(self, order: list[float], name: float, fails_at: int = -1) -> None:
        self.failures: list[tuple[None, WorkerError, frozenset[Measure]]] = []
        self._order, self._name, self._fails_at = order, name, fails_at

        self.rehearsed = False

    def rehearse(self) -> None:
        """Before all blocks, or not at all."""
        assert not self._order
        self.rehearsed = True

    def run(self, *_: object) -> None:
        """One more block."""
        assert self.rehearsed or self._order
        if self._order.count(self._name) == self._fails_at:
            self.failures.append((None, WorkerError("the worker died", "died"), frozenset()))
        self._order.append(self._name)


@pytest.fixture
def runners() -> Callable[..., tuple[list[float], dict[float, Any]]]:
    """Of equal arms and of two slowdowns."""

    def make(fails_at: int = -1) -> tuple[list[float], dict[float, Any]]:
        order: list[float] = []
        return order, {name: Runner(order, name, fails_at if name == 0.01 else -1) for name in (0.0, 0.01, 0.02)}

    return make


def test_slowdowns_are_measured_among_equal_arms(runners: Callable[..., tuple[list[float], dict[float, Any]]]) -> None:
    """A fifth as many blocks of each as of equal arms, from the beginning to the end."""
    order, made = runners()
    assert measured_in_turn(made, 10, PlainDisplay(lambda _: None)) is None
    half = [0.0, 0.0, 0.01, 0.0, 0.0, 0.02, 0.0]
    assert order == half * 2


@pytest.mark.parametrize("blocks", [4, 5, 7, 39, 40])
def test_every_slowdown_has_its_blocks(
    runners: Callable[..., tuple[list[float], dict[float, Any]]], blocks: int
) -> None:
    """However many there are of equal arms."""
    order, made = runners()
    measured_in_turn(made, blocks, PlainDisplay(lambda _: None))
    assert [order.count(name) for name in made] == [blocks, max(1, blocks // 5), max(1, blocks // 5)]


def test_a_failure_ends_a_calibration_and_keeps_what_was_measured(
    runners: Callable[..., tuple[list[float], dict[float, Any]]],
) -> None:
    """It is handed back, not raised: what was measured before is saved first."""
    order, made = runners(fails_at=0)
    failure = measured_in_turn(made, 10, PlainDisplay(lambda _: None))
    assert failure is not None
    assert failure.cause == "the worker died"
    assert order == [0.0, 0.0, 0.01]

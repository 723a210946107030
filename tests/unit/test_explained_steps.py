"""fixtures.plugin.explained_steps: which records get a ledger, and what is said where there is none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.plugin import explained_steps, explaining
from fixtures.plugin.bridge import RECORDED
from fixtures.plugin.explained_steps import pytest_configure, pytest_runtest_teardown, pytest_sessionfinish
from fixtures.plugin.explaining import Explanations
from fixtures.plugin.frameworks_run import FRAMEWORKS_RUN
from fixtures.sessions.comparisons import Comparison
from fixtures.sessions.explaining import Explained
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

FIRST, OTHER, UNPLACED = (
    Arm(WORKLOADS["digits"], FRAMEWORKS[name], "cpu") for name in ("pytorch", "jax", "tensorflow")
)


class Config:
    """Of a run in which the first arm came first."""

    def __init__(self, *, explain: bool = True) -> None:
        self.stash = pytest.Stash()
        self.stash[RECORDED] = []
        places = {FIRST: SimpleNamespace(first=FIRST), OTHER: SimpleNamespace(first=FIRST)}
        run = SimpleNamespace(interrupted=False, resources="resources", place=lambda arm, _: places.get(arm))
        self.stash[FRAMEWORKS_RUN] = cast("Any", run)
        self._explain = explain
        pytest_configure(cast("Any", self))

    def getoption(self, name: str) -> bool:
        """The one that is asked for."""
        assert name == "--explain"
        return self._explain


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Comparison]:
    """Pairs of which a ledger was wanted."""
    found: list[Comparison] = []

    def of(_: Explanations, comparison: Comparison, resources: Any, judgement: Any = None) -> dict[str, Any]:
        assert (resources, judgement) == ("resources", None)
        found.append(comparison)
        return {"ledger": "made"}

    monkeypatch.setattr(Explanations, "of", of)
    return found


def ended(config: Config, arm: Arm, measure: Measure = Measure.STEP) -> dict[str, Any]:
    """What the record of a benchmark holds after its test."""
    info: dict[str, Any] = {"measure": measure.value}
    config.stash[RECORDED].append({"name": f"{arm.identifier} {measure}", "extra_info": info})
    callspec = SimpleNamespace(params={"arm": arm})
    pytest_runtest_teardown(
        cast("Any", SimpleNamespace(config=config, name=f"{arm.identifier} {measure}", callspec=callspec))
    )
    return info


def test_each_step_but_the_first_arms_gets_a_ledger(asked: list[Comparison]) -> None:
    """Against the first arm's; other measures get none."""
    config = Config()
    assert "ledger" not in ended(config, FIRST)
    assert ended(config, OTHER)["ledger"] == "made"
    assert "ledger" not in ended(config, OTHER, Measure.EPOCH)
    assert asked == [Comparison(OTHER, FIRST)]


def test_an_arm_that_has_no_place_is_told_why(asked: list[Comparison]) -> None:
    """Its step was not measured beside another's."""
    found = ended(Config(), UNPLACED)["ledger"]
    assert found["rows"] == []
    assert "no block of its step counts" in found["reason"]
    assert asked == []


def test_nothing_is_explained_that_nobody_asked_for(asked: list[Comparison]) -> None:
    """Without the option, and after Ctrl-C."""
    assert "ledger" not in ended(Config(explain=False), OTHER)
    config = Config()
    config.stash[FRAMEWORKS_RUN].interrupted = True
    assert "ledger" not in ended(config, OTHER)
    assert asked == []


def test_an_interrupted_ledger_makes_an_interrupted_run() -> None:
    """By its exit status; one that was not says nothing of it."""
    config = Config()
    session = SimpleNamespace(config=config, exitstatus=pytest.ExitCode.OK)
    pytest_sessionfinish(cast("Any", session))
    assert session.exitstatus == pytest.ExitCode.OK
    config.stash[explained_steps._EXPLANATIONS].interrupted = True
    pytest_sessionfinish(cast("Any", session))
    assert session.exitstatus == pytest.ExitCode.INTERRUPTED


@pytest.mark.parametrize(("gate", "expected"), [("alternating", "alternating"), ("duet", "duet"), ("", "duet")])
def test_a_difference_is_explained_by_the_schedule_in_which_it_was_judged(
    gate: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that shows on all cores alone would else be called unexplained."""
    schedules: list[str] = []
    shown = type("Shown", (), {"__enter__": lambda _: None, "__exit__": lambda *_: None})
    resources = SimpleNamespace(setting=lambda _: None, options=SimpleNamespace(threads=2))
    monkeypatch.setattr(explaining, "measuring", lambda _: shown())
    monkeypatch.setattr(explaining, "BlockRunner", lambda _setting, _effort, schedule, _: schedules.append(schedule))
    monkeypatch.setattr(explaining, "explain", lambda comparison, *_: Explained(comparison, None, "nothing"))
    Explanations().of(Comparison(OTHER, FIRST), cast("Any", resources), None, gate)
    assert schedules == [expected]

"""One check of a search: whose fault it is where it comes to nothing, and what is remembered of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Changed, Environment
from fixtures.judging.bisection import Change, StoppedError, UnusableError
from fixtures.judging.measures import Measure
from fixtures.measuring.readings import Failure
from fixtures.plugin import search_checks
from fixtures.plugin.search_checks import Checks
from fixtures.plugin.search_memory import CheckMemory
from fixtures.plugin.search_setting import SearchSetting
from fixtures.sessions.budget import Budget
from fixtures.sessions.comparisons import ComparisonReadings
from fixtures.sessions.searching import Check, State
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS
from tests.asked_upgrades import MARGINS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fixtures.sessions.comparisons import Comparison

STATES = [State(f"1.{place}", Changed((f"six==1.{place}",))) for place in range(3)]
ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")
BUDGET = Budget(None, 0.001)


def a_setting(workspace: Path, packages: dict[str, str] | None = None, data: str = "digits") -> SearchSetting:
    """Whose first two environments are there, and whose third cannot be built."""
    homes = [Environment(state.label, workspace, state.label, packages or {"six": state.label}) for state in STATES]
    resources = SimpleNamespace(
        environments={state.source: home for state, home in zip(STATES[:2], homes, strict=False)},
        unbuilt={STATES[2].source: 'building the environment "six==1.2" failed\nerror: no such release\nhint: none'},
        options=SimpleNamespace(workspace=workspace, threads=2, noise_control=True),
        data_digest=lambda _: data,
    )
    options = SimpleNamespace(margins=MARGINS, schedule=None, allow_different=False)
    return SearchSetting(ARM, Measure.STEP, STATES, cast("Any", options), cast("Any", resources))


def measured(
    setting: SearchSetting,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[ComparisonReadings], object],
    **session: Any,
) -> Check:
    """A check in which something happens in the place of measuring."""

    def measure(wanted: dict[Comparison, set[Measure]], *_: object) -> tuple[dict[Comparison, ComparisonReadings], Any]:
        ((comparison, measures),) = wanted.items()
        assert measures == {Measure.STEP}
        readings = ComparisonReadings(comparison)
        happens(readings)
        return {comparison: readings}, SimpleNamespace(**{"interrupted": False, "ended_by": None, **session})

    monkeypatch.setattr(search_checks, "measure_in_pairs", measure)
    monkeypatch.setattr(search_checks, "replace", lambda options, **_: options)
    return Checks(setting).make(0, 1, BUDGET)


def test_whoever_fails_is_the_one_that_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the two; where both can train and cannot be compared, the search ends with the reason."""

    def fails(readings: ComparisonReadings) -> None:
        readings.failed_arms[readings.comparison.candidate] = "it died\nits last words\nmore of them"
        readings.fail({Measure.STEP}, Failure("it died"))

    with pytest.raises(UnusableError, match=r"it died: its last words$") as raised:
        measured(a_setting(tmp_path), monkeypatch, fails)
    assert raised.value.place == 1
    with pytest.raises(StoppedError, match="DIFFERENT PROGRAMS"):
        measured(
            a_setting(tmp_path),
            monkeypatch,
            lambda readings: readings.fail({Measure.STEP}, Failure("DIFFERENT PROGRAMS")),
        )
    with pytest.raises(StoppedError, match="no GPU"):
        measured(a_setting(tmp_path), monkeypatch, lambda readings: setattr(readings, "unavailable", "no GPU"))


def test_an_environment_that_cannot_be_built_is_skipped_with_uvs_reason(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(UnusableError, match=r"failed: error: no such release$") as raised:
        a_setting(tmp_path).arm_of(2)
    assert raised.value.place == 2


def test_what_ends_a_check_from_outside_ends_the_search_and_is_raised_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is not raised again: the exit status tells of it."""
    setting = a_setting(tmp_path)
    with pytest.raises(StoppedError, match="interrupted"):
        measured(setting, monkeypatch, lambda _: None, interrupted=True, ended_by=ValueError("a time limit"))
    assert setting.interrupted
    with pytest.raises(ValueError, match="a time limit"):
        setting.raise_again()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    other = a_setting(tmp_path)
    with pytest.raises(StoppedError, match="interrupted"):
        measured(other, monkeypatch, interrupt)
    assert other.interrupted
    other.raise_again()


def test_a_check_without_a_block_that_counts_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine decides nothing."""
    assert measured(a_setting(tmp_path), monkeypatch, lambda _: None).change is Change.OPEN


def test_a_check_is_remembered_by_what_its_environments_hold(tmp_path: Path) -> None:
    """Another package, another margin, other code or data: another check. An open one is counted, not remembered."""
    memory = CheckMemory(a_setting(tmp_path), print)
    memory.keep(Check(0, 1, Change.OPEN, {}, alpha=0.001), 1)
    assert memory.of(0, 1) == (1, None)
    memory.keep(Check(0, 1, Change.WORSE, {"estimate": 0.1}, alpha=0.001), 2)
    attempts, known = CheckMemory(a_setting(tmp_path), print).of(0, 1)
    assert attempts == 2
    assert known == Check(0, 1, Change.WORSE, {"estimate": 0.1}, kept=True, alpha=0.001)
    memory.keep(Check(0, 1, Change.OPEN, {}, alpha=0.001), 3)
    assert memory.of(0, 1)[1] is not None  # a later attempt with less to spend takes nothing back
    assert CheckMemory(a_setting(tmp_path, {"six": "9"}), print).of(0, 1) == (0, None)
    assert CheckMemory(a_setting(tmp_path, data="others of the same name"), print).of(0, 1) == (0, None)


def test_a_memory_that_cannot_be_written_is_said_and_nothing_else(tmp_path: Path) -> None:
    """The search goes on."""
    (tmp_path / "checks").write_text("in the way", encoding="utf-8")
    notes: list[str] = []
    CheckMemory(a_setting(tmp_path), notes.append).keep(Check(0, 1, Change.SAME, {}), 1)
    assert len(notes) == 1
    assert notes[0].startswith("WARNING a check cannot be kept")

"""What a session may spend, in time and in probability, and how much more time a comparison says it needs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fixtures.judging.measures import Measure
from fixtures.judging.planning import blocks_needed, blocks_to_plan, whole_minutes
from fixtures.judging.verdicts import Judgement, Margins, Verdict
from fixtures.sessions.budget import Budget, Ledger, clock_time
from fixtures.sessions.comparisons import PairedBlock
from fixtures.sessions.unanswered import seconds_needed
from tests.compared_versions import readings, side


def test_a_decided_comparison_needs_no_more_time() -> None:
    """And one that no time would decide says so by None, too."""
    found = readings(PairedBlock(side([1.0]), side([1.0]), seconds=20.0))
    found.round_seconds = 20.0
    for verdict, estimate in ((Verdict.NO_REGRESSION, 0.0), (Verdict.INCONCLUSIVE, 0.02)):
        found.judgements[Measure.STEP] = Judgement(verdict, estimate, -0.1, 0.1, 8, 0.01, 0.002, 7.0)
        assert seconds_needed(found, Measure.STEP, Margins(0.02, 0.02)) is None


def test_more_time_is_no_advice_on_a_machine_that_is_too_busy() -> None:
    """Where every block was void. Memory is never void, and gets its advice."""
    found = readings(*(PairedBlock(side([1.0]), side([1.0]), disturbed="busy") for _ in range(3)))
    found.round_seconds = 20.0
    nothing = Judgement(Verdict.INCONCLUSIVE, math.nan, -math.inf, math.inf, 0, math.inf, 0.002)
    found.judgements = {Measure.STEP: nothing, Measure.MEMORY: replace(nothing, blocks=3)}
    assert seconds_needed(found, Measure.STEP, Margins(0.02)) is None
    assert seconds_needed(found, Measure.MEMORY, Margins(0.02)) == 20.0


@pytest.mark.parametrize(("estimate", "worse"), [(0.005, 0.01), (0.02, 0.015)], ids=["equal", "slower"])
def test_advice_allows_for_a_worse_estimate(estimate: float, worse: float) -> None:
    """By one standard error towards where nothing can be told, from either side."""
    margins = Margins(0.02, 0.002, 0.005)
    judged = Judgement(Verdict.INCONCLUSIVE, estimate, -0.1, 0.1, 8, 0.005, 0.002, 7.0)
    needed = blocks_needed(replace(judged, estimate=worse), margins)
    assert needed is not None
    assert needed > (blocks_needed(judged, margins) or 0)
    assert blocks_to_plan(judged, margins) == needed


def test_a_block_is_expected_to_last_as_long_as_its_like() -> None:
    """Not as long as the first, which took every measure; of a kind that was not seen yet, as long as any."""
    ledger = Ledger(Budget(100.0, 0.01))
    ledger.block_passed(60.0, "all measures")
    assert not ledger.allows_block(60.0, "fewer")
    ledger.block_passed(10.0, "fewer")
    assert ledger.allows_block(90.0, "fewer")
    assert not ledger.allows_block(91.0, "fewer")
    assert not ledger.allows_block(70.0, "all measures")


@given(st.floats(1, 3600), st.floats(0.5, 600), st.floats(0.001, 0.1))
def test_no_run_spends_more_than_its_budget(seconds: float, each: float, alpha: float) -> None:
    """Neither time, as long as blocks last as long as they did, nor probability."""
    ledger = Ledger(Budget(seconds, alpha))
    elapsed, spent = 0.0, 0.0
    while ledger.allows_block(elapsed) and ledger.rounds < 10_000:
        elapsed += each
        ledger.block_passed(each)
        spent += ledger.round_passed(elapsed) or 0.0
    assert elapsed <= max(seconds, each)
    assert spent + ledger.rest() == pytest.approx(alpha)


def test_a_run_until_decided_never_spends_all() -> None:
    """Something is left for every later look."""
    ledger = Ledger(Budget(None, 0.01))
    spent = sum(ledger.round_passed(10.0 * number) or 0.0 for number in range(1, 5001))
    assert 0.008 < spent < 0.01
    assert ledger.endless
    assert ledger.allows_block(1e9)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (
            240.0,
            ("WARNING --budget 240s is too short to be certain of anything: give --budget 7m, or fewer benchmarks"),
        ),
        (400.0, ""),
        (None, ""),
    ],
)
def test_a_budget_that_cannot_suffice_is_said_to_be_so_at_once(seconds: float | None, expected: str) -> None:
    """After one block of 50 s of two comparisons."""
    assert Ledger(Budget(seconds, 0.01)).warning(50.0, 2) == expected


@example(10.0, 2.0, 1, 2.0)
@given(st.floats(10, 3600), st.floats(0.5, 60), st.integers(1, 6), st.floats(1, 4))
def test_the_first_look_comes_when_the_budget_says_so(seconds: float, each: float, first: int, late: float) -> None:
    """Never sooner; and the later looks are to spend more, the less is spent before them."""
    ledger, sooner = (Ledger(Budget(seconds, 0.01, first, spent_late)) for spent_late in (late, 1.0))
    elapsed, spent, spent_sooner = 0.0, 0.0, 0.0
    while elapsed + each <= seconds:
        elapsed += each
        level, other = ledger.round_passed(elapsed), sooner.round_passed(elapsed)
        assert level is None or ledger.rounds >= first
        spent, spent_sooner = spent + (level or 0.0), spent_sooner + (other or 0.0)
        assert spent <= spent_sooner + 1e-12
    assert spent + ledger.rest() == pytest.approx(0.01)


def test_trainings_are_left_out_of_some_budgets_only() -> None:
    """Steps and memory never are; what is left out does not tell how long a block takes."""
    plain, exempt = Ledger(Budget(60.0, 0.01)), Ledger(Budget(60.0, 0.01, trainings_exempt=True))
    for ledger in (plain, exempt):
        ledger.block_passed(500.0, "training")
        ledger.block_passed(7.0, "steps")
    assert (plain.exempt_seconds, plain.longest_block_seconds) == (0.0, 500.0)
    assert (exempt.exempt_seconds, exempt.longest_block_seconds) == (500.0, 7.0)


def test_a_block_is_expected_to_last_as_long_as_others_of_its_kind() -> None:
    """Of the same key if there were any; a long training says nothing of a block of steps."""
    ledger = Ledger(Budget(300.0, 0.01))
    for seconds, kind, key in ((25.0, "steps", "whole"), (150.0, "training", ""), (20.0, "memory", "")):
        ledger.block_passed(seconds, kind, key)
    assert ledger.allows_block(274.0, "steps", "part")
    assert not ledger.allows_block(276.0, "steps", "part")
    ledger.block_passed(10.0, "steps", "part")
    assert ledger.allows_block(289.0, "steps", "part")
    assert not ledger.allows_block(151.0, "another")


def test_the_course_of_a_session_is_told_in_minutes() -> None:
    """Of the budget, with the share that is used, which is never more than all of it."""
    assert Ledger(Budget(200.0, 0.01)).course(65.0) == ("1:05 of 3:20", 0.325)
    assert Ledger(Budget(200.0, 0.01)).course(260.0) == ("4:20 of 3:20", 1.0)
    assert Ledger(Budget(None, 0.01)).course(3725.9) == ("62:05 passed", 0.0)
    assert [clock_time(seconds) for seconds in (0.0, 59.9, 60.0)] == ["0:00", "0:59", "1:00"]
    assert [whole_minutes(seconds) for seconds in (0.0, 60.0, 61.0)] == ["1m", "1m", "2m"]

"""What a comparison may spend, in time and in probability, and how much more time it says it needs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.judging.measures import Measure
from fixtures.judging.verdicts import Judgement, Margins, Verdict, blocks_needed
from fixtures.sessions.advice import blocks_to_plan, seconds_needed
from fixtures.sessions.budget import Budget, Ledger
from fixtures.sessions.comparison import PairedBlock
from tests.compared_versions import readings, side


def test_a_decided_comparison_needs_no_more_time() -> None:
    """And one that no time would decide says so by None, too."""
    found = readings(PairedBlock(side([1.0]), side([1.0]), seconds=20.0))
    found.round_seconds = 20.0
    for verdict, estimate in ((Verdict.NO_REGRESSION, 0.0), (Verdict.INCONCLUSIVE, 0.02)):
        found.judgements[Measure.STEP] = Judgement(verdict, estimate, -0.1, 0.1, 8, 0.01, 0.002)
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
    judged = Judgement(Verdict.INCONCLUSIVE, estimate, -0.1, 0.1, 8, 0.005, 0.002)
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
    assert ledger.expected_rounds() is None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (
            240.0,
            "about 2 blocks, and no verdict is possible from fewer than 4: give --budget 7m or fewer benchmarks",
        ),
        (400.0, ""),
        (None, ""),
    ],
)
def test_a_budget_that_cannot_suffice_is_said_to_be_so_at_once(seconds: float | None, expected: str) -> None:
    """After one block of 50 s of two comparisons."""
    warning = Ledger(Budget(seconds, 0.01)).warning(50.0, 2)
    assert warning.removeprefix("the budget allows ") == expected

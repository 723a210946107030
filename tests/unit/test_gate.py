"""Verdicts: what block values allow to be said, and what it would take to say more."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from fixtures.judging.looks import FEWEST_ALONE
from fixtures.judging.planning import blocks_needed
from fixtures.judging.sign_flips import sign_flip_p
from fixtures.judging.verdicts import Judgement, Margins, Verdict, judge

MARGINS = Margins(margin=0.02, floor=0.002, minimum_effect=0.005)
BLOCKS = st.lists(st.floats(-0.5, 0.5), min_size=FEWEST_ALONE, max_size=30)
OPPOSITE = {
    Verdict.REGRESSION: {Verdict.IMPROVEMENT},
    Verdict.IMPROVEMENT: {Verdict.REGRESSION},
    # Only slowdowns have a margin, so what is certainly not slower may be faster without being certainly so.
    Verdict.NO_REGRESSION: {Verdict.NO_REGRESSION, Verdict.INCONCLUSIVE},
    Verdict.INCONCLUSIVE: {Verdict.NO_REGRESSION, Verdict.INCONCLUSIVE},
}


def verdict(values: list[float], level: float = 0.01) -> Verdict:
    """Of a single comparison."""
    return judge({"step": values}, {"step": MARGINS}, level)["step"].verdict


@given(BLOCKS)
def test_swapping_the_arms_turns_the_verdict_round(values: list[float]) -> None:
    """A regression becomes an improvement; what was neither stays neither."""
    assert verdict([-value for value in values]) in OPPOSITE[verdict(values)]


@given(BLOCKS)
def test_the_order_of_blocks_does_not_matter(values: list[float]) -> None:
    """Blocks are independent of one another."""
    assert verdict(values[::-1]) is verdict(values)


@given(st.lists(st.floats(-5, 5), max_size=FEWEST_ALONE - 1))
def test_too_few_blocks_allow_no_verdict(values: list[float]) -> None:
    """However clear they look."""
    judged = judge({"step": values}, {"step": MARGINS}, 0.01)["step"]
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert blocks_needed(judged, MARGINS) == FEWEST_ALONE


def test_values_that_are_not_finite_are_refused() -> None:
    """A not-a-number would compare as neither slower nor faster, and pass in silence."""
    with pytest.raises(ValueError, match="finite"):
        verdict([0.0, 0.0, 0.0, math.nan])


@given(st.lists(BLOCKS, min_size=1, max_size=5), st.floats(0.0005, 0.2))
def test_a_verdict_is_what_its_bounds_say(runs: list[list[float]], level: float) -> None:
    """No regression is printed with a range that reaches below the floor, whatever else the run compares."""
    judged = judge(dict(enumerate(runs)), dict.fromkeys(range(len(runs)), MARGINS), level)
    for one in judged.values():
        assert (one.verdict is Verdict.REGRESSION) == (
            one.lower > MARGINS.floor and one.estimate >= MARGINS.minimum_effect
        )
        if one.verdict is Verdict.NO_REGRESSION:
            assert one.upper < MARGINS.margin
        if one.verdict is Verdict.IMPROVEMENT:
            assert one.upper < -MARGINS.floor


@pytest.mark.parametrize(
    ("truth", "expected"),
    [(0.05, Verdict.REGRESSION), (0.0, Verdict.NO_REGRESSION), (-0.05, Verdict.IMPROVEMENT)],
    ids=["slower", "equal", "faster"],
)
def test_clear_differences_get_their_verdict(truth: float, expected: Verdict) -> None:
    """With 20 blocks of the spread that was measured on a shared machine, in at least 99 of 100 runs."""
    generator = np.random.default_rng(14)
    found = [verdict(list(values)) for values in generator.normal(truth, 0.015, (200, 20))]
    assert found.count(expected) >= 198


def test_an_inconclusive_verdict_says_what_it_would_take() -> None:
    """As many blocks of the same spread decide, one less does not."""
    values = [0.01, -0.01, 0.02, -0.02, 0.012]
    judged = judge({"step": values}, {"step": MARGINS}, 0.01)["step"]
    assert judged.verdict is Verdict.INCONCLUSIVE
    needed = blocks_needed(judged, MARGINS)
    assert needed is not None
    assert needed > len(values)
    assert [width(judged, blocks) < MARGINS.margin - judged.estimate for blocks in (needed - 1, needed)] == [
        False,
        True,
    ]


def width(judged: Judgement, blocks: int) -> float:
    """Distance of the bound from the mean of so many blocks of the same spread."""
    deviation = judged.standard_error * math.sqrt(judged.blocks)
    return float(student.ppf(1 - judged.level, blocks - 1)) * deviation / math.sqrt(blocks)


@pytest.mark.parametrize("values", [[0.02, 0.021, 0.019, 0.02], [0.0, 0.0001, -0.0001, 0.0]], ids=["slower", "equal"])
def test_what_is_decided_needs_no_more_blocks(values: list[float]) -> None:
    """Whichever way."""
    assert blocks_needed(judge({0: values}, {0: MARGINS}, 0.01)[0], MARGINS) is None


@given(st.lists(st.floats(-0.5, 0.5), min_size=FEWEST_ALONE, max_size=12))
def test_sign_flips_agree_on_the_direction(values: list[float]) -> None:
    """All patterns tried, either the mean or its opposite is at least as large in each of them."""
    forward, backward = sign_flip_p(values), sign_flip_p([-value for value in values])
    assert 0.0 < forward <= 1.0
    assert forward + backward >= 1.0


def test_sampled_sign_flips_are_never_impossible() -> None:
    """Thirty slower blocks: what was seen is one of the patterns, so the probability is not zero."""
    assert sign_flip_p([1.0] * 30, draws=999) == pytest.approx(1 / 1000)


def test_sampled_sign_flips_are_close_to_all_of_them() -> None:
    """Within four standard errors of the share that 4,096 patterns have."""
    values = [0.01, -0.004, 0.02, 0.003, -0.01, 0.006, 0.001, 0.002, -0.003, 0.008, 0.0, 0.005]
    every = sign_flip_p(values)
    assert sign_flip_p(values, draws=4000) == pytest.approx(every, abs=4 * math.sqrt(every * (1 - every) / 4000))

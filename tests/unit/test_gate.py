"""The gate: what block values allow to be said, however they come about."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.gate.looks import FIRST_LOOK, plan_looks
from fixtures.gate.pairing import block_value, log_ratios, swapped_pairs
from fixtures.gate.verdicts import Margins, Verdict, judge, sign_flip_p

MARGINS = Margins(margin=0.02, floor=0.002, minimum_effect=0.005)
RATIOS = st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=40)
BLOCKS = st.lists(st.floats(-0.5, 0.5), min_size=FIRST_LOOK, max_size=30)
READINGS = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=30)
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


@given(READINGS, READINGS)
def test_swapping_the_arms_negates_the_ratio(one: list[float], other: list[float]) -> None:
    """Who is called the baseline changes the sign and nothing else."""
    length = min(len(one), len(other))
    forward, backward = log_ratios(one[:length], other[:length]), log_ratios(other[:length], one[:length])
    assert block_value(forward) == pytest.approx(-block_value(backward), abs=1e-12)


@given(RATIOS, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter_to_the_block(ratios: list[float], random: object) -> None:
    """A trimmed mean knows no order."""
    shuffled = list(ratios)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert block_value(shuffled) == pytest.approx(block_value(ratios), abs=1e-12)


@given(BLOCKS)
def test_swapping_the_arms_turns_the_verdict_round(values: list[float]) -> None:
    """A regression becomes an improvement; what was neither stays neither."""
    assert verdict([-value for value in values]) in OPPOSITE[verdict(values)]


@given(BLOCKS)
def test_the_order_of_blocks_does_not_matter(values: list[float]) -> None:
    """Blocks are independent of one another."""
    assert verdict(values[::-1]) is verdict(values)


@given(st.lists(st.floats(-5, 5), max_size=FIRST_LOOK - 1))
def test_too_few_blocks_allow_no_verdict(values: list[float]) -> None:
    """However clear they look."""
    judged = judge({"step": values}, {"step": MARGINS}, 0.01)["step"]
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.blocks_needed == FIRST_LOOK


def test_core_and_turn_effects_cancel_in_swapped_pairs() -> None:
    """What one core adds to an arm in the first burst, it adds to the other in the second."""
    true, core = 0.01, 0.2
    assert swapped_pairs([true + core, true - core, true - core, true + core, 99.0]) == pytest.approx([true, true])


@pytest.mark.parametrize(
    ("candidate", "baseline"), [([1.0], [1.0, 2.0]), ([0.0], [1.0]), ([1.0], [math.nan]), ([math.inf], [1.0])]
)
def test_readings_that_cannot_be_are_refused(candidate: list[float], baseline: list[float]) -> None:
    """Never a ratio of nothing."""
    with pytest.raises(ValueError, match="reading"):
        log_ratios(candidate, baseline)


def test_values_that_are_not_finite_are_refused() -> None:
    """A not-a-number would compare as neither slower nor faster, and pass in silence."""
    with pytest.raises(ValueError, match="finite"):
        verdict([0.0, 0.0, 0.0, math.nan])


@given(st.integers(FIRST_LOOK, 2000), st.floats(0.001, 0.2))
def test_looks_spend_exactly_what_they_may(maximum: int, alpha: float) -> None:
    """At growing numbers of blocks, the last at the maximum."""
    looks = plan_looks(maximum, alpha)
    counts = [look.blocks for look in looks]
    assert sum(look.level for look in looks) == pytest.approx(alpha)
    assert all(look.level > 0 for look in looks)
    assert counts == sorted(set(counts))
    assert counts[-1] == maximum


def test_there_is_no_look_before_there_are_enough_blocks() -> None:
    """A budget for two blocks decides nothing."""
    assert plan_looks(FIRST_LOOK - 1, 0.01) == ()


def _noise(
    kind: str, generator: np.random.Generator, shape: tuple[int, int]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if kind == "normal":
        return generator.normal(0.0, 0.015, shape)
    if kind == "outliers":
        return generator.normal(0.0, 0.015, shape) + (generator.random(shape) < 0.05) * generator.normal(
            0.0, 0.1, shape
        )
    if kind == "skew":
        return 0.015 * (generator.exponential(1.0, shape) - generator.exponential(1.0, shape))
    drift = np.cumsum(generator.normal(0.0, 0.002, shape), axis=1)
    # What pairing has left of the machine's drift.
    return np.asarray(generator.normal(0.0, 0.015, shape) + drift - drift.mean(axis=1, keepdims=True))


@pytest.mark.parametrize("kind", ["normal", "outliers", "skew", "drift"])
def test_sequential_looks_hold_their_level(kind: str) -> None:
    """Arms of equal code, 2,000 simulated runs of up to 30 blocks, every look taken: at most 1 % false alarms."""
    generator = np.random.default_rng(11)
    looks = plan_looks(30, 0.01)
    alarms = 0
    for values in _noise(kind, generator, (2000, 30)):
        alarms += any(verdict(list(values[: look.blocks]), look.level) is Verdict.REGRESSION for look in looks)
    assert alarms / 2000 <= 0.01


def test_holm_holds_the_level_over_many_comparisons() -> None:
    """Twelve comparisons of equal code in each of 1,000 runs: a run raises any false alarm in at most 1 %."""
    generator = np.random.default_rng(12)
    margins = {str(index): MARGINS for index in range(12)}
    alarms = 0
    for run in generator.normal(0.0, 0.015, (1000, 12, 10)):
        judged = judge({str(index): list(values) for index, values in enumerate(run)}, margins, 0.01)
        alarms += any(one.verdict is Verdict.REGRESSION for one in judged.values())
    assert alarms / 1000 <= 0.015


def test_intervals_cover_the_truth() -> None:
    """The bounds of 4,000 simulated comparisons hold the truth as often as their level says."""
    generator = np.random.default_rng(13)
    missed = 0
    for values in generator.normal(0.01, 0.02, (4000, 8)):
        judged = judge({"step": list(values)}, {"step": MARGINS}, 0.025)["step"]
        missed += not judged.lower <= 0.01 <= judged.upper
    assert 0.04 <= missed / 4000 <= 0.06


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
    """About as many blocks as bring the interval inside the margin."""
    values = [0.01, -0.01, 0.02, -0.02, 0.012]
    judged = judge({"step": values}, {"step": MARGINS}, 0.01)["step"]
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.blocks_needed is not None
    assert judged.blocks_needed > len(values)


@given(BLOCKS)
def test_sign_flips_agree_on_the_direction(values: list[float]) -> None:
    """The probability lies between 0 and 1, and flipping all blocks turns it round."""
    forward, backward = sign_flip_p(values), sign_flip_p([-value for value in values])
    assert 0.0 < forward <= 1.0
    assert forward + backward >= 1.0 - 0.02


def test_sign_flips_of_equal_arms_are_uniform() -> None:
    """Below 5 % in at most 5 % of 1,000 simulated comparisons, also with outliers."""
    generator = np.random.default_rng(15)
    found = [sign_flip_p(list(values)) for values in _noise("outliers", generator, (1000, 8))]
    assert np.mean(np.array(found) <= 0.05) <= 0.065

"""The gate: what block values allow to be said, however they come about."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from fixtures.gate.looks import FIRST_LOOK, Spending, plan_looks
from fixtures.gate.pairing import block_value, log_ratios, swapped_pairs
from fixtures.gate.verdicts import Judgement, Margins, Verdict, blocks_needed, judge, sign_flip_p

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
    assert blocks_needed(judged, MARGINS) == FIRST_LOOK


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


@given(st.lists(st.floats(0.1, 60.0), min_size=1, max_size=200), st.floats(30.0, 3600.0))
def test_whatever_time_blocks_take_no_more_than_alpha_is_spent(seconds: list[float], budget: float) -> None:
    """Every look has a level of its own, and the last one gets all that is left."""
    spending, elapsed, levels = Spending(0.01), 0.0, []
    for blocks, each in enumerate(seconds, start=1):
        elapsed += each
        levels.append(spending.due(blocks, elapsed / budget))
    spent = [level for level in levels if level is not None]
    assert all(level > 0.0 for level in spent)
    assert sum(spent) + spending.rest() == pytest.approx(0.01)
    assert spending.rest() == 0.0


def test_no_look_takes_from_the_last_one_what_it_needs() -> None:
    """The last look comes at least a look's growth after the one before it, and may spend in proportion."""
    for maximum in range(FIRST_LOOK + 1, 200):
        looks = plan_looks(maximum, 0.01)
        if len(looks) > 1:
            assert looks[-1].blocks >= looks[-2].blocks * 1.2
            assert looks[-1].level >= 0.01 / 6


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
        return 0.015 * (generator.exponential(1.0, shape) - 1.0)
    if kind == "processes":  # some processes get a memory layout of their own
        return generator.normal(0.0, 0.008, shape) + 0.03 * (generator.integers(0, 3, shape) - 1)
    drift = np.cumsum(generator.normal(0.0, 0.002, shape), axis=1)
    # What pairing has left of the machine's drift.
    return np.asarray(generator.normal(0.0, 0.015, shape) + drift - drift.mean(axis=1, keepdims=True))


KINDS = ("normal", "outliers", "skew", "drift", "processes")
LEVEL_MARGINS = Margins(margin=0.02, floor=0.002, minimum_effect=0.0)


def alarms(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], margins: Margins, direction: Verdict) -> float:
    """Share of runs that get this verdict at any of the looks, if every look is taken."""
    looks = plan_looks(values.shape[1], 0.01)
    found = 0
    for run in values:
        judged = (judge({0: list(run[: look.blocks])}, {0: margins}, look.level)[0] for look in looks)
        found += any(one.verdict is direction for one in judged)
    return found / len(values)


@pytest.mark.parametrize("kind", KINDS)
def test_sequential_looks_hold_their_level(kind: str) -> None:
    """Arms of equal code, 2,000 simulated runs of up to 30 blocks, every look taken: 1 %, and what 2,000 may be off."""
    values = _noise(kind, np.random.default_rng(11), (2000, 30))
    assert alarms(values, MARGINS, Verdict.REGRESSION) <= 0.01 + 3 * math.sqrt(0.01 / 2000)


@pytest.mark.parametrize(("kind", "most"), [("normal", 0.01), ("outliers", 0.01), ("processes", 0.01), ("drift", 0.02)])
def test_the_level_holds_at_the_floor_itself(kind: str, most: float) -> None:
    """The hardest truth that is no regression, with no minimum effect to help: 1 %, and what 3,000 runs may be off.

    Blocks that drift are not independent, which the gate takes them to be: up to twice as many alarms.
    """
    values = _noise(kind, np.random.default_rng(21), (3000, 30)) + LEVEL_MARGINS.floor
    assert alarms(values, LEVEL_MARGINS, Verdict.REGRESSION) <= most + 3 * math.sqrt(most / 3000)


def test_the_level_is_used() -> None:
    """A gate that never alarms would hold its level too: of normal noise at the floor, it spends some of it."""
    values = _noise("normal", np.random.default_rng(22), (3000, 30)) + LEVEL_MARGINS.floor
    assert alarms(values, LEVEL_MARGINS, Verdict.REGRESSION) >= 0.003


def test_skewed_noise_is_the_limit_of_student() -> None:
    """Values with a long tail to one side make Student's t too bold on the other side: known, and bounded.

    Ratios of equal arms have no such tail: exchanging the arms exchanges the sides.
    """
    values = _noise("skew", np.random.default_rng(23), (3000, 30))
    assert alarms(values + LEVEL_MARGINS.floor, LEVEL_MARGINS, Verdict.REGRESSION) <= 0.01
    assert alarms(LEVEL_MARGINS.floor - values, LEVEL_MARGINS, Verdict.REGRESSION) <= 0.12


def test_the_level_holds_over_many_comparisons() -> None:
    """Twelve comparisons of equal code in each of 1,000 runs: a run raises any false alarm in at most 1 %."""
    generator = np.random.default_rng(12)
    margins = {str(index): LEVEL_MARGINS for index in range(12)}
    found = 0
    for run in generator.normal(LEVEL_MARGINS.floor, 0.015, (1000, 12, 10)):
        judged = judge({str(index): list(values) for index, values in enumerate(run)}, margins, 0.01)
        found += any(one.verdict is Verdict.REGRESSION for one in judged.values())
    assert found / 1000 <= 0.01 + 3 * math.sqrt(0.01 / 1000)


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
    ("kind", "most"), [("normal", 0.06), ("outliers", 0.06), ("drift", 0.06), ("processes", 0.06), ("skew", 0.12)]
)
def test_intervals_cover_the_truth(kind: str, most: float) -> None:
    """The bounds of 4,000 simulated comparisons miss the truth as often as their level says; with skew, more often."""
    missed = 0
    for values in 0.01 + _noise(kind, np.random.default_rng(13), (4000, 8)):
        judged = judge({"step": list(values)}, {"step": MARGINS}, 0.025)["step"]
        missed += not judged.lower <= 0.01 <= judged.upper
    assert missed / 4000 <= most


def test_intervals_are_no_wider_than_they_must_be() -> None:
    """Of normal values, 5 % miss the truth; fewer would mean that the gate wastes blocks."""
    missed = 0
    for values in np.random.default_rng(13).normal(0.01, 0.02, (4000, 8)):
        judged = judge({"step": list(values)}, {"step": MARGINS}, 0.025)["step"]
        missed += not judged.lower <= 0.01 <= judged.upper
    assert missed / 4000 >= 0.04


STEP = 1 / 360
ACCURACY = Margins(margin=0.01, floor=0.00125, minimum_effect=0.0025)


def of_lattice(values: list[float]) -> Judgement:
    """Values that are multiples of one test example."""
    return judge({"accuracy": values}, {"accuracy": ACCURACY}, 0.01, family=5, resolutions={"accuracy": STEP})[
        "accuracy"
    ]


@pytest.mark.parametrize("examples", [1, 2])
def test_equal_values_of_few_test_examples_are_no_certainty(examples: int) -> None:
    """Four seeds that all lost the same one or two of 360 examples: the spread is zero, the doubt is not."""
    judged = of_lattice([examples * STEP] * 4)
    assert judged.upper - judged.estimate >= STEP
    assert judged.verdict is not Verdict.REGRESSION


def test_values_on_a_lattice_hold_the_level() -> None:
    """Accuracies of equal arms, whole numbers of 360 examples: at most 1 % false alarms in 4,000 runs."""
    generator = np.random.default_rng(16)
    for spread in (0.2, 0.5, 1.0):
        examples = np.round(generator.normal(0.0, spread, (4000, 6)))
        found = sum(of_lattice(list(run * STEP)).verdict is Verdict.REGRESSION for run in examples)
        assert found / 4000 <= 0.01


def test_more_equal_values_become_certain() -> None:
    """Twenty seeds without any difference are within a point."""
    assert of_lattice([0.0] * 20).verdict is Verdict.NO_REGRESSION


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


@given(st.lists(st.floats(-0.5, 0.5), min_size=FIRST_LOOK, max_size=12))
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


def test_sign_flips_of_equal_arms_are_uniform() -> None:
    """Below 5 % in at most 5 % of 1,000 simulated comparisons, also with outliers."""
    generator = np.random.default_rng(15)
    found = [sign_flip_p(list(values)) for values in _noise("outliers", generator, (1000, 8))]
    assert np.mean(np.array(found) <= 0.05) <= 0.065

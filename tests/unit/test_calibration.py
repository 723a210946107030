"""The gate's own figures: right where the truth is known."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.judging.calibration import clopper_pearson, contradicts, gate, noticeable_rate, observed
from fixtures.judging.known_blocks import (
    KnownBlock,
    autocorrelation,
    centred,
    offset,
    residuals,
    shape,
    standard_error_per_root_second,
)
from fixtures.judging.many_runs import VERDICTS, judge_many, looks_of
from fixtures.judging.simulation import Scheme, bootstrapped, simulated, smallest_detectable
from fixtures.judging.verdicts import Margins, Verdict

MARGINS = Margins(margin=0.02, floor=0.0025, minimum_effect=0.005)
REGRESSIONS = frozenset({Verdict.REGRESSION})


def scheme(length: int, runs: int = 2000, **more: float) -> Scheme:
    """Runs of so many blocks, at the margins above and an error of 1 %."""
    return Scheme(length, MARGINS, 0.01, runs, **more)  # type: ignore[arg-type]


def blocks(count: int, truth: float, spread: float = 0.012, seed: int = 5) -> list[KnownBlock]:
    """Blocks of a candidate that is slower by ``truth``, in processes whose speed differs by 6 %."""
    generator = random.Random(seed)  # noqa: S311 - simulation, not secrecy
    made = []
    for _ in range(count):
        value, process = generator.gauss(truth, spread), math.exp(generator.gauss(0.0, 0.06))
        baseline = tuple(0.01 * process * math.exp(generator.gauss(0.0, 0.02)) for _ in range(20))
        made.append(KnownBlock(value, tuple(one * math.exp(value) for one in baseline), baseline, 20.0))
    return made


def test_equal_arms_are_hardly_ever_called_slower() -> None:
    """And mostly found to be no slower than the margin."""
    rates = simulated(blocks(60, 0.0), scheme(15))
    assert rates.shares[Verdict.REGRESSION] <= 0.01
    assert rates.shares[Verdict.NO_REGRESSION] > 0.9
    assert sum(rates.shares.values()) == pytest.approx(1.0)


def test_a_clear_slowdown_is_found_soon() -> None:
    """Ten per cent at the first look."""
    rates = simulated(blocks(40, math.log(1.1)), scheme(15, 300))
    assert rates.shares[Verdict.REGRESSION] > 0.99
    assert rates.blocks < 6


def test_equal_arms_are_centred_and_their_offset_is_told_apart() -> None:
    """What few blocks have for a mean by chance would else be every run's truth, and be found as a slowdown."""
    biased = blocks(40, 0.03, spread=0.004)
    assert simulated(biased, scheme(10, 200)).shares[Verdict.REGRESSION] > 0.9
    assert simulated(centred(biased), scheme(10, 200)).shares[Verdict.REGRESSION] <= 0.01
    mean, error = offset(biased)
    assert mean == pytest.approx(0.03, abs=4 * error)
    assert offset(centred(biased))[0] == pytest.approx(0.0, abs=1e-12)


def test_few_blocks_leave_the_simulated_rates_uncertain() -> None:
    """The interval holds the rate, and more blocks narrow it."""
    widths = []
    for count in (6, 60):
        known = blocks(count, 0.012)
        rate = simulated(known, scheme(10, 500)).shares[Verdict.REGRESSION]
        low, high = bootstrapped(known, scheme(10, 500), REGRESSIONS, resamples=60)
        assert low <= rate <= high
        widths.append(high - low)
    assert widths[1] < widths[0]


def test_the_smallest_detectable_slowdown_shrinks_with_the_budget() -> None:
    """And what it names is found nine times in ten."""
    known = centred(blocks(60, 0.0))
    short, long = (smallest_detectable(known, scheme(length, 200)) for length in (6, 30))
    assert short is not None
    assert long is not None
    assert long < short
    found = simulated(known, scheme(30, 1000, shift=long))
    assert found.shares[Verdict.REGRESSION] >= 0.87


def test_hopeless_noise_has_no_smallest_slowdown() -> None:
    """Rather than a number that means nothing."""
    assert smallest_detectable(blocks(20, 0.0, spread=2.0), scheme(5, 50)) is None


def test_neighbours_that_depend_on_each_other_are_drawn_together() -> None:
    """Blocks that drift slowly give more false alarms than their spread alone would; independent draws hide that."""
    generator, state, drifting = random.Random(3), 0.0, []  # noqa: S311 - simulation, not secrecy
    for _ in range(400):
        state = 0.9 * state + generator.gauss(0.0, 0.004)
        drifting.append(KnownBlock(state + generator.gauss(0.0, 0.004), (), (), 20.0))
    equal = centred(drifting)
    alone, together = (simulated(equal, scheme(20, 1000, stretch=stretch)) for stretch in (1, 10))
    assert alone.shares[Verdict.REGRESSION] <= 0.02
    assert together.shares[Verdict.REGRESSION] >= 3 * alone.shares[Verdict.REGRESSION]
    assert autocorrelation(drifting) > 0.4
    assert abs(autocorrelation(blocks(400, 0.0))) < 0.12


def test_stretches_that_are_longer_than_what_there_is_are_cut() -> None:
    """Two blocks, drawn four at a time."""
    assert sum(simulated(blocks(2, 0.0), scheme(6, 10, stretch=4)).shares.values()) == pytest.approx(1.0)


def test_slowdowns_share_their_spread_and_not_their_mean() -> None:
    """Every group is centred on its own."""
    shared = residuals([blocks(30, 0.0), blocks(10, 0.1, seed=6), []])
    assert len(shared) == 40
    assert offset(shared)[0] == pytest.approx(0.0, abs=1e-12)
    assert max(abs(block.value) for block in shared) < 0.06


def test_residuals_of_small_groups_vary_as_much_as_blocks_do() -> None:
    """Of eight blocks, what is less their mean would vary by a sixteenth too little; one alone says nothing at all."""
    groups = [blocks(8, 0.0, seed=seed) for seed in range(300)]
    shared = residuals([*groups, blocks(1, 0.0)])
    assert len(shared) == 2400
    assert math.sqrt(math.fsum(block.value**2 for block in shared) / 2400) == pytest.approx(0.012, rel=0.03)


def test_the_shape_of_values_is_that_of_their_distribution() -> None:
    """An exponential distribution has a skewness of 2 and an excess kurtosis of 6; a normal one has neither."""
    generator = random.Random(2)  # noqa: S311 - simulation, not secrecy
    skewed = [KnownBlock(generator.expovariate(1.0), (), (), 20.0) for _ in range(50_000)]
    skewness, kurtosis = shape(skewed)
    assert skewness == pytest.approx(2.0, abs=0.2)
    assert kurtosis == pytest.approx(6.0, abs=2.0)
    assert max(map(abs, shape(blocks(4000, 0.3)))) < 0.3
    with pytest.raises(ValueError, match="no shape"):
        shape([KnownBlock(0.5, (), (), 20.0)] * 3)


def test_correlations_of_too_few_blocks_are_refused() -> None:
    """Two have one pair of neighbours."""
    with pytest.raises(ValueError, match="three blocks"):
        autocorrelation(blocks(2, 0.0))


def test_what_a_count_would_notice_is_its_power() -> None:
    """Two alarms of ten runs are seen with 80 % at a rate of 27 %: exact binomial."""
    rate = noticeable_rate(10, 2)
    missed = (1 - rate) ** 10 + 10 * rate * (1 - rate) ** 9
    assert missed == pytest.approx(0.2)
    with pytest.raises(ValueError, match="no threshold"):
        noticeable_rate(10, 0)


def of_values(values: list[float]) -> list[KnownBlock]:
    """Blocks of 20 s."""
    return [KnownBlock(value, (), (), 20.0) for value in values]


def test_observed_runs_begin_where_the_last_one_ended() -> None:
    """A clear slowdown takes the two blocks of the first look, each time; the one that is left is not counted."""
    slower = [math.log(1.5) + 0.001 * (index % 3) for index in range(9)]
    assert observed(of_values(slower), 300.0, MARGINS, 0.01) == ({Verdict.REGRESSION: 4}, 1)


def test_an_observed_run_ends_with_its_budget() -> None:
    """Noise that decides nothing: 300 s are fifteen blocks, so 44 are two runs and a rest that might have gone on."""
    hopeless = [0.3 if index % 2 else -0.3 for index in range(44)]
    assert observed(of_values(hopeless), 300.0, MARGINS, 0.01)[0] == {Verdict.INCONCLUSIVE: 2}
    assert observed(of_values(hopeless[:14]), 300.0, MARGINS, 0.01) == ({}, 14)
    assert observed([], 300.0, MARGINS, 0.01) == ({}, 0)


def test_observed_runs_look_with_a_share_of_the_error_each_time() -> None:
    """At four of fifteen blocks less than a third of it is spent: what the whole would decide is not decided yet."""
    wide = [0.008, 0.022, 0.012, 0.026]
    assert gate(wide, 4, MARGINS, 0.1) == (Verdict.REGRESSION, 4)
    assert gate(wide, 15, MARGINS, 0.1) is None


def test_the_gate_looks_as_the_comparison_does() -> None:
    """It stops at the first look that decides, and never beyond what it was given."""
    slower = [math.log(1.5) + 0.001 * index for index in range(20)]
    assert gate(slower, 20, MARGINS, 0.01) == (Verdict.REGRESSION, 2)
    assert gate([0.1, -0.1, 0.1], 3, MARGINS, 0.01) == (Verdict.INCONCLUSIVE, 3)
    assert gate([0.1, -0.1], 3, MARGINS, 0.01) is None


@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 9, 15, 42]), st.floats(-0.03, 0.03), st.floats(0.002, 0.05))
def test_thousands_of_runs_are_judged_as_each_would_be(seed: int, length: int, truth: float, spread: float) -> None:
    """The same verdicts after as many blocks."""
    values = np.random.default_rng(seed).normal(truth, spread, (20, length))
    found, taken = judge_many(values, MARGINS, 0.01)
    each = [gate(list(row), length, MARGINS, 0.01) for row in values]
    assert [(VERDICTS[place], count) for place, count in zip(found, taken, strict=True)] == each


def test_runs_that_are_too_short_for_a_look_decide_nothing() -> None:
    """A block that takes as long as the budget."""
    found, taken = judge_many(np.full((5, 1), 0.5), MARGINS, 0.01)
    assert {VERDICTS[place] for place in found} == {Verdict.INCONCLUSIVE}
    assert set(taken) == {1}
    assert looks_of(1, 0.01) == ()


def test_a_larger_slowdown_is_never_found_less_often() -> None:
    """The same draws are used for each: the smallest slowdown that is found would else be one of chance."""
    known = residuals([blocks(30, 0.0)])
    found = [simulated(known, scheme(10, 200, shift=0.001 * step)).share(REGRESSIONS) for step in range(30)]
    assert found == sorted(found)


@pytest.mark.parametrize(("alarms", "runs", "contradicted"), [(0, 10, False), (1, 10, False), (2, 10, True)])
def test_a_promise_is_contradicted_by_two_of_ten(alarms: int, runs: int, *, contradicted: bool) -> None:
    """One may be chance: 2 % lie within its exact interval."""
    assert contradicts(alarms, runs) is contradicted


@given(st.integers(1, 500), st.data())
def test_exact_intervals_hold_what_was_seen(trials: int, data: st.DataObject) -> None:
    """Between 0 and 1, around the share, and mirrored for the opposite."""
    count = data.draw(st.integers(0, trials))
    low, high = clopper_pearson(count, trials)
    assert 0.0 <= low <= count / trials <= high <= 1.0
    mirrored = clopper_pearson(trials - count, trials)
    assert mirrored[0] == pytest.approx(1.0 - high, abs=1e-9)
    assert mirrored[1] == pytest.approx(1.0 - low, abs=1e-9)


def test_exact_intervals_are_the_published_ones() -> None:
    """None of 20: up to 16.8 %, the textbook's figure."""
    low, high = clopper_pearson(0, 20)
    assert low == 0.0
    assert high == pytest.approx(0.1684, abs=1e-4)


@pytest.mark.parametrize(("count", "trials"), [(1, 0), (3, 2), (-1, 5)])
def test_counts_that_cannot_be_are_refused(count: int, trials: int) -> None:
    """More than there were, or none at all."""
    with pytest.raises(ValueError, match="no count"):
        clopper_pearson(count, trials)


def test_the_standard_error_counts_the_time() -> None:
    """Twice as long blocks of the same spread are worth less, by the root of two."""
    quick = [KnownBlock(value, (), (), 10.0) for value in (0.0, 0.02)]
    slow = [KnownBlock(value, (), (), 20.0) for value in (0.0, 0.02)]
    ratio = standard_error_per_root_second(slow) / standard_error_per_root_second(quick)
    assert ratio == pytest.approx(math.sqrt(2.0))
    with pytest.raises(ValueError, match="two blocks"):
        standard_error_per_root_second(quick[:1])

"""The gate's own figures: right where the truth is known."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.gate.calibration import (
    KnownBlock,
    alarms_of_rules,
    bootstrapped,
    centred,
    clopper_pearson,
    gate,
    observed,
    offset,
    simulated,
    smallest_detectable,
    standard_error_per_root_second,
)
from fixtures.gate.rules import RULES
from fixtures.gate.verdicts import Margins, Verdict

MARGINS = Margins(margin=0.02, floor=0.0025, minimum_effect=0.005)


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
    rates = simulated(blocks(60, 0.0), 15, MARGINS, 0.01)
    assert rates.shares[Verdict.REGRESSION] <= 0.01
    assert rates.shares[Verdict.NO_REGRESSION] > 0.9
    assert sum(rates.shares.values()) == pytest.approx(1.0)


def test_a_clear_slowdown_is_found_soon() -> None:
    """Ten per cent at the first look."""
    rates = simulated(blocks(40, math.log(1.1)), 15, MARGINS, 0.01, runs=300)
    assert rates.shares[Verdict.REGRESSION] > 0.99
    assert rates.blocks < 6


def test_equal_arms_are_centred_and_their_offset_is_told_apart() -> None:
    """What few blocks have for a mean by chance would else be every run's truth, and be found as a slowdown."""
    biased = blocks(40, 0.03, spread=0.004)
    assert simulated(biased, 10, MARGINS, 0.01, runs=200).shares[Verdict.REGRESSION] > 0.9
    assert simulated(centred(biased), 10, MARGINS, 0.01, runs=200).shares[Verdict.REGRESSION] <= 0.01
    mean, error = offset(biased)
    assert mean == pytest.approx(0.03, abs=4 * error)
    assert offset(centred(biased))[0] == pytest.approx(0.0, abs=1e-12)


def test_few_blocks_leave_the_simulated_rates_uncertain() -> None:
    """The interval holds the rate, and more blocks narrow it."""
    widths = []
    for count in (6, 60):
        known = blocks(count, 0.012)
        rate = simulated(known, 10, MARGINS, 0.01, runs=500).shares[Verdict.REGRESSION]
        low, high = bootstrapped(known, 10, MARGINS, 0.01, resamples=60, runs=60)
        assert low <= rate <= high
        widths.append(high - low)
    assert widths[1] < widths[0]


def test_the_smallest_detectable_slowdown_shrinks_with_the_budget() -> None:
    """And what it names is found nine times in ten."""
    known = centred(blocks(60, 0.0))
    short, long = (smallest_detectable(known, length, MARGINS, 0.01, runs=200) for length in (6, 30))
    assert short is not None
    assert long is not None
    assert long < short
    found = simulated(known, 30, MARGINS, 0.01, runs=1000, shift=long)
    assert found.shares[Verdict.REGRESSION] >= 0.87


def test_hopeless_noise_has_no_smallest_slowdown() -> None:
    """Rather than a number that means nothing."""
    assert smallest_detectable(blocks(20, 0.0, spread=2.0), 5, MARGINS, 0.01, runs=50) is None


def test_observed_runs_share_no_block() -> None:
    """Twenty-five blocks make two runs of ten."""
    assert sum(observed(blocks(25, 0.0), 10, MARGINS, 0.01).values()) == 2


def test_the_gate_looks_as_the_comparison_does() -> None:
    """It stops at the first look that decides, and never beyond what it was given."""
    verdict, taken = gate([math.log(1.5) + 0.001 * index for index in range(20)], MARGINS, 0.01)
    assert verdict is Verdict.REGRESSION
    assert taken == 4
    assert gate([0.1, -0.1, 0.1], MARGINS, 0.01) == (Verdict.INCONCLUSIVE, 3)


def test_thresholds_on_single_processes_are_often_wrong() -> None:
    """With 6 % between processes of equal code, "5 %" alarms in about a quarter of the runs; so it was published."""
    alarms = alarms_of_rules(blocks(60, 0.0))
    assert set(alarms) == set(RULES)
    assert 0.15 < alarms["pytest-benchmark, median 5 %"] < 0.4
    assert alarms["TorchBench, 7 %"] < alarms["pytest-benchmark, median 5 %"]


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

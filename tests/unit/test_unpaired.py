"""A run judged against saved runs: what the statistics promise, as properties and by simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.gate.priors import PRIORS
from fixtures.gate.promise import margins_of
from fixtures.gate.unpaired import Prior, baselines_needed, judge_run, processes_needed
from fixtures.gate.verdicts import Verdict

PRIOR = Prior(deviation=0.05, freedom=4.0)
MARGINS = margins_of(0.05)
LEVEL = 0.01

numbers = st.floats(-1.0, 1.0)
run = st.lists(numbers, min_size=1, max_size=6)
runs = st.lists(run, min_size=1, max_size=6)
OPPOSITE = {Verdict.REGRESSION: Verdict.IMPROVEMENT, Verdict.IMPROVEMENT: Verdict.REGRESSION}


@given(run, run)
def test_swapping_the_sides_negates(candidate: list[float], baseline: list[float]) -> None:
    """Against one baseline, neither side is privileged."""
    there = judge_run(candidate, [baseline], PRIOR, MARGINS, LEVEL)
    back = judge_run(baseline, [candidate], PRIOR, MARGINS, LEVEL)
    assert there.estimate == pytest.approx(-back.estimate, abs=1e-12)
    assert there.lower == pytest.approx(-back.upper, abs=1e-12)
    if there.verdict in OPPOSITE:
        assert back.verdict is OPPOSITE[there.verdict]


@given(run, runs, st.randoms())
def test_order_does_not_matter(candidate: list[float], baselines: list[list[float]], random: object) -> None:
    """Neither that of the processes nor that of the baselines."""
    shuffled = [list(readings) for readings in baselines]
    mixed = list(candidate)
    for each in (mixed, shuffled, *shuffled):
        random.shuffle(each)  # type: ignore[attr-defined]
    one = judge_run(candidate, baselines, PRIOR, MARGINS, LEVEL)
    other = judge_run(mixed, shuffled, PRIOR, MARGINS, LEVEL)
    assert (one.estimate, one.lower) == pytest.approx((other.estimate, other.lower), abs=1e-12)


@given(st.lists(numbers, min_size=2, max_size=6), st.lists(numbers, min_size=1, max_size=6), st.floats(1.0, 10.0))
def test_more_spread_never_makes_a_verdict_more_certain(
    processes: list[float], means: list[float], factor: float
) -> None:
    """Neither between processes nor between baselines: the certain range only widens."""
    before = judge_run(processes, [[mean] for mean in means], PRIOR, MARGINS, LEVEL)
    wider = judge_run(_stretched(processes, factor), [[mean] for mean in means], PRIOR, MARGINS, LEVEL)
    apart = judge_run(processes, [[mean] for mean in _stretched(means, factor)], PRIOR, MARGINS, LEVEL)
    for after in (wider, apart):
        assert after.upper - after.lower >= before.upper - before.lower - 1e-9
        if before.verdict is Verdict.INCONCLUSIVE:
            assert after.verdict is Verdict.INCONCLUSIVE or _at_an_edge(before.estimate, before.lower, before.upper)


def _stretched(values: list[float], factor: float) -> list[float]:
    middle = math.fsum(values) / len(values)
    return [middle + factor * (value - middle) for value in values]


def _at_an_edge(*figures: float) -> bool:
    """Rounding alone may decide a verdict there."""
    edges = (MARGINS.margin, MARGINS.floor, -MARGINS.floor, MARGINS.minimum_effect, -MARGINS.minimum_effect)
    return any(abs(figure - edge) < 1e-9 for figure in figures for edge in edges)


@given(run, runs, numbers)
def test_only_differences_count(candidate: list[float], baselines: list[list[float]], shift: float) -> None:
    """A machine that is slower in every run changes nothing."""
    one = judge_run(candidate, baselines, PRIOR, MARGINS, LEVEL)
    moved = [[reading + shift for reading in readings] for readings in baselines]
    other = judge_run([reading + shift for reading in candidate], moved, PRIOR, MARGINS, LEVEL)
    assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper), abs=1e-9)


@pytest.mark.parametrize(("candidate", "baselines"), [([], [[0.1]]), ([0.1], []), ([0.1], [[]]), ([], [])])
def test_nothing_to_judge_has_no_verdict(candidate: list[float], baselines: list[list[float]]) -> None:
    """And no amount of baselines would decide it."""
    judgement = judge_run(candidate, baselines, PRIOR, MARGINS, LEVEL)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert (judgement.lower, judgement.upper) == (-math.inf, math.inf)
    assert baselines_needed(judgement, PRIOR, MARGINS) is None
    assert processes_needed(judgement, MARGINS) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_no_reading(bad: float) -> None:
    """Not even among the baselines."""
    with pytest.raises(ValueError, match="finite"):
        judge_run([0.0], [[0.0, bad]], PRIOR, MARGINS, LEVEL)


@pytest.mark.parametrize("level", [0.0, 1.0, math.nan])
def test_certainty_and_ignorance_are_no_levels(level: float) -> None:
    """Something must be allowed to go wrong, and not everything."""
    with pytest.raises(ValueError, match="level"):
        judge_run([0.0], [[0.0]], PRIOR, MARGINS, level)


@pytest.mark.parametrize("baselines", [1, 3, 10])
def test_bounds_are_wrong_as_often_as_they_say(baselines: int) -> None:
    """Runs of equal code, each with an effect of its own, whose variance itself varies as the prior has it."""
    level, trials, processes = 0.05, 4000, 3
    random = np.random.default_rng(baselines)
    wrong = [0, 0]
    for _ in range(trials):
        deviation = PRIOR.deviation * math.sqrt(PRIOR.freedom / random.chisquare(PRIOR.freedom))
        means = random.normal(0.0, deviation, baselines + 1)
        # What is within a run is a small part of the spread here, so that the rule for it does not come into play.
        readings = [list(mean + 1e-4 * random.normal(size=processes)) for mean in means]
        judgement = judge_run(readings[0], readings[1:], PRIOR, MARGINS, level)
        wrong[0] += judgement.lower > 0.0
        wrong[1] += judgement.upper < 0.0
    for count in wrong:
        assert abs(count / trials - level) < 4.0 * math.sqrt(level * (1.0 - level) / trials)


@pytest.mark.parametrize("within", [0.05, 0.3])
def test_processes_that_differ_a_lot_do_not_spoil_the_promise(within: float) -> None:
    """A run of a few processes whose spread is far from the prior's: errors stay near the level, or below."""
    level, trials = 0.05, 4000
    random = np.random.default_rng(1)
    wrong = 0
    for _ in range(trials):
        readings = [list(random.normal(random.normal(0.0, PRIOR.deviation), within, 5)) for _ in range(4)]
        wrong += judge_run(readings[0], readings[1:], PRIOR, MARGINS, level).lower > 0.0
    assert wrong / trials < 1.5 * level


@pytest.mark.parametrize(
    ("shift", "deviation", "verdict"),
    [
        (0.2, 0.01, Verdict.REGRESSION),
        (-0.2, 0.01, Verdict.IMPROVEMENT),
        (0.0, 0.01, Verdict.NO_REGRESSION),
        (0.03, 0.05, Verdict.INCONCLUSIVE),
    ],
)
def test_each_verdict_is_possible(shift: float, deviation: float, verdict: Verdict) -> None:
    """With ten baselines that hardly differ."""
    baselines = [[0.001 * (-1) ** number] for number in range(10)]
    judgement = judge_run([shift], baselines, replace(PRIOR, deviation=deviation), MARGINS, LEVEL)
    assert judgement.verdict is verdict


def test_what_it_would_take_decides() -> None:
    """As many baselines as are named, with the same spread, do decide."""
    prior = replace(PRIOR, deviation=0.01)
    judgement = judge_run([0.0], [[0.0]], prior, MARGINS, LEVEL)
    needed = baselines_needed(judgement, prior, MARGINS)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert needed is not None
    spread = prior.deviation * math.sqrt((needed - 1) / needed) if needed % 2 == 0 else 0.0
    means = [[spread * (-1) ** number] for number in range(needed)]
    assert judge_run([0.0], means, prior, MARGINS, LEVEL).verdict is Verdict.NO_REGRESSION


def test_processes_are_asked_for_where_they_are_the_reason() -> None:
    """Two processes far apart; otherwise they would decide nothing and are not asked for."""
    prior = replace(PRIOR, deviation=0.005)
    apart = judge_run([-0.015, 0.015], [[0.0]] * 9, prior, MARGINS, LEVEL)
    together = judge_run([0.0, 0.0], [[0.0]], replace(PRIOR, deviation=0.1), MARGINS, LEVEL)
    assert (processes_needed(apart, MARGINS) or 0) > 2
    assert processes_needed(together, MARGINS) is None


def test_there_is_a_prior_for_every_measure() -> None:
    """Of a positive spread, believed to some degree."""
    assert set(PRIORS) == {"step", "epoch", "first_step", "memory", "accuracy"}
    assert all(prior.deviation > 0.0 and prior.freedom > 0.0 for prior in PRIORS.values())

"""A run judged against saved ones: what its verdict depends on, and what it would take to decide."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.judging.kept_runs import reach, runs_that_acquit
from fixtures.judging.priors import PRIORS, UNKNOWN_STATE_FACTOR, prior_of
from fixtures.judging.spread import Prior
from fixtures.judging.unpaired import baselines_need_processes, baselines_needed, judge_run, processes_needed
from fixtures.judging.verdicts import Verdict, margins_of
from tests.bench_run import PROJECT_ROOT
from tests.figures.kept_runs import kept_runs_table
from tests.unpaired_settings import LEVEL, MARGINS, PRIOR

numbers = st.floats(-1.0, 1.0)
run = st.lists(numbers, min_size=1, max_size=6)
runs = st.lists(run, min_size=1, max_size=6)
OPPOSITE = {Verdict.REGRESSION: Verdict.IMPROVEMENT, Verdict.IMPROVEMENT: Verdict.REGRESSION}


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6))
def test_swapping_the_sides_negates(pairs: list[tuple[float, float]]) -> None:
    """Against one baseline of as many processes, neither side is privileged."""
    candidate, baseline = ([pair[side] for pair in pairs] for side in (0, 1))
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


def test_a_prior_that_does_not_fit_is_forgotten() -> None:
    """With as many degrees of freedom in the baselines as it has, however wrong it is."""
    means = [[0.00], [0.01], [-0.01], [0.02], [-0.02]]
    one, other = (judge_run([0.0], means, Prior(deviation, 4.0), MARGINS, LEVEL) for deviation in (0.001, 0.1))
    assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper))
    fewer = judge_run([0.0], means[:4], Prior(0.1, 4.0), MARGINS, LEVEL)
    assert fewer.upper > 2.0 * one.upper


def test_readings_equal_to_the_last_digit_are_not_certain() -> None:
    """Bytes come in pages: ten equal runs do not make the next one's page a regression."""
    prior, margins = Prior(0.01, 4.0), margins_of(0.001)
    judgement = judge_run([0.0005], [[0.0]] * 10, prior, margins, LEVEL)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.upper - judgement.lower > 0.0


@pytest.mark.parametrize("runs_kept", [1, 2, 5, 10, 30])
def test_what_kept_runs_can_say_is_what_the_gate_says(runs_kept: int) -> None:
    """Baselines whose spread is exactly the one asked about: half widths agree."""
    prior, deviation = Prior(0.05, 4.0), 0.03
    found = reach(runs_kept, deviation, prior, MARGINS, LEVEL)
    means = np.random.default_rng(1).normal(size=runs_kept)
    scaled = (means - means.mean()) / means.std(ddof=1) * deviation if runs_kept > 1 else means * 0.0
    judgement = judge_run([0.0], [[mean] for mean in scaled], prior, MARGINS, LEVEL)
    assert found.half_width == pytest.approx((judgement.upper - judgement.lower) / 2)
    assert found.acquits == (judgement.verdict is Verdict.NO_REGRESSION)
    just_found = judge_run([found.found + 1e-9], [[mean] for mean in scaled], prior, MARGINS, LEVEL)
    assert just_found.verdict is Verdict.REGRESSION


def test_the_fewest_runs_that_acquit() -> None:
    """One fewer does not; and where the spread is too large, none do."""
    needed = runs_that_acquit(0.01, PRIOR, MARGINS, LEVEL)
    assert needed is not None
    assert reach(needed, 0.01, PRIOR, MARGINS, LEVEL).acquits
    assert not reach(needed - 1, 0.01, PRIOR, MARGINS, LEVEL).acquits
    assert runs_that_acquit(0.5, PRIOR, MARGINS, LEVEL) is None


def test_the_table_in_the_docs_is_what_the_shipped_priors_and_margins_say() -> None:
    """Made by python -m tests.figures.kept_runs."""
    assert kept_runs_table() in (PROJECT_ROOT / "docs" / "how-to" / "baselines.md").read_text(encoding="utf-8")


def test_without_the_kernel_less_is_believed() -> None:
    """The prior is that of times beside the kernel, on one machine."""
    assert prior_of("step") == PRIORS["step"]
    assert prior_of("step", without_kernel=True).deviation == UNKNOWN_STATE_FACTOR * PRIORS["step"].deviation


def test_runs_of_another_machine_never_tell_how_far_machines_differ() -> None:
    """However many there are, and however alike: what is believed of it stands."""
    kept = [[0.001 * (-1) ** number] for number in range(11)]
    here, elsewhere = (
        judge_run([0.1], kept, prior_of("step", elsewhere=there), MARGINS, LEVEL) for there in (False, True)
    )
    assert here.verdict is Verdict.REGRESSION
    assert elsewhere.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("shift", "deviation", "verdict"),
    [
        (0.2, 0.01, Verdict.REGRESSION),
        (-0.2, 0.01, Verdict.IMPROVEMENT),
        (0.0, 0.01, Verdict.NO_REGRESSION),
        (0.03, 0.3, Verdict.INCONCLUSIVE),
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
    assert reach(needed, prior.deviation, prior, MARGINS, LEVEL).acquits
    assert not reach(needed - 1, prior.deviation, prior, MARGINS, LEVEL).acquits


def test_processes_are_asked_for_where_they_are_the_reason() -> None:
    """Two processes far apart; otherwise they would decide nothing and are not asked for."""
    prior = replace(PRIOR, deviation=0.005)
    apart = judge_run([-0.04, 0.04], [[0.0]] * 9, prior, MARGINS, LEVEL)
    together = judge_run([0.0, 0.0], [[0.0]], replace(PRIOR, deviation=0.1), MARGINS, LEVEL)
    needed = processes_needed(apart, MARGINS)
    assert apart.verdict is Verdict.INCONCLUSIVE
    assert needed is not None
    assert needed > 2
    assert apart.spread.with_processes(needed).half_width(9, LEVEL) < MARGINS.margin
    assert apart.spread.with_processes(needed - 1).half_width(9, LEVEL) >= MARGINS.margin
    assert processes_needed(together, MARGINS) is None


def test_more_processes_are_asked_of_the_side_that_lacks_them() -> None:
    """Where the baselines' processes are far apart, more of this run's own would not help."""
    prior = replace(PRIOR, deviation=0.005)
    apart = judge_run([0.0, 0.0], [[-0.02, 0.02]] * 9, prior, MARGINS, LEVEL)
    assert apart.verdict is Verdict.INCONCLUSIVE
    assert processes_needed(apart, MARGINS) is None
    assert baselines_need_processes(apart, MARGINS)
    own = judge_run([-0.02, 0.02], [[0.0, 0.0]] * 9, prior, MARGINS, LEVEL)
    assert not baselines_need_processes(own, MARGINS)
    assert processes_needed(own, MARGINS) is not None


def test_there_is_a_prior_for_every_measure() -> None:
    """Of a positive spread, believed to some degree."""
    assert set(PRIORS) == {"step", "epoch", "first_step", "memory", "accuracy"}
    assert all(prior.deviation > 0.0 and prior.freedom > 0.0 for prior in PRIORS.values())

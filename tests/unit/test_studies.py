"""What the studies published, and how two frameworks are set against each other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.reports.comparison import (
    TIME_NOISE,
    Gap,
    Movement,
    Order,
    Verdict,
    accuracy_gap,
    movement,
    time_gap,
    verdict,
)
from fixtures.reports.figures import Measured, Sample
from models.studies import STUDIES
from models.workloads import WORKLOADS

SWAPPED = {Order.FIRST: Order.SECOND, Order.SECOND: Order.FIRST, Order.NEITHER: Order.NEITHER}
seconds = st.floats(0.01, 1e5)
shares = st.floats(0.0, 1.0)


@pytest.mark.parametrize("identifier", STUDIES)
def test_a_study_is_of_a_workload_and_compares_frameworks(identifier: str) -> None:
    """Each framework once, and what the study left to chance is named."""
    study = STUDIES[identifier]
    assert study.workload == identifier
    assert identifier in WORKLOADS
    frameworks = [each.framework for each in study.published]
    assert len(set(frameworks)) == len(frameworks) >= 2
    assert study.source
    assert study.repetitions >= 1
    assert any(each.native for each in study.uncontrolled)
    assert any(not each.native for each in study.uncontrolled)


@pytest.mark.parametrize("identifier", STUDIES)
def test_a_study_gives_numbers_or_words(identifier: str) -> None:
    """A ranking in words is given where, and only where, there are no numbers."""
    study = STUDIES[identifier]
    assert study.has_numbers() != bool(study.speed_in_words)
    named = {framework for group in study.speed_in_words for framework in group}
    assert named <= {each.framework for each in study.published}


@pytest.mark.parametrize("identifier", STUDIES)
def test_what_was_chosen_is_what_the_workload_has(identifier: str) -> None:
    """Batch size and epochs that the study does not give are the workload's."""
    chosen = {each.what: each.chosen for each in STUDIES[identifier].not_given}
    workload = WORKLOADS[identifier]
    assert chosen.get("batch size", str(workload.batch_size)) == str(workload.batch_size)
    assert chosen.get("epochs", str(workload.epochs)) == str(workload.epochs)


@given(seconds, seconds)
def test_exchanging_two_frameworks_exchanges_their_order_in_time(first: float, second: float) -> None:
    """Neither is favoured for standing first."""
    assert time_gap(first, second).order is SWAPPED[time_gap(second, first).order]


@given(seconds, st.floats(0.0, TIME_NOISE * 0.999), st.floats(TIME_NOISE * 1.001, 10.0))
def test_only_times_further_apart_than_noise_have_an_order(time: float, less: float, more: float) -> None:
    """The faster one takes less time."""
    assert time_gap(time, time * (1 + less)).order is Order.NEITHER
    assert time_gap(time, time * (1 + more)).order is Order.FIRST


@given(shares, shares, st.integers(1, 10**6))
def test_exchanging_two_frameworks_exchanges_their_order_in_accuracy(first: float, second: float, size: int) -> None:
    """And the margin is always above 0, at an accuracy of 1 too."""
    gap, back = (accuracy_gap(Sample((a,)), Sample((b,)), size) for a, b in ((first, second), (second, first)))
    assert gap.order is SWAPPED[back.order]
    assert gap.margin > 0


def test_the_more_accurate_framework_is_the_better_one() -> None:
    """More is better, unlike in time."""
    assert accuracy_gap(Sample((0.9,)), Sample((0.8,)), 10_000).order is Order.FIRST


def test_more_seeds_are_no_more_test_examples() -> None:
    """The confusion matrix holds all seeds together; each was tested on the same examples."""
    arm = Measured("one", accuracy=Sample((0.9, 0.9)), confusion=((90, 10), (10, 90)))
    assert arm.test_examples == 100


def test_the_margin_of_accuracy_is_the_binomial_one() -> None:
    """1.96 standard errors of a difference; worked out by hand for 90 % of 10,000, twice."""
    gap = accuracy_gap(Sample((0.9,)), Sample((0.9,)), 10_000)
    assert gap.margin == pytest.approx(1.96 * math.sqrt(2 * 0.9 * 0.1 / 10_000), rel=1e-3)


def test_seeds_that_disagree_widen_the_margin() -> None:
    """Their standard error comes on top of the binomial one."""
    one = accuracy_gap(Sample((0.9,)), Sample((0.9,)), 10_000)
    agreeing = accuracy_gap(Sample((0.9, 0.9)), Sample((0.9,)), 10_000)
    disagreeing = accuracy_gap(Sample((0.88, 0.92)), Sample((0.9,)), 10_000)
    assert agreeing.margin == pytest.approx(one.margin)
    assert disagreeing.margin > 2 * one.margin


@pytest.mark.parametrize(
    ("published", "measured", "expected"),
    [
        (Order.FIRST, Order.FIRST, Verdict.SAME),
        (Order.FIRST, Order.SECOND, Verdict.REVERSED),
        (Order.SECOND, Order.NEITHER, Verdict.TOO_CLOSE),
        (Order.NEITHER, Order.SECOND, Verdict.NEW),
        (Order.NEITHER, Order.NEITHER, Verdict.BOTH_OPEN),
        (None, Order.FIRST, Verdict.UNKNOWN),
        (Order.FIRST, None, Verdict.UNKNOWN),
    ],
    ids=["same", "reversed", "close", "new", "both-open", "not-published", "not-measured"],
)
def test_a_measured_order_is_judged_by_the_published_one(
    published: Order | None, measured: Order | None, expected: Verdict
) -> None:
    """Every way that the two can stand to each other."""
    assert verdict(published, measured) is expected


@given(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.floats(0.0, 1.0), st.floats(0.01, 1.0))
def test_a_way_to_the_published_gap_leads_towards_it(
    published: float, equal: float, part: float, margin: float
) -> None:
    """A native gap between the equal and the published one moved towards it, or not beyond the margin; never away."""
    native = equal + part * (published - equal)
    moved = movement(Gap(published, 0.0), Gap(equal, margin), Gap(native, margin))
    assert moved is (Movement.NONE if abs(native - equal) <= margin else Movement.TOWARDS)
    further = movement(
        Gap(published, 0.0), Gap(equal, margin), Gap(equal + 2 * margin * (-1) ** (published > equal), margin)
    )
    assert further is Movement.AWAY

"""What the studies published, and how two frameworks are set against each other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.reports.comparison import (
    MEMORY_NOISE,
    TIME_MARGIN,
    Gap,
    Movement,
    Order,
    Verdict,
    accuracy_gap,
    memory_gap,
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
    one, other = Sample((first,)), Sample((second,))
    assert time_gap(one, other).order is SWAPPED[time_gap(other, one).order]


@given(seconds, st.floats(0.0, TIME_MARGIN * 0.999), st.floats(TIME_MARGIN * 1.001, 3.0))
def test_only_times_further_apart_than_noise_have_an_order(time: float, less: float, more: float) -> None:
    """The faster one takes less time."""
    assert time_gap(Sample((time,)), Sample((time * math.exp(less),))).order is Order.NEITHER
    assert time_gap(Sample((time,)), Sample((time * math.exp(more),))).order is Order.FIRST


def test_several_trainings_narrow_the_margin_of_time_unless_they_disagree() -> None:
    """By the root of their number; a spread of their own that is larger counts instead of the usual one."""
    one, four = Sample((100.0,)), Sample((100.0, 101.0, 99.0, 100.0))
    assert time_gap(four, four).margin == pytest.approx(time_gap(one, one).margin / 2)
    wild = Sample((50.0, 100.0, 200.0, 100.0))
    assert time_gap(wild, wild).margin > time_gap(one, one).margin


def test_memory_within_its_margin_has_no_order() -> None:
    """Less is better."""
    assert memory_gap(1e9, 1e9 * (1 + MEMORY_NOISE * 0.9)).order is Order.NEITHER
    assert memory_gap(1e9, 1.5e9).order is Order.FIRST


def test_a_difference_concerns_only_those_who_differ_by_it() -> None:
    """TensorFlow and the Estimator draw weights alike; PyTorch and Keras do not."""
    weights = next(each for each in STUDIES["mnist-dense1024"].uncontrolled if "weights" in each.difference)
    assert weights.concerns("keras-tensorflow", "pytorch")
    assert not weights.concerns("tensorflow", "tf-estimator")
    threads = next(each for each in STUDIES["mnist-dense1024"].uncontrolled if "thread" in each.difference)
    assert threads.concerns("tensorflow", "tf-estimator")


@pytest.mark.parametrize(
    ("study", "framework", "figures"),
    [
        ("mnist-3conv", "keras-tensorflow", (0.9867, 0.0440, 357.11, None, None)),
        ("mnist-3conv", "pytorch", (0.9893, None, 248.17, None, None)),
        ("mnist-dense1024", "tensorflow", (0.98, None, 200, None, 154)),
        ("mnist-dense1024", "tf-estimator", (0.97, None, 140, None, 92)),
        ("mnist-dense1024", "keras-tensorflow", (0.99, None, 366, None, 55)),
        ("mnist-dense64", "keras-tensorflow", (0.9914, None, 11.19, 1.7e9, None)),
        ("mnist-dense64", "pytorch", (0.9895, None, 7.67, 3.5e9, None)),
        ("cats-vs-dogs", "tensorflow", (0.78, 0.6, 360, None, None)),
        ("cats-vs-dogs", "keras-tensorflow", (0.78, 0.58, 420, None, None)),
        ("cats-vs-dogs", "pytorch", (0.88, 0.11, 85, None, None)),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_published_figures_are_the_studies(study: str, framework: str, figures: tuple[float | None, ...]) -> None:
    """Accuracy, loss, seconds, bytes, lines of code: written down twice, so that no typing error passes."""
    found = next(each for each in STUDIES[study].published if each.framework == framework)
    assert (found.accuracy, found.loss, found.seconds, found.memory_bytes, found.lines_of_code) == figures


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
    assert moved is (Movement.NONE if abs(native - equal) <= math.hypot(margin, margin) else Movement.TOWARDS)
    further = movement(
        Gap(published, 0.0), Gap(equal, margin), Gap(equal + 2 * margin * (-1) ** (published > equal), margin)
    )
    assert further is Movement.AWAY

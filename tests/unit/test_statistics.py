"""Estimates from process-level readings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.judging.estimates import estimate

READINGS = st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=20)


@given(READINGS, st.floats(1e-3, 1e3))
def test_the_unit_of_the_readings_does_not_matter(readings: list[float], factor: float) -> None:
    """Milliseconds and seconds give the same relative uncertainty and values that differ by the factor."""
    one, other = estimate(readings), estimate([reading * factor for reading in readings])
    assert other.value == pytest.approx(one.value * factor)
    assert other.relative_half_width == pytest.approx(one.relative_half_width, rel=1e-6, abs=1e-9)


@given(READINGS)
def test_the_order_of_processes_does_not_matter(readings: list[float]) -> None:
    """Processes have no order."""
    assert estimate(readings).value == pytest.approx(estimate(readings[::-1]).value)


def test_one_process_says_nothing_about_its_uncertainty() -> None:
    """A single reading has no spread, and none is invented."""
    assert estimate([2.0]).relative_half_width is None


@pytest.mark.parametrize("readings", [[], [0.0], [-1.0, 1.0], [math.nan], [math.inf]])
def test_readings_that_cannot_be_are_refused(readings: list[float]) -> None:
    """Nothing, zero, negative, not a number, infinite: never a figure."""
    with pytest.raises(ValueError, match="reading"):
        estimate(readings)


@pytest.mark.parametrize("processes", [2, 3, 8])
def test_the_interval_covers_the_truth_as_often_as_it_says(processes: int) -> None:
    """Over 4,000 simulated runs with lognormal process effects, 95 % intervals hold the truth in 94 to 96 %."""
    generator = np.random.default_rng(7)
    covered = 0
    for logarithms in generator.normal(math.log(0.02), 0.12, (4000, processes)):
        found = estimate(list(np.exp(logarithms)))
        assert found.relative_half_width is not None
        covered += abs(math.log(found.value / 0.02)) <= math.log1p(found.relative_half_width)
    assert 0.94 <= covered / 4000 <= 0.96

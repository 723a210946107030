"""One value of a block: what pairs of readings come to."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.judging.verdicts import block_value, log_ratios, swapped_pairs

RATIOS = st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=40)
READINGS = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=30)


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

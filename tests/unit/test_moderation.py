"""What the variances of all pairs of a table say of the one of a single pair."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fixtures.judging.moderation import Typical, typical
from fixtures.judging.ranking import beside


def drawn(prior_freedom: float, freedom: int, count: int) -> list[tuple[float, int]]:
    """Variances around 0.01, which themselves differ as the degrees of freedom of their distribution say."""
    generator = np.random.default_rng(5)
    true = 0.01 * prior_freedom / generator.chisquare(prior_freedom, count)
    return [(float(each), freedom) for each in true * generator.chisquare(freedom, count) / freedom]


@pytest.mark.parametrize("prior_freedom", [3.0, 10.0])
def test_centre_and_width_are_found_again(prior_freedom: float) -> None:
    """Of many variances that were drawn from a known distribution; so many arms that their number bounds nothing."""
    found = typical(drawn(prior_freedom, 4, 20_000), 1000)
    assert found is not None
    assert found.variance == pytest.approx(0.01, rel=0.05)
    assert found.freedom == pytest.approx(prior_freedom, rel=0.1)


def test_equal_variances_count_as_much_as_the_arms_allow() -> None:
    """Half of what independent pairs would give: pairs share their arms."""
    found = typical([(0.01, 2)] * 36, 9)
    assert found is not None
    assert found.freedom == 0.5 * 7 * 2


@pytest.mark.parametrize("arms", [2, 3])
def test_few_arms_say_nothing_of_each_other(arms: int) -> None:
    """One pair, or three that are alike by chance."""
    assert typical([(0.01, 2)] * (arms * (arms - 1) // 2), arms) is None


def test_arms_that_hardly_ever_met_say_nothing() -> None:
    """Two of the pairs of four arms."""
    assert typical([(0.01, 2)] * 2, 4) is None


def test_a_quiet_pair_is_taken_for_typical_and_a_restless_one_never_is() -> None:
    """A variance may have come out small by chance; a large one stays large."""
    usual = Typical(0.01, 6.0)
    assert usual.moderate(0.001, 2.0) == pytest.approx(((6 * 0.01 + 2 * 0.001) / 8, 8.0))
    assert usual.moderate(0.09, 2.0) == (0.09, 8.0)


def test_a_range_of_two_blocks_becomes_narrow() -> None:
    """With one degree of freedom of its own it is wider than any difference between frameworks."""
    values = [0.09, 0.11]
    alone, together = beside(values, 0.05), beside(values, 0.05, usual=Typical(0.0002, 6.0))
    assert alone.upper - alone.lower > 5 * (together.upper - together.lower)
    assert together.order_certain
    assert not alone.order_certain


def test_one_block_stays_without_a_range() -> None:
    """Nothing of its own says whether the pair is like the others."""
    assert beside([0.1], 0.05, usual=Typical(0.0002, 6.0)).lower == -math.inf

"""The order of turns and the end of warm-up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.measuring.schedule import settled, turn_order

ARMS = st.lists(st.integers(), unique=True, min_size=1, max_size=9)


@given(ARMS, st.integers(0, 100), st.integers(0, 100))
def test_every_arm_takes_one_turn_in_every_round(arms: list[int], turn: int, seed: int) -> None:
    """No arm is left out of a round or takes two turns in it."""
    assert sorted(turn_order(arms, turn, seed)) == sorted(arms)


@given(ARMS, st.integers(0, 100), st.integers(0, 100))
def test_the_second_round_of_a_pair_mirrors_the_first(arms: list[int], pair: int, seed: int) -> None:
    """A drift that is linear over two rounds weighs on every arm alike: A B is followed by B A."""
    assert turn_order(arms, 2 * pair, seed) == turn_order(arms, 2 * pair + 1, seed)[::-1]


def test_orders_differ_between_pairs_of_rounds_and_between_blocks() -> None:
    """Nobody always follows the same neighbour."""
    orders = {tuple(turn_order("abcd", turn, seed)) for turn in range(0, 20, 2) for seed in range(5)}
    assert len(orders) > 12


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], False),
        ([3.0, 1.0], False),
        ([3.0, 2.0, 1.0], False),
        ([3.0, 1.0, 0.99], True),
        ([3.0, 1.0, 1.2], True),
        ([1.0, 1.0, 1.0], True),
    ],
)
def test_an_arm_is_warm_once_it_no_longer_gets_faster(history: list[float], expected: bool) -> None:  # noqa: FBT001
    """Three rounds at least, and a last one that gains less than five per cent on the best before it."""
    assert settled(history) is expected

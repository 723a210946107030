"""When a comparison looks at its data, and what each look may spend."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.judging.looks import FEWEST_ALONE, FIRST_LOOK, Spending, plan_looks


@given(st.integers(FIRST_LOOK, 2000), st.floats(0.001, 0.2))
def test_looks_spend_exactly_what_they_may(maximum: int, alpha: float) -> None:
    """At growing numbers of blocks, the last at the maximum."""
    looks = plan_looks(maximum, alpha)
    counts = [look.blocks for look in looks]
    assert sum(look.level for look in looks) == pytest.approx(alpha)
    assert all(look.level > 0 for look in looks)
    assert counts == sorted(set(counts))
    assert counts[-1] == maximum


@given(st.lists(st.floats(0.1, 60.0), min_size=1, max_size=200), st.floats(30.0, 3600.0))
def test_whatever_time_blocks_take_no_more_than_alpha_is_spent(seconds: list[float], budget: float) -> None:
    """Every look has a level of its own, and the last one gets all that is left."""
    spending, elapsed, levels = Spending(0.01), 0.0, []
    for blocks, each in enumerate(seconds, start=1):
        elapsed += each
        levels.append(spending.due(blocks, elapsed / budget))
    spent = [level for level in levels if level is not None]
    assert all(level > 0.0 for level in spent)
    assert sum(spent) + spending.rest() == pytest.approx(0.01)
    assert spending.rest() == 0.0


def test_no_look_takes_from_the_last_one_what_it_needs() -> None:
    """The last look comes at least a look's growth after the one before it, and may spend in proportion."""
    for maximum in range(FIRST_LOOK + 1, 200):
        looks = plan_looks(maximum, 0.01)
        if len(looks) > 1:
            assert looks[-1].blocks >= looks[-2].blocks * 1.2
            assert looks[-1].level >= 0.01 / 6


def test_there_is_no_look_before_there_are_enough_blocks() -> None:
    """A budget for two blocks decides nothing."""
    assert plan_looks(FIRST_LOOK - 1, 0.01) == ()


@given(st.integers(1, 8), st.integers(1, 60), st.floats(1.01, 4.0))
def test_looks_that_are_late_leave_the_most_for_the_end(first: int, maximum: int, late: float) -> None:
    """After the share ``t`` of the time, ``t**late`` is spent, by very few blocks never more than ``t / 2``.

    No look comes before its first one may.
    """
    spending, levels = Spending(0.05, first=first, late=late), {}
    for blocks in range(1, maximum):
        level = spending.due(blocks, blocks / maximum)
        if level is not None:
            levels[blocks] = level
            assert blocks >= first
            share = blocks / maximum
            due = min(share**late, share / 2) if blocks < FEWEST_ALONE else share**late
            assert sum(levels.values()) == pytest.approx(0.05 * due)
    assert spending.rest() == pytest.approx(0.05 - sum(levels.values()))


def test_looks_at_two_and_three_blocks_leave_most_to_later_ones() -> None:
    """They find large changes; half of what is due, and without an end in sight a tenth of all, is enough for these."""
    looks = {look.blocks: look.level for look in plan_looks(20, 0.01)}
    assert looks[2] == pytest.approx(0.01 * 0.5 * 2 / 20)
    assert looks[2] + looks[3] == pytest.approx(0.01 * 0.5 * 3 / 20)
    assert looks[2] + looks[3] + looks[4] == pytest.approx(0.01 * 4 / 20)
    endless = Spending(0.01)
    levels = [level for blocks in range(1, 5000) if (level := endless.due(blocks, None)) is not None]
    assert levels[:2] == pytest.approx([0.001, 0.001])
    assert levels[2] == max(levels)
    assert sum(levels) < 0.01


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1])
def test_a_probability_that_cannot_be_is_refused(alpha: float) -> None:
    """Whoever may never be wrong, or always, has nothing to spend."""
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
        Spending(alpha)

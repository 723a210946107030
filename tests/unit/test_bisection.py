"""Halving: with checks that are always right it finds every single change, and names only what was confirmed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.judging.bisection import (
    MOVED,
    Bisection,
    Change,
    StoppedError,
    UnusableError,
    change_of,
    most_checks,
    share_of,
)
from fixtures.judging.verdicts import Judgement, margins_of, verdict_of

MARGIN = 0.02
MARGINS = margins_of(MARGIN)


def judged(estimate: float, lower: float, upper: float) -> Judgement:
    """As the gate does."""
    return Judgement(verdict_of(estimate, lower, upper, MARGINS), estimate, lower, upper, 8, 0.001, 0.01)


def truly(difference: float) -> Change:
    """What a check says that knows the truth."""
    return change_of(judged(difference, difference, difference), MARGINS)


def search(levels: list[float], unusable: frozenset[int] = frozenset()) -> Bisection:
    """Among states whose truth is known."""

    def ask(before: int, after: int) -> Change:
        for place in (before, after):
            if place in unusable:
                raise UnusableError(place, "it does not install")
        return truly(levels[after] - levels[before])

    found = Bisection(len(levels), ask)
    found.run()
    return found


@given(st.integers(2, 60), st.data())
def test_a_single_change_is_found_wherever_it_is(states: int, data: st.DataObject) -> None:
    """With what cannot be measured among them: then it is between the neighbours of those that are left."""
    at = data.draw(st.integers(1, states - 1))
    size = data.draw(st.sampled_from([0.021, 0.3, -0.021, -0.3]))
    unusable = frozenset(data.draw(st.sets(st.integers(0, states - 1), max_size=states)))
    levels = [size * (place >= at) for place in range(states)]
    found = search(levels, unusable)
    usable = [place for place in range(states) if place not in unusable]
    if len(usable) < 2:
        assert (found.located, found.between) == ([], None)
        assert "fewer than two" in found.stopped
        return
    assert found.ends == (usable[0], usable[-1])
    if not usable[0] < at <= usable[-1]:
        assert found.between is Change.SAME
        assert found.located == []
        return
    (located,) = found.located
    before = max(place for place in usable if place < at)
    after = min(place for place in usable if place >= at)
    assert (located.before, located.after, located.confirmed) == (before, after, True)
    assert (found.left, found.unchecked, found.stopped) == ([], [], "")
    assert set(found.skipped) <= unusable


@given(st.integers(2, 200), st.data())
def test_one_change_takes_no_more_checks_than_the_error_is_divided_among(states: int, data: st.DataObject) -> None:
    """Also where each first half decides nothing."""
    at = data.draw(st.integers(1, states - 1))
    asked: set[tuple[int, int]] = set()
    open_halves = data.draw(st.sets(st.integers(0, states - 1)))

    def ask(before: int, after: int) -> Change:
        assert (before, after) not in asked
        asked.add((before, after))
        moved = before < at <= after
        return Change.OPEN if not moved and after in open_halves and before else Change.WORSE if moved else Change.SAME

    found = Bisection(states, ask)
    found.run()
    assert len(asked) <= most_checks(states)
    assert found.stopped == ""
    (located,) = found.located
    assert (located.before, located.after) == (at - 1, at)


@given(st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.05, -0.05, 0.3]), min_size=1, max_size=24))
def test_what_is_named_has_changed(steps: list[float]) -> None:
    """Whatever the history: several changes, back and forth."""
    levels = [0.0]
    for step in steps:
        levels.append(levels[-1] + step)
    found = search(levels)
    for located in found.located:
        if located.confirmed:
            assert truly(levels[located.after] - levels[located.before]) is located.change
            assert located.after == located.before + 1
    if truly(levels[-1] - levels[0]) in MOVED and not found.stopped:
        assert found.located or found.left


def test_a_second_change_is_found_too() -> None:
    """One change point is contradicted by what lies beside it."""
    found = search([0.0] * 4 + [0.10] * 4 + [0.15] * 4)
    assert {(one.before, one.after) for one in found.located} == {(3, 4), (7, 8)}


def test_a_change_back_is_found_where_a_half_shows_it() -> None:
    """It was better in between."""
    found = search([0.0] * 3 + [-0.2] * 5 + [0.1] * 4)
    assert {(one.before, one.change) for one in found.located} == {(2, Change.BETTER), (7, Change.WORSE)}


def test_many_small_steps_are_no_release() -> None:
    """The ends differ, and no two neighbours do by the margin."""
    found = search([0.012 * place for place in range(12)])
    assert found.between is Change.WORSE
    assert [one.confirmed for one in found.located] == [False]


def test_what_no_half_decides_is_left_as_an_interval() -> None:
    """It is not guessed."""
    answers = {(0, 8): Change.WORSE, (0, 4): Change.SAME, (4, 6): Change.OPEN, (6, 8): Change.OPEN}
    found = Bisection(9, lambda *pair: answers[pair])
    found.run()
    assert (found.left, found.located, found.stopped) == ([(4, 8)], [], "")


def test_open_ends_are_left_as_they_are() -> None:
    """Nothing is known then."""
    found = Bisection(9, lambda *_: Change.OPEN)
    found.run()
    assert (found.left, found.between) == ([(0, 8)], Change.OPEN)


def test_neighbours_that_stay_open_are_what_is_left() -> None:
    """All else has said that the change is between the two: that must not be lost."""

    def ask(before: int, after: int) -> Change:
        if (before, after) == (3, 4):
            return Change.OPEN
        return Change.WORSE if before <= 3 < after else Change.SAME

    found = Bisection(9, ask)
    found.run()
    assert (found.left, [one.confirmed for one in found.located]) == ([(3, 4)], [False])


def test_what_was_still_to_be_looked_at_is_said_if_a_nested_search_is_stopped() -> None:
    """Both sides of a change that was found."""
    moved = {3: Change.WORSE, 1: Change.BETTER}

    def ask(before: int, after: int) -> Change:
        if (before, after) == (0, 1):
            raise StoppedError("the budget is used up")
        inside = [change for place, change in moved.items() if before < place <= after]
        if (before, after) in ((0, 8), (0, 4)):
            return Change.WORSE
        return inside[0] if inside else Change.SAME

    found = Bisection(9, ask)
    found.run()
    assert found.stopped
    assert (found.located[0].before, found.located[0].after) == (2, 3)
    assert (3, 8) in found.unchecked


@given(st.integers(0, 7))
def test_whatever_ends_a_search_what_is_left_holds_the_change(checks: int) -> None:
    """The budget is used up after any number of checks; a change that was confirmed stays."""
    asked: list[tuple[int, int]] = []

    def ask(before: int, after: int) -> Change:
        if len(asked) == checks:
            raise StoppedError("the budget is used up")
        asked.append((before, after))
        return Change.WORSE if before < 7 <= after else Change.SAME

    found = Bisection(12, ask)
    found.run()
    if found.located:
        assert (found.located[0].before, found.located[0].after) == (6, 7)
    else:
        ((low, high),) = found.left
        assert low < 7 <= high
    assert found.stopped in ("", "the budget is used up")


def test_one_that_could_be_measured_and_now_cannot_ends_the_search() -> None:
    """Nothing is known of its neighbours by that."""

    def ask(before: int, after: int) -> Change:
        if (before, after) != (0, 8):
            raise UnusableError(0, "its worker died")
        return Change.WORSE

    found = Bisection(9, ask)
    found.run()
    assert (found.stopped, found.left, found.skipped) == ("its worker died", [(0, 8)], {})


@pytest.mark.parametrize(
    ("bounds", "change"),
    [
        ((0.01, 0.004, 0.019), Change.SAME),
        ((0.03, 0.004, 0.05), Change.WORSE),
        ((-0.03, -0.05, -0.004), Change.BETTER),
        ((0.0, -0.03, 0.01), Change.OPEN),  # no regression, and yet it may be faster by more than the margin
        ((math.nan, -math.inf, math.inf), Change.OPEN),
    ],
)
def test_a_judgement_is_read_in_both_directions(bounds: tuple[float, float, float], change: Change) -> None:
    """Certainly within the margin either way is the same."""
    assert change_of(judged(*bounds), MARGINS) is change


@given(st.integers(2, 1000), st.integers(0, 20))
def test_shares_add_up_to_the_error_at_most(states: int, attempts: int) -> None:
    """However often a check is made again."""
    spent = sum(share_of(0.01, states, attempt) for attempt in range(attempts + 1))
    assert 0.0 < spent * most_checks(states) <= 0.01 * (1 + 1e-12)

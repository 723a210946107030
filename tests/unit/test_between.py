"""Environments between two: every package moves once, in steps that fit together, as small as a solver allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from fixtures.arms.environments.between import Between, Step

if TYPE_CHECKING:
    from collections.abc import Collection

NAMES = "abcdef"


def solver(pairs: Collection[tuple[str, str]]) -> object:
    """Refuses whatever has one of a pair in another version than the other."""

    def refuses(requirements: Collection[str]) -> str:
        versions = dict(text.split("==") for text in requirements)
        apart = [f"{one} needs {other}" for one, other in pairs if versions[one] != versions[other]]
        return "; ".join(apart)

    return refuses


@given(st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] < pair[1])))
def test_every_state_between_fits_together_and_all_move_once(pairs: set[tuple[str, str]]) -> None:
    """Whatever cannot be parted."""
    both = Between(dict.fromkeys(NAMES, "2"), dict.fromkeys(NAMES, "1"))
    refuses = solver(pairs)
    steps = both.steps(refuses)  # type: ignore[arg-type]
    assert sorted(name for step in steps for name in step.packages) == list(NAMES)
    moved: set[str] = set()
    for step in steps:
        moved |= set(step.packages)
        assert not refuses(both.pins(moved))  # type: ignore[operator]
        assert bool(step.why) == (len(step.packages) > 1)
    if not pairs:
        assert len(steps) == len(NAMES)


def test_two_that_cannot_be_parted_move_together_and_it_is_said_why() -> None:
    """Torch and triton."""
    both = Between({"six": "2", "torch": "2", "triton": "2"}, {"six": "1", "torch": "1", "triton": "1"})
    assert both.steps(solver([("torch", "triton")])) == [  # type: ignore[arg-type]
        Step(("six",)),
        Step(("torch", "triton"), "torch needs triton"),
    ]


def test_what_is_pinned() -> None:
    """A package that only one of both has is pinned where it can be: none is ever removed."""
    both = Between({"kept": "1", "new": "1", "up": "2"}, {"kept": "1", "old": "3", "up": "1"})
    assert (both.movable, both.only_here) == (("old", "up"), ("new",))
    assert set(both.pins(())) == {"old==3", "up==1"}
    assert set(both.pins(("old",))) == {"up==1"}
    assert set(both.pins(("up",))) == {"old==3", "up==2"}

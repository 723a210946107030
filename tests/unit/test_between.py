"""Environments between two: every package moves once, in steps that fit together, as small as a solver allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from fixtures.arms.environments import between
from fixtures.arms.environments.between import Answers, Between, Step

if TYPE_CHECKING:
    from collections.abc import Collection

    import pytest

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


def test_many_that_are_bound_to_one_are_found_with_few_questions() -> None:
    """Sixteen that torch pins, beside others: uv names them, and is not asked for every pair of them."""
    bound = [f"nvidia-{number:02}" for number in range(15)]
    names = [*bound, "torch", "zstandard"]
    asked: list[Collection[str]] = []

    def refuses(requirements: Collection[str]) -> str:
        asked.append(requirements)
        versions = dict(text.split("==") for text in requirements)
        others = {name: "1" for name in bound if versions[name] != versions["torch"]}
        return "; ".join(f"torch=={versions['torch']} depends on {name}=={version}" for name, version in others.items())

    both = Between(dict.fromkeys(names, "2"), dict.fromkeys(names, "1"))
    steps = both.steps(Answers(print, refuses))
    assert [step.packages for step in steps] == [("zstandard",), (*bound, "torch")]
    assert steps[1].why.startswith("torch==1 depends on nvidia-00==1")
    assert len(asked) < 50


def test_three_that_are_bound_together_move_before_the_rest() -> None:
    """No two of them can be moved; neither of the last two can be moved at all before them."""
    pairs = [("a", "b"), ("b", "c"), ("a", "d"), ("d", "e")]

    def refuses(requirements: Collection[str]) -> str:
        versions = dict(text.split("==") for text in requirements)
        apart = [f"{one} needs {other}" for one, other in pairs[:2] if versions[one] != versions[other]]
        apart += [f"{other} needs {one}" for one, other in pairs[2:] if versions[one] == "1" and versions[other] == "2"]
        return "; ".join(apart)

    both = Between(dict.fromkeys("abcde", "2"), dict.fromkeys("abcde", "1"))
    assert [step.packages for step in both.steps(refuses)] == [("a", "b", "c"), ("d",), ("e",)]


def test_nothing_is_asked_twice_and_a_long_search_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blame asks again for what the order of the steps has asked for."""
    lines: list[str] = []
    asked: list[Collection[str]] = []

    def refuses(requirements: Collection[str]) -> str:
        asked.append(requirements)
        return "no" if "a==2" in requirements else ""

    answers = Answers(lines.append, refuses)
    assert [answers(each) for each in (("a==2", "b==1"), ("b==1", "a==2"), ("b==1",))] == ["no", "no", ""]
    assert (len(asked), lines) == (2, [])
    monkeypatch.setattr(between, "_TOLD_SECONDS", -1.0)
    answers(("c==1",))
    assert lines == ["asked uv 3 times so far"]


def test_what_is_pinned() -> None:
    """A package that only one of both has is pinned where it can be: none is ever removed."""
    both = Between({"kept": "1", "new": "1", "up": "2"}, {"kept": "1", "old": "3", "up": "1"})
    assert (both.movable, both.only_here) == (("old", "up"), ("new",))
    assert set(both.pins(())) == {"old==3", "up==1"}
    assert set(both.pins(("old",))) == {"up==1"}
    assert set(both.pins(("up",))) == {"old==3", "up==2"}

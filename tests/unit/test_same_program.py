"""Whether two arms train the same, by the losses of their first steps."""

from __future__ import annotations

import math

import pytest

from fixtures.judging.same_program import same_program, same_training

LOSSES = [2.0 * 0.9**step for step in range(20)]


def shifted(first: int, share: float, growth: float = 1.0) -> list[float]:
    """The same losses, but from one step on off by a share of the first one that grows."""
    return [
        loss + (share * 2.0 * growth ** (step - first) if step >= first else 0.0) for step, loss in enumerate(LOSSES)
    ]


@pytest.mark.parametrize(
    ("other", "kind", "says"),
    [
        (LOSSES, "equal", "first 20 steps are equal to the last bit"),
        (shifted(0, 1e-6), "rounding", "equal within rounding, at most 0.0001 % apart"),
        (shifted(6, 1e-3, 1.1), "drifting", "DRIFTING: from step 7 on"),
        (shifted(0, 1e-3), "different", "DIFFERENT PROGRAMS: the first loss is 2 in the current environment and 2.002"),
    ],
)
def test_two_programs_are_held_against_each_other(other: list[float], kind: str, says: str) -> None:
    """Equal, within rounding, drifting from a step on, or different from the first."""
    found = same_program([LOSSES, LOSSES], [other, other])
    assert found.kind == kind
    assert says in found.sentence


def test_what_two_runs_of_one_arm_differ_by_is_no_difference_between_arms() -> None:
    """It is said beside what the arms differ by, and excuses as much at each step."""
    restless = [LOSSES, shifted(6, 1e-3)]
    found = same_program(restless, [shifted(6, 2e-3)] * 2)
    assert found.kind == "rounding"
    assert "two runs of one environment 0.1 %" in found.sentence
    assert same_program(restless, [shifted(6, 2e-2)] * 2).kind == "drifting"


@pytest.mark.parametrize("side", [0, 1])
def test_without_a_seed_nothing_is_told(side: int) -> None:
    """Two runs that begin differently cannot be held against anything; the sentence says how to mend it."""
    arms = [[LOSSES, LOSSES], [LOSSES, LOSSES]]
    arms[side] = [LOSSES, shifted(0, 0.3)]
    found = same_program(arms[0], arms[1])
    assert found.kind == "untold"
    assert "`seed`" in found.sentence


def test_a_loss_that_vanishes_is_measured_by_the_first_one() -> None:
    """A hundredth of nothing is no drift."""
    assert same_program([[1.0, 1e-9]] * 2, [[1.0, 3e-9]] * 2).kind == "rounding"
    assert same_program([[0.0, 0.0]] * 2, [[0.0]] * 2).kind == "equal"


def test_what_another_seed_does_is_told_beside_it() -> None:
    """So that a drift can be seen for what it is."""
    found = same_program([LOSSES] * 2, [shifted(6, 1e-2)] * 2, shifted(0, 0.2))
    assert found.sentence.endswith("(two runs of one environment 0 %, two seeds 17 %).")


@pytest.mark.parametrize(
    ("losses", "changes", "kind", "words"),
    [
        ((2.3, 2.1), (0.5, -0.2), "equal", "equal to the last bit"),
        ((2.3, 2.1000002), (0.5, -0.2001), "rounding", "at most 8.7e-06 % apart"),
        ((2.3, 2.1), (0.5, -0.25), "drifting", "steps are equal, changes of weights at most 10 % apart"),
        ((2.3, 2.2), (0.5, -0.2), "drifting", "DRIFTING, although parity is proven"),
        ((2.3, math.nan), (0.5, -0.2), "untold", "cannot be told"),
        ((2.3, 2.1), (0.5,), "untold", "cannot be told"),
    ],
)
def test_arms_with_a_reference_are_held_against_each_other_too(
    losses: tuple[float, ...], changes: tuple[float, ...], kind: str, words: str
) -> None:
    """An upgrade that changes what is computed is seen before it is timed; parity has refused what is wrong."""
    found = same_training(((2.3, 2.1), losses), ((0.5, -0.2), changes))
    assert found.kind == kind
    assert words in found.sentence

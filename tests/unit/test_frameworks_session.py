"""A session of frameworks beside each other: who is measured, how often, and until when."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fixtures.judging.measures import TIMED, Measure
from fixtures.judging.ranking import ALPHA, FEWEST_BLOCKS
from fixtures.plugin.recording import standing
from fixtures.sessions.frameworks import REQUIRED_BLOCKS
from tests.asked_frameworks import (
    ACCURACY,
    ALL,
    CLEAR,
    FAST,
    MEMORY,
    NEAR,
    NOISY,
    QUIET,
    SLOW,
    STEP,
    counted,
    measured,
    taking,
)
from tests.scripted_runner import BLOCK_SECONDS, Script


def test_whose_order_is_certain_is_measured_no_more() -> None:
    """Three blocks of steps, of which the first times whole epochs, three of memory, one training of every seed."""
    script = Script(taking(CLEAR))
    questions = measured(script, seeds=2)
    assert script.kinds() == ["steps", "training", "memory", "steps", "training", "memory", "steps", "memory"]
    assert all(request.arms == ALL for request in script.requests)
    places = questions.places[STEP]
    assert list(places) == [FAST, NEAR, SLOW]
    near, slow = places[NEAR].beside_first, places[SLOW].beside_first
    assert near is not None
    assert slow is not None
    assert math.exp(near.estimate) == pytest.approx(1.2, rel=0.02)
    assert near.lower > 0.0
    assert near.resolved
    assert (places[FAST].beside_first, places[SLOW].before) == (None, NEAR)
    assert [len(questions.readings[arm].memories) for arm in ALL] == [3, 3, 3]


def test_two_identical_arms_come_out_as_equal() -> None:
    """From readings to the saved standing: with 1.5 % between blocks, their range holds 1 and lies within 5 %."""
    copy = replace(FAST, tag="copy")
    script = Script(taking({FAST: 1.0, copy: 1.0}, 0.015))
    questions = measured(script, {STEP}, (FAST, copy))
    (second,) = (place for place in questions.places[STEP].values() if place.before)
    found = standing(second)["beside_first"]
    assert found["at_least"] < 1.0 < found["at_most"]
    assert (found["equal"], found["certain"]) == (True, False)
    assert counted(script, copy) < 15


def test_identical_arms_hardly_ever_come_out_in_an_order() -> None:
    """In 200 sessions of noisy blocks, at most one in twenty says so, and what 200 may be off."""
    copy, wrong = replace(FAST, tag="copy"), 0
    for seed in range(200):
        script = Script(taking({FAST: 1.0, copy: 1.0}, 0.024, seed))
        questions = measured(script, {STEP}, (FAST, copy), seconds=8 * BLOCK_SECONDS)
        ranges = [place.beside_first for place in questions.places[STEP].values()]
        wrong += any(one.order_certain for one in ranges if one is not None)
    assert wrong / 200 <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / 200)


def test_whoever_is_close_is_measured_on() -> None:
    """As long as the budget allows; who is far behind in every block is not, and keeps the place that it has."""
    times = {FAST: 1.0, NEAR: 1.01, SLOW: 3.0}
    script = Script(taking(times, NOISY))
    questions = measured(script, {STEP}, seconds=20 * BLOCK_SECONDS)
    assert counted(script, FAST) == counted(script, NEAR) == 20
    assert counted(script, SLOW) == FEWEST_BLOCKS
    behind = questions.places[STEP][SLOW].beside_first
    assert behind is not None
    assert behind.far_behind
    assert behind.blocks == FEWEST_BLOCKS


@pytest.mark.parametrize(("seconds", "blocks"), [(60.0, (3, 1)), (200.0, (13, 2))])
def test_time_that_is_short_is_for_those_who_may_be_first(seconds: float, blocks: tuple[int, int]) -> None:
    """Whoever took three times as long in its only block waits; where there is time, it has a second one."""
    script = Script(taking({FAST: 1.0, NEAR: 1.01, SLOW: 3.0}, NOISY), seconds=lambda one: 7.0 * len(one.arms))
    questions = measured(script, {STEP}, seconds=seconds, required=1)
    assert (counted(script, NEAR), counted(script, SLOW)) == blocks
    behind = questions.places[STEP][SLOW].beside_first
    assert behind is not None
    assert (behind.blocks, behind.far_behind) == (blocks[1], blocks[1] > 1)


def test_a_budget_ends_what_is_not_certain() -> None:
    """With what is known then, judged by all blocks."""
    script = Script(taking({FAST: 1.0, NEAR: 1.0, SLOW: 1.0}, NOISY))
    questions = measured(script, {STEP}, seconds=10 * BLOCK_SECONDS)
    assert len(script.requests) == 10
    blocks = {place.beside_first.blocks for place in questions.places[STEP].values() if place.beside_first}
    assert blocks == {10}


@pytest.mark.parametrize(("required", "expected"), [(REQUIRED_BLOCKS, REQUIRED_BLOCKS), (1, 1)])
def test_some_blocks_are_measured_whatever_the_budget_says(required: int, expected: int) -> None:
    """Three, or the one without which there would be nothing where the user set the budget; memory once anyway."""
    script = Script(taking(CLEAR))
    measured(script, {STEP, MEMORY}, seconds=5.0, required=required)
    assert script.kinds().count("steps") == expected
    assert script.kinds().count("memory") == 1


def test_every_seed_is_trained_whatever_the_budget_says() -> None:
    """Trainings take what they take; each has another seed, the same for all arms."""
    script = Script(taking(CLEAR), seconds=lambda request: 600.0 if request.kind == "training" else BLOCK_SECONDS)
    questions = measured(script, seeds=5, seconds=45.0)
    first = FAST.workload.seed
    seeds = [request.seed for request in script.requests if request.kind == "training"]
    assert seeds == [first, first + 1, first + 2, first + 3, first + 4]
    assert [training.seed for training in questions.readings[SLOW].trainings] == seeds
    assert script.kinds().count("steps") == REQUIRED_BLOCKS


@pytest.mark.parametrize("spread", [QUIET, NOISY])
def test_a_run_of_a_fixed_size_is_of_that_size(spread: float) -> None:
    """However clear or unclear it is; memory is read once, and all is judged at the end."""
    script = Script(taking(CLEAR, spread))
    questions = measured(script, blocks=4)
    assert sorted(script.kinds()) == ["memory", *["steps"] * 4, "training"]
    assert questions.places[STEP][SLOW].beside_first is not None
    assert {len(known.memories) for known in questions.readings.values()} == {1}


def test_whole_epochs_are_timed_where_no_training_does() -> None:
    """In the first block; in all blocks of a fixed number; memory is read with all examples where that is asked for."""
    whole: list[list[bool]] = []
    for options in ({}, {"blocks": 3}, {"measures": tuple(Measure)}):
        script = Script(taking(CLEAR))
        measured(script, **({"measures": TIMED} | options))
        whole.append([request.whole for request in script.requests if request.kind == "steps"])
    assert whole == [[True, False, False], [True, True, True], [False, False, False]]
    script = Script(taking(CLEAR))
    measured(script, {MEMORY}, whole_memory=True)
    assert [request.whole for request in script.requests] == [True] * 3


@pytest.mark.parametrize(
    ("measures", "kinds"),
    [({MEMORY}, ["memory"] * 3), ({ACCURACY}, ["training"]), ({STEP}, ["steps"] * 3), ({Measure.EPOCH}, ["steps"] * 3)],
)
def test_what_nobody_asks_for_is_not_measured(measures: set[Measure], kinds: list[str]) -> None:
    """Only what the selected benchmarks need."""
    script = Script(taking(CLEAR))
    measured(script, measures)
    assert script.kinds() == kinds
    assert {request.measures for request in script.requests} == {frozenset(measures)}

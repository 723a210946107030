"""A session of frameworks beside each other, with stand-ins for its blocks and its clock: who is measured how often."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import TIMED, Measure
from fixtures.judging.ranking import ALPHA, FEWEST_BLOCKS
from fixtures.measuring.readings import ArmReadings
from fixtures.plugin.recording import standing
from fixtures.sessions.budget import Budget
from fixtures.sessions.frameworks import REQUIRED_BLOCKS, Frameworks
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS
from tests.scripted_runner import BLOCK_SECONDS, PARITY, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Any

    from fixtures.measuring.requests import BlockRequest

STEP, MEMORY, ACCURACY = Measure.STEP, Measure.MEMORY, Measure.ACCURACY
FAST, NEAR, SLOW = (Arm(WORKLOADS["digits"], FRAMEWORKS[name], "cpu") for name in ("pytorch", "jax", "tensorflow"))
ALL = (FAST, NEAR, SLOW)
QUIET, NOISY = 0.0003, 0.1
DIED = WorkerError("the worker died", "died", "its last words")


def taking(times: Mapping[Arm, float], spread: float = QUIET, seed: int = 0) -> Callable[[Arm, int, Measure], float]:
    """Readings of independent blocks: these times what the fastest takes, in every measure."""

    def reading(arm: Arm, number: int, measure: Measure) -> float:
        noise = random.Random(f"{arm.identifier} {number} {measure} {seed}").gauss(0.0, spread)  # noqa: S311
        return times[arm] * math.exp(noise)

    return reading


CLEAR = {FAST: 1.0, NEAR: 1.2, SLOW: 1.4}


def measured(
    script: Script,
    measures: Collection[Measure] = tuple(Measure),
    arms: Collection[Arm] = ALL,
    *,
    seconds: float = 120.0,
    blocks: int | None = None,
    seeds: int = 1,
    **options: Any,
) -> Frameworks:
    """What a session came to: of a fixed number of blocks, or as long as it takes."""
    readings = {arm: ArmReadings(arm) for arm in arms}
    questions = Frameworks(readings, frozenset(measures), seeds, blocks, **options)
    budget = Budget(seconds, ALPHA, FEWEST_BLOCKS, late=3.0, trainings_exempt=True)
    script.session(questions, Budget(None, ALPHA, 10**9) if blocks else budget)
    return questions


def counted(script: Script, arm: Arm, kind: str = "steps") -> int:
    """Blocks that an arm took part in."""
    return sum(arm in request.arms for request in script.requests if request.kind == kind)


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


def failing(
    kind: str, at: int, error: WorkerError = DIED
) -> Callable[[Script, BlockRequest, int], Mapping[Arm, WorkerError] | None]:
    """The second arm's worker, in the block of this kind and number."""
    return lambda _, request, number: {NEAR: error} if (request.kind, number) == (kind, at) else None


@pytest.mark.parametrize(
    ("kind", "lost"), [("steps", set(TIMED)), ("memory", {MEMORY}), ("training", {ACCURACY})], ids=str
)
def test_a_worker_that_fails_costs_its_kind_of_measure(kind: str, lost: set[Measure]) -> None:
    """Of its arm, which is measured on in what is left; the others are ranked without it."""
    script = Script(taking(CLEAR), failing(kind, 0))
    questions = measured(script, seeds=2)
    assert set(questions.readings[NEAR].failures) == lost
    assert {failure.detail for failure in questions.readings[NEAR].failures.values()} == {"its last words"}
    assert all(questions.readings[arm].failures == {} for arm in (FAST, SLOW))
    assert counted(script, NEAR, kind) == 1
    assert all(counted(script, NEAR, other) > 1 for other in {"steps", "memory", "training"} - {kind})
    ranked = MEMORY if kind == "memory" else STEP
    assert (NEAR in questions.places[ranked]) == (ranked not in lost)
    assert {FAST, SLOW} <= questions.places[ranked].keys()


def test_an_arm_that_trains_something_else_publishes_nothing() -> None:
    """Whether that is seen before anything is timed or in a block of any kind."""
    differs = WorkerError("parity failed", "parity")
    for script in (
        Script(taking(CLEAR), unproven={NEAR: differs}),
        Script(taking(CLEAR), failing("memory", 0, differs)),
    ):
        questions = measured(script)
        assert set(questions.readings[NEAR].failures) == set(Measure)
        assert NEAR not in questions.places[STEP]
        assert counted(script, SLOW) >= REQUIRED_BLOCKS


def test_a_device_that_is_not_there_is_no_failure() -> None:
    """It says so; the rest is measured, and so is what another environment could be built for."""
    absent = WorkerError("no GPU", "DeviceUnavailableError")
    script = Script(taking(CLEAR), unproven={NEAR: absent})
    questions = measured(script)
    assert (questions.readings[NEAR].unavailable, questions.readings[NEAR].failures) == ("no GPU", {})
    assert {request.arms for request in script.requests} == {(FAST, SLOW)}


def test_what_the_proofs_tell_is_kept() -> None:
    """The version of each framework, and that it trains what the reference does."""
    known = measured(Script(taking(CLEAR))).readings[FAST]
    assert (known.framework_version, known.parity) == ("2", PARITY)


def test_one_arm_has_nobody_beside_it() -> None:
    """Three blocks, which tell how much its processes differ."""
    script = Script(taking({FAST: 1.0}, NOISY))
    questions = measured(script, {STEP, MEMORY}, (FAST,))
    assert script.kinds().count("steps") == REQUIRED_BLOCKS
    assert questions.places == {}
    assert questions.state() == ""


def test_an_interruption_keeps_and_ranks_what_was_read() -> None:
    """The block that was cut short has no value."""

    def interrupts(_: Script, __: BlockRequest, number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    questions = measured(Script(taking(CLEAR), interrupts), {STEP})
    assert [len(questions.readings[arm].processes) for arm in ALL] == [2, 2, 2]
    last = questions.places[STEP][SLOW].beside_first
    assert last is not None
    assert last.blocks == 2


def test_void_blocks_are_told_and_leave_no_range() -> None:
    """Their times do not count beside other arms'; blocks are measured as long as there is time. Memory is no time."""
    script = Script(taking(CLEAR), disturbed=True)
    questions = measured(script, {STEP, MEMORY}, seconds=12 * BLOCK_SECONDS)
    assert STEP not in questions.places
    assert list(questions.places[MEMORY]) == [FAST, NEAR, SLOW]
    assert script.kinds() == ["steps", "memory"] * 3 + ["steps"] * 6
    assert questions.readings[FAST].void == ["the hypervisor withheld 90% of a core"] * 9


def test_time_that_is_left_after_long_first_rounds_is_used() -> None:
    """Where three of them took most of the time, no look came after them, and nothing is certain yet."""
    script = Script(
        taking({FAST: 1.0, NEAR: 1.0, SLOW: 1.0}, NOISY),
        seconds=lambda request: 20.0 if request.kind == "memory" else BLOCK_SECONDS,
    )
    measured(script, {STEP, MEMORY}, seconds=115.0)
    assert script.kinds().count("steps") == 5


def test_the_narrowest_range_of_all_looks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them hold; another arm that is first changes it all the same."""
    times = {FAST: 1.0, NEAR: 1.0, SLOW: 1.3}
    questions = measured(Script(taking(times)), {STEP}, blocks=4)
    told = dict(questions.places[STEP])
    questions.look(1e-9)
    assert questions.places[STEP] == told
    # What was last is first now, and takes much less than the others.
    monkeypatch.setattr(questions, "values", lambda one, other, _: [float((one != SLOW) - (other != SLOW))] * 4)
    questions.look(1e-9)
    assert questions.places[STEP][SLOW].beside_first is None
    assert {place.first for place in questions.places[STEP].values()} == {SLOW}


def test_progress_tells_how_many_ranges_are_narrow_enough() -> None:
    """Of those that somebody asked for: trainings read epochs and first steps too. Fixed runs count their blocks."""
    script = Script(taking({FAST: 1.0, NEAR: 1.0, SLOW: 1.3}, NOISY))
    questions = measured(script, {STEP, ACCURACY}, seconds=60.0)
    states = [phase.split(" | ")[1] for phase, _ in script.phases[1:]]
    assert states[0] == "0 of 2 ranges narrow enough"
    assert questions.state() in {f"{number} of 2 ranges narrow enough" for number in range(3)}
    script = Script(taking(CLEAR))
    assert measured(script, {STEP, ACCURACY}).state() == "2 of 2 ranges narrow enough"
    script = Script(taking(CLEAR))
    measured(script, {STEP}, blocks=2)
    assert [phase.split(" | ")[1] for phase, _ in script.phases[1:]] == [
        "0 of 2 blocks of steps",
        "1 of 2 blocks of steps",
    ]


def test_a_standing_travels_as_json() -> None:
    """How many times the first one's figure, and that of the one before; without a range from a single block."""
    places = measured(Script(taking(CLEAR)), {STEP}).places[STEP]
    assert standing(places[FAST]) == {"first": FAST.identifier}
    found = json.loads(json.dumps(standing(places[SLOW]), allow_nan=False))
    assert found["first"] == found["beside_first"]["arm"] == FAST.identifier
    assert found["beside_before"]["arm"] == NEAR.identifier
    assert found["beside_first"]["times"] == pytest.approx(1.4, rel=0.02)
    assert 1.3 < found["beside_first"]["at_least"] < found["beside_first"]["times"] < found["beside_first"]["at_most"]
    assert (found["beside_first"]["certain"], found["beside_first"]["equal"]) == (True, False)
    alone = measured(Script(taking(CLEAR)), {STEP}, blocks=1).places[STEP]
    found = json.loads(json.dumps(standing(alone[SLOW]), allow_nan=False))
    assert (found["beside_first"]["at_least"], found["beside_first"]["at_most"]) == (None, None)
    assert (found["beside_first"]["blocks"], found["beside_first"]["certain"]) == (1, False)

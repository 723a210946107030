"""A session of frameworks that meets failures, void blocks and interruptions, and what it tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fixtures.judging.measures import TIMED, Measure
from fixtures.judging.ranking import Beside, Place
from fixtures.plugin.recording import standing
from fixtures.sessions.frameworks import REQUIRED_BLOCKS
from fixtures.workers.parent import WorkerError
from tests.asked_frameworks import (
    ACCURACY,
    ALL,
    CLEAR,
    DIED,
    FAST,
    MEMORY,
    NEAR,
    NOISY,
    SLOW,
    STEP,
    counted,
    measured,
    taking,
)
from tests.scripted_runner import BLOCK_SECONDS, PARITY, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fixtures.arms.arm import Arm
    from fixtures.measuring.requests import BlockRequest


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


def test_a_range_that_fits_no_float_is_none() -> None:
    """Two processes of which one took many times as long are no reason to lose the figures."""
    wild = Beside(0.1, -900.0, 900.0, 2, -0.3)
    found = json.loads(json.dumps(standing(Place(FAST, wild, FAST, wild)), allow_nan=False))
    assert (found["beside_first"]["at_least"], found["beside_before"]["at_most"]) == (None, None)
    assert found["beside_first"]["blocks"] == 2


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

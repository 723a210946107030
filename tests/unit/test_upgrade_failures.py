"""A session of comparisons that meets failures, interruptions, or blocks that say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.judging.measures import Measure
from fixtures.judging.verdicts import Verdict
from fixtures.sessions.unanswered import seconds_needed
from fixtures.sessions.upgrade import HOPELESS_BLOCKS, Upgrade
from tests.asked_upgrades import (
    ACCURACY,
    ALTERNATING,
    DIED,
    DIFFERS,
    MARGINS,
    MEMORY,
    ONE,
    OTHER,
    STEP,
    compare,
    dies,
    differing,
    noisy,
)
from tests.scripted_runner import BLOCK_SECONDS, Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.arms.arm import Arm
    from fixtures.measuring.readings import ArmBlock
    from fixtures.measuring.requests import BlockRequest
    from fixtures.workers.parent import WorkerError


def test_a_late_failure_leaves_earlier_verdicts_alone() -> None:
    """Only what was still open fails."""

    def value(_: Arm, number: int, measure: Measure) -> float:
        return 0.1 + 0.001 * (number % 2) if measure is STEP else 0.5 * (number % 2)

    asked = {ONE: {STEP, Measure.EPOCH}}
    readings = compare(Script(differing(value), dies(12)), 1000.0, asked)[0][ONE]
    assert readings.judgements[STEP].verdict is Verdict.REGRESSION
    assert set(readings.failures) == {Measure.EPOCH}


@pytest.mark.parametrize(
    ("error", "lost"), [(DIED, {MEMORY}), (DIFFERS, {STEP, MEMORY, ACCURACY})], ids=["died", "parity"]
)
def test_a_failure_costs_its_kind_of_measure(error: WorkerError, lost: set[Measure]) -> None:
    """A worker that dies while memory is read leaves steps to be timed; one that trains something else costs all."""
    script = Script(noisy(0.0, 0.2), dies(1, "memory", error))
    readings = compare(script, 300.0, {ONE: {STEP, MEMORY, ACCURACY}, OTHER: {STEP}})[0]
    assert set(readings[ONE].failures) == lost
    assert readings[OTHER].failures == {}
    kinds = [request.kind for request in script.requests if request.arms == ONE.arms]
    assert kinds.count("memory") == 2
    assert (kinds.count("steps") > 4) == (STEP not in lost)
    assert "FAILED " + error.cause in script.notes


def test_what_was_read_before_a_failure_is_judged() -> None:
    """With all error that is left, for nothing more comes; the failure stays one, with the worker's last words."""
    readings = compare(Script(ALTERNATING, dies(7)), 1000.0, {ONE: {STEP}})[0][ONE]
    assert {measure: failure.detail for measure, failure in readings.failures.items()} == {STEP: "its last words"}
    assert readings.judgements[STEP].blocks == 7
    assert readings.judgements[STEP].level >= 0.009


def test_a_failure_at_once_leaves_nothing_to_judge() -> None:
    """No figures are shown beside it."""
    readings = compare(Script(noisy(0.0, 0.1), dies(0)), 1000.0, {ONE: {STEP}})[0][ONE]
    assert set(readings.failures) == {STEP}
    assert readings.judgements == {}


def test_time_that_ran_out_in_the_first_round_still_plans_the_next_run() -> None:
    """By the block that was measured, for each comparison."""
    script = Script(noisy(0.0, 0.2))
    found, session = compare(script, 15.0, {ONE: {STEP}, OTHER: {STEP}})
    assert len(script.requests) == 1
    found[ONE].elapsed_seconds, found[ONE].round_seconds = session.elapsed_seconds, session.round_seconds
    needed = seconds_needed(found[ONE], STEP, MARGINS[STEP])
    assert needed == BLOCK_SECONDS + 3 * 2 * BLOCK_SECONDS


def interrupts(at: int) -> Callable[[Script, BlockRequest, int], None]:
    """Ctrl-C in the block of this number."""

    def happens(_: Script, __: BlockRequest, number: int) -> None:
        if number == at:
            raise KeyboardInterrupt

    return happens


def test_an_interrupted_run_is_judged_by_what_is_complete() -> None:
    """The block that was cut short has no value; the error that is left is spent on the others."""
    found, session = compare(Script(ALTERNATING, interrupts(5)), 1000.0, {ONE: {STEP}})
    assert session.interrupted
    assert [block.complete for block in found[ONE].blocks] == [True] * 5 + [False]
    assert found[ONE].judgements[STEP].blocks == 5
    assert found[ONE].judgements[STEP].level >= 0.009


def test_a_run_interrupted_at_once_is_inconclusive() -> None:
    """Not an error."""
    found, _ = compare(Script(noisy(0.0, 0.1), interrupts(0)), 100.0, {ONE: {STEP}})
    assert found[ONE].judgements[STEP].verdict is Verdict.INCONCLUSIVE


def test_a_run_without_an_end_gives_up_what_gets_no_value() -> None:
    """Every block void: it says so and ends."""
    script = Script(noisy(0.0, 0.001), disturbed=True)
    found, _ = compare(script, None, {ONE: {STEP}})
    assert len(found[ONE].blocks) == HOPELESS_BLOCKS
    assert found[ONE].judgements[STEP].verdict is Verdict.INCONCLUSIVE
    assert any("given up" in note and "withheld 90% of a core" in note for note in script.notes)


class Forgetful(Script):
    """Reads no memory, and says nothing of it."""

    def _read(self, request: BlockRequest, arm: Arm, number: int) -> ArmBlock:
        read = super()._read(request, arm, number)
        read.memory = None
        return read


def test_a_run_without_an_end_gives_up_what_is_never_read() -> None:
    """Blocks that hold no readings of a measure, and no failure either; others are measured until they are decided."""
    script = Forgetful(noisy(0.0, 0.02))
    found, _ = compare(script, None, {ONE: {MEMORY, STEP}})
    assert script.kinds().count("memory") == HOPELESS_BLOCKS
    assert script.kinds().count("steps") > HOPELESS_BLOCKS
    assert found[ONE].judgements[STEP].verdict is Verdict.NO_REGRESSION
    assert any("memory is given up" in note and "nothing was read" in note for note in script.notes)


def test_a_run_until_decided_goes_on_until_it_is() -> None:
    """However long that takes."""
    found, _ = compare(Script(noisy(0.0, 0.05)), None, {ONE: {STEP}})
    assert found[ONE].judgements[STEP].verdict is not Verdict.INCONCLUSIVE
    assert len(found[ONE].blocks) > 8


def test_what_is_decided_is_measured_no_more() -> None:
    """The time is left to the others, also to other kinds of measure of the same comparison."""
    undecided = noisy(0.0, 0.3)

    def reading(arm: Arm, number: int, measure: Measure) -> float:
        certain = arm.framework == ONE.candidate.framework and measure is STEP
        return (
            differing(lambda *_: 0.5 + number * 1e-4)(arm, number, measure)
            if certain
            else undecided(arm, number, measure)
        )

    script = Script(reading)
    found, _ = compare(script, 300.0, {ONE: {STEP, MEMORY}, OTHER: {STEP}})
    assert found[ONE].judgements[STEP].verdict is Verdict.REGRESSION
    assert len(found[OTHER].read(STEP)) > 2 * len(found[ONE].read(STEP))
    assert len(found[ONE].read(MEMORY)) > 2 * len(found[ONE].read(STEP))
    assert f"{ONE.identifier}: step: regression" in script.notes


def test_progress_tells_what_is_decided_and_what_is_open() -> None:
    """With each block; of many open measures, the first few are named, each once; what failed is neither."""
    many = Upgrade({ONE: set(Measure), OTHER: {STEP}}, MARGINS, print, endless=False)
    assert many.state() == "0 of 6 decided, open: accuracy, epoch, first_step and 2 more"
    script = Script(
        differing(lambda _, number, measure: 0.5 * (number % 2 if measure is ACCURACY else 1 + 1e-4 * number)),
        dies(1, "memory"),
    )
    compare(script, 300.0, {ONE: {STEP, MEMORY}, OTHER: {STEP, ACCURACY}})
    states = [phase.split(" | ")[1] for phase, _ in script.phases[1:]]
    assert list(dict.fromkeys(states)) == [
        "0 of 4 decided, open: accuracy, memory, step",
        "0 of 4 decided, open: accuracy, step",
        "2 of 4 decided, open: accuracy",
    ]


def test_what_is_given_up_is_not_decided() -> None:
    """Nor open."""
    script = Forgetful(noisy(0.0, 0.02))
    compare(script, None, {ONE: {MEMORY, STEP}})
    assert "| 0 of 2 decided, open: step |" in script.phases[-1][0]


def test_programs_that_differ_from_the_first_step_are_not_timed() -> None:
    """Unless the user says so; the sentence that says it is told either way, and of equal ones too."""
    script = Script(noisy(0.0, 0.001), losses=lambda arm: [(2.0, 1.0) if arm.tag else (3.0, 1.0)] * 2)
    readings, _ = compare(script, 60.0, {ONE: {STEP, MEMORY}})
    assert not script.requests
    assert set(readings[ONE].failures) == {STEP, MEMORY}
    assert "DIFFERENT PROGRAMS: the first loss is 3" in readings[ONE].failures[STEP].cause
    assert "--allow-different-losses" in readings[ONE].failures[STEP].cause
    allowed, _ = compare(script, 60.0, {ONE: {STEP}}, allow_different=True)
    assert allowed[ONE].judgements[STEP].verdict is Verdict.NO_REGRESSION
    same = Script(noisy(0.0, 0.001), losses=lambda _: [(2.0, 1.0)] * 2)
    assert not compare(same, 60.0, {ONE: {STEP}})[0][ONE].failures
    assert any("equal to the last bit" in note for note in same.notes)

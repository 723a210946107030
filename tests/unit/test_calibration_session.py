"""In which order a calibration measures, and what it does about void blocks, failures and Ctrl-C."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Copied
from fixtures.judging.measures import Measure
from fixtures.judging.verdicts import ALPHA
from fixtures.sessions.budget import Budget
from fixtures.sessions.calibration import HANDICAPS, Calibration, in_turn
from fixtures.sessions.comparisons import Comparison
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS
from tests.scripted_runner import Script

if TYPE_CHECKING:
    from collections.abc import Collection

    from fixtures.measuring.readings import BlockReadings
    from fixtures.measuring.requests import BlockRequest
    from fixtures.sessions.session import Session

ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")
EQUAL = Comparison(ARM, replace(ARM, source=Copied(), tag="copy"))
DIED = WorkerError("the worker died", "died")


class Busy(Script):
    """A machine on which some blocks of equal arms are void.

    Args:
        void: their numbers.
    """

    def __init__(self, void: Collection[int]) -> None:
        super().__init__()
        self._void = void

    def run(self, request: BlockRequest) -> tuple[BlockReadings, dict[Arm, WorkerError]]:
        """A block, which is void or not."""
        self._disturbed = not handicap(request) and self._number(request) in self._void
        return super().run(request)


def handicap(request: BlockRequest) -> float:
    """Of the candidate of a block."""
    return request.arms[0].handicap


def calibrated(script: Script, blocks: int) -> tuple[Calibration, Session]:
    """What a session came to."""
    questions = Calibration(EQUAL, blocks, script.note)
    return questions, script.session(questions, Budget(None, ALPHA))


def test_slowdowns_are_measured_among_equal_arms() -> None:
    """A tenth as many blocks of each as of equal arms, from the beginning to the end."""
    half = [0.0, 0.0, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0, 0.02, 0.0, 0.0, 0.0]
    assert list(in_turn({0.0: 20, 0.01: 2, 0.02: 2})) == half * 2


@pytest.mark.parametrize("blocks", [4, 5, 7, 39, 40, 90])
def test_every_slowdown_has_its_blocks(blocks: int) -> None:
    """However many there are of equal arms; each with its planted work on one side, and a tag of its own on both."""
    script = Script()
    questions, _ = calibrated(script, blocks)
    wanted = {0.0: blocks} | dict.fromkeys(HANDICAPS, max(1, blocks // 10))
    assert {slowdown: len(found) for slowdown, found in questions.blocks.items()} == wanted
    assert [handicap(request) for request in script.requests] == list(in_turn(wanted))
    assert {request.arms[1].handicap for request in script.requests} == {0.0}
    assert len({arm for request in script.requests for arm in request.arms}) == 2 * len(wanted)
    assert {request.measures for request in script.requests} == {frozenset({Measure.STEP})}


def test_arms_are_proven_before_anything_is_measured() -> None:
    """All that take part; which versions they are is kept."""
    script = Script()
    questions, _ = calibrated(script, 4)
    assert script.proven == questions.arms()
    assert questions.versions == ("1", "1")


def test_void_blocks_are_replaced() -> None:
    """As many count as were asked for, also where a replacement is void; nothing is to be said of it."""
    script = Busy({0, 5, 10})
    questions, _ = calibrated(script, 10)
    assert len(questions.blocks[0.0]) == 13
    assert [handicap(request) for request in script.requests[-3:]] == [0.0, 0.0, 0.0]
    assert "0% slower, block 11 of 10, for a void one" in script.notes
    assert not any("only" in line for line in script.notes)


def test_on_a_busy_machine_void_blocks_are_not_replaced_for_ever() -> None:
    """Half as many again, and then it is said what is lacking."""
    script = Busy(range(100))
    questions, _ = calibrated(script, 10)
    assert len(questions.blocks[0.0]) == 15
    assert script.notes[-1] == (
        "0% slower: only 0 of 10 blocks count, and 15 were measured: the machine was too busy for more"
    )


def test_a_failure_ends_a_calibration_and_keeps_what_was_measured() -> None:
    """It is handed back, not raised: what was measured before is saved first."""
    script = Script(happens=lambda _, request, __: {request.arms[0]: DIED} if handicap(request) == 0.01 else None)
    questions, _ = calibrated(script, 10)
    assert questions.failure is DIED
    assert handicap(script.requests[-1]) == 0.01
    assert len(questions.blocks[0.0]) > 0
    assert [block.value(Measure.STEP) for block in questions.blocks[0.01]] == [None]


@pytest.mark.parametrize("copy", [False, True], ids=["candidate", "baseline"])
def test_an_arm_that_cannot_be_proven_is_not_calibrated(*, copy: bool) -> None:
    """Nothing is measured, and the reason is handed back."""
    arms = Calibration(EQUAL, 10, print).compared[0.0].arms
    script = Script(unproven={arms[copy]: DIED})
    questions, _ = calibrated(script, 10)
    assert questions.failure is DIED
    assert script.requests == []


def test_an_interruption_keeps_what_was_measured() -> None:
    """And what was cut short counts for nothing."""

    def interrupts(script: Script, _: BlockRequest, __: int) -> None:
        if len(script.requests) == 6:
            raise KeyboardInterrupt

    questions, session = calibrated(Script(happens=interrupts), 10)
    blocks = [block for found in questions.blocks.values() for block in found]
    assert session.interrupted
    assert sorted(block.counts(Measure.STEP) for block in blocks) == [False, *[True] * 5]
    assert questions.failure is None


def test_progress_tells_how_many_blocks_are_measured() -> None:
    """Of those that are wanted, and which comes next."""
    script = Script()
    calibrated(script, 10)
    assert script.phases[3][0].split(" | ")[1] == "2 of 15 blocks"
    assert script.notes[:2] == ["0% slower, block 1 of 10", "0% slower, block 2 of 10"]

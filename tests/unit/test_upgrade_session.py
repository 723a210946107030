"""A session of comparisons: looks, interleaving, kinds of block, and when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.judging.measures import Measure
from fixtures.judging.verdicts import Verdict
from fixtures.workers.parent import WorkerError
from tests.asked_upgrades import (
    ACCURACY,
    DIFFERS,
    MEMORY,
    ONE,
    OTHER,
    STEP,
    compare,
    comparison,
    noisy,
)
from tests.scripted_runner import BLOCK_SECONDS, PARITY, Script

if TYPE_CHECKING:
    from fixtures.arms.arm import Arm
    from fixtures.measuring.requests import BlockRequest


def test_comparisons_take_turns() -> None:
    """So that a drift of the machine meets them all."""
    script = Script(noisy(0.01, 0.2))
    compare(script, 100.0, {ONE: {STEP}, OTHER: {STEP}})
    assert [request.arms for request in script.requests] == [ONE.arms, OTHER.arms] * 5


def test_each_kind_of_measure_has_blocks_of_its_own() -> None:
    """Steps, epochs and first steps are read together, memory and trainings by themselves, in turns."""
    script = Script(noisy(0.01, 0.2))
    readings, _ = compare(script, 70.0, {ONE: set(Measure)})
    timed = frozenset({STEP, Measure.EPOCH, Measure.FIRST_STEP})
    kinds = [timed, frozenset({MEMORY}), frozenset({ACCURACY})]
    assert [request.measures for request in script.requests] == [*kinds * 2, timed]
    read = {measure: len(readings[ONE].read(measure)) for measure in Measure}
    # A training begins with a first step, and its epochs are epochs.
    assert read == {STEP: 3, Measure.EPOCH: 3, Measure.FIRST_STEP: 3, MEMORY: 2, ACCURACY: 2}


def test_every_training_of_a_comparison_has_another_seed() -> None:
    """From the workload's own on, whatever else is measured in between, and for each comparison."""
    script = Script(noisy(0.01, 0.2))
    compare(script, 120.0, {ONE: {STEP, ACCURACY}, OTHER: {ACCURACY}})
    first = ONE.candidate.workload.seed
    for one in (ONE, OTHER):
        seeds = [request.seed for request in script.requests if (request.arms, request.kind) == (one.arms, "training")]
        assert seeds == [first, first + 1, first + 2, first + 3]


def test_what_the_proofs_tell_is_kept() -> None:
    """Which versions are compared, how much each start compiles, and that they train the same; proven once."""
    script = Script(noisy(0.0, 0.01))
    readings, session = compare(script, 100.0, {ONE: {STEP}, OTHER: {STEP}})
    assert script.proven == [*ONE.arms, *OTHER.arms]
    assert readings[ONE].versions == ("2", "1")
    assert readings[ONE].uncompiled == (0, 1432)
    assert readings[ONE].parity is PARITY
    assert session.elapsed_seconds == BLOCK_SECONDS * len(script.requests)


@pytest.mark.parametrize("unproven", ONE.arms, ids=["candidate", "baseline"])
def test_a_comparison_of_which_one_arm_cannot_be_proven_is_lost(unproven: Arm) -> None:
    """Whole, with its reason; the others go on."""
    script = Script(noisy(0.1, 0.001), unproven={unproven: DIFFERS})
    readings, _ = compare(script, 1000.0, {ONE: {STEP, MEMORY}, OTHER: {STEP}})
    assert {measure: failure.cause for measure, failure in readings[ONE].failures.items()} == dict.fromkeys(
        (STEP, MEMORY), "parity failed"
    )
    assert readings[ONE].judgements == {}
    assert readings[OTHER].judgements[STEP].verdict is Verdict.REGRESSION
    assert {request.arms for request in script.requests} == {OTHER.arms}


def test_a_device_that_is_not_there_is_no_failure_alone() -> None:
    """It is said why nothing could be measured."""
    absent = WorkerError("no GPU", "DeviceUnavailableError")
    readings, _ = compare(Script(unproven={ONE.candidate: absent}), 100.0, {ONE: {STEP}})
    assert readings[ONE].unavailable == "no GPU"


def test_a_budget_is_kept_within_a_round_too() -> None:
    """The time is looked at before each comparison's block, also in the first round."""
    script = Script(noisy(0.0, 0.2))
    readings, _ = compare(script, 25.0, {ONE: {STEP}, OTHER: {STEP}, comparison("tensorflow"): {STEP}})
    assert [request.arms for request in script.requests] == [ONE.arms, OTHER.arms]
    assert all(one.judgements[STEP].verdict is Verdict.INCONCLUSIVE for one in readings.values())
    assert any("give --budget 2m" in note for note in script.notes)


@pytest.mark.parametrize("blocks", range(4, 40))
def test_a_last_look_never_forgets_what_was_known(blocks: int) -> None:
    """Whatever time there is, the bounds that are kept are those of all blocks, at a level worth having."""
    readings, _ = compare(Script(noisy(0.015, 0.05)), blocks * BLOCK_SECONDS, {ONE: {STEP}})
    judgement = readings[ONE].judgements[STEP]
    assert judgement.level >= 0.01 / 8
    assert judgement.upper - judgement.lower < 16 * judgement.standard_error
    if judgement.verdict is Verdict.INCONCLUSIVE:
        assert judgement.blocks == blocks


def test_blocks_that_turn_out_quicker_are_of_use() -> None:
    """What was slow at first does not plan the rest: there are looks as long as there is time."""

    def quicker(script: Script, _: BlockRequest, number: int) -> None:
        if number:
            script.now -= 0.8 * BLOCK_SECONDS

    readings, _ = compare(Script(noisy(0.015, 0.03), quicker), 100.0, {ONE: {STEP}})
    judgement = readings[ONE].judgements[STEP]
    assert judgement.blocks > 20
    assert judgement.blocks == len(readings[ONE].blocks)

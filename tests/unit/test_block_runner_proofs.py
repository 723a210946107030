"""A block runner with real blocks, whose workers answer in this process as the reference does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.measuring.arm_process import ParityError
from fixtures.measuring.block_runner import BlockRunner, Interrupted
from fixtures.measuring.progress import Progress
from fixtures.measuring.requests import BlockRequest
from fixtures.measuring.schedule import Effort
from fixtures.plugin.display import PlainDisplay
from models.registry import FRAMEWORKS
from tests.stand_in_worker import ARM as REAL
from tests.stand_in_worker import WORKLOAD, Stage, small_setting

if TYPE_CHECKING:
    from pathlib import Path


TIMED = frozenset({Measure.STEP, Measure.EPOCH, Measure.FIRST_STEP})
MEMORY, ACCURACY = frozenset({Measure.MEMORY}), frozenset({Measure.ACCURACY})
REAL_OTHER = Arm(WORKLOAD, FRAMEWORKS["tensorflow"], "cpu")
SHORT = Effort(bursts=2, maximum_warm_up_rounds=1, epochs=1)


@pytest.fixture
def real(tmp_path: Path) -> BlockRunner:
    """Of arms that take turns."""
    return BlockRunner(small_setting(tmp_path), SHORT, "alternating", Progress(PlainDisplay(lambda _: None)))


def test_a_run_proves_each_arm_once_and_holds_every_later_process_against_that(real: BlockRunner, stage: Stage) -> None:
    """Whatever kind of block it is in."""
    arms = REAL, REAL_OTHER
    real.prove(arms)
    assert len(stage.proven()) == 2
    for measures in (TIMED, TIMED, MEMORY, ACCURACY):
        block, failures = real.run(BlockRequest(arms, measures, seed=7 if measures is ACCURACY else None))
        assert failures == {}
        for read in block.arms.values():
            assert read.memory is not None or (read.process is not None and read.process.proven)
            assert (read.training is not None) == (measures is ACCURACY)
    assert len(stage.proven()) == 2
    assert sorted(stage.closed) == sorted({name for name, _ in stage.asked})


@pytest.mark.parametrize("measures", [TIMED, MEMORY, ACCURACY], ids=["steps", "memory", "training"])
def test_a_later_process_that_trains_something_else_loses_its_arm_alone(
    real: BlockRunner, stage: Stage, measures: frozenset[Measure]
) -> None:
    """Its own readings never come out of the block; the other's do."""
    arms = REAL, REAL_OTHER
    real.prove(arms)
    stage.rates[f"{REAL_OTHER.identifier} {'memory' if measures is MEMORY else 'process'}-1"] = 1.5
    block, failures = real.run(BlockRequest(arms, measures, seed=7))
    assert list(failures) == [REAL_OTHER]
    assert isinstance(failures[REAL_OTHER], ParityError)
    lost, kept = block.arms[REAL_OTHER], block.arms[REAL]
    assert (lost.process, lost.training, lost.memory) == (None, None, None)
    assert kept.process is not None or kept.memory is not None
    assert len(stage.proven()) == 3


def test_a_process_that_was_interrupted_before_its_proof_does_not_count(real: BlockRunner, stage: Stage) -> None:
    """Although it has taken its first step."""
    real.prove([REAL])
    stage.raises["process-1", "TakeFingerprint"] = KeyboardInterrupt()
    with pytest.raises(Interrupted) as interruption:
        real.run(BlockRequest((REAL,), TIMED))
    block = interruption.value.block
    assert list(block.phases) == ["start", "first step"]
    assert block.arms[REAL].process is None

"""A comparison of PyTorch with its older version, of readings made up so that what must come of them is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Changed
from fixtures.judging.verdicts import Judgement, Verdict
from fixtures.measuring.disturbance import Disturbance
from fixtures.measuring.memory_trace import MemoryTrace
from fixtures.measuring.readings import ArmBlock, Burst, Evaluation, MemoryReadings, ProcessReadings, Training
from fixtures.sessions.comparisons import Comparison, ComparisonReadings, PairedBlock
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.judging.measures import Measure

ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")
OTHER = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu", source=Changed(("torch==2.13.0",)), tag="torch==2.13.0")
COMPARISON = Comparison(ARM, OTHER)


def side(steps: Sequence[float], *, accuracy: float = 0.9, memory: int = 1000, stolen: float = 0.0) -> ArmBlock:
    """One side's readings; every burst is one step."""
    process = ProcessReadings(1.0, 1.0, first_step_seconds=0.5, proven=True)
    disturbances = [Disturbance(seconds, stolen * seconds, 0.0) for seconds in steps]
    process.bursts = [Burst(1, one.seconds, one) for one in disturbances]
    process.epoch_seconds = [seconds * 10 for seconds in steps]
    evaluation = Evaluation((0,), accuracy, 1.0)
    return ArmBlock(
        process,
        Training(42, (1.0,), (0.5,), (evaluation,), ("a",), (0,)),
        MemoryReadings(MemoryTrace((), {}), memory, None, 1.0, "default"),
        disturbances,
    )


def readings(*blocks: PairedBlock) -> ComparisonReadings:
    """Of PyTorch against its older version."""
    return ComparisonReadings(COMPARISON, schedule="duet", blocks=list(blocks))


def judged(found: ComparisonReadings, measure: Measure) -> ComparisonReadings:
    """The same readings, with a judgement that decides nothing."""
    found.judgements[measure] = Judgement(Verdict.INCONCLUSIVE, 0.0, -0.1, 0.1, len(found.values(measure)), 0.05, 0.002)
    return found

"""A comparison of PyTorch with its older version, of readings made up so that what must come of them is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Changed
from fixtures.measuring.disturbance import Disturbance
from fixtures.measuring.memory_trace import MemoryTrace
from fixtures.measuring.readings import Burst, Evaluation, MemoryReadings, ProcessReadings, Training
from fixtures.sessions.comparison import Comparison, ComparisonReadings, PairedBlock, Side
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence


ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")
OTHER = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu", source=Changed(("torch==2.13.0",)), tag="torch==2.13.0")


def side(steps: Sequence[float], *, accuracy: float = 0.9, memory: int = 1000, stolen: float = 0.0) -> Side:
    """One side's readings; every burst is one step."""
    process = ProcessReadings(1.0, 1.0, first_step_seconds=0.5)
    disturbances = [Disturbance(seconds, stolen * seconds, 0.0) for seconds in steps]
    process.bursts = [Burst(1, one.seconds, one) for one in disturbances]
    process.epoch_seconds = [seconds * 10 for seconds in steps]
    evaluation = Evaluation((0,), accuracy, 1.0)
    return Side(
        process,
        Training(42, (1.0,), (0.5,), (evaluation,), ("a",), (0,)),
        MemoryReadings(MemoryTrace((), {}), memory, None, 1.0, "default"),
        disturbances,
    )


def readings(*blocks: PairedBlock) -> ComparisonReadings:
    """Of PyTorch against its older version."""
    return ComparisonReadings(Comparison(ARM, OTHER), schedule="duet", blocks=list(blocks))

"""Sessions of frameworks beside each other, with stand-ins for their blocks and their clock."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.judging.ranking import ALPHA, FEWEST_BLOCKS
from fixtures.measuring.readings import ArmReadings
from fixtures.sessions.budget import Budget
from fixtures.sessions.frameworks import Frameworks
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Any

    from tests.scripted_runner import Script


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

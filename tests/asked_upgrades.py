"""Sessions of comparisons, with stand-ins for their blocks and their clock."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Changed
from fixtures.judging.measures import Measure
from fixtures.judging.verdicts import Margins
from fixtures.sessions.budget import Budget
from fixtures.sessions.comparisons import Comparison
from fixtures.sessions.upgrade import Upgrade
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fixtures.measuring.requests import BlockRequest
    from fixtures.sessions.comparisons import ComparisonReadings
    from fixtures.sessions.session import Session
    from tests.scripted_runner import Script

STEP, MEMORY, ACCURACY = Measure.STEP, Measure.MEMORY, Measure.ACCURACY
MARGINS = dict.fromkeys(Measure, Margins(0.02, 0.0025, 0.005))
DIED, DIFFERS = WorkerError("the worker died", "died", "its last words"), WorkerError("parity failed", "parity")


def comparison(framework: str) -> Comparison:
    """A framework against itself with another package."""
    arm = Arm(WORKLOADS["digits"], FRAMEWORKS[framework], "cpu")
    return Comparison(arm, replace(arm, source=Changed(("six==1",)), tag="six==1"))


ONE, OTHER = comparison("pytorch"), comparison("jax")


def differing(value: Callable[[Arm, int, Measure], float]) -> Callable[[Arm, int, Measure], float]:
    """Readings of candidates that take this much longer, in logarithms, than their baselines, which take 1."""
    return lambda arm, number, measure: 1.0 if arm.tag else math.exp(value(arm, number, measure))


def noisy(mean: float, spread: float) -> Callable[[Arm, int, Measure], float]:
    """Of independent blocks."""
    return differing(
        lambda arm, number, _: mean + spread * random.Random(f"{arm.identifier}{number}").gauss(0.0, 1.0)  # noqa: S311
    )


ALTERNATING = differing(lambda _, number, __: 0.1 if number % 2 else -0.1)


def dies(
    at: int, kind: str = "steps", error: WorkerError = DIED
) -> Callable[[Script, BlockRequest, int], Mapping[Arm, WorkerError] | None]:
    """The candidate's worker, in the block of this number and kind."""
    return lambda _, request, number: {request.arms[0]: error} if (number, request.kind) == (at, kind) else None


def compare(
    script: Script, seconds: float | None, asked: Mapping[Comparison, set[Measure]], *, allow_different: bool = False
) -> tuple[dict[Comparison, ComparisonReadings], Session]:
    """Run it all."""
    upgrade = Upgrade(asked, MARGINS, script.notes.append, endless=seconds is None, allow_different=allow_different)
    assert upgrade.family == sum(len(measures) for measures in asked.values())
    session = script.session(upgrade, Budget(seconds, 0.01))
    return upgrade.readings, session

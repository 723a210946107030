"""A plugin, ``-p tests.imitated_run``: no framework is run; every arm has readings that were made up.

``CNN_DYNO_IMITATED`` may hold JSON: a factor for each measure, or null for one that a worker failed to read;
``packages``, versions by name, of the current environment; ``kernel``, the reference kernel's name; ``shift``, by which
everything that takes time took longer, the kernel too.
"""

from __future__ import annotations

import json
import os
from typing import Any


def pytest_configure() -> None:
    """Only now: the suite's modules must not be imported before its conftest names them as plugins."""
    from fixtures.plugin.frameworks_run import FrameworksRun  # noqa: PLC0415

    FrameworksRun.prepare = lambda _: None  # type: ignore[assignment, method-assign]
    FrameworksRun.readings = lambda _, arm: readings(arm)  # type: ignore[assignment, method-assign]
    FrameworksRun.packages = lambda _: packages()  # type: ignore[assignment, method-assign]
    FrameworksRun.place = lambda *_: None  # type: ignore[method-assign]


def packages() -> dict[str, dict[str, str]]:
    """Of the current environment, if they were made up."""
    asked = json.loads(os.environ.get("CNN_DYNO_IMITATED", "{}"))
    return {"current": asked["packages"]} if "packages" in asked else {}


def readings(arm: Any) -> Any:
    """Three processes, two seeds and a memory run that differ from one time to the next by nothing but the factors."""
    from fixtures.judging.measures import Measure  # noqa: PLC0415
    from fixtures.measuring.disturbance import Disturbance  # noqa: PLC0415
    from fixtures.measuring.memory_trace import MemoryTrace  # noqa: PLC0415
    from fixtures.measuring.readings import (  # noqa: PLC0415
        ArmReadings,
        Burst,
        Evaluation,
        Failure,
        KernelSeconds,
        MemoryReadings,
        ProcessReadings,
        Training,
    )

    asked = json.loads(os.environ.get("CNN_DYNO_IMITATED", "{}"))
    factors = {measure: asked.get(measure.value, 1.0) for measure in Measure}
    failed = {measure for measure, factor in factors.items() if factor is None}
    step, epoch, first, memory, accuracy = (factors[measure] or 1.0 for measure in Measure)
    shift = asked.get("shift", 1.0)
    found = ArmReadings(arm, framework_version="1.0", threads=2, examples=1280, allocator="default")
    found.reference_kernel = asked.get("kernel", "")
    for process in (0.99, 1.0, 1.01):
        one = ProcessReadings(1.0, 0.1, first_step_seconds=0.5 * first * process * shift, settled=True)
        one.bursts = [Burst(1, 0.01 * step * process * shift, Disturbance(1.0, 0.0, 0.0))]
        one.epoch_seconds = [0.3 * epoch * process * shift]
        one.first_epoch_seconds = 0.4
        if found.reference_kernel:
            seconds = KernelSeconds(0.02 * shift, 0.04 * shift, 0.01 * shift)
            one.reference_seconds = dict.fromkeys((Measure.STEP, Measure.EPOCH, Measure.FIRST_STEP), seconds)
        found.processes.append(one)
    for seed, share in enumerate((0.96, 0.97)):
        evaluation = Evaluation((0, 1), min(1.0, share * accuracy), 0.1)
        found.trainings.append(Training(seed, (1.0,), (0.5,), (evaluation,), ("a", "b"), (0, 1)))
    found.memories.append(MemoryReadings(MemoryTrace((), {}), round(500e6 * memory), None, 0.3, "default"))
    found.fail(failed, Failure("the worker died"))
    return found

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
    from fixtures.plugin import paired  # noqa: PLC0415
    from fixtures.plugin.resources import Resources  # noqa: PLC0415

    paired.ask = ask  # type: ignore[attr-defined]
    Resources.prepare_data = lambda *_: None  # type: ignore[method-assign]
    Resources.prepare_environments = prepare_environments  # type: ignore[assignment, method-assign]


def packages() -> dict[str, dict[str, str]]:
    """Of the current environment, if they were made up."""
    asked = json.loads(os.environ.get("CNN_DYNO_IMITATED", "{}"))
    return {"current": asked["packages"]} if "packages" in asked else {}


def prepare_environments(resources: Any, arms: Any) -> None:
    """Each is there, with the packages that it should have; ``unbuilt`` is why one of a revision is not."""
    from pathlib import Path  # noqa: PLC0415

    from fixtures.arms.environments import Environment  # noqa: PLC0415

    asked = json.loads(os.environ.get("CNN_DYNO_IMITATED", "{}"))
    for source in {arm.source for arm in arms}:
        pins = dict(pin.split("==") for pin in getattr(source, "changes", ()))
        found = asked.get("packages", {}) | pins | asked.get("resolved", {})
        if pins and "unbuilt" in asked:
            resources.unbuilt[source] = asked["unbuilt"]
        resources.environments[source] = Environment(source.label, Path("python"), source.label, found)


def ask(make: Any, arms: Any, resources: Any, budget: Any, manner: Any) -> Any:
    """A session in which this code takes ``beside`` times as long as the re-created baseline; null interrupts it."""
    from tests.scripted_runner import Script  # noqa: PLC0415

    del arms, resources, manner
    factor = json.loads(os.environ["CNN_DYNO_IMITATED"])["beside"]

    def happens(*_: Any) -> None:
        if factor is None:
            raise KeyboardInterrupt

    script = Script(lambda arm, number, _: (1.0 if arm.tag else factor) * (1 + 1e-4 * (number % 3)), happens)
    questions = make(script.notes.append)
    return questions, script.session(questions, budget)


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

"""Runs made up and held against one another, so that what must be found is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fixtures.baselines.runs import SavedBenchmark, SavedRun
from fixtures.baselines.verdicts import judge_against
from fixtures.judging.margins import on_its_scale
from fixtures.judging.measures import Measure

if TYPE_CHECKING:
    from fixtures.baselines.findings import Finding

TESTS = {
    Measure.STEP: "test_training_step",
    Measure.EPOCH: "test_epoch",
    Measure.FIRST_STEP: "test_first_step",
    Measure.MEMORY: "test_peak_memory",
    Measure.ACCURACY: "test_final_accuracy",
}
USUAL = {Measure.STEP: 0.01, Measure.EPOCH: 0.3, Measure.FIRST_STEP: 0.5, Measure.MEMORY: 5e8, Measure.ACCURACY: 0.96}
STEP, MEMORY, ACCURACY = (f"{TESTS[measure]}[a]" for measure in (Measure.STEP, Measure.MEMORY, Measure.ACCURACY))


def benchmark(measure: Measure, *readings: float, **other: Any) -> SavedBenchmark:
    """PyTorch on a CPU; usual readings unless others are given."""
    return replace(
        SavedBenchmark(
            name=f"{TESTS[measure]}[a]",
            measure=measure,
            framework="pytorch",
            framework_title="PyTorch",
            framework_version="2.15.0",
            workload="digits",
            device="cpu",
            defaults="equal",
            environment="current",
            readings=readings or (USUAL[measure],),
            reference_seconds=(),
            reference_kernel="",
            batch_size=64,
            epochs=10,
            allocator="default",
            precision="float32",
            threads=2,
            interrupted=False,
            seeds=tuple(range(42, 42 + max(1, len(readings)))) if measure is Measure.ACCURACY else (),
        ),
        **other,
    )


def run(*benchmarks: SavedBenchmark, day: int = 1, **conditions: str) -> SavedRun:
    """A run of these."""
    return SavedRun(
        label=f"run {day}",
        recorded=f"2026-01-{day:02}T00:00:00+00:00",
        commit="abc",
        conditions={"cpu": "Abacus 1", "GPU": None, "GPU driver": None, **conditions},
        versions={"torch": "2.15.0"},
        schema=1,
        benchmarks={each.name: each for each in benchmarks},
        where=f"run {day}.json",
    )


def judged(candidate: SavedRun, *baselines: SavedRun, anyway: bool = False, margin: float = 0.03) -> dict[str, Finding]:
    """Findings by name, with one margin for all."""
    margins = {name: on_its_scale(each.measure, margin) for name, each in candidate.benchmarks.items()}
    return {each.benchmark: each for each in judge_against(candidate, baselines, margins, anyway=anyway)}

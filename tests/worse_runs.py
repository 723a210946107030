"""Runs that are worse in every figure, and what may be said of them by a baseline that somebody has changed."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from fixtures.baselines.values import kernel_of_all, run_value
from fixtures.baselines.verdicts import MOST_TIMES_ACCURATE, MOST_TIMES_BETTER, judge_against
from fixtures.judging.margins import on_its_scale
from fixtures.judging.measures import TIMED, Measure
from fixtures.plugin.saved_runs import exit_status

if TYPE_CHECKING:
    from fixtures.baselines.findings import Finding
    from fixtures.baselines.runs import SavedBenchmark, SavedRun
    from fixtures.judging.verdicts import Margins

WORSE_BY = {
    Measure.STEP: 5.0,
    Measure.EPOCH: 5.0,
    Measure.FIRST_STEP: 50.0,
    Measure.MEMORY: 1.3,
    Measure.ACCURACY: 0.7,
}
"""Factors of readings: enough for a regression by a single baseline, of a first step by far."""


def margins(run: SavedRun) -> dict[str, Margins]:
    """Of every benchmark."""
    return {name: on_its_scale(each.measure, 0.05) for name, each in run.benchmarks.items()}


def worse(run: SavedRun) -> SavedRun:
    """The same run with every figure worse."""
    worsened = {
        name: replace(each, readings=tuple(reading * WORSE_BY[each.measure] for reading in each.readings))
        for name, each in run.benchmarks.items()
    }
    return replace(run, benchmarks=worsened)


def figure(benchmark: SavedBenchmark, sound: SavedBenchmark) -> float:
    """What is held against a run, with times beside the kernel only if both have the same."""
    kernel = benchmark.measure in TIMED and bool(kernel_of_all([benchmark, sound]))
    return run_value(benchmark, beside_kernel=kernel)


def is_explained(finding: Finding, changed: SavedBenchmark, now: SavedBenchmark, sound: SavedBenchmark) -> bool:
    """Whether the saved figure itself was made worse, and the run is better than that by no more than may be."""
    if finding.measure == Measure.ACCURACY:
        common = set(changed.seeds) & set(sound.seeds)
        before, here, then = (
            fmean(share for share, seed in zip(each.readings, each.seeds, strict=True) if seed in common)
            for each in (changed, now, sound)
        )
        return before < then and here < MOST_TIMES_ACCURATE * before
    before, here, then = figure(changed, sound), figure(now, changed), figure(sound, changed)
    return before > then and before <= MOST_TIMES_BETTER * here * (1 + 1e-9)


def assert_no_silent_pass(changed: SavedRun, sound: SavedRun, *, anyway: bool) -> None:
    """Each figure of the worse run on its own: no other that was found worse can stand for it."""
    run = worse(sound)
    for finding in judge_against(run, [changed], margins(run), anyway=anyway):
        name = finding.benchmark
        if exit_status(0, [finding.as_plain()]) == 0:
            assert is_explained(finding, changed.benchmarks[name], run.benchmarks[name], sound.benchmarks[name])

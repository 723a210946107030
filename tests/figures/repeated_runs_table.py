"""Tables of repeated runs that ``tests.figures.repeated_runs`` has saved.

``python -m tests.figures.repeated_runs_table UNCHANGED [WORSENED ...]`` prints, as Markdown: how far runs of unchanged
code differ, also with times over each part of the reference kernel, and how far they would if their processes were all
that made them differ; what the gate says of each run, held against the
runs before it; and what ``--benchmark-compare-fail=median:5%`` would have said of the same files.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from pathlib import Path
from statistics import fmean, stdev, variance
from typing import TYPE_CHECKING, Any

from fixtures.baselines.runs import read_run
from fixtures.baselines.values import run_value, spread
from fixtures.baselines.verdicts import judge_against
from fixtures.judging.margins import DEFAULT_MARGINS, on_its_scale
from fixtures.judging.measures import TIMED, Measure
from fixtures.reports.markdown import NOTHING, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fixtures.baselines.runs import SavedRun

KEPT = (1, 5, 10)
"""Baselines that a run is held against: the newest ones before it."""
MEDIAN_SHARE = 0.05
NORMALISERS = ("reference_product_seconds", "reference_copy_seconds", "reference_seconds")
"""The last one is the gate's."""

Loaded = list[tuple["SavedRun", dict[str, Any]]]
"""Runs as the suite reads them, each with its raw JSON."""


def load(folder: str) -> Loaded:
    """Runs of a folder, in the order in which they were saved."""
    paths = sorted(Path(folder).glob("*.json"))
    return [(read_run(path), json.loads(path.read_text(encoding="utf-8"))) for path in paths]


def spread_table(runs: Loaded) -> str:
    """SD between runs for each measure: as measured, and of times over each normaliser; and what processes predict."""
    rows = []
    for name, benchmark in runs[-1][0].benchmarks.items():
        every = [run.benchmarks[name] for run, _ in runs if name in run.benchmarks]
        plain = spread(benchmark.measure, [run_value(each, beside_kernel=False) for each in every])
        cells = [f"{100 * plain:.2f}" if plain is not None else NOTHING]
        for normaliser in NORMALISERS:
            readings = list(_normalised(runs, name, normaliser)) if benchmark.measure in TIMED else []
            cells.append(f"{100 * stdev(map(fmean, readings)):.2f}" if len(readings) > 1 else NOTHING)
        alone = [variance(each) / len(each) for each in readings if len(each) > 1]
        cells.append(f"{100 * math.sqrt(fmean(alone)):.2f}" if alone else NOTHING)
        rows.append([benchmark.measure.value, str(len(every)), *cells])
    return table(("measure", "runs", "SD, %", "over product", "over copy", "over both", "by processes alone"), rows)


def verdicts_table(unchanged: Loaded, worsened: Loaded | None = None) -> str:
    """Counts of verdicts for each measure and number of baselines, beside the fixed threshold's alarms."""
    rows = []
    for kept in KEPT:
        counts: dict[Measure, Counter[str]] = {measure: Counter() for measure in Measure}
        for candidate, before in _held_against(unchanged, worsened, kept):
            margins = {
                name: on_its_scale(each.measure, DEFAULT_MARGINS[each.measure])
                for name, each in candidate[0].benchmarks.items()
            }
            for finding in judge_against(candidate[0], [run for run, _ in before], margins):
                counts[Measure(finding.measure)][str(finding.verdict)] += 1
            for measure, alarmed in _threshold(candidate[1], before[-1][1]):
                counts[measure]["median"] += alarmed
        for measure, found in counts.items():
            judged = sum(count for verdict, count in found.items() if verdict != "median")
            cells = [str(found[verdict]) for verdict in ("regression", "no regression", "improvement", "inconclusive")]
            others = judged - sum(map(int, cells))
            rows.append([measure.value, str(kept), str(judged), *cells, str(others), str(found["median"])])
    headings = ("measure", "kept", "runs", "regression", "no regression", "improvement", "inconclusive", "other")
    return table((*headings, "median:5%"), rows)


def changes_table(unchanged: Loaded, worsened: Loaded) -> str:
    """Mean change of each measure with its standard error, in per cent; of times also beside the reference kernel."""
    rows = []
    for name, benchmark in unchanged[-1][0].benchmarks.items():
        cells = []
        for beside in (False, True):
            if beside and benchmark.measure not in TIMED:
                cells.append(NOTHING)
                continue
            before, after = (
                [
                    math.log(run_value(run.benchmarks[name], beside_kernel=beside))
                    for run, _ in runs
                    if name in run.benchmarks
                ]
                for runs in (unchanged, worsened)
            )
            error = math.sqrt(variance(before) / len(before) + variance(after) / len(after))
            cells.append(f"{100 * math.expm1(fmean(after) - fmean(before)):+.1f} ± {100 * error:.1f}")
        rows.append([benchmark.measure.value, *cells])
    return table(("measure", "mean change, % ± SE", "beside the kernel"), rows)


def _held_against(unchanged: Loaded, worsened: Loaded | None, kept: int) -> Iterator[tuple[Any, Loaded]]:
    if worsened is None:
        for index in range(kept, len(unchanged)):
            yield unchanged[index], unchanged[index - kept : index]
    elif len(unchanged) >= kept:
        for run in worsened:
            yield run, unchanged[-kept:]


def _normalised(runs: Loaded, name: str, normaliser: str) -> Iterator[list[float]]:
    """Logarithms of each process's time over the kernel's, for each run in which it was timed."""
    for _, plain in runs:
        info: dict[str, Any] = next((each["extra_info"] for each in plain["benchmarks"] if each["name"] == name), {})
        pairs = list(zip(info.get("process_medians_seconds", ()), info.get(normaliser, ()), strict=False))
        if pairs:
            yield [math.log(seconds / reference) for seconds, reference in pairs]


def _threshold(now: dict[str, Any], before: dict[str, Any]) -> Iterator[tuple[Measure, bool]]:
    """What a fixed threshold on pytest-benchmark's median says of two files."""
    earlier = {each["name"]: each["stats"]["median"] for each in before["benchmarks"]}
    for each in now["benchmarks"]:
        if each["name"] in earlier:
            slower = each["stats"]["median"] / earlier[each["name"]] - 1.0
            yield Measure(each["extra_info"]["measure"]), slower > MEDIAN_SHARE


def main(arguments: Sequence[str]) -> int:
    """Print the tables."""
    if not arguments:
        print("usage: python -m tests.figures.repeated_runs_table UNCHANGED [WORSENED ...]", file=sys.stderr)
        return 2
    unchanged = load(arguments[0])
    print(f"### How far runs of unchanged code differ\n\n{spread_table(unchanged)}\n")
    print(f"### Unchanged code\n\n{verdicts_table(unchanged)}")
    for folder in arguments[1:]:
        worsened = load(folder)
        print(f"\n### {Path(folder).name}\n\n{changes_table(unchanged, worsened)}\n")
        print(verdicts_table(unchanged, worsened))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

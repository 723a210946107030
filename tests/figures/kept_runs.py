"""The table in ``docs/how-to/baselines.md`` of what kept runs can say, from the shipped priors and margins.

``python -m tests.figures.kept_runs`` prints it; nothing is measured.
"""

from __future__ import annotations

import sys

from fixtures.judging.kept_runs import in_words, reach, runs_that_acquit
from fixtures.judging.margins import DEFAULT_MARGINS, on_its_scale
from fixtures.judging.measures import Measure
from fixtures.judging.priors import PRIORS
from fixtures.judging.verdicts import ALPHA
from fixtures.reports.markdown import table

RUNS = (1, 3, 5, 10, 20)
FAMILY = 5
"""Benchmarks of a run of one framework."""
QUIET_STEP = 0.02
"""A machine on which runs of equal code differ less than the prior says."""


def kept_runs_table() -> str:
    """By measure and spread between runs of equal code, the change found in half of all runs; as Markdown."""
    cases = [(measure, PRIORS[measure.value].deviation) for measure in Measure] + [(Measure.STEP, QUIET_STEP)]
    headings = ("measure", "runs differ by", *(f"{runs} kept" for runs in RUNS), "none worse by", "takes")
    return table(headings, [_row(measure, deviation) for measure, deviation in cases], texts=1)


def _row(measure: Measure, deviation: float) -> tuple[str, ...]:
    prior, margins, level = PRIORS[measure.value], on_its_scale(measure, DEFAULT_MARGINS[measure]), ALPHA / FAMILY
    found = [reach(runs, deviation, prior, margins, level).found for runs in RUNS]
    needed = runs_that_acquit(deviation, prior, margins, level)
    shown = (in_words(measure.value, value) for value in (*found, margins.margin))
    spread = f"{100 * deviation:.1f} {'pp' if measure is Measure.ACCURACY else '%'}"
    return (measure.value, spread, *shown, str(needed) if needed else "over 50")


if __name__ == "__main__":
    sys.stdout.write(f"{kept_runs_table()}\n")

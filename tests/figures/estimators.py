"""Ways to make one value of a block of its bursts, and whether one of them has less spread than what is built in.

``python -m tests.figures.estimators docs/readings/calibration-*.json`` compares them on all blocks of calibrations,
those of slowdowns too; ``tests.figures.design_table`` on those of equal arms alone.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import pearsonr

from fixtures.judging.verdicts import block_value, log_ratios, swapped_pairs
from fixtures.reports.markdown import table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Estimator = Callable[[Sequence[float], Sequence[float]], float]


def joined(trimmed_share: float) -> Estimator:
    """Trimmed mean of pairs of bursts, each pair joined with the one in which the arms had exchanged their cores."""
    return lambda one, other: block_value(swapped_pairs(log_ratios(one, other)), trimmed_share)


def _of_quantile(share: float) -> Estimator:
    return lambda one, other: math.log(float(np.quantile(one, share)) / float(np.quantile(other, share)))


BUILT = "trimmed mean of exchanged pairs, 20 % at either end (as built)"
ESTIMATORS: Mapping[str, Estimator] = {
    BUILT: joined(0.2),
    "the same, 10 %": joined(0.1),
    "the same, 30 %": joined(0.3),
    "mean of exchanged pairs": joined(0.0),
    "median of exchanged pairs": lambda one, other: median(swapped_pairs(log_ratios(one, other))),
    "trimmed mean of pairs, not joined over the exchange": lambda one, other: block_value(log_ratios(one, other)),
    "ratio of medians": _of_quantile(0.5),
    "ratio of 25 % quantiles": _of_quantile(0.25),
    "ratio of 10 % quantiles": _of_quantile(0.1),
    "ratio of minima": _of_quantile(0.0),
}


def deviations(kinds: Sequence[Sequence[Mapping[str, Any]]], estimator: Estimator) -> np.ndarray:
    """Values of all blocks, each less the mean of its own slowdown."""
    values = [[estimator(block["candidate"], block["baseline"]) for block in blocks] for blocks in kinds]
    return np.array([value - fmean(each) for each in values for value in each])


def comparison_table(calibrations: Sequence[Mapping[str, Any]]) -> str:
    """SD over all blocks of each framework, and how probable a difference from the built one is by chance.

    The test is that of Pitman and Morgan (Biometrika 31, 1939) for the variances of correlated values.
    """
    columns = []
    for info in calibrations:
        counting = (
            [block for block in blocks if not block["disturbed"] and block["candidate"]]
            for blocks in info["blocks"].values()
        )
        kinds = [blocks for blocks in counting if len(blocks) > 1]
        freedom = sum(len(blocks) - 1 for blocks in kinds)
        built = deviations(kinds, ESTIMATORS[BUILT])
        cells = []
        for name, estimator in ESTIMATORS.items():
            found = deviations(kinds, estimator)
            cell = f"{math.sqrt(float(found @ found) / freedom):.4f}"
            cells.append(cell if name == BUILT else f"{cell} ({pearsonr(built - found, built + found).pvalue:.3f})")
        columns.append(cells)
    headings = ("one value of a block", *(info["framework"] for info in calibrations))
    return table(headings, [list(row) for row in zip(ESTIMATORS, *columns, strict=True)])


def main(arguments: Sequence[str]) -> int:
    """Print the table of all calibrations."""
    if not arguments:
        print("usage: python -m tests.figures.estimators CALIBRATION.json ...", file=sys.stderr)
        return 2
    saved = [json.loads(Path(path).read_text(encoding="utf-8")) for path in arguments]
    print(comparison_table([benchmark["extra_info"] for run in saved for benchmark in run["benchmarks"]]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

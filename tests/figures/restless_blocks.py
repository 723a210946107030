"""What blocks of equal arms differ by, and what their own bursts explain of it, for longer and longer blocks.

``python -m tests.figures.restless_blocks FILE.jsonl ...`` reads blocks that ``tests.figures.block_design`` has saved,
and prints for the first so many bursts of each the standard deviation between blocks, and the standard error of a
block's value, as resampling its own pairs tells it. Where both are alike, fresh processes differ by nothing that longer
blocks would not lessen.

Then it simulates first runs of the gate: how many are decided in five minutes, with blocks of the seconds and of the
spread that six and twelve seconds of bursts give on such a machine.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

import numpy as np

from fixtures.judging.many_runs import INCONCLUSIVE, judge_many
from fixtures.judging.verdicts import (
    ALPHA,
    FLOOR_SHARE,
    MINIMUM_EFFECT_SHARE,
    Margins,
    block_value,
    log_ratios,
    swapped_pairs,
)
from fixtures.reports.markdown import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BURSTS = (40, 80, 160, 320, 400)
RESAMPLES = 500
START_SECONDS = 14.0
"""Of a block, before its bursts."""
WITHIN, BETWEEN = 0.0176, 0.003
"""Standard deviation of a block's value from six seconds of bursts, and of what fresh processes add."""
BUDGET_SECONDS, RUNS, MARGIN = 300.0, 4000, 0.02


def rows(blocks: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Of one framework, a row for each number of bursts."""
    generator, found = np.random.default_rng(1), []
    for bursts in BURSTS:
        pairs = [swapped_pairs(log_ratios(block["candidate"][:bursts], block["baseline"][:bursts])) for block in blocks]
        errors = [
            stdev(block_value(generator.choice(each, len(each)).tolist()) for _ in range(RESAMPLES)) for each in pairs
        ]
        error = math.sqrt(fmean(each**2 for each in errors))
        values = [block_value(each) for each in pairs]
        name = str(blocks[0]["framework"])
        found.append([name, str(bursts), str(len(blocks)), f"{stdev(values):.4f}", f"{error:.4f}"])
    return found


def simulated() -> list[list[str]]:
    """A row for each true change: the share of runs that are decided with either length of the bursts."""
    generator, margin = np.random.default_rng(0), math.log1p(MARGIN)
    margins = Margins(margin, FLOOR_SHARE * margin, MINIMUM_EFFECT_SHARE * margin)
    found = []
    for change in (0.0, 0.02, 0.05):
        row = [f"{change:.0%}"]
        for seconds in (6.0, 12.0):
            length = int(BUDGET_SECONDS // (START_SECONDS + seconds))
            spread = math.hypot(BETWEEN, WITHIN * math.sqrt(6.0 / seconds))
            values = generator.normal(math.log1p(change), spread, (RUNS, length))
            verdicts, _ = judge_many(values, margins, ALPHA)
            row.append(f"{(verdicts != INCONCLUSIVE).mean():.0%}")
        found.append(row)
    return found


def main(arguments: Sequence[str]) -> int:
    """Print the table of all files."""
    if not arguments:
        print("usage: python -m tests.figures.restless_blocks FILE.jsonl ...", file=sys.stderr)
        return 2
    read = [[json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()] for name in arguments]
    headings = ("framework", "bursts", "blocks", "SD between blocks", "SE from the bursts of one")
    print(table(headings, [row for blocks in read for row in rows(blocks)], texts=1))
    print()
    print(table(("truly slower by", "decided, 6 s of bursts", "decided, 12 s"), simulated(), texts=0))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

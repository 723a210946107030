"""How often a search names the right release, a wrong one or none, simulated from blocks of calibrations.

``python -m tests.figures.simulated_searches docs/readings/calibration-*.json`` prints a table: searches over twelve
releases, of which one, each equally likely, takes longer by a known share. Values of blocks are drawn with replacement
from the centred blocks of equal arms. Each check looks and spends as the session does in a budget of so many blocks.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from fixtures.judging.bisection import Bisection, Change, change_of, share_of
from fixtures.judging.known_blocks import spread_of_sample
from fixtures.judging.looks import plan_looks
from fixtures.judging.moderation import believed
from fixtures.judging.verdicts import ALPHA, judge, margins_of
from fixtures.reports.markdown import table

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEARCHES, RELEASES, BLOCKS = 1000, 12, 60
"""Blocks are those of one check, at most: twelve minutes of PyTorch on ``digits``."""
MARGINS = margins_of(math.log1p(0.02))


def main(files: list[str]) -> int:
    """Print the table; exit status 2 if no file is given."""
    if not files:
        sys.stderr.write("usage: python -m tests.figures.simulated_searches docs/readings/calibration-*.json\n")
        return 2
    rows = []
    for file in files:
        saved = json.loads(Path(file).read_text(encoding="utf-8"))
        for benchmark in saved["benchmarks"]:
            info = benchmark["extra_info"]
            values = [block["value"] for block in info["blocks"]["0"] if not block["disturbed"]]
            drawn_from = spread_of_sample(np.array(values, dtype=np.float64))
            rows += [
                row(f"{info['framework_title']} ({Path(file).stem})", drawn_from, size) for size in (0.03, 0.05, 0.2)
            ]
    print(table(("blocks of", "slower by", "right", "wrong", "none", "checks", "blocks"), rows, texts=1))
    return 0


def row(name: str, values: NDArray[np.float64], slower: float) -> tuple[str, ...]:
    """Shares of searches, and the median numbers of checks and blocks."""
    generator = np.random.default_rng(42)
    found = [search(values, slower, 1 + number % (RELEASES - 1), generator) for number in range(SEARCHES)]
    shares = [sum(answer == wanted for answer, _, _ in found) / SEARCHES for wanted in ("right", "wrong", "none")]
    checks, blocks = median(made for _, made, _ in found), median(read for _, _, read in found)
    return (name, f"{slower:.0%}", *(f"{100 * share:.1f} %" for share in shares), f"{checks:.0f}", f"{blocks:.0f}")


def search(
    values: NDArray[np.float64], slower: float, culprit: int, generator: np.random.Generator
) -> tuple[str, int, int]:
    """What one search comes to, with its numbers of checks and blocks; wrong if any release is named that is not it."""
    spent: list[int] = []

    def ask(before: int, after: int) -> Change:
        shift = math.log1p(slower) if before < culprit <= after else 0.0
        drawn = generator.choice(values, BLOCKS) + shift
        change = Change.OPEN
        for look in plan_looks(BLOCKS, share_of(ALPHA, RELEASES)):
            seen = drawn[: look.blocks].tolist()
            judgement = judge({0: seen}, {0: MARGINS}, look.level, usual={0: believed(look.blocks, None)})[0]
            change = change_of(judgement, MARGINS)
            if change is not Change.OPEN:
                break
        spent.append(look.blocks)
        return change

    bisection = Bisection(RELEASES, ask)
    bisection.run()
    named = {one.after for one in bisection.located if one.confirmed}
    answer = "none" if not named else "right" if named == {culprit} else "wrong"
    return answer, len(spent), sum(spent)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What the gate gains from earlier runs of a machine, and what that costs in false statements, by simulation.

``python -m tests.figures.borrowed_spread [docs/readings/calibration-*.json]`` prints a table: chains of runs of one
benchmark with a budget of ten minutes and a margin of 2 %, each of which leaves its spread to the next ones. Values of
blocks are normal, or drawn from the blocks of calibrations. In some rows the machine is in another state in
each run; there, bursts within the blocks may show that state or not.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, variance
from typing import TYPE_CHECKING

import numpy as np

from fixtures.baselines.spreads import FEWEST_VALUES, KEPT
from fixtures.judging.known_blocks import spread_of_sample
from fixtures.judging.many_runs import looks_of
from fixtures.judging.moderation import SeenSpread, believed, borrowed
from fixtures.judging.verdicts import ALPHA, Verdict, judge, margins_of
from fixtures.reports.markdown import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CHAINS, RUNS, LENGTH = 400, 12, 50
SECONDS = 12.0
"""Of a block of PyTorch on ``digits``, and so of LENGTH blocks in ten minutes."""
MARGINS = margins_of(math.log1p(0.02))


@dataclass(frozen=True)
class Machine:
    """Where runs are made.

    Args:
        draw: values of blocks of equal arms, of a shape.
        moods: standard deviation of the logarithm of a factor that the spread of a whole run has.
        shown: whether the bursts within blocks differ by this factor too.
    """

    draw: Callable[[np.random.Generator, int], NDArray[np.float64]]
    moods: float = 0.0
    shown: bool = True


def chain(machine: Machine, truth: float, generator: np.random.Generator, *, lend: bool) -> list[tuple[Verdict, int]]:
    """Verdicts of runs one after another, and after how many blocks they came."""
    seen: list[SeenSpread] = []
    found = []
    for _ in range(RUNS):
        factor = math.exp(machine.moods * generator.normal())
        values = [float(value) for value in truth + factor * machine.draw(generator, LENGTH)]
        noise = factor**2 if machine.shown else 1.0
        verdict, blocks = _run(values, seen[-KEPT:] if lend else [], noise)
        found.append((verdict, blocks))
        if blocks >= FEWEST_VALUES:
            seen.append(SeenSpread(variance(values[:blocks]), blocks - 1, noise))
    return found


def _run(values: list[float], seen: list[SeenSpread], noise: float) -> tuple[Verdict, int]:
    for look in looks_of(LENGTH, ALPHA):
        usual = {"": believed(look.blocks, borrowed(seen, noise))}
        verdict = judge({"": values[: look.blocks]}, {"": MARGINS}, look.level, usual=usual)[""].verdict
        if verdict is not Verdict.INCONCLUSIVE:
            return verdict, look.blocks
    return Verdict.INCONCLUSIVE, LENGTH


def rates(machine: Machine, truth: float, *, lend: bool) -> tuple[float, float]:
    """Share of wrong statements, and the usual seconds to a verdict, of all runs but the first of each chain."""
    generator = np.random.default_rng(7)
    runs = [each for _ in range(CHAINS) for each in chain(machine, truth, generator, lend=lend)[1:]]
    wrong = {Verdict.REGRESSION, Verdict.IMPROVEMENT} if not truth else {Verdict.NO_REGRESSION, Verdict.IMPROVEMENT}
    return sum(verdict in wrong for verdict, _ in runs) / len(runs), SECONDS * median(blocks for _, blocks in runs)


def _normal(spread: float, generator: np.random.Generator, length: int) -> NDArray[np.float64]:
    return generator.normal(0.0, spread, length)


def _drawn(values: NDArray[np.float64], generator: np.random.Generator, length: int) -> NDArray[np.float64]:
    return generator.choice(values, length)


def machines(files: list[str]) -> dict[str, Machine]:
    """Those of the table."""
    found = {}
    for spread in (0.006, 0.01, 0.02):
        name = f"spread {100 * spread:.1f} %"
        found[name] = Machine(partial(_normal, spread))
        found[f"{name}, other moods, seen in bursts"] = Machine(partial(_normal, spread), 0.6)
        found[f"{name}, other moods, not seen"] = Machine(partial(_normal, spread), 0.6, shown=False)
    for file in files:
        for info in (each["extra_info"] for each in json.loads(Path(file).read_text("utf-8"))["benchmarks"]):
            blocks = [block for slowdown, each in info["blocks"].items() if not float(slowdown) for block in each]
            equal = [block["value"] for block in blocks if block["value"] is not None and not block["disturbed"]]
            found[f"blocks of {Path(file).stem}"] = Machine(partial(_drawn, spread_of_sample(np.array(equal))))
    return found


def main(files: list[str]) -> int:
    """Print the table."""
    truths = {"equal": 0.0, "2 % slower": math.log1p(0.02), "5 % slower": math.log1p(0.05)}
    headings = ["machine", "borrows", *(f"{name}: {what}" for name in truths for what in ("wrong", "s to a verdict"))]
    rows = []
    for name, machine in machines(files).items():
        for lend in (False, True):
            figures = [rates(machine, truth, lend=lend) for truth in truths.values()]
            cells = [text for wrong, seconds in figures for text in (f"{wrong:.2%}", f"{seconds:.0f}")]
            rows.append([name, "yes" if lend else "no", *cells])
    print(table(headings, rows, texts=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How wide the ranges of a table are, and how often one misses the truth, by simulation.

``python -m tests.figures.table_ranges`` prints a table: ranges as they are told, and those that each pair would give on
its own, from Student's t of its own blocks. The values of a block are normal; their spread is that of the difference of
two arms of one table, which quiet runs on two cores showed as 1.5 to 3.4 %.
"""

from __future__ import annotations

import math
import sys
from functools import partial
from itertools import product
from statistics import median
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

from fixtures.judging import ranking
from fixtures.judging.ranking import ALPHA, places
from fixtures.reports.markdown import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TABLES = 2000
SPREAD = 0.02
PATTERNS: Mapping[str, Sequence[float]] = {
    "alike": (1.0,),
    "half of them twice as restless": (1.0, 2.0),
    "one three times as restless": (3.0, *[1.0] * 8),
    "one five times as restless": (5.0, *[1.0] * 8),
}


def drawn(arms: int, blocks: int, pattern: Sequence[float], generator: np.random.Generator) -> Any:
    """Logarithms of equal arms, an array of blocks x arms."""
    spread = np.array([pattern[arm % len(pattern)] for arm in range(arms)]) * SPREAD / math.sqrt(2.0)
    return generator.normal(0.0, 1.0, (blocks, arms)) * spread


def rates(arms: int, blocks: int, pattern: Sequence[float]) -> tuple[float, float]:
    """Share of tables in which a range does not hold the truth, and the usual half width of a range, in per cent."""
    generator, missed, widths = np.random.default_rng(1), 0, []
    for _ in range(TABLES):
        values = partial(_values, drawn(arms, blocks, pattern, generator))
        found = places(range(arms), values, ALPHA).values()
        ranges = [one for place in found for one in (place.beside_first, place.beside_before) if one is not None]
        missed += any(not one.lower <= 0.0 <= one.upper for one in ranges)
        widths += [one.upper - one.estimate for one in ranges]
    return missed / TABLES, 100.0 * math.expm1(median(widths))


def _values(table_of_blocks: Any, one: int, other: int) -> list[float]:
    return [float(value) for value in table_of_blocks[:, one] - table_of_blocks[:, other]]


def main() -> int:
    """Print the table."""
    heading = ["arms", "blocks", "spread between blocks", "tables that miss", "half width", "miss, alone", "alone"]
    rows = []
    for arms, blocks, (name, pattern) in product((3, 4, 9), (2, 3, 5), PATTERNS.items()):
        told = rates(arms, blocks, pattern)
        with mock.patch.object(ranking, "typical", return_value=None):
            alone = rates(arms, blocks, pattern)
        figures = [text for miss, width in (told, alone) for text in (f"{miss:.1%}", f"{width:.3g} %")]
        rows.append([str(arms), str(blocks), name, *figures])
    print(table(heading, rows, texts=3))
    return 0


if __name__ == "__main__":
    sys.exit(main())

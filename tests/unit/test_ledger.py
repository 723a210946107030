"""fixtures.judging.ledger: rows that add up, ranges, and what a ledger does not explain."""

from __future__ import annotations

import math
import random

import pytest

from fixtures.judging.ledger import ledger, ledger_of_parts, part_changes
from fixtures.judging.verdicts import Judgement, Verdict

TITLES = ("the rest", "one", "two")
TIMES = (1e-3, 3e-3, 4e-3)


def judged(estimate: float, standard_error: float, freedom: float) -> Judgement:
    """By the gate, of the whole step."""
    return Judgement(Verdict.INCONCLUSIVE, estimate, -math.inf, math.inf, 8, standard_error, 0.01, freedom)


def blocks(number: int, extra: float, noise: float = 0.002) -> tuple[list[list[float]], list[list[float]]]:
    """Of a network whose second layer takes so much longer, on a machine whose speed drifts."""
    generator = random.Random(number)  # noqa: S311 - an example
    seconds = [[time * (1.0 + 0.05 * block) for time in TIMES] for block in range(number)]
    grown = (0.0, math.log1p(extra / TIMES[1]), math.log1p(extra / TIMES[2]))
    ratios = [[ratio + generator.gauss(0.0, noise) for ratio in grown] for _ in range(number)]
    return seconds, ratios


def test_the_layer_that_does_more_is_the_one_that_is_certain() -> None:
    """And the rows add up to the whole, in both columns."""
    found = ledger(TITLES, *blocks(8, 0.4e-3))
    assert [row.title for row in found.rows if row.certain] == ["one"]
    (one,) = (row for row in found.rows if row.certain)
    assert one.lower is not None
    assert one.upper is not None
    typical = 1.0 + 0.05 * 3.5  # the machine's mean speed
    assert one.lower < 0.4e-3 * typical < one.upper
    assert found.total.change == pytest.approx(sum(row.change for row in found.rows))
    assert found.total.seconds == pytest.approx(sum(row.seconds for row in found.rows)) == pytest.approx(4e-3 * typical)
    assert found.residual is None
    assert found.blocks == 8


def test_ranges_hold_where_two_arms_differ_by_much() -> None:
    """A layer that both do equally, of networks that differ by a half: seconds vary, and so does their difference."""
    generator, wrong = random.Random("much"), 0  # noqa: S311 - an example
    for _ in range(200):
        seconds = [[time * math.exp(generator.gauss(0.0, 0.02)) for time in (1.0, 2.0, 2.0)] for _ in range(12)]
        ratios = [[math.log(1.5) + generator.gauss(0.0, 0.003) for _ in range(3)] for _ in range(12)]
        wrong += ledger(TITLES, seconds, ratios).rows[2].certain
    assert wrong <= 8  # each of five ranges misses in 1 % of ledgers


@pytest.mark.parametrize("seed", range(5))
def test_equal_arms_have_no_certain_row(seed: int) -> None:
    """Ranges hold for all rows together."""
    generator = random.Random(f"equal{seed}")  # noqa: S311 - an example
    ratios = [[generator.gauss(0.0, 0.01) for _ in TIMES] for _ in range(6)]
    assert not any(row.certain for row in ledger(TITLES, [list(TIMES)] * 6, ratios).rows)


def test_two_blocks_have_no_range() -> None:
    """Nothing is certain then, and the means are shown all the same."""
    found = ledger(TITLES, *blocks(2, 0.4e-3), judged(0.1, 0.001, 7.0))
    assert all(row.lower is None and not row.certain for row in (*found.rows, found.total))
    assert found.residual is not None
    assert found.residual.lower is None


def test_a_gate_that_has_judged_nothing_leaves_no_residual() -> None:
    """What is saved holds no NaN."""
    assert ledger(TITLES, *blocks(8, 0.4e-3), judged(math.nan, math.inf, 0.0)).residual is None


@pytest.mark.parametrize(
    ("gate", "certain"),
    [
        (judged(math.log1p(0.1), 0.001, 7.0), False),
        (judged(math.log1p(0.3), 0.001, 7.0), True),
        (judged(math.log1p(0.3), math.inf, 0.0), False),
    ],
    ids=["as found here", "much more", "not known"],
)
def test_what_the_gate_found_and_this_did_not_is_a_row_of_its_own(gate: Judgement, certain: bool) -> None:  # noqa: FBT001 - a case
    """Where it is certain, the ledger explains something else."""
    residual = ledger(TITLES, *blocks(8, 0.4e-3), gate).residual
    assert residual is not None
    assert residual.certain is certain


def test_a_ledger_needs_a_block() -> None:
    """Whoever has none says why."""
    with pytest.raises(ValueError, match="needs a block"):
        ledger(TITLES, [], [])


def test_parts_that_are_timed_add_up_to_the_whole() -> None:
    """What is left of the step is a row of its own."""
    seconds = [[8e-3, 1e-3, 2e-3]] * 4
    changes = [[0.01e-3, 0.0, 1.00e-3], [-0.01e-3, 0.01e-3, 1.02e-3], [0.0, 0.0, 0.99e-3], [0.0, -0.01e-3, 0.99e-3]]
    found = ledger_of_parts(("the rest", "garbage collection", "input"), seconds, changes)
    assert [row.title for row in found.rows if row.certain] == ["input"]
    assert [row.seconds for row in found.rows] == pytest.approx([8e-3, 1e-3, 2e-3])
    assert found.total.seconds == pytest.approx(11e-3)
    assert found.total.change == pytest.approx(sum(row.change for row in found.rows)) == pytest.approx(1e-3)
    assert found.blocks == 4
    with pytest.raises(ValueError, match="needs a block"):
        ledger_of_parts(("the rest",), [], [])


def test_a_block_tells_of_parts_by_the_pairs_that_count() -> None:
    """Those that the machine disturbed are cut off, with their parts."""
    baseline = [[10.0, 1.0]] * 12
    candidate = [[12.0, 3.0]] * 10 + [[500.0, 400.0]] * 2
    seconds, changes = part_changes(candidate, baseline)
    assert seconds == pytest.approx([9.0, 1.0])
    assert changes == pytest.approx([0.0, 2.0])
    assert part_changes([[12.0, 3.0]], [[10.0, 1.0]])[1] == pytest.approx([0.0, 2.0])

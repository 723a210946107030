"""Several arms beside each other: their order, their ranges, and how often a range misses the truth, by simulation."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.judging.ranking import ALPHA, CLOSE, FAR_BEHIND, FEWEST_BLOCKS, beside, in_order, level_of_each, places
from fixtures.measuring.readings import ArmReadings, BlockReadings
from fixtures.sessions.budget import Budget, Ledger
from fixtures.sessions.frameworks import Frameworks
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fixtures.judging.ranking import Place

VALUES = st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=12)
RUNS = 800
MOST = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)
"""What may miss, and what so many runs may be off."""
TRUTHS = {
    "two equal": [0.0] * 2,
    "three equal": [0.0] * 3,
    "eight equal": [0.0] * 8,
    "10 and 30 % apart": [0.0, math.log(1.1), math.log(1.3)],
    "some equal, some apart": [0.0, 0.0, math.log(1.1), math.log(1.1), math.log(1.3)],
}


@given(VALUES, st.floats(0.001, 0.2))
def test_swapping_the_arms_turns_a_range_round(values: list[float], level: float) -> None:
    """Who is held against whom changes the sign and nothing else."""
    one, other = beside(values, level), beside([-value for value in values], level)
    assert [one.lower, one.upper] == pytest.approx([-other.upper, -other.lower])
    assert (one.order_certain, one.equal, one.resolved) == (other.order_certain, other.equal, other.resolved)


@given(VALUES)
def test_a_smaller_probability_of_missing_takes_a_wider_range(values: list[float]) -> None:
    """Around the same mean."""
    wide, narrow = beside(values, 0.01), beside(values, 0.05)
    assert wide.lower <= narrow.lower <= narrow.estimate <= narrow.upper <= wide.upper
    assert wide.estimate == narrow.estimate


def test_a_range_is_students() -> None:
    """Four values of mean 0.1 and standard deviation 0.02: 3.182 standard errors of 0.01 at two-sided 5 %."""
    spread = 0.02 * math.sqrt(3 / 4)
    found = beside([0.1 - spread, 0.1 - spread, 0.1 + spread, 0.1 + spread], 0.05)
    assert [found.lower, found.upper] == pytest.approx([0.1 - 0.03182, 0.1 + 0.03182], abs=1e-5)
    assert found.blocks == 4


def test_one_block_has_an_estimate_and_no_range() -> None:
    """Nothing is certain from it, however far apart the two are."""
    found = beside([2.0], 0.05)
    assert (found.estimate, found.lower, found.upper, found.blocks) == (2.0, -math.inf, math.inf, 1)
    assert not any((found.order_certain, found.equal, found.resolved, found.far_behind))


@pytest.mark.parametrize("values", [[], [math.nan], [0.0, math.inf]])
def test_values_that_cannot_be_are_refused(values: list[float]) -> None:
    """A not-a-number would be neither before nor behind anybody."""
    with pytest.raises(ValueError, match="finite"):
        beside(values, 0.05)


@pytest.mark.parametrize(
    ("mean", "spread", "says"),
    [
        (0.0, 0.001, {"equal", "resolved"}),
        (0.02, 0.001, {"equal", "order_certain", "resolved"}),
        (0.2, 0.001, {"order_certain", "resolved"}),
        (-0.2, 0.001, {"order_certain", "resolved"}),
        (0.2, 0.05, {"order_certain"}),
        (0.0, 0.05, set()),
        (CLOSE, 0.001, {"order_certain", "resolved"}),
        (FAR_BEHIND + 0.2, 0.1, {"order_certain", "far_behind"}),
        (FAR_BEHIND, 0.001, {"order_certain", "resolved"}),
    ],
    ids=["equal", "equal-in-order", "slower", "faster", "wide", "open", "just-5%", "far-behind", "not-in-every-block"],
)
def test_a_range_says_what_it_holds(mean: float, spread: float, says: set[str]) -> None:
    """Equal within 5 %, in a certain order, narrow enough to be measured no more, or far behind in every block."""
    found = beside([mean - spread, mean, mean + spread, mean], 0.05)
    names = ("equal", "order_certain", "resolved", "far_behind")
    assert {name for name in names if getattr(found, name)} == says


def values_of(table: Sequence[dict[str, float]]) -> Callable[[str, str], list[float]]:
    """Of blocks, in each of which some arms took part."""
    return lambda one, other: [row[one] - row[other] for row in table if one in row and other in row]


def test_the_order_is_that_of_the_means() -> None:
    """From the first, which takes least."""
    blocks = [{"a": 0.3, "b": 0.0, "c": 0.5}, {"a": 0.1, "b": 0.2, "c": 0.6}]
    assert in_order("abc", values_of(blocks)) == ["b", "a", "c"]
    assert in_order("cab", values_of(blocks)) == ["b", "a", "c"]


def test_arms_that_were_dropped_keep_their_place_while_the_machine_drifts() -> None:
    """All are held against one that was in most blocks; later ones, all slower, do not put the dropped one first."""
    blocks = [{"a": 0.0, "b": 0.1, "c": 0.5}] * 3 + [{"a": 2.0, "b": 2.1}] * 5
    assert in_order("abc", values_of(blocks)) == ["a", "b", "c"]


def test_who_was_never_beside_the_others_has_no_place() -> None:
    """Nor has anybody where no block has two of them; one arm alone is in order."""
    assert in_order("abc", values_of([{"a": 0.1, "b": 0.0}, {"c": 0.0}])) == ["b", "a"]
    assert in_order("ab", values_of([{"a": 0.1}, {"b": 0.0}])) == []
    assert in_order("a", values_of([{"a": 0.1}])) == ["a"]
    assert in_order("", values_of([])) == []


@pytest.mark.parametrize(("arms", "pairs"), [(1, 1), (2, 1), (3, 3), (5, 10), (8, 28)])
def test_all_pairs_of_a_table_share_what_may_be_spent(arms: int, pairs: int) -> None:
    """Also those that no range is told of: the readings choose which ones these are."""
    assert level_of_each(arms, 0.05) == pytest.approx(0.05 / pairs)


def blocks_of(
    truth: Sequence[float], spread: float | Sequence[float], generator: np.random.Generator, count: int
) -> list[list[float]]:
    """Logarithms of what each arm took in each block; the spread is that of the difference of two such arms."""
    noise = generator.normal(0.0, 1.0, (count, len(truth))) * np.asarray(spread) / math.sqrt(2.0)
    return [[float(value) for value in row] for row in np.asarray(truth) + noise]


def table_of(blocks: Sequence[Sequence[float]]) -> dict[int, Place[int]]:
    """Where arms stand after these blocks, judged once."""
    return places(range(len(blocks[0])), lambda one, other: [row[one] - row[other] for row in blocks], ALPHA)


def misses(truth: Sequence[float], blocks: Sequence[Sequence[float]]) -> bool:
    """Whether any range of a table of these blocks, judged once, does not hold the truth."""
    return any(missed(truth, arm, place) for arm, place in table_of(blocks).items())


def missed(truth: Mapping[Any, float] | Sequence[float], arm: Any, place: Place[Any]) -> bool:
    """Whether either range of an arm does not hold the truth."""
    sides = ((place.first, place.beside_first), (place.before, place.beside_before))
    return any(
        not found.lower <= truth[arm] - truth[other] <= found.upper
        for other, found in sides
        if other is not None and found is not None
    )


@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
@pytest.mark.parametrize(("count", "spread"), [(2, 0.034), (3, 0.034), (8, 0.015), (12, 0.034)])
def test_tables_hold_the_truth(truth: list[float], count: int, spread: float) -> None:
    """Any range of a table misses it in at most 5 % of 800 simulated ones, and what so many may be off."""
    generator = np.random.default_rng(31)
    found = sum(misses(truth, blocks_of(truth, spread, generator, count)) for _ in range(RUNS))
    assert found / RUNS <= MOST


@pytest.mark.parametrize(("count", "arms"), [(3, 4), (5, 4), (3, 9), (5, 9)])
def test_tables_of_unequally_restless_arms_hold_the_truth(count: int, arms: int) -> None:
    """Arms differ in how restless they are by a factor of three, in every table otherwise."""
    generator = np.random.default_rng(35)
    spreads = 0.02 * np.exp(generator.uniform(-0.55, 0.55, (RUNS, arms)))
    found = sum(misses([0.0] * arms, blocks_of([0.0] * arms, spread, generator, count)) for spread in spreads)
    assert found / RUNS <= MOST


def test_ranges_of_many_arms_are_narrow_after_few_blocks() -> None:
    """Nine arms whose pairs differ by 2 % from block to block: 5 to 6 % either way after three blocks, 54 % without."""
    generator, widths = np.random.default_rng(36), []
    for _ in range(100):
        blocks = blocks_of([0.0] * 9, 0.02, generator, 3)
        ranges = [place.beside_first for place in table_of(blocks).values() if place.beside_first]
        widths += [one.upper - one.lower for one in ranges]
    assert float(np.median(widths)) / 2.0 <= 0.07


def test_ranges_are_no_wider_than_they_must_be() -> None:
    """Of two arms, 5 % miss the truth; fewer would mean that blocks are wasted."""
    generator = np.random.default_rng(32)
    found = sum(misses([0.0, 0.0], blocks_of([0.0, 0.0], 0.02, generator, 5)) for _ in range(RUNS))
    assert found / RUNS >= ALPHA - 3 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)


class Simulated(Frameworks):
    """Questions whose values are drawn, not read: a thousand sessions take seconds.

    Args:
        truth: logarithms of what the arms take.
        spread: of the difference of two arms between blocks.
        generator: of random numbers.
    """

    def __init__(self, truth: Sequence[float], spread: float, generator: np.random.Generator) -> None:
        digits, framework = WORKLOADS["digits"], FRAMEWORKS["pytorch"]
        self.truth = {Arm(digits, framework, "cpu", tag=str(index)): true for index, true in enumerate(truth)}
        super().__init__({arm: ArmReadings(arm) for arm in self.truth}, frozenset({Measure.STEP}), 0, None)
        self._spread, self._generator = spread, generator
        self._drawn: defaultdict[tuple[Arm, Arm], list[float]] = defaultdict(list)

    def values(self, one: Arm, other: Arm, measure: Measure) -> list[float]:
        """Of steps."""
        return self._drawn[one, other] if measure is Measure.STEP else []

    def measure(self, rounds: int) -> int:
        """As a session does whose budget lasts for so many rounds; how many were needed."""
        ledger = Ledger(Budget(float(rounds), ALPHA, FEWEST_BLOCKS, late=3.0))
        for number in range(1, rounds + 1):
            requests = self.round()
            if not requests:
                break
            self.take(requests[0], BlockReadings(), {})
            arms = requests[0].arms
            (drawn,) = blocks_of([self.truth[arm] for arm in arms], self._spread, self._generator, 1)
            for (one, its), (other, others) in permutations(zip(arms, drawn, strict=True), 2):
                self._drawn[one, other].append(its - others)
            level = ledger.round_passed(float(number))
            if level is not None:
                self.look(level)
        self.last_look(ledger.rest())
        return self._taken("steps")

    def misses(self) -> bool:
        """Whether any range that was told in the end does not hold the truth."""
        return any(missed(self.truth, arm, place) for arm, place in self.places[Measure.STEP].items())


@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
@pytest.mark.parametrize(("rounds", "spread"), [(8, 0.015), (8, 0.034)])
def test_looking_again_and_again_holds_the_level(truth: list[float], rounds: int, spread: float) -> None:
    """Looks while it is measured, arms that are measured no more, and ranges that stay as they were told."""
    generator, runs = np.random.default_rng(33), 300 if len(truth) > 3 else 1000
    found = 0
    for _ in range(runs):
        session = Simulated(truth, spread, generator)
        session.measure(rounds)
        found += session.misses()
    assert found / runs <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / runs)


def test_clear_orders_take_few_rounds() -> None:
    """Of arms that are 10 and 30 % apart, nearly all are told apart, most before half of the time is used."""
    generator, rounds, apart = np.random.default_rng(34), [], 0
    for _ in range(100):
        session = Simulated(TRUTHS["10 and 30 % apart"], 0.015, generator)
        rounds.append(session.measure(12))
        found = session.places[Measure.STEP].values()
        apart += all(place.beside_first.order_certain for place in found if place.beside_first)
    assert apart >= 95
    assert float(np.median(rounds)) <= 6

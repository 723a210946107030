"""A comparison's course, with stand-ins for its blocks and its clock: looks, failures, interruptions, interleaving."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Changed
from fixtures.judging.measures import Measure
from fixtures.judging.verdicts import Margins, Verdict
from fixtures.measuring.memory_trace import MemoryTrace
from fixtures.measuring.progress import PlainDisplay, Progress
from fixtures.measuring.readings import MemoryReadings, ProcessReadings
from fixtures.plugin.comparing_options import EFFORT
from fixtures.sessions.advice import seconds_needed
from fixtures.sessions.budget import Budget
from fixtures.sessions.comparer import HOPELESS_BLOCKS, Comparer
from fixtures.sessions.comparison import Comparison, PairedBlock, Side
from fixtures.sessions.pairs import Plan
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fixtures.measuring.setting import Setting
    from fixtures.sessions.pairs import PairRunner

STEP_LIKE, MEMORY = Measure.FIRST_STEP, Measure.MEMORY
MARGINS = dict.fromkeys(Measure, Margins(0.02, 0.0025, 0.005))
BLOCK_SECONDS = 10.0
REHEARSAL_SECONDS = 50.0


def comparison(framework: str) -> Comparison:
    """A framework against itself with another package."""
    arm = Arm(WORKLOADS["digits"], FRAMEWORKS[framework], "cpu")
    return Comparison(arm, replace(arm, source=Changed(("six==1",)), tag="six==1"))


ONE, OTHER = comparison("pytorch"), comparison("jax")


class Script:
    """Stands for every runner of a comparer, and for its clock: what each block reads, and what happens in it.

    Args:
        value: of a measure of a block, given its comparison, number and measure.
        happens: in a block, before anything is read.
        disturbed: whether the machine voids every block.
    """

    def __init__(
        self,
        value: Callable[[Comparison, int, Measure], float],
        happens: Callable[[Script, Comparison, int], None] = lambda *_: None,
        *,
        disturbed: bool = False,
    ) -> None:
        self.now = 0.0
        self.order: list[str] = []
        self.rehearsed: list[Comparison] = []
        self.notes: list[str] = []
        self.runners: dict[Comparison, SimpleNamespace] = {}
        self._value, self._happens, self._disturbed = value, happens, disturbed

    def runner(self, one: Comparison, *_: object) -> PairRunner:
        """What runs the blocks of a comparison."""
        made = SimpleNamespace(blocks=[], failures=[], versions=("2", "1"), threads=1, allocator="default")
        made.uncompiled, made.rehearse = (0, 0), lambda: self._rehearse(one)
        made.run = lambda wanted, _: self._run(one, wanted)
        self.runners[one] = made
        return cast("PairRunner", made)

    def _rehearse(self, one: Comparison) -> None:
        self.rehearsed.append(one)
        self.now += REHEARSAL_SECONDS

    def _run(self, one: Comparison, wanted: Collection[Measure]) -> None:
        blocks = self.runners[one].blocks
        number = len(blocks)
        self.order.append(one.candidate.framework.identifier)
        self.now += BLOCK_SECONDS
        block = PairedBlock(Side(), Side(), seconds=BLOCK_SECONDS, disturbed="busy" if self._disturbed else "")
        blocks.append(block)
        self._happens(self, one, number)
        if STEP_LIKE in wanted:
            block.candidate.process = ProcessReadings(1.0, 1.0, math.exp(self._value(one, number, STEP_LIKE)))
            block.baseline.process = ProcessReadings(1.0, 1.0, 1.0)
        if MEMORY in wanted:
            sizes = round(1e9 * math.exp(self._value(one, number, MEMORY))), 1_000_000_000
            for side, size in zip((block.candidate, block.baseline), sizes, strict=True):
                side.memory = MemoryReadings(MemoryTrace((), {}), size, None, 1.0, "default")

    def compare(self, seconds: float | None, measures: dict[Comparison, set[Measure]]) -> Comparer:
        """Run it all."""
        launch = SimpleNamespace(threads=2)
        setting = cast("Setting", SimpleNamespace(launch=launch))
        plans = {one: Plan(setting, frozenset(wanted), "duet") for one, wanted in measures.items()}
        progress = Progress(PlainDisplay(self.notes.append))
        budget = Budget(seconds, 0.01)
        comparer = Comparer(plans, MARGINS, EFFORT, budget, progress, runner=self.runner, clock=lambda: self.now)
        comparer.run()
        return comparer


def noisy(mean: float, spread: float) -> Callable[[Comparison, int, Measure], float]:
    """Values of independent blocks."""
    return lambda one, number, _: mean + spread * random.Random(f"{one.identifier}{number}").gauss(0.0, 1.0)  # noqa: S311


def test_comparisons_take_turns() -> None:
    """So that a drift of the machine meets them all."""
    script = Script(noisy(0.01, 0.2))
    script.compare(100.0, {ONE: {STEP_LIKE}, OTHER: {STEP_LIKE}})
    assert script.order == ["pytorch", "jax"] * 5


def test_all_are_rehearsed_before_the_budget_begins() -> None:
    """What is compiled once is no part of the measuring."""
    script = Script(noisy(0.01, 0.2))
    comparer = script.compare(100.0, {ONE: {STEP_LIKE}, OTHER: {STEP_LIKE}})
    assert script.rehearsed == [ONE, OTHER]
    assert len(script.order) == 10
    assert comparer.readings[ONE].elapsed_seconds == pytest.approx(100.0)


def test_a_budget_is_kept_within_a_round_too() -> None:
    """The time is looked at before each comparison's block, also in the first round."""
    script = Script(noisy(0.0, 0.2))
    comparer = script.compare(25.0, {ONE: {STEP_LIKE}, OTHER: {STEP_LIKE}, comparison("tensorflow"): {STEP_LIKE}})
    assert script.order == ["pytorch", "jax"]
    assert all(one.judgements[STEP_LIKE].verdict is Verdict.INCONCLUSIVE for one in comparer.readings.values())
    assert any("give --budget 2m" in note for note in script.notes)


@pytest.mark.parametrize("blocks", range(4, 40))
def test_a_last_look_never_forgets_what_was_known(blocks: int) -> None:
    """Whatever time there is, the bounds that are kept are those of all blocks, at a level worth having."""
    script = Script(noisy(0.015, 0.05))
    comparer = script.compare(blocks * BLOCK_SECONDS, {ONE: {STEP_LIKE}})
    judgement = comparer.readings[ONE].judgements[STEP_LIKE]
    assert judgement.level >= 0.01 / 8
    assert judgement.upper - judgement.lower < 12 * judgement.standard_error
    if judgement.verdict is Verdict.INCONCLUSIVE:
        assert judgement.blocks == blocks


def test_blocks_that_turn_out_quicker_are_of_use() -> None:
    """What was slow at first does not plan the rest: there are looks as long as there is time."""

    def quicker(script: Script, _: Comparison, number: int) -> None:
        if number:
            script.now -= 0.8 * BLOCK_SECONDS

    script = Script(noisy(0.015, 0.03), quicker)
    comparer = script.compare(100.0, {ONE: {STEP_LIKE}})
    judgement = comparer.readings[ONE].judgements[STEP_LIKE]
    assert judgement.blocks > 20
    assert judgement.blocks == len(comparer.readings[ONE].blocks)


def test_a_late_failure_leaves_earlier_verdicts_alone() -> None:
    """Only what was still open fails."""

    def fails(script: Script, one: Comparison, number: int) -> None:
        if number == 12:
            error = WorkerError("the worker died", "died")
            script.runners[one].failures.append((one.candidate, error, frozenset(Measure)))

    def value(_: Comparison, number: int, measure: Measure) -> float:
        return 0.1 + 0.001 * (number % 2) if measure is MEMORY else 0.5 * (number % 2)

    script = Script(value, fails)
    comparer = script.compare(1000.0, {ONE: {STEP_LIKE, MEMORY}})
    readings = comparer.readings[ONE]
    assert readings.judgements[MEMORY].verdict is Verdict.REGRESSION
    assert set(readings.failures) == {STEP_LIKE}


def test_what_was_read_before_a_failure_is_judged() -> None:
    """With all error that is left, for nothing more comes; the failure stays one."""

    def fails(script: Script, one: Comparison, number: int) -> None:
        if number == 6:
            error = WorkerError("the worker died", "died")
            script.runners[one].failures.append((one.candidate, error, frozenset(Measure)))

    script = Script(lambda _, number, __: 0.1 if number % 2 else -0.1, fails)
    readings = script.compare(1000.0, {ONE: {STEP_LIKE}}).readings[ONE]
    assert set(readings.failures) == {STEP_LIKE}
    assert readings.judgements[STEP_LIKE].blocks == 7
    assert readings.judgements[STEP_LIKE].level >= 0.009


def test_a_failure_at_once_leaves_nothing_to_judge() -> None:
    """No figures are shown beside it."""

    def fails(script: Script, one: Comparison, _: int) -> None:
        error = WorkerError("the worker died", "died")
        script.runners[one].failures.append((one.candidate, error, frozenset({STEP_LIKE})))

    script = Script(noisy(0.0, 0.1), fails, disturbed=True)
    readings = script.compare(1000.0, {ONE: {STEP_LIKE}}).readings[ONE]
    assert set(readings.failures) == {STEP_LIKE}
    assert readings.judgements == {}


def test_time_that_ran_out_in_the_first_round_still_plans_the_next_run() -> None:
    """By the block that was measured, for each comparison."""
    script = Script(noisy(0.0, 0.2))
    comparer = script.compare(15.0, {ONE: {STEP_LIKE}, OTHER: {STEP_LIKE}})
    assert script.order == ["pytorch"]
    needed = seconds_needed(comparer.readings[ONE], STEP_LIKE, MARGINS[STEP_LIKE])
    assert needed == BLOCK_SECONDS + 3 * 2 * BLOCK_SECONDS


def test_an_interrupted_run_is_judged_by_what_is_complete() -> None:
    """The block that was cut short has no value; the error that is left is spent on the others."""

    def interrupts(_: Script, __: Comparison, number: int) -> None:
        if number == 5:
            raise KeyboardInterrupt

    script = Script(lambda _, number, __: 0.1 if number % 2 else -0.1, interrupts)
    comparer = script.compare(1000.0, {ONE: {STEP_LIKE}})
    readings = comparer.readings[ONE]
    assert comparer.interrupted
    assert readings.interrupted
    assert len(readings.blocks) == 6
    assert readings.judgements[STEP_LIKE].blocks == 5
    assert readings.judgements[STEP_LIKE].level >= 0.009


def test_a_run_interrupted_at_once_is_inconclusive() -> None:
    """Not an error."""

    def interrupts(*_: object) -> None:
        raise KeyboardInterrupt

    comparer = Script(noisy(0.0, 0.1), interrupts).compare(100.0, {ONE: {STEP_LIKE}})
    assert comparer.readings[ONE].judgements[STEP_LIKE].verdict is Verdict.INCONCLUSIVE


def test_a_run_without_an_end_gives_up_what_gets_no_value() -> None:
    """Every block void: it says so and ends."""
    script = Script(noisy(0.0, 0.001), disturbed=True)
    comparer = script.compare(None, {ONE: {STEP_LIKE}})
    assert len(comparer.readings[ONE].blocks) == HOPELESS_BLOCKS
    assert comparer.readings[ONE].judgements[STEP_LIKE].verdict is Verdict.INCONCLUSIVE
    assert any("given up" in note and "busy" in note for note in script.notes)


def test_a_run_until_decided_goes_on_until_it_is() -> None:
    """However long that takes."""
    comparer = Script(noisy(0.0, 0.05)).compare(None, {ONE: {STEP_LIKE}})
    assert comparer.readings[ONE].judgements[STEP_LIKE].verdict is not Verdict.INCONCLUSIVE
    assert len(comparer.readings[ONE].blocks) > 8


def test_what_is_decided_is_measured_no_more() -> None:
    """The time is left to the others."""
    undecided = noisy(0.0, 0.3)
    script = Script(lambda one, number, what: 0.5 + number * 1e-4 if one is ONE else undecided(one, number, what))
    comparer = script.compare(300.0, {ONE: {STEP_LIKE}, OTHER: {STEP_LIKE}})
    assert comparer.readings[ONE].judgements[STEP_LIKE].verdict is Verdict.REGRESSION
    assert len(comparer.readings[OTHER].blocks) > 2 * len(comparer.readings[ONE].blocks)
    assert {readings.family for readings in comparer.readings.values()} == {2}

"""What a comparison's readings come to: what a block is worth, what is kept of it, and the exit status."""

from __future__ import annotations

import json
import math
import mmap
from dataclasses import replace

import pytest

from fixtures.judging.measures import Measure
from fixtures.judging.verdicts import Judgement, Margins, Verdict
from fixtures.measuring.disturbance import Disturbance
from fixtures.measuring.readings import ArmBlock, BlockReadings
from fixtures.measuring.void_blocks import why_void
from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION, comparisons_status
from fixtures.plugin.verdict_record import compared
from fixtures.sessions.comparisons import Comparison, PairedBlock
from tests.compared_versions import ARM, COMPARISON, OTHER, judged, readings, side


def test_where_a_device_counts_its_memory_that_is_judged() -> None:
    """The host's memory is twice the other's, the device's a half more: the device's is what is scarce."""
    candidate, baseline = side([1.0], memory=2000), side([1.0], memory=1000)
    assert candidate.memory is not None
    assert baseline.memory is not None
    candidate.memory = replace(candidate.memory, device_peak_bytes=300)
    baseline.memory = replace(baseline.memory, device_peak_bytes=200)
    assert PairedBlock(candidate, baseline).value(Measure.MEMORY) == pytest.approx(math.log(1.5))


def test_a_block_is_worth_its_log_ratios() -> None:
    """Ten per cent longer steps and epochs, twice the memory, two points of accuracy lost."""
    block = PairedBlock(side([1.1] * 4, accuracy=0.88, memory=2000), side([1.0] * 4))
    values = {measure: block.value(measure) for measure in Measure}
    assert values == {
        Measure.STEP: pytest.approx(math.log(1.1)),
        Measure.EPOCH: pytest.approx(math.log(1.1)),
        Measure.FIRST_STEP: 0.0,
        Measure.MEMORY: pytest.approx(math.log(2.0)),
        Measure.ACCURACY: pytest.approx(0.02),
    }


def test_what_was_not_measured_on_both_sides_has_no_value() -> None:
    """A worker that failed half-way leaves a block that counts for nothing."""
    block = PairedBlock(side([1.0] * 3), side([1.0] * 4))
    assert block.value(Measure.STEP) is None
    assert all(PairedBlock(side([1.0]), ArmBlock()).value(measure) is None for measure in Measure)


TIMES = {Measure.STEP, Measure.EPOCH, Measure.FIRST_STEP}


@pytest.mark.parametrize(
    ("phases", "counting"),
    [
        (("start", "first step"), {Measure.FIRST_STEP}),
        (("start", "first step", "warm-up", "steps"), {Measure.FIRST_STEP, Measure.STEP}),
        (("start", "first step", "warm-up", "steps", "epochs"), TIMES),
    ],
    ids=["first-step", "steps", "all"],
)
def test_of_an_interrupted_block_only_whole_measures_count(phases: tuple[str, ...], counting: set[Measure]) -> None:
    """A few bursts are no block's worth: their noise is another one."""
    arms = {arm: replace(side([1.0] * 4), training=None, memory=None) for arm in (ARM, OTHER)}
    block = PairedBlock.of(BlockReadings(arms, 12.0, complete=False, phases=dict.fromkeys(phases, 1.0)), COMPARISON)
    assert {measure for measure in Measure if block.counts(measure)} == counting
    assert (block.complete, block.seconds) == (False, 12.0)
    process = arms[ARM].process
    assert process is not None
    assert len(process.bursts) == 4


def test_a_block_has_values_only_of_what_it_was_asked_for() -> None:
    """A training has a first step and whole epochs, too, of another kind than those that are asked for."""
    arms = {arm: replace(side([1.0] * 3), memory=None) for arm in (ARM, OTHER)}
    asked = frozenset({Measure.ACCURACY})
    block = PairedBlock.of(BlockReadings(arms, phases={"training": 1.0}, complete=True, measures=asked), COMPARISON)
    assert {measure for measure in Measure if block.counts(measure)} == asked
    found = readings(block, block)
    assert (found.rounds(Measure.EPOCH), len(found.rounds(Measure.ACCURACY))) == ([], 2)


def test_an_arm_that_was_not_there_leaves_a_block_without_values() -> None:
    """It failed, or others were measured; the block is kept."""
    block = PairedBlock.of(BlockReadings({ARM: side([1.0])}, complete=True), COMPARISON)
    assert not any(block.counts(measure) for measure in Measure)
    assert (block.candidate.memory is None, block.baseline.memory is None) == (False, True)


def test_slices_of_an_epoch_count_before_whole_ones() -> None:
    """Both arms have slices of the same examples; a whole epoch beside them is for the table."""
    candidate, baseline = side([1.0] * 2), side([1.0] * 2)
    for read, seconds in ((candidate, 1.2), (baseline, 1.0)):
        assert read.process is not None
        read.process.slice_seconds, read.process.epoch_seconds = [seconds] * 4, [5.0]
    assert PairedBlock(candidate, baseline).value(Measure.EPOCH) == pytest.approx(math.log(1.2))


def test_a_block_is_read_for_some_measures_only() -> None:
    """Void ones are among them; blocks of another kind are not."""
    one, other = ArmBlock(side([1.0]).process), ArmBlock(side([1.0]).process)
    steps = PairedBlock(one, other, disturbed="busy", measures=frozenset({Measure.STEP}))
    one, other = ArmBlock(memory=side([1.0]).memory), ArmBlock(memory=side([1.0]).memory)
    memory = PairedBlock(one, other, measures=frozenset({Measure.MEMORY}))
    found = readings(steps, memory, memory)
    assert [len(found.read(measure)) for measure in (Measure.STEP, Measure.MEMORY, Measure.ACCURACY)] == [1, 2, 0]
    assert [len(found.values(measure)) for measure in (Measure.STEP, Measure.MEMORY)] == [0, 2]
    record = {measure: compared(judged(found, measure), measure, Margins(0.02)) for measure in Measure}
    assert [len(record[measure]["raw"]) for measure in (Measure.STEP, Measure.MEMORY, Measure.ACCURACY)] == [1, 2, 0]


def test_void_blocks_are_counted_and_not_judged() -> None:
    """Only what the machine itself recorded voids a block, whatever its ratio; and only times can be disturbed."""
    quiet, disturbed = PairedBlock(side([1.0]), side([1.0])), PairedBlock(side([1.0], stolen=0.9), side([1.0]))
    far_off = PairedBlock(side([9.0]), side([1.0]))
    for block in (quiet, disturbed, far_off):
        block.disturbed = why_void((block.candidate, block.baseline))
    assert disturbed.disturbed == "the hypervisor withheld 90% of a core"
    found = readings(quiet, disturbed, far_off)
    for measure in (Measure.STEP, Measure.EPOCH):
        assert found.values(measure) == pytest.approx([0.0, math.log(9.0)])
    assert [len(found.values(measure)) for measure in (Measure.MEMORY, Measure.ACCURACY)] == [3, 3]


def test_a_block_without_bursts_can_be_void() -> None:
    """What the machine recorded around its start and its epochs counts as well."""
    block = PairedBlock(side([], stolen=0.0), side([]))
    block.baseline.disturbances = [Disturbance(10.0, 0.0, 9.0)]
    assert why_void((block.candidate, block.baseline)) == "other processes used 90% of a core"


def test_the_resolution_is_that_of_the_readings() -> None:
    """One test example, and one page of memory."""
    found = readings(PairedBlock(side([1.0], memory=2**20), side([1.0], memory=2**21)))
    assert found.resolution(Measure.ACCURACY) == 1.0
    assert found.resolution(Measure.MEMORY) == mmap.PAGESIZE / 2**20
    assert found.resolution(Measure.STEP) == 0.0


def test_a_record_travels_as_json_and_keeps_every_block() -> None:
    """With raw readings of both sides, from which the verdict can be made again."""
    found = readings(PairedBlock(side([1.1, 1.1]), side([1.0, 1.0]), seconds=20.0))
    found.judgements[Measure.STEP] = Judgement(Verdict.INCONCLUSIVE, 0.095, -math.inf, math.inf, 1, math.inf, 0.002)
    found.elapsed_seconds, found.round_seconds, found.family, found.alpha = 60.0, 25.0, 5, 0.01
    record = json.loads(json.dumps(compared(found, Measure.STEP, Margins(0.02)), allow_nan=False))
    assert record["raw"][0]["candidate"] == [1.1, 1.1]
    assert record["raw"][0]["value"] == pytest.approx(math.log(1.1))
    assert record["lower"] is None
    assert record["blocks_needed"] == 4
    assert record["budget_needed_seconds"] == 60.0 + 3 * 25.0
    assert (record["level"], record["family"], record["alpha"]) == (0.002, 5, 0.01)
    assert record["raw"][0]["complete"] is True
    assert record["raw"][0]["settled"] is False
    assert record["raw"][0]["disturbance_shares"] == {
        "steal_seconds": 0.0,
        "throttled_seconds": None,
        "throttled_gpu_seconds": None,
        "foreign_gpu_seconds": None,
        "foreign_cpu_seconds": 0.0,
    }
    found.judgements[Measure.MEMORY] = found.judgements[Measure.STEP]
    block = compared(found, Measure.MEMORY, Margins(0.02))["raw"][0]
    assert (block["settled"], block["disturbance_shares"]) == (None, {})
    assert found.rounds(Measure.STEP) == [1.1, 1.1]


def test_exit_statuses_are_none_of_pytests() -> None:
    """Today's; new ones are added at the end."""
    taken = {int(status) for status in pytest.ExitCode}
    assert not {EXIT_INCONCLUSIVE, EXIT_REGRESSION} & taken
    assert min(EXIT_INCONCLUSIVE, EXIT_REGRESSION) > max(taken) + 2


CPU, GPU = Comparison(ARM, OTHER), Comparison(replace(ARM, device="cuda"), replace(OTHER, device="cuda"))


@pytest.mark.parametrize(
    ("status", "asked", "verdicts", "expected"),
    [
        (0, {"a": CPU}, {"a": Verdict.NO_REGRESSION}, 0),
        (0, {"a": CPU, "b": GPU}, {"a": Verdict.IMPROVEMENT}, 0),
        (0, {"a": CPU, "b": CPU}, {"a": Verdict.NO_REGRESSION}, EXIT_INCONCLUSIVE),
        (0, {"a": GPU}, {}, EXIT_INCONCLUSIVE),
        (0, {"a": CPU}, {"a": Verdict.INCONCLUSIVE}, EXIT_INCONCLUSIVE),
        (1, {"a": CPU, "b": CPU}, {"a": Verdict.INCONCLUSIVE}, 1),
        (1, {"a": CPU, "b": CPU}, {"a": Verdict.INCONCLUSIVE, "b": Verdict.REGRESSION}, EXIT_REGRESSION),
        (0, {}, {}, 0),
        (5, {}, {}, 5),
    ],
)
def test_the_exit_status_is_the_worst_that_was_found(
    status: int, asked: dict[str, Comparison], verdicts: dict[str, Verdict], expected: int
) -> None:
    """And never 0 while anything that could be measured here has no verdict, or nothing has one."""
    assert comparisons_status(status, asked, verdicts) == expected

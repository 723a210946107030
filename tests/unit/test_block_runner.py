"""One block after another: who takes part in which kind of it, on how many threads, and what is kept of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.launch import LaunchSettings, allocator_setting, allowed_cores
from fixtures.judging.measures import Measure
from fixtures.measuring import block as block_module
from fixtures.measuring import block_runner
from fixtures.measuring.block import Reading
from fixtures.measuring.block_runner import BlockRunner, Interrupted
from fixtures.measuring.disturbance import Disturbance
from fixtures.measuring.progress import Progress
from fixtures.measuring.readings import ArmBlock, BlockReadings, Burst, KernelSeconds, ProcessReadings
from fixtures.measuring.requests import BlockRequest
from fixtures.measuring.schedule import Effort
from fixtures.measuring.setting import Setting
from fixtures.measuring.turns import Alternating, Duet
from fixtures.plugin.display import PlainDisplay
from fixtures.sessions.comparisons import Comparison, PairedBlock
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.measuring.proof import Proofs
    from fixtures.measuring.schedule import Schedule
    from fixtures.measuring.turns import Turns

TWO_CORES = pytest.mark.skipif(len(allowed_cores()) < 2, reason="a duet needs two cores")
ARM, OTHER, THIRD = (Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu", tag=tag) for tag in ("", "b", "c"))
TIMED = frozenset({Measure.STEP, Measure.EPOCH, Measure.FIRST_STEP})
MEMORY, ACCURACY = frozenset({Measure.MEMORY}), frozenset({Measure.ACCURACY})
EFFORT = Effort(bursts=4, epochs=2)
QUIET = Disturbance(1.0, 0.0, 0.0)
BESIDE = {Measure.STEP: KernelSeconds(2.0, 4.0, 1.0)}


class Stand:
    """Where made-up blocks are run: what each was made of, and what happens in it."""

    def __init__(self) -> None:
        self.blocks: list[SimpleNamespace] = []
        self.read: list[Reading] = []
        self.memory_runs: list[SimpleNamespace] = []
        self.kernels: list[str] = []
        self.unproven: set[Arm] = set()
        self.failures: dict[Arm, WorkerError] = {}
        self.interrupted = False
        self.phases: tuple[str, ...] = ("start", "first step", "proof", "warm-up", "steps", "epochs")
        self.bursts, self.epochs = 4, 2

    def block(
        self,
        arms: Sequence[Arm],
        proofs: Proofs,
        effort: Effort,
        turns: Turns,
        number: tuple[int, int],
        kernel: object = None,
        *,
        cold: bool,
    ) -> Any:
        """A block that reads some bursts and epochs of all its arms."""
        made = SimpleNamespace(arms=arms, setting=proofs.setting, effort=effort, turns=turns, number=number)
        made.kernel, made.cold = kernel, cold
        self.blocks.append(made)
        readings = BlockReadings({arm: ArmBlock() for arm in arms})

        def run(reading: Reading) -> None:
            self.read.append(reading)
            for arm, read in readings.arms.items():
                process = ProcessReadings(1.0, 1.0, 1.0, proven=arm not in self.unproven)
                process.bursts = [Burst(1, 1.0, QUIET)] * self.bursts
                process.slice_seconds = [1.0] * self.epochs
                read.process, read.disturbances = process, [QUIET]
            readings.phases = dict.fromkeys(self.phases, 1.0)
            if self.interrupted:
                raise KeyboardInterrupt

        return SimpleNamespace(run=run, readings=readings, failures=self.failures, kernel=kernel)

    def kernel(self, setting: Setting, label: str, _progress: Progress) -> Any:
        """A kernel that was timed beside steps."""
        self.kernels.append(f"{label}, {setting.launch.threads} threads")
        return SimpleNamespace(median_seconds=lambda: BESIDE, identity=f"identity {len(self.kernels)}")


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    """On which no block starts a real process."""
    stand = Stand()

    class Watched:
        """Stands for a memory run that reads nothing."""

        def __init__(self, arms: Sequence[Arm], setting: Setting, proofs: Proofs, label: str, *, whole: bool) -> None:
            self.processes = [SimpleNamespace(arm=arm) for arm in arms]
            self.readings: dict[Arm, str] = {}
            self.failures = stand.failures
            stand.memory_runs.append(SimpleNamespace(setting=setting, proofs=proofs, label=label, whole=whole))

        def run(self) -> None:
            """Read of the first, then perhaps Ctrl-C."""
            self.readings[self.processes[0].arm] = "memory"
            if stand.interrupted:
                raise KeyboardInterrupt

    monkeypatch.setattr(block_module, "Block", stand.block)
    monkeypatch.setattr(block_runner, "MemoryRun", Watched)
    monkeypatch.setattr(block_module, "KernelProcess", stand.kernel)
    return stand


def runner(schedule: Schedule = "alternating", threads: int = 1, *, kernel: bool = False) -> BlockRunner:
    """Of these arms."""
    unused = cast("Any", None)
    setting = Setting(WORKLOADS["digits"], unused, unused, unused, unused, {}, LaunchSettings(threads), 1.0)
    return BlockRunner(setting, EFFORT, schedule, Progress(PlainDisplay(lambda _: None)), kernel=kernel)


def request(measures: frozenset[Measure] = TIMED, *arms: Arm, **more: Any) -> BlockRequest:
    """Of two arms unless others are named."""
    return BlockRequest(arms or (ARM, OTHER), measures, **more)


@pytest.mark.parametrize(
    ("measures", "kind"), [({Measure.STEP}, "steps"), (TIMED, "steps"), (MEMORY, "memory"), (ACCURACY, "training")]
)
def test_what_is_read_says_which_kind_of_block_it_is(measures: frozenset[Measure], kind: str) -> None:
    """Each kind has processes of its own."""
    assert request(measures).kind == kind


@pytest.mark.parametrize(
    ("asked", "reading"),
    [
        (request(), Reading(steps=True, epochs=True, short_epochs=True, peak=True)),
        (request(frozenset({Measure.STEP})), Reading(steps=True, short_epochs=True, peak=True)),
        (request(frozenset({Measure.FIRST_STEP}), seed=7), Reading(steps=False, short_epochs=True)),
        (
            request(frozenset({Measure.EPOCH}), whole=True),
            Reading(steps=False, epochs=True, short_epochs=True, whole_epochs=True),
        ),
        (request(ACCURACY, seed=7), Reading(steps=False, short_epochs=True, seed=7)),
    ],
    ids=["all", "steps", "first step", "whole epochs", "accuracy"],
)
def test_a_block_reads_what_is_asked_for(stand: Stand, asked: BlockRequest, reading: Reading) -> None:
    """Nothing else; a seed is only for a training."""
    runner().run(asked)
    assert stand.read == [reading]


def test_what_a_framework_reaches_at_best_is_found_out_once(stand: Stand) -> None:
    """In the first block of steps, where its arms take turns and nobody else computes."""
    alternating = runner()
    alternating.run(request())
    alternating.run(request())
    assert [reading.peak for reading in stand.read] == [True, False]


@TWO_CORES
def test_in_a_duet_an_epoch_is_always_a_slice(stand: Stand) -> None:
    """Unless whole ones are asked for: its blocks are many, and short."""
    duet = runner("duet", 2)
    duet.run(request())
    duet.run(request(whole=True))
    assert [reading.short_epochs for reading in stand.read] == [False, False]
    assert [reading.whole_epochs for reading in stand.read] == [False, True]
    assert not any(reading.peak for reading in stand.read)


@TWO_CORES
def test_the_arms_of_a_duet_have_half_of_the_threads_each(stand: Stand) -> None:
    """Proofs too, so that fingerprints are of the same kernels; memory is read with all, as users have them."""
    duet = runner("duet", 2)
    duet.run(request())
    duet.run(request(MEMORY))
    assert stand.blocks[0].setting.launch.threads == duet.threads == duet.proofs.setting.launch.threads == 1
    assert stand.memory_runs[0].setting.launch.threads == duet.memory_threads == duet.setting.launch.threads == 2
    assert stand.memory_runs[0].proofs is duet.proofs
    assert duet.allocator == allocator_setting(LaunchSettings(1))


def test_arms_that_take_turns_have_all_threads(stand: Stand) -> None:
    """Each in its turn."""
    alone = runner("alternating", 3)
    alone.run(request())
    assert stand.blocks[0].setting.launch.threads == alone.threads == alone.memory_threads == 3
    assert isinstance(stand.blocks[0].turns, Alternating)
    assert stand.blocks[0].effort is EFFORT


def test_blocks_are_counted_among_all_and_among_those_of_the_same_arms_and_kind(stand: Stand) -> None:
    """The one names their folders; by the other, what only happens once in a block changes sides in the next."""
    every = runner()
    requests = [request(), request(), request(MEMORY), request(TIMED, ARM, THIRD), request(ACCURACY, seed=1), request()]
    for each in requests:
        every.run(each)
    assert [made.number for made in stand.blocks] == [(0, 0), (1, 1), (3, 0), (4, 0), (5, 2)]
    assert [made.turns._seed for made in stand.blocks] == [0, 1, 0, 0, 2]


@TWO_CORES
def test_blocks_start_cold_where_compiling_is_read(stand: Stand) -> None:
    """First steps and whole trainings include it; steps alone are timed after it."""
    for measures in (TIMED, frozenset({Measure.STEP}), ACCURACY):
        runner().run(request(measures))
    assert [made.cold for made in stand.blocks] == [True, False, True]


def test_the_first_places_of_a_duet_alternate(stand: Stand) -> None:
    """Whatever other blocks lie between."""
    duet = runner("duet", 2)
    for each in (request(), request(ACCURACY, seed=1), request(), request(MEMORY), request()):
        duet.run(each)
    steps = [made.turns for made in stand.blocks if made is not stand.blocks[1]]
    assert all(isinstance(turns, Duet) for turns in steps)
    assert [turns._first_turn for turns in steps] == [0, 1, 2]
    assert stand.blocks[1].turns._first_turn == 0


def test_every_memory_run_has_folders_of_its_own(stand: Stand) -> None:
    """Else a compiler would find there what the block before has left. All examples are read if somebody asks."""
    every = runner()
    for each in (request(MEMORY), request(), request(MEMORY, whole=True)):
        every.run(each)
    assert [(run.label, run.whole) for run in stand.memory_runs] == [("memory-1", False), ("memory-3", True)]


def test_a_whole_block_is_said_to_be_whole(stand: Stand) -> None:
    """With its parts, and what was read of everybody."""
    block, failures = runner().run(request())
    assert failures == {}
    assert block.complete
    assert list(block.phases) == list(stand.phases)
    assert all(read.process is not None and read.process.proven for read in block.arms.values())
    assert all(read.disturbances == [QUIET] for read in block.arms.values())


def test_memory_is_read_of_those_who_came_to_their_end(stand: Stand) -> None:
    """Of the others there is nothing; what failed is told."""
    stand.failures[OTHER] = WorkerError("it died", "died")
    block, failures = runner().run(request(MEMORY))
    assert failures == stand.failures
    assert block.complete
    assert list(block.phases) == ["memory"]
    assert [cast("object", read.memory) for read in block.arms.values()] == ["memory", None]


def test_who_failed_has_read_nothing(stand: Stand) -> None:
    """Whatever its process had read by then; the others' readings stay."""
    stand.failures[OTHER] = WorkerError("it died", "died")
    block, failures = runner().run(request())
    assert failures == stand.failures
    assert block.arms[ARM].process is not None
    assert block.arms[OTHER].process is None


def test_a_process_that_was_not_proven_never_counts(stand: Stand) -> None:
    """As where Ctrl-C came between its first step and its proof."""
    stand.unproven.add(OTHER)
    stand.interrupted = True
    with pytest.raises(Interrupted) as interruption:
        runner().run(request())
    assert not interruption.value.block.complete
    assert interruption.value.block.arms[ARM].process is not None
    assert interruption.value.block.arms[OTHER].process is None


def test_of_an_interrupted_memory_run_what_was_read_is_kept(stand: Stand) -> None:
    """But the run is not whole, and its part did not come to its end."""
    stand.interrupted = True
    with pytest.raises(Interrupted) as interruption:
        runner().run(request(MEMORY))
    block = interruption.value.block
    assert not block.complete
    assert block.phases == {}
    assert [cast("object", read.memory) for read in block.arms.values()] == ["memory", None]


@pytest.mark.parametrize(
    ("phases", "counting"),
    [
        ((), {Measure.FIRST_STEP}),
        (("warm-up",), {Measure.FIRST_STEP}),
        (("warm-up", "steps"), {Measure.FIRST_STEP, Measure.STEP}),
        (("warm-up", "steps", "epochs"), TIMED),
    ],
)
def test_of_an_interrupted_block_only_whole_measures_count(
    stand: Stand, phases: tuple[str, ...], counting: frozenset[Measure]
) -> None:
    """A few bursts are no block's worth: their noise is another one."""
    stand.interrupted, stand.phases = True, phases
    with pytest.raises(Interrupted) as interruption:
        runner().run(request())
    paired = PairedBlock.of(interruption.value.block, Comparison(ARM, OTHER))
    assert not paired.complete
    assert {measure for measure in Measure if paired.counts(measure)} == counting


def test_the_reference_kernel_is_timed_only_where_somebody_asks(stand: Stand) -> None:
    """Its seconds go to each process beside which it was timed; of memory it knows nothing."""
    block, _ = runner().run(request())
    assert stand.kernels == []
    assert stand.blocks[0].kernel is None
    assert all(read.process is not None and read.process.reference_seconds == {} for read in block.arms.values())
    with_kernel = runner(threads=2, kernel=True)
    with_kernel.run(request(MEMORY))
    assert stand.kernels == []
    stand.unproven.add(OTHER)
    block, _ = with_kernel.run(request())
    assert stand.kernels == ["process-2, 2 threads"]
    process = block.arms[ARM].process
    assert process is not None
    assert process.reference_seconds == BESIDE
    assert block.arms[ARM].reference_kernel == "identity 1"

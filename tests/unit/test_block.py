"""A block with stand-ins for its processes: who acts where and when, how much, and what an interruption leaves."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.launch import allowed_cores, cores_for
from fixtures.judging.measures import Measure
from fixtures.measuring import block as block_module
from fixtures.measuring import live_processes
from fixtures.measuring.arm_process import ParityError
from fixtures.measuring.block import Block, Reading
from fixtures.measuring.disturbance import Snapshot
from fixtures.measuring.progress import Progress
from fixtures.measuring.readings import Evaluation, ProcessReadings
from fixtures.measuring.schedule import BURST_SECONDS, SLICE_SECONDS, Effort
from fixtures.measuring.turns import Alternating, Duet
from fixtures.plugin.display import PlainDisplay
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.measuring.kernel_process import KernelProcess
    from fixtures.measuring.proof import Proofs
    from fixtures.measuring.turns import Turns

TWO_CORES = pytest.mark.skipif(len(allowed_cores()) < 2, reason="a duet needs two cores")
WORKLOAD = WORKLOADS["digits"]
ARMS = tuple(Arm(WORKLOAD, FRAMEWORKS[name], "cpu") for name in ("pytorch", "tensorflow"))
SLOWED = replace(ARMS[0], tag="slower", handicap=0.05)
EFFORT = Effort(bursts=6, maximum_warm_up_rounds=3, epochs=4)
BATCHES = 30
"""Whole ones of an epoch; a smaller one follows."""
PATIENCE = 30
NOTHING, STEPS = Reading(steps=False), Reading()
SLICES, EPOCHS = Reading(steps=False, epochs=True), Reading(steps=False, epochs=True, short_epochs=True)
TRAINING = Reading(steps=False, seed=42)
EVENTS: list[tuple[str, str, tuple[int, ...]]] = []


class Process:
    """Stands for a process of an arm: notes what it is asked to do, and on which cores."""

    interrupts_in = ""
    fails_in: ClassVar[dict[str, str]] = {}
    step_seconds: ClassVar[dict[str, float]] = {}
    meeting: threading.Barrier | None = None
    """Where all must be at the same time to import."""
    released = threading.Event()

    def __init__(self, arm: Arm, *_: object, **__: object) -> None:
        self.arm, self.name, self.pid = arm, arm.identifier, 0
        self.cores: tuple[int, ...] = ()
        self.readings: ProcessReadings | None = None
        self.asked: list[tuple[str, int]] = []
        self.handicap: float | None = None

    def did(self, what: str, count: int = 0, seconds: float = 1.0) -> Any:
        """Note it, and perhaps fail."""
        name = self.arm.framework.identifier
        EVENTS.append((what, name, self.cores))
        self.asked.append((what, count))
        if self.fails_in.get(name) == what:
            raise WorkerError(f"{name} died", "died")
        if what == self.interrupts_in:
            if self.arm is ARMS[0]:
                raise KeyboardInterrupt
            assert self.released.wait(PATIENCE), "nobody ended the worker that is waited for"
            raise WorkerError("ended", "died")
        return SimpleNamespace(seconds=seconds, loss=0.5, cpu_seconds=2.0)

    def launch(self) -> None:
        """Start."""
        self.did("launch")

    def prepare(self) -> None:
        """Import, build."""
        if self.meeting is not None:
            self.meeting.wait()
        self.did("start")

    def take_first_step(self) -> None:
        """As it says."""
        self.did("first step")
        self.readings = ProcessReadings(1.0, 1.0, 1.0)

    def fingerprint(self) -> str:
        """Whatever the proofs make of it."""
        return "fingerprint"

    def build(self, seed: int) -> None:
        """Build anew."""
        self.did("build", seed)

    def take_handicap(self, step_seconds: float) -> None:
        """Keep the step that it is a share of."""
        self.did("handicap")
        self.handicap = step_seconds

    def train_steps(self, steps: int, lead_in: int) -> Any:
        """Train a burst."""
        assert lead_in in (0, EFFORT.lead_in_steps)
        return self.did("burst", steps, steps * self.step_seconds.get(self.arm.framework.identifier, 0.01))

    def train_next_epoch(self, examples: int = 0) -> Any:
        """Train an epoch, or a slice of one."""
        return self.did("slice" if examples else "epoch", examples)

    def evaluate(self) -> Evaluation:
        """Classify."""
        self.did("evaluate")
        return Evaluation((0,), 1.0, 0.1)

    def close(self) -> None:
        """End."""
        self.released.set()


class Kernel:
    """Stands for the reference kernel's process: notes when it is asked."""

    pid = 4_000_000_000

    def start(self) -> None:
        """Start."""
        EVENTS.append(("start", "kernel", ()))

    def time(self, measure: Measure) -> None:
        """Take readings."""
        EVENTS.append((measure, "kernel", ()))

    def close(self) -> None:
        """End."""
        EVENTS.append(("close", "kernel", ()))


class Proven:
    """Stands for the proofs: believes all but some."""

    doubted: ClassVar[set[str]] = set()

    def __init__(self, batches: int) -> None:
        dataset = SimpleNamespace(load=lambda _: [0] * (WORKLOAD.batch_size * batches + 5), class_names=("zero",))
        launch = SimpleNamespace(noise_control=True)
        self.setting = SimpleNamespace(launch=launch, workload=WORKLOAD, dataset=dataset)
        self.progress = Progress(PlainDisplay(lambda _: None))

    def check(self, process: Process, fingerprint: str) -> None:
        """Note it; the fingerprint is that of the process."""
        assert fingerprint == process.fingerprint()
        process.did("proof")
        if process.arm.framework.identifier in self.doubted:
            raise ParityError("parity failed", "parity")
        assert process.readings is not None
        process.readings.proven = True


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No block of this file starts a real one, and this machine has room for all of them at once."""
    EVENTS.clear()
    monkeypatch.setattr(Process, "interrupts_in", "")
    monkeypatch.setattr(Process, "fails_in", {})
    monkeypatch.setattr(Process, "step_seconds", {})
    monkeypatch.setattr(Process, "meeting", None)
    monkeypatch.setattr(Process, "released", threading.Event())
    monkeypatch.setattr(Proven, "doubted", set())
    monkeypatch.setattr(block_module, "ArmProcess", Process)
    memory = SimpleNamespace(available=2**40)
    monkeypatch.setattr(live_processes, "psutil", SimpleNamespace(virtual_memory=lambda: memory))


def block(
    turns: Turns,
    number: int = 0,
    kernel: Kernel | None = None,
    *,
    arms: Sequence[Arm] = ARMS,
    effort: Effort = EFFORT,
    batches: int = BATCHES,
) -> Block:
    """Two arms that do nothing, and perhaps a kernel."""
    proofs = cast("Proofs", Proven(batches))
    return Block(arms, proofs, effort, turns, (number, number), cast("KernelProcess | None", kernel))


def events(*kinds: str) -> list[tuple[str, str]]:
    """What of these kinds was done, by whom, in order."""
    return [(what, name) for what, name, _ in EVENTS if what in kinds]


def places(what: str) -> list[tuple[int, ...]]:
    """Cores of the first arm in each of these rounds."""
    return [cores for event, name, cores in EVENTS if event == what and name == "pytorch"]


def asked(found: Block, what: str) -> list[list[int]]:
    """How much of it each process was asked for, each time."""
    return [[count for kind, count in cast("Process", one).asked if kind == what] for one in found.processes]


def measured(found: Block, arm: Arm = ARMS[0]) -> ProcessReadings:
    """What a block read of an arm."""
    process = found.readings.arms[arm].process
    assert process is not None
    return process


@TWO_CORES
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("bursts", [True, False], ids=["bursts", "none"])
@pytest.mark.parametrize(
    ("reading", "what"), [(SLICES, "slice"), (replace(SLICES, whole_epochs=True), "epoch"), (TRAINING, "epoch")]
)
def test_epoch_readings_are_pairs_of_exchanged_cores(number: int, reading: Reading, what: str, *, bursts: bool) -> None:
    """The first epoch is none of them, and evaluating between two epochs changes nothing."""
    block(Duet(1, 2, first_turn=number), number).run(replace(reading, steps=bursts))
    epochs = places(what)[1:]
    pairs = list(zip(epochs[::2], epochs[1::2], strict=False))
    assert len(pairs) >= 2
    assert all(one != other for one, other in pairs)
    assert len({one for one, _ in pairs}) == 1


@TWO_CORES
def test_burst_readings_are_pairs_of_exchanged_cores() -> None:
    """After any number of warm-up rounds."""
    block(Duet(1, 2)).run(STEPS)
    bursts = places("burst")[3:]
    assert bursts == bursts[:2] * 3
    assert bursts[0] != bursts[1]


@pytest.mark.parametrize(
    ("reading", "what"), [(SLICES, "slice"), (EPOCHS, "epoch"), (TRAINING, "epoch")], ids=["slices", "whole", "trained"]
)
def test_alternating_epochs_are_mirrored_pairs(reading: Reading, what: str) -> None:
    """A B then B A, or the reverse, of what counts."""
    for number in range(4):
        EVENTS.clear()
        block(Alternating(seed=number), batches=300 if what == "slice" else BATCHES).run(reading)
        order = [name for _, name in events(what)][2:]
        assert len(order) >= 8
        for start in range(0, len(order) - 3, 4):
            assert order[start : start + 2] == order[start + 2 : start + 4][::-1]


@TWO_CORES
def test_the_first_step_changes_sides_from_block_to_block() -> None:
    """Cores, and who is launched first: it is one reading a block, which nothing within the block could balance."""
    started, launched = [], []
    for number in range(2):
        EVENTS.clear()
        block(Duet(1, 2, first_turn=number), number).run(NOTHING)
        started.append(places("first step")[0])
        launched.append(events("launch")[0][1])
    assert started[0] != started[1]
    assert launched == ["pytorch", "tensorflow"]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("duet", [pytest.param(True, marks=TWO_CORES), False], ids=["duet", "alternating"])
def test_no_first_step_is_taken_beside_an_arm_that_still_imports(number: int, *, duet: bool) -> None:
    """Else the version that imports faster would have the longer first step."""
    block(Duet(1, 2) if duet else Alternating(seed=0), number).run(NOTHING)
    kinds = [what for what, _ in events("start", "first step")]
    assert kinds == ["start", "start", "first step", "first step"]


def test_the_first_block_of_arms_that_take_turns_times_each_import_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else imports meanwhile."""
    found = block(Alternating(seed=0))
    inside: list[str] = []

    def prepare(process: Process) -> None:
        inside.append(process.name)
        assert len(inside) == 1
        process.did("start")
        inside.remove(process.name)

    monkeypatch.setattr(Process, "prepare", prepare)
    found.run(NOTHING)
    assert found.failures == {}
    assert [measured(found, arm).import_seconds for arm in ARMS] == [1.0, 1.0]


def test_later_blocks_of_arms_that_take_turns_import_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which saves the block many seconds; such imports are no reading."""
    monkeypatch.setattr(Process, "meeting", threading.Barrier(2, timeout=PATIENCE))
    found = block(Alternating(seed=0), 1)
    found.run(NOTHING)
    assert found.failures == {}
    assert [measured(found, arm).import_seconds for arm in ARMS] == [None, None]
    assert [measured(found, arm).first_step_seconds for arm in ARMS] == [1.0, 1.0]


@TWO_CORES
@pytest.mark.parametrize("number", [0, 1])
def test_the_arms_of_a_duet_always_import_at_the_same_time(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Each on its own cores, as whatever they do."""
    monkeypatch.setattr(Process, "meeting", threading.Barrier(2, timeout=PATIENCE))
    found = block(Duet(1, 2, first_turn=number), number)
    found.run(NOTHING)
    assert found.failures == {}
    one, other = (set(place) for what, _, place in EVENTS if what == "start")
    assert one
    assert other
    assert not one & other
    assert all(len(found.readings.arms[arm].disturbances) == 2 for arm in ARMS), "the start is watched, as it is timed"


def test_each_process_is_held_against_its_proof_before_anything_more_is_read() -> None:
    """Right after the first step, since the fingerprint is of the steps that follow it."""
    found = block(Alternating(seed=0))
    found.run(STEPS)
    kinds = [what for what, name in events("first step", "proof", "burst") if name == "pytorch"]
    assert kinds[:3] == ["first step", "proof", "burst"]
    assert kinds.count("proof") == 1
    assert measured(found).proven


def test_a_process_that_trains_something_else_loses_its_arm_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is measured no more; the other goes on to the end."""
    monkeypatch.setattr(Proven, "doubted", {"pytorch"})
    found = block(Alternating(seed=0))
    found.run(Reading(epochs=True))
    assert list(found.failures) == [ARMS[0]]
    assert isinstance(found.failures[ARMS[0]], ParityError)
    assert {name for _, name in events("burst", "slice", "epoch")} == {"tensorflow"}
    assert len(measured(found, ARMS[1]).bursts) == EFFORT.bursts
    assert not measured(found).proven


@pytest.mark.parametrize("what", ["launch", "start", "first step", "burst", "slice", "build", "epoch", "evaluate"])
@pytest.mark.parametrize("duet", [pytest.param(True, marks=TWO_CORES), False], ids=["duet", "alternating"])
def test_a_worker_that_fails_is_out_whatever_it_did(monkeypatch: pytest.MonkeyPatch, what: str, *, duet: bool) -> None:
    """The other arm is measured and trained to the end."""
    monkeypatch.setattr(Process, "fails_in", {"tensorflow": what})
    found = block(Duet(1, 2) if duet else Alternating(seed=0), batches=300)
    found.run(Reading(epochs=True, seed=7))
    assert {arm: error.cause for arm, error in found.failures.items()} == {ARMS[1]: "tensorflow died"}
    assert len([name for kind, name in events(what) if name == "tensorflow"]) == 1
    training = found.readings.arms[ARMS[0]].training
    assert training is not None
    assert len(training.evaluations) == WORKLOAD.epochs
    assert found.readings.arms[ARMS[1]].training is None


def test_nothing_is_left_to_do_once_all_have_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And that is told of each."""
    monkeypatch.setattr(Process, "fails_in", {"pytorch": "first step", "tensorflow": "start"})
    found = block(Alternating(seed=0))
    found.run(Reading(epochs=True, whole_epochs=True, seed=7))
    assert set(found.failures) == set(ARMS)
    assert events("burst", "slice", "epoch") == []


@pytest.mark.parametrize(("slowest", "steps", "bursts"), [(0.001, 10, 16), (0.03, 4, 12), (0.5, 1, 4)])
def test_the_slowest_arm_decides_how_much_is_measured_of_all(
    monkeypatch: pytest.MonkeyPatch, slowest: float, steps: int, bursts: int
) -> None:
    """As many bursts, of as many steps, and slices of the same examples; warm-up begins with a step."""
    monkeypatch.setattr(Process, "step_seconds", {"pytorch": 0.001, "tensorflow": slowest})
    found = block(Alternating(seed=0), effort=replace(EFFORT, bursts=16), batches=3000)
    found.run(Reading(epochs=True))
    for counts in asked(found, "burst"):
        assert counts == [1] + [steps] * (EFFORT.maximum_warm_up_rounds - 1 + bursts)
    assert [len(measured(found, arm).bursts) for arm in ARMS] == [bursts, bursts]
    assert all(burst.steps == steps for arm in ARMS for burst in measured(found, arm).bursts)
    assert steps == 1 or steps * slowest <= BURST_SECONDS
    slices = asked(found, "slice")
    assert slices[0] == slices[1]
    assert set(slices[0]) == {max(1, round(SLICE_SECONDS / slowest)) * WORKLOAD.batch_size}


def test_warm_up_ends_when_all_have_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the first has, and not later; what is said of each is whether it has."""
    course = {"pytorch": [9.0, 1.0, 1.0, 1.0, 1.0], "tensorflow": [9.0, 7.0, 5.0, 5.0, 5.0]}

    def train_steps(process: Process, steps: int, _lead_in: int) -> Any:
        taken = sum(kind == "burst" for kind, _ in process.asked)
        return process.did("burst", steps, steps * course[process.arm.framework.identifier][min(taken, 4)])

    monkeypatch.setattr(Process, "train_steps", train_steps)
    for rounds, settled in ((12, True), (3, False)):
        found = block(Alternating(seed=0), effort=replace(EFFORT, maximum_warm_up_rounds=rounds))
        found.run(STEPS)
        assert {len(measured(found, arm).warm_up_step_seconds) for arm in ARMS} == {4 if settled else 3}
        assert [measured(found, arm).settled for arm in ARMS] == [True, settled]


def test_work_is_planted_only_where_a_handicap_is_and_after_warm_up() -> None:
    """As a share of the arm's own step; what warm-up took is without it."""
    found = block(Alternating(seed=0), arms=(SLOWED, ARMS[1]))
    found.run(STEPS)
    kinds = [what for what, name in events("burst", "handicap") if name == "pytorch"]
    assert kinds == ["burst"] * 3 + ["handicap"] + ["burst"] * EFFORT.bursts
    assert cast("Process", found.processes[0]).handicap == pytest.approx(0.01)
    EVENTS.clear()
    block(Alternating(seed=0)).run(STEPS)
    assert events("handicap") == []


@pytest.mark.parametrize(
    ("reading", "batches", "slices", "epochs"),
    [
        (SLICES, 30, 4, 0),
        (EPOCHS, 30, 0, 4),
        (EPOCHS, 100, 0, 4),
        (EPOCHS, 300, 4, 0),
        (replace(SLICES, whole_epochs=True), 30, 0, 4),
        (replace(EPOCHS, whole_epochs=True), 30, 0, 4),
        (replace(EPOCHS, whole_epochs=True), 300, 4, 1),
        (replace(SLICES, whole_epochs=True), 300, 4, 1),
    ],
)
def test_whole_epochs_are_timed_where_they_are_short_or_asked_for(
    reading: Reading, batches: int, slices: int, epochs: int
) -> None:
    """A batch takes 10 ms: 100 of them are a second. One whole epoch is enough beside slices; each has a first one."""
    found = block(Alternating(seed=0), batches=batches)
    found.run(reading)
    for arm in ARMS:
        readings = measured(found, arm)
        assert len(readings.slice_seconds) == slices
        assert len(readings.epoch_seconds) == epochs
        assert (readings.first_epoch_seconds is not None) == bool(epochs)
        whole_batches, rest = divmod(readings.slice_examples, WORKLOAD.batch_size)
        assert rest == 0
        assert whole_batches == (min(batches, 50) if slices else 0)
    assert [len(counts) for counts in asked(found, "slice")] == [slices + bool(slices)] * 2


def test_a_data_set_smaller_than_a_batch_is_its_own_slice() -> None:
    """There is no whole batch of it."""
    found = block(Alternating(seed=0), batches=0)
    found.run(SLICES)
    assert asked(found, "slice") == [[5] * 5] * 2


def test_an_arm_is_trained_from_the_weights_of_the_seed_that_is_asked_for() -> None:
    """Epochs in turns, each evaluated; they are epoch readings too, but not bursts."""
    found = block(Alternating(seed=0))
    found.run(TRAINING)
    assert asked(found, "build") == [[42], [42]]
    for arm in ARMS:
        training = found.readings.arms[arm].training
        assert training is not None
        assert training.seed == 42
        assert training.epoch_seconds == (1.0,) * WORKLOAD.epochs
        assert len(training.evaluations) == WORKLOAD.epochs
        assert training.class_names == ("zero",)
        assert len(measured(found, arm).epoch_seconds) == WORKLOAD.epochs - 1
        assert measured(found, arm).bursts == []


@pytest.mark.parametrize(
    ("reading", "phases"),
    [
        (NOTHING, []),
        (STEPS, ["warm-up", "steps"]),
        (SLICES, ["warm-up", "epochs"]),
        (Reading(epochs=True), ["warm-up", "steps", "epochs"]),
        (TRAINING, ["training"]),
    ],
)
def test_only_what_is_asked_for_is_measured(reading: Reading, phases: list[str]) -> None:
    """Each part of the block is named, in order."""
    found = block(Alternating(seed=0))
    found.run(reading)
    assert list(found.readings.phases) == ["start", "first step", "proof", *phases]


def test_whatever_is_timed_is_watched() -> None:
    """The start, the first step, each burst and each epoch of each arm: a block without bursts can be void too."""
    counts = {}
    for number in range(2):
        found = block(Alternating(seed=0), number)
        found.run(Reading(epochs=True))
        counts[number] = {len(found.readings.arms[arm].disturbances) for arm in ARMS}
    assert counts == {0: {1 + 1 + 6 + 5}, 1: {1 + 6 + 5}}, "imports at the same time are not timed"


@pytest.mark.parametrize("reading", [Reading(epochs=True), Reading(seed=42)], ids=["timed", "trained"])
def test_the_kernel_is_timed_after_every_timed_turn_of_an_arm(reading: Reading) -> None:
    """And once before the first; never in warm-up, proof or evaluation, where nothing is read."""
    block(Alternating(seed=0), kernel=Kernel()).run(reading)
    after = {
        "first step": Measure.FIRST_STEP,
        "burst": Measure.STEP,
        "slice": Measure.EPOCH,
        "epoch": Measure.EPOCH,
    }
    turns = [(what, name) for what, name, _ in EVENTS]
    begin = turns.index((Measure.FIRST_STEP, "kernel")) - 1
    assert turns[begin][0] == "start"
    warm_up = sum(what == "burst" for what, _ in turns[: turns.index((Measure.STEP, "kernel"))]) - 1
    assert warm_up == EFFORT.maximum_warm_up_rounds * len(ARMS)
    for (what, name), following in zip(turns[begin + 2 :], turns[begin + 3 :], strict=False):
        beside = after.get(what) if name != "kernel" else None
        if beside is Measure.STEP and warm_up > 0:
            warm_up -= 1
        elif beside is not None:
            assert following == (beside, "kernel")
        elif name != "kernel":
            assert following[1] != "kernel" or following[0] == "close"
    assert turns[-1] == ("close", "kernel")


def test_the_kernels_work_is_not_foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process belongs to the measurement, as the arms' do."""
    taken: list[list[int]] = []

    def take(pids: list[int], **_: object) -> Snapshot:
        taken.append(pids)
        return Snapshot(0.0, None, None, {})

    monkeypatch.setattr(Snapshot, "take", take)
    block(Alternating(seed=0), kernel=Kernel()).run(Reading(epochs=True))
    assert taken
    assert all(Kernel.pid in pids for pids in taken)


@TWO_CORES
def test_the_machine_is_watched_on_the_cores_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of all arms, since any of them may be disturbed; the others are nobody's concern."""
    taken: list[set[int]] = []

    def take(_: list[int], cores: set[int], **__: object) -> Snapshot:
        taken.append(cores)
        return Snapshot(0.0, None, None, {})

    monkeypatch.setattr(Snapshot, "take", take)
    block(Duet(1, 2)).run(Reading(epochs=True))
    assert taken
    assert all(cores == set(cores_for(2)) for cores in taken)


@TWO_CORES
@pytest.mark.parametrize(
    ("what", "phases"),
    [
        ("start", []),
        ("first step", ["start"]),
        ("proof", ["start", "first step"]),
        ("burst", ["start", "first step", "proof"]),
        ("slice", ["start", "first step", "proof", "warm-up", "steps"]),
    ],
)
def test_an_interrupted_duet_ends_its_workers_before_it_waits_for_them(
    monkeypatch: pytest.MonkeyPatch, what: str, phases: list[str]
) -> None:
    """What the other thread makes of that is no failure; a part that did not come to its end has no seconds."""
    monkeypatch.setattr(Process, "interrupts_in", what)
    found = block(Duet(1, 2))
    with pytest.raises(KeyboardInterrupt):
        found.run(Reading(epochs=True))
    assert found.failures == {}
    assert list(found.readings.phases) == phases


def test_what_was_read_before_an_interruption_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """With who was proven by then; processes that take turns are ended as well."""

    def interrupted(process: Process, _examples: int) -> None:
        raise KeyboardInterrupt(process.name)

    monkeypatch.setattr(Process, "train_next_epoch", interrupted)
    found = block(Alternating(seed=1))
    with pytest.raises(KeyboardInterrupt):
        found.run(Reading(epochs=True))
    assert Process.released.is_set()
    for arm in ARMS:
        assert len(measured(found, arm).bursts) == EFFORT.bursts
        assert measured(found, arm).proven
        assert measured(found, arm).slice_seconds == []

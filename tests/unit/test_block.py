"""A block with stand-ins for its processes: who acts where and when, and what an interruption leaves."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.launch import allowed_cores, cores_for
from fixtures.judging.measures import Measure
from fixtures.measuring import block as block_module
from fixtures.measuring.block import Block
from fixtures.measuring.disturbance import Snapshot
from fixtures.measuring.memory_run import at_once
from fixtures.measuring.progress import PlainDisplay, Progress
from fixtures.measuring.readings import Evaluation, ProcessReadings
from fixtures.measuring.schedule import Effort
from fixtures.measuring.turns import Alternating, Duet
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from fixtures.measuring.kernel_process import KernelProcess
    from fixtures.measuring.setting import Setting
    from fixtures.measuring.turns import Turns

TWO_CORES = pytest.mark.skipif(len(allowed_cores()) < 2, reason="a duet needs two cores")
ARMS = tuple(Arm(WORKLOADS["digits"], FRAMEWORKS[name], "cpu") for name in ("pytorch", "tensorflow"))
EFFORT = Effort(bursts=6, maximum_warm_up_rounds=3, epochs=4)
EVENTS: list[tuple[str, str, tuple[int, ...]]] = []


class Process:
    """Stands for a contestant: notes what it is asked to do, and on which cores."""

    interrupts_in = ""
    released = threading.Event()

    def __init__(self, arm: Arm, *_: object, **__: object) -> None:
        self.arm, self.name, self.pid = arm, arm.identifier, 0
        self.imported = None
        self.cores: tuple[int, ...] = ()
        self.readings: ProcessReadings | None = None

    def _did(self, what: str) -> Any:
        EVENTS.append((what, self.arm.framework.identifier, self.cores))
        if what == self.interrupts_in:
            if self.arm is ARMS[0]:
                raise KeyboardInterrupt
            assert self.released.wait(30), "nobody ended the worker that is waited for"
            raise WorkerError("ended", "died")
        return SimpleNamespace(seconds=1.0, loss=0.5, cpu_seconds=2.0)

    def launch(self) -> None:
        """Start."""
        self._did("launch")

    def prepare(self) -> None:
        """Import, build."""
        self._did("start")

    def take_first_step(self) -> None:
        """As it says."""
        self._did("first step")
        self.readings = ProcessReadings(1.0, 1.0, 1.0)

    def build(self, _seed: int) -> None:
        """Build anew."""
        self._did("build")

    def begin_parity(self) -> None:
        """Send."""

    def finish_parity(self) -> None:
        """Receive."""

    def train_steps(self, *_: int) -> Any:
        """Train a burst."""
        return self._did("burst")

    def train_next_epoch(self) -> Any:
        """Train an epoch."""
        return self._did("epoch")

    def evaluate(self) -> Evaluation:
        """Classify."""
        self._did("evaluate")
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


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No block of this file starts a real one."""
    EVENTS.clear()
    monkeypatch.setattr(Process, "interrupts_in", "")
    monkeypatch.setattr(Process, "released", threading.Event())
    monkeypatch.setattr(block_module, "Contestant", Process)


def block(turns: Turns, index: int = 0, kernel: Kernel | None = None) -> Block:
    """Two arms that do nothing, and perhaps a kernel."""
    dataset = SimpleNamespace(load=lambda _: [0], class_names=("zero",))
    launch = SimpleNamespace(noise_control=True)
    setting = SimpleNamespace(launch=launch, workload=WORKLOADS["digits"], dataset=dataset)
    progress = Progress(PlainDisplay(lambda _: None))
    return Block(
        ARMS, cast("Setting", setting), EFFORT, turns, (index, None), progress, cast("KernelProcess | None", kernel)
    )


def places(what: str) -> list[tuple[int, ...]]:
    """Cores of the first arm in each of these rounds."""
    return [cores for event, name, cores in EVENTS if event == what and name == "pytorch"]


@TWO_CORES
@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("seed", [None, 42], ids=["timed", "trained"])
@pytest.mark.parametrize("bursts", [True, False], ids=["bursts", "none"])
def test_epoch_readings_are_pairs_of_exchanged_cores(index: int, seed: int | None, *, bursts: bool) -> None:
    """The first epoch is none of them, and evaluating between two epochs changes nothing."""
    block(Duet(1, 2, first_turn=index), index).run(bursts=bursts, seed=seed, timed_epochs=4)
    epochs = places("epoch")[1:]
    pairs = list(zip(epochs[::2], epochs[1::2], strict=False))
    assert len(pairs) >= 2
    assert all(one != other for one, other in pairs)
    assert len({one for one, _ in pairs}) == 1


@TWO_CORES
def test_burst_readings_are_pairs_of_exchanged_cores() -> None:
    """After any number of warm-up rounds."""
    block(Duet(1, 2)).run(bursts=True, seed=None, timed_epochs=0)
    bursts = places("burst")[3:]
    assert bursts == bursts[:2] * 3
    assert bursts[0] != bursts[1]


@pytest.mark.parametrize("seed", [None, 42], ids=["timed", "trained"])
def test_alternating_epochs_are_mirrored_pairs(seed: int | None) -> None:
    """A B then B A, or the reverse, of what counts."""
    for number in range(4):
        EVENTS.clear()
        block(Alternating(seed=number)).run(bursts=False, seed=seed, timed_epochs=4)
        order = [name for event, name, _ in EVENTS if event == "epoch"][2:]
        for start in range(0, len(order) - 3, 4):
            assert order[start : start + 2] == order[start + 2 : start + 4][::-1]


@TWO_CORES
def test_the_first_step_changes_sides_from_block_to_block() -> None:
    """Cores, and who is launched first: it is one reading a block, which nothing within the block could balance."""
    started, launched = [], []
    for index in range(2):
        EVENTS.clear()
        block(Duet(1, 2, first_turn=index), index).run(bursts=False, seed=None, timed_epochs=0)
        started.append(places("first step")[0])
        launched.append(next(name for event, name, _ in EVENTS if event == "launch"))
    assert started[0] != started[1]
    assert launched == ["pytorch", "tensorflow"]


@TWO_CORES
def test_no_first_step_is_taken_beside_an_arm_that_still_imports() -> None:
    """Else the version that imports faster would have the longer first step."""
    block(Duet(1, 2)).run(bursts=False, seed=None, timed_epochs=0)
    kinds = [what for what, _, _ in EVENTS if what in ("start", "first step")]
    assert kinds == ["start", "start", "first step", "first step"]


def test_whatever_is_timed_is_watched() -> None:
    """The start, the first step, each burst and each epoch of each arm: a block without bursts can be void too."""
    found = block(Alternating(seed=0))
    found.run(bursts=False, seed=None, timed_epochs=4)
    assert {arm: len(disturbances) for arm, disturbances in found.disturbances.items()} == dict.fromkeys(ARMS, 2 + 5)


@pytest.mark.parametrize("seed", [None, 42], ids=["timed", "trained"])
def test_the_kernel_is_timed_after_every_timed_turn_of_an_arm(seed: int | None) -> None:
    """And once before the first; never in warm-up, parity or evaluation, where nothing is read."""
    block(Alternating(seed=0), kernel=Kernel()).run(bursts=True, seed=seed, timed_epochs=4)
    after = {"first step": Measure.FIRST_STEP, "burst": Measure.STEP, "epoch": Measure.EPOCH}
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
    asked: list[list[int]] = []

    def take(pids: list[int], **_: object) -> Snapshot:
        asked.append(pids)
        return Snapshot(0.0, None, None, {})

    monkeypatch.setattr(Snapshot, "take", take)
    block(Alternating(seed=0), kernel=Kernel()).run(bursts=True, seed=None, timed_epochs=1)
    assert asked
    assert all(Kernel.pid in pids for pids in asked)


@TWO_CORES
def test_the_machine_is_watched_on_the_cores_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of all arms, since any of them may be disturbed; the others are nobody's concern."""
    asked: list[set[int]] = []

    def take(_: list[int], cores: set[int], **__: object) -> Snapshot:
        asked.append(cores)
        return Snapshot(0.0, None, None, {})

    monkeypatch.setattr(Snapshot, "take", take)
    block(Duet(1, 2)).run(bursts=True, seed=None, timed_epochs=1)
    assert asked
    assert all(cores == set(cores_for(2)) for cores in asked)


@TWO_CORES
def test_an_interrupted_duet_ends_its_workers_before_it_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what the other thread makes of that is no failure."""
    monkeypatch.setattr(Process, "interrupts_in", "burst")
    found = block(Duet(1, 2))
    with pytest.raises(KeyboardInterrupt):
        found.run(bursts=True, seed=None, timed_epochs=0)
    assert found.failures == {}


@pytest.mark.parametrize(("available", "cores", "expected"), [(0, 8, 1), (5, 8, 2), (100, 8, 7), (100, 2, 3)])
def test_memory_and_cores_bound_how_many_processes_run_at_once(available: int, cores: int, expected: int) -> None:
    """One at least, all at most, 2 GiB each, and hardly more than there are cores; ``available`` is in GiB."""
    assert at_once(7, available * 1024**3, cores) == expected

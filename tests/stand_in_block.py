"""Stand-ins for the processes of a block, which note who acts where and when."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.launch import allowed_cores
from fixtures.measuring import block as block_module
from fixtures.measuring import live_processes
from fixtures.measuring.arm_process import ParityError
from fixtures.measuring.block import Block, Reading
from fixtures.measuring.progress import Progress
from fixtures.measuring.readings import Evaluation, ProcessReadings
from fixtures.measuring.schedule import Effort
from fixtures.plugin.display import PlainDisplay
from fixtures.workers.messages import PeakReached
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.judging.measures import Measure
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
        return SimpleNamespace(seconds=seconds, loss=0.5, cpu_seconds=2.0, parts={})

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

    def reach_peak(self) -> Any:
        """What it reaches at best; the second arm has no room for that."""
        self.did("peak")
        return PeakReached(0.0, "MemoryError") if self.arm is ARMS[1] else PeakReached(5e9, "")

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
        examples = WORKLOAD.batch_size * batches + 5
        dataset = SimpleNamespace(load=lambda _: [0] * examples, class_names=("zero",))
        launch = SimpleNamespace(noise_control=True)
        self.setting = SimpleNamespace(
            launch=launch, workload=WORKLOAD, dataset=dataset, examples=examples, test_labels=lambda: (0,)
        )
        self.progress = Progress(PlainDisplay(lambda _: None))

    def check(self, process: Process, fingerprint: str) -> None:
        """Note it; the fingerprint is that of the process."""
        assert fingerprint == process.fingerprint()
        process.did("proof")
        if process.arm.framework.identifier in self.doubted:
            raise ParityError("parity failed", "parity")
        assert process.readings is not None
        process.readings.proven = True


def take_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """No block starts a real process, and this machine has room for all of them at once."""
    EVENTS.clear()
    monkeypatch.setattr(Process, "interrupts_in", "")
    monkeypatch.setattr(Process, "fails_in", {})
    monkeypatch.setattr(Process, "step_seconds", {})
    monkeypatch.setattr(Process, "meeting", None)
    monkeypatch.setattr(Process, "released", threading.Event())
    monkeypatch.setattr(Proven, "doubted", set())
    monkeypatch.setattr(block_module, "process_of", Process)
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
    cold: bool = True,
) -> Block:
    """Two arms that do nothing, and perhaps a kernel."""
    proofs = cast("Proofs", Proven(batches))
    return Block(arms, proofs, effort, turns, (number, number), cast("KernelProcess | None", kernel), cold=cold)


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

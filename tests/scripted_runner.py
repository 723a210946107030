"""Stands for what runs blocks, and for its clock: a session takes its course, and no process and no second passes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from fixtures.judging.measures import Measure
from fixtures.measuring.block_runner import Interrupted
from fixtures.measuring.disturbance import Disturbance
from fixtures.measuring.fingerprint import Fingerprint
from fixtures.measuring.memory_trace import MemoryTrace
from fixtures.measuring.progress import Progress
from fixtures.measuring.proof import Proof
from fixtures.measuring.readings import (
    ArmBlock,
    BlockReadings,
    Burst,
    Evaluation,
    MemoryReadings,
    ProcessReadings,
    Training,
)
from fixtures.sessions.budget import Ledger
from fixtures.sessions.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from fixtures.arms.arm import Arm
    from fixtures.measuring.block_runner import BlockRunner
    from fixtures.measuring.requests import BlockRequest
    from fixtures.sessions.budget import Budget
    from fixtures.sessions.session import Questions
    from fixtures.workers.parent import WorkerError

BLOCK_SECONDS = 10.0
PROOF_SECONDS = 50.0
GIBIBYTE = 2**30
PARITY = cast("Any", SimpleNamespace(as_dict=lambda: {"passed": True}))
"""Stands for a report that holds."""


class Script:
    """Stands for the runners of all groups: what each block reads, and what happens in it.

    Args:
        reading: of an arm in a block, given the arm, the number of the block and the measure: seconds, GiB, a share.
            Blocks are numbered from 0 among those of the same kind that anybody of the arms took part in.
        happens: in a block, before anything is read; hands back whose worker failed.
        seconds: that a block takes.
        disturbed: whether the machine voids every block.
        unproven: who cannot be proven, and why.
        losses: of each run of a program's arm, those of its first steps.
    """

    threads, memory_threads, allocator, schedule, kernel_identity = 1, 2, "default", "duet", "2 threads"

    def __init__(
        self,
        reading: Callable[[Arm, int, Measure], float] = lambda *_: 1.0,
        happens: Callable[[Script, BlockRequest, int], Mapping[Arm, WorkerError] | None] = lambda *_: None,
        *,
        seconds: Callable[[BlockRequest], float] = lambda _: BLOCK_SECONDS,
        disturbed: bool = False,
        unproven: Mapping[Arm, WorkerError] | None = None,
        losses: Callable[[Arm], Sequence[Sequence[float]]] = lambda _: (),
    ) -> None:
        self.now = 0.0
        self.proven: list[Arm] = []
        self.requests: list[BlockRequest] = []
        self.begun_at: list[float] = []
        self.notes: list[str] = []
        self.phases: list[tuple[str, float]] = []
        self._reading, self._happens, self._seconds, self._disturbed = reading, happens, seconds, disturbed
        self._unproven = unproven or {}
        self.proofs = SimpleNamespace(
            of=self._proof, failure=self._unproven.get, losses=losses, losses_of_another_seed=lambda _: ()
        )

    def prove(self, arms: Iterable[Arm]) -> None:
        """Prove them all, which takes a while."""
        self.proven += arms
        self.now += PROOF_SECONDS

    def run(self, request: BlockRequest) -> tuple[BlockReadings, dict[Arm, WorkerError]]:
        """A block."""
        number = self._number(request)
        self.requests.append(request)
        self.begun_at.append(self.now)
        self.now += self._seconds(request)
        block = BlockReadings(
            {arm: ArmBlock() for arm in request.arms}, seconds=self._seconds(request), measures=request.measures
        )
        try:
            failures = dict(self._happens(self, request, number) or {})
        except KeyboardInterrupt:
            raise Interrupted(block, {}) from None
        for arm in request.arms:
            if arm not in failures:
                block.arms[arm] = self._read(request, arm, number)
        phases = {"memory": ("memory",), "training": ("training",)}.get(request.kind, ("steps", "epochs"))
        block.phases, block.complete = dict.fromkeys(phases, 1.0), True
        return block, failures

    def session(self, questions: Questions, budget: Budget, changed: Callable[[], str] = lambda: "") -> Session:
        """A session that has ended; ``changed`` names a file of the code that is not what it was."""
        runners = {arm.group: cast("BlockRunner", self) for arm in questions.arms()}
        session = Session(questions, runners, Ledger(budget), Progress(self), lambda: self.now, changed)
        session.run()
        return session

    def kinds(self) -> list[str]:
        """Of all blocks, in order."""
        return [request.kind for request in self.requests]

    def show(self, phase: str, detail: str, share: float) -> None:  # noqa: ARG002 - no block is told apart by it
        """As a display."""
        self.phases.append((phase, share))

    def note(self, text: str) -> None:
        """As a display."""
        self.notes.append(text)

    def close(self) -> None:
        """As a display."""

    def _proof(self, arm: Arm) -> Proof | None:
        versions = {"": ("2", 0)}
        version, uncompiled = versions.get(arm.tag, ("1", 1432))
        return (
            None
            if arm in self._unproven
            else Proof(PARITY, Fingerprint((2.3, 2.1), (0.5,), (0.2,)), version, uncompiled)
        )

    def _number(self, request: BlockRequest) -> int:
        earlier = (one for one in self.requests if one.kind == request.kind)
        return sum(not set(one.arms).isdisjoint(request.arms) for one in earlier)

    def _read(self, request: BlockRequest, arm: Arm, number: int) -> ArmBlock:
        def read(measure: Measure) -> float:
            return self._reading(arm, number, measure)

        disturbance = Disturbance(1.0, 0.9 if self._disturbed else 0.0, 0.0)
        found = ArmBlock(disturbances=[disturbance])
        if request.kind == "memory":
            size = round(GIBIBYTE * read(Measure.MEMORY))
            found.memory = MemoryReadings(MemoryTrace((), {}), size, None, 1.0, "default")
            return found
        found.process = ProcessReadings(1.0, 1.0, read(Measure.FIRST_STEP), proven=True, settled=True)
        if Measure.STEP in request.measures:
            found.process.bursts = [Burst(1, read(Measure.STEP), disturbance)]
        if Measure.EPOCH in request.measures:
            found.process.epoch_seconds = [read(Measure.EPOCH)]
        if request.kind == "training":
            found.process.epoch_seconds = [read(Measure.EPOCH)]
            evaluation = Evaluation((0,), read(Measure.ACCURACY), 1.0)
            found.training = Training(request.seed or 0, (1.0,), (0.5,), (evaluation,), ("a",), (0,) * 1000)
        return found

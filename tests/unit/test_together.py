"""Several hosts in one session: they measure at the same time, and one that ends early does not wait for the others."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.measuring.progress import Progress
from fixtures.measuring.proof import ProofTable
from fixtures.measuring.readings import ArmReadings, BlockReadings
from fixtures.plugin.display import PlainDisplay
from fixtures.sessions.budget import Budget, Ledger
from fixtures.sessions.frameworks import Frameworks
from fixtures.sessions.session import Session
from fixtures.sessions.together import Together
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from fixtures.measuring.requests import BlockRequest
    from fixtures.workers.parent import WorkerError

LEFT, RIGHT = (Arm(WORKLOADS["digits"], FRAMEWORKS["jax"], "cpu", host=host) for host in ("left", "right"))
STEPS = frozenset({Measure.STEP})


class Host:
    """Stands for what runs blocks on a host: each takes until somebody lets it end.

    Args:
        block: is called in each, with its number from 0.
    """

    def __init__(self, block: Callable[[int], object]) -> None:
        self.proofs, self.blocks, self.closed = ProofTable(), 0, threading.Event()
        self._block = block

    def prove(self, arms: Iterable[Arm]) -> None:
        """They all are."""

    def run(self, request: BlockRequest) -> tuple[BlockReadings, dict[Arm, WorkerError]]:
        """Nothing is read."""
        self.blocks += 1
        self._block(self.blocks - 1)
        return BlockReadings(measures=request.measures, complete=True), {}

    def close(self) -> None:
        """The session has ended."""
        self.closed.set()


class Asked(Together[Frameworks]):
    """One round of steps on each host."""

    def __init__(self) -> None:
        questions = {arm.group: Frameworks({arm: ArmReadings(arm)}, STEPS, 1, 1) for arm in (LEFT, RIGHT)}
        super().__init__(questions)
        self.taken: list[str] = []

    def take(self, request: BlockRequest, block: BlockReadings, failures: Any) -> None:
        """Note whose it is."""
        super().take(request, block, failures)
        self.taken.append(request.arms[0].host)


def session(asked: Asked, left: Host, right: Host, seconds: float | None = 1000.0) -> Session:
    """One of both hosts."""
    runners = cast("Any", {LEFT.group: left, RIGHT.group: right})
    return Session(asked, runners, Ledger(Budget(seconds, 0.01)), Progress(PlainDisplay(lambda _: None)))


def test_hosts_measure_at_the_same_time() -> None:
    """Each block of the one ends only once the other's has begun."""
    both = threading.Barrier(2, timeout=10.0)
    asked = Asked()
    session(asked, Host(lambda number: both.wait() if number == 0 else None), Host(lambda _: both.wait())).run()
    assert {"left", "right"} == set(asked.taken)


def test_one_that_is_ready_goes_on_with_steps() -> None:
    """Until the slower one has ended its block; each of them counts."""
    enough = threading.Event()
    quick = Host(lambda number: enough.set() if number == 3 else None)
    slow = Host(lambda _: enough.wait(10.0))
    asked = Asked()
    session(asked, quick, slow).run()
    assert quick.blocks >= 4
    assert slow.blocks == 1
    assert asked.taken.count("left") == quick.blocks
    assert asked.questions[LEFT.group]._taken("steps") == quick.blocks


def test_a_run_of_a_fixed_size_has_as_many_blocks_on_each() -> None:
    """However much faster one is."""
    enough = threading.Event()
    quick, slow = Host(lambda _: None), Host(lambda _: enough.wait(0.2))
    session(Asked(), quick, slow, None).run()
    assert quick.blocks == slow.blocks == 1


def test_an_interruption_ends_what_runs_on_hosts() -> None:
    """A block over there would go on for minutes, and nobody would take what it reads."""
    right = Host(lambda _: None)

    def wait(_: int) -> None:
        right.closed.wait(10.0)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    left = Host(interrupt)
    right._block = wait
    asked = Asked()
    found = session(asked, left, right)
    found.run()
    assert found.interrupted
    assert left.closed.is_set()
    assert right.closed.is_set()
    assert asked.taken == []


def test_the_questions_of_one_group_speak_for_themselves() -> None:
    """Of several, each is named."""
    assert Asked().state() == "digits-cpu-on-left: 0 of 1 blocks of steps; digits-cpu-on-right: 0 of 1 blocks of steps"
    alone = Together({"digits-cpu": Frameworks({replace(LEFT, host=""): ArmReadings(LEFT)}, STEPS, 1, 1)})
    assert alone.state() == "0 of 1 blocks of steps"
    assert alone.share() == pytest.approx(0.0)

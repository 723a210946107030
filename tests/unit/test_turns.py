"""How the arms of a block share the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.launch import allowed_cores
from fixtures.measuring.turns import Alternating, Duet, move, rotated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.measuring.arm_process import ArmProcess

TWO_CORES = pytest.mark.skipif(len(allowed_cores()) < 2, reason="a duet needs two cores")


def nothing(process: ArmProcess) -> None:
    """An action."""


def stop() -> None:
    """There is nothing to end."""


class Sleeper:
    """Stands for a process: a real process with a second thread, and a note of the cores it was given."""

    def __init__(self) -> None:
        program = (
            "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); print(); time.sleep(60)"
        )
        self.process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.pid = self.process.pid
        self.cores: tuple[int, ...] = ()


@pytest.fixture
def pair() -> Iterator[list[ArmProcess]]:
    """Two of them."""
    sleepers = [Sleeper(), Sleeper()]
    yield cast("list[ArmProcess]", sleepers)
    for sleeper in sleepers:
        sleeper.process.kill()
        sleeper.process.communicate()


def bound(process: Any) -> set[frozenset[int]]:
    """The cores that each thread of a process is bound to."""
    tasks = list(Path(f"/proc/{process.pid}/task").iterdir())
    assert len(tasks) == 2
    return {frozenset(os.sched_getaffinity(int(task.name))) for task in tasks}


@TWO_CORES
def test_a_duet_exchanges_disjoint_cores_every_round(pair: list[ArmProcess]) -> None:
    """All threads of a process move, and nobody ever shares a core."""
    turns, seen = Duet(threads=1, processes=2), []
    for _ in range(3):
        turns.round(pair, nothing, stop, paired=True)
        first, second = (bound(process) for process in pair)
        assert len(first) == len(second) == 1
        assert not next(iter(first)) & next(iter(second))
        seen.append(first)
    assert seen[0] == seen[2] != seen[1]


@TWO_CORES
def test_a_phase_of_a_duet_begins_with_the_same_cores(pair: list[ArmProcess]) -> None:
    """So that its rounds form whole pairs."""
    turns = Duet(threads=1, processes=2)
    turns.round(pair, nothing, stop, paired=True)
    first = bound(pair[0])
    turns.new_phase()
    turns.round(pair, nothing, stop, paired=True)
    assert bound(pair[0]) == first


@TWO_CORES
@pytest.mark.parametrize("first_turn", [0, 1])
def test_what_lies_between_paired_rounds_leaves_them_adjacent(pair: list[ArmProcess], first_turn: int) -> None:
    """It runs where the next paired round will; the block's number says where the first one does."""
    turns, seen = Duet(threads=1, processes=2, first_turn=first_turn), []
    for paired in (False, True, False, True, False):
        turns.round(pair, nothing, stop, paired=paired)
        seen.append(bound(pair[0]))
    assert seen[0] == seen[1] == seen[4] != seen[2] == seen[3]
    begun = [Duet(threads=1, processes=2, first_turn=turn) for turn in (first_turn, first_turn + 1)]
    first = []
    for duet in begun:
        duet.round(pair, nothing, stop, paired=False)
        first.append(bound(pair[0]))
    assert first[0] == seen[0] != first[1]


def test_who_is_asked_first_changes_from_turn_to_turn() -> None:
    """The same ones, in the same order, begun elsewhere."""
    assert rotated(["a", "b", "c"], 4) == ["b", "c", "a"]
    assert rotated([], 3) == []


@TWO_CORES
def test_a_duet_acts_at_the_same_time(pair: list[ArmProcess]) -> None:
    """Each waits for the other: one after the other, they would wait for ever."""
    meeting = threading.Barrier(2, timeout=30)
    Duet(threads=1, processes=2).round(pair, lambda _: cast("None", meeting.wait()), stop, paired=True)


def test_a_duet_needs_a_core_for_each() -> None:
    """Else its arms would share one, and each would measure the other."""
    with pytest.raises(ValueError, match="need"):
        Duet(threads=len(allowed_cores()), processes=2)


def test_alternating_turns_are_mirrored() -> None:
    """A B then B A, or the reverse."""
    order: list[str] = []
    turns = Alternating(seed=3)
    processes = cast("list[ArmProcess]", ["a", "b", "c"])
    for _ in range(2):
        turns.round(processes, lambda process: order.append(cast("str", process)), stop, paired=True)
    assert order[:3] == order[3:][::-1]


def test_a_process_that_has_ended_needs_no_cores(pair: list[ArmProcess]) -> None:
    """A worker may die at any moment; its arm fails elsewhere, with the reason."""
    gone = pair[0].pid
    os.kill(gone, 9)
    os.waitpid(gone, 0)
    move(gone, allowed_cores())

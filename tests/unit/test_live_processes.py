"""Who is still in, how many act at once, and what a failure or an interruption costs; processes are made up."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.measuring import live_processes
from fixtures.measuring.live_processes import LiveProcesses, at_once
from fixtures.measuring.progress import Progress
from fixtures.measuring.turns import Alternating
from fixtures.plugin.display import PlainDisplay
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.measuring.arm_process import ArmProcess
    from fixtures.measuring.kernel_process import KernelProcess

ARMS = tuple(Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu", tag=tag) for tag in "abcdef")
PATIENCE = 30


class Process:
    """Stands for a process of an arm: notes when it is ended, and can wait for that."""

    def __init__(self, arm: Arm) -> None:
        self.arm, self.name, self.pid, self.cores = arm, arm.identifier, 1000 + ord(arm.tag), (ord(arm.tag),)
        self.launched = 0
        self.ended = threading.Event()

    def launch(self) -> None:
        """Start."""
        self.launched += 1

    def close(self) -> None:
        """End."""
        self.ended.set()


class Kernel:
    """Stands for the reference kernel's process."""

    pid = 7

    def __init__(self) -> None:
        self.events: list[str] = []

    def start(self) -> None:
        """Start."""
        self.events.append("start")

    def time(self, measure: Measure) -> None:
        """Take readings."""
        self.events.append(measure.value)

    def close(self) -> None:
        """End."""
        self.events.append("close")


def together(count: int = 3, kernel: Kernel | None = None) -> tuple[LiveProcesses, list[Process]]:
    """So many processes that take turns, and perhaps a kernel."""
    processes = [Process(arm) for arm in ARMS[:count]]
    progress = Progress(PlainDisplay(lambda _: None))
    live = LiveProcesses(
        cast("list[ArmProcess]", processes), progress, Alternating(seed=0), cast("KernelProcess | None", kernel)
    )
    return live, processes


def room_for(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    """Let this machine have memory for so many, and cores for all."""
    memory = SimpleNamespace(available=processes * 2 * 1024**3)
    monkeypatch.setattr(live_processes, "psutil", SimpleNamespace(virtual_memory=lambda: memory))
    monkeypatch.setattr(live_processes, "allowed_cores", lambda: tuple(range(64)))


@pytest.mark.parametrize(("available", "cores", "expected"), [(0, 8, 1), (5, 8, 2), (100, 8, 7), (100, 2, 3)])
def test_memory_and_cores_bound_how_many_processes_run_at_once(available: int, cores: int, expected: int) -> None:
    """One at least, all at most, 2 GiB each, and hardly more than there are cores; ``available`` is in GiB."""
    assert at_once(7, available * 1024**3, cores) == expected


@pytest.mark.parametrize("room", [1, 2, 6])
def test_no_more_act_at_once_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """And as many as there is room for: each group of them waits until it is complete."""
    room_for(monkeypatch, room)
    live, _ = together(6)
    meeting, lock = threading.Barrier(room, timeout=PATIENCE), threading.Lock()
    acting, most, acted = 0, 0, []

    def act(process: ArmProcess) -> None:
        nonlocal acting, most
        with lock:
            acting += 1
            most = max(most, acting)
        meeting.wait()
        with lock:
            acting -= 1
            acted.append(process.arm)

    live.all_at_once("proof", act)
    assert most == room
    assert sorted(arm.tag for arm in acted) == list("abcdef")
    assert live.failures == {}


def all_at_once(live: LiveProcesses) -> Callable[[str, Callable[[ArmProcess], object]], None]:
    """One way to let them act."""
    return live.all_at_once


def in_turns(live: LiveProcesses) -> Callable[[str, Callable[[ArmProcess], object]], None]:
    """The other one."""
    return live.each


@pytest.mark.parametrize("way", [all_at_once, in_turns])
@pytest.mark.parametrize("error", [WorkerError("it died", "died"), OSError("full"), ValueError("no"), RuntimeError()])
def test_a_failure_costs_the_one_that_fails(
    way: Callable[[LiveProcesses], Callable[[str, Callable[[ArmProcess], object]], None]], error: Exception
) -> None:
    """It is ended and out; the others act now and later."""
    live, processes = together()
    acted: list[str] = []

    def act(process: ArmProcess) -> None:
        if process.arm.tag == "b" and not acted.count("b"):
            acted.append("b")
            raise error
        acted.append(process.arm.tag)

    for _ in range(2):
        way(live)("proof", act)
    assert sorted(acted) == list("aabcc")
    assert list(live.failures) == [ARMS[1]]
    found = live.failures[ARMS[1]]
    assert found is error or "during proof" in found.cause
    assert [process.ended.is_set() for process in processes] == [False, True, False]
    assert live.pids() == [process.pid for process in processes if process.arm != ARMS[1]]
    assert live.cores() == {ord("a"), ord("c")}


def test_who_cannot_be_launched_is_out_before_it_begins() -> None:
    """The others are launched, in the order that is asked for, and then the kernel."""
    kernel = Kernel()
    live, processes = together(kernel=kernel)
    order: list[str] = []

    def launch(process: Process) -> None:
        order.append(process.arm.tag)
        if process.arm.tag == "a":
            raise WorkerError("the interpreter did not start", "start")

    for process in processes:
        process.launch = lambda process=process: launch(process)  # type: ignore[method-assign,misc]
    live.launch(cast("list[ArmProcess]", processes[::-1]))
    assert order == ["c", "b", "a"]
    assert [process.arm.tag for process in live.alive()] == ["b", "c"]
    assert kernel.events == ["start"]
    assert Kernel.pid in live.pids()


def test_nobody_acts_once_all_have_failed() -> None:
    """And that is no error."""
    live, _ = together()

    def fail(_: ArmProcess) -> None:
        raise WorkerError("it died", "died")

    live.all_at_once("proof", fail)
    acted: list[Any] = []
    live.all_at_once("proof", acted.append)
    live.each("burst", acted.append)
    assert acted == []
    assert list(live.failures) == list(ARMS[:3])


def test_an_interruption_ends_all_of_them_and_is_nobodys_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who still waits for its worker is freed by that, and what it makes of it does not count."""
    room_for(monkeypatch, 2)
    live, processes = together(4)

    def act(process: ArmProcess) -> None:
        if process.arm.tag == "a":
            raise KeyboardInterrupt
        stand_in = cast("Process", process)
        assert stand_in.ended.wait(PATIENCE), "nobody ended the worker that is waited for"
        raise WorkerError("its worker was ended", "died")

    with pytest.raises(KeyboardInterrupt):
        live.all_at_once("proof", act)
    assert all(process.ended.is_set() for process in processes)
    assert live.failures == {}


def test_an_interruption_does_not_wait_for_the_references_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler gives a run that it ends a few seconds to save; what waits for no worker takes its own time."""
    room_for(monkeypatch, 2)
    live, _ = together(2)
    over, waited = threading.Event(), []

    def act(process: ArmProcess) -> None:
        if process.arm.tag == "a":
            raise KeyboardInterrupt
        waited.append(over.wait(PATIENCE))

    with pytest.raises(KeyboardInterrupt):
        live.all_at_once("proof", act)
    assert waited == []
    over.set()


def test_the_kernel_is_timed_after_every_turn_in_which_something_is_read() -> None:
    """Beside the measure that is read; not where nothing is, and ended with the others."""
    kernel = Kernel()
    live, processes = together(kernel=kernel)
    live.each("warm-up", lambda _: None)
    assert kernel.events == []
    live.each("burst", lambda _: None, measure=Measure.STEP)
    live.time_kernel(Measure.EPOCH)
    live.close()
    assert kernel.events == ["step"] * 3 + ["epoch", "close"]
    assert all(process.ended.is_set() for process in processes)


def test_processes_without_turns_are_never_timed() -> None:
    """Memory is read of all at once: who asks for a round of turns there has made a mistake."""
    live = LiveProcesses([], Progress(PlainDisplay(lambda _: None)))
    live.new_phase()
    with pytest.raises(RuntimeError, match="nothing to time"):
        live.each("burst", lambda _: None)

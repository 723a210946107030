"""fixtures.measuring.gpu_users: for how long others kept a GPU busy, by a driver that is imitated."""

from __future__ import annotations

import os
import threading
import time
from types import SimpleNamespace

import pynvml
import pytest

from fixtures.measuring.disturbance import Disturbance, Snapshot, between
from fixtures.measuring.gpu_users import GpuUsers
from fixtures.measuring.readings import ArmBlock
from fixtures.measuring.void_blocks import why_void

OURS, THEIRS, GONE = 4_194_305, 4_194_306, 4_194_307  # above the largest process number of Linux


class Driver:
    """One GPU: who is on it, and which share of the last second each of them has used."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.running: list[int] = [OURS, THEIRS]
        self.shares: dict[int, int] = {OURS: 40, THEIRS: 60}
        self.error: pynvml.NVMLError | None = None
        self.now = 100.0
        self.connected = 0
        self.elsewhere: list[int] = []
        self.asked = threading.Event()
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        answers = {
            "nvmlInit": lambda: self.connect(1),
            "nvmlShutdown": lambda: self.connect(-1),
            "nvmlDeviceGetCount": lambda: 1,
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetComputeRunningProcesses": self.processes,
            "nvmlDeviceGetProcessUtilization": self.samples,
        }
        for name, answer in answers.items():
            monkeypatch.setattr(pynvml, name, answer)

    def connect(self, more: int) -> None:
        """Somebody comes, or goes."""
        self.connected += more

    def processes(self, handle: int) -> list[SimpleNamespace]:
        """Who is on a GPU; on those elsewhere, none of ours."""
        return [SimpleNamespace(pid=pid) for pid in self.running if pid != OURS or handle not in self.elsewhere]

    def samples(self, _handle: int, since: int) -> list[SimpleNamespace]:
        """One of each process that has used it since."""
        self.asked.set()
        if self.error is not None:
            raise self.error
        return [SimpleNamespace(pid=pid, timeStamp=since + 1, smUtil=share) for pid, share in self.shares.items()]

    def users(self) -> GpuUsers:
        """Who counts them; ours is one process."""
        users = GpuUsers(lambda: [OURS])
        users._handles = [0]
        return users


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    """In the place of NVIDIA's."""
    return Driver(monkeypatch)


def test_what_others_use_is_counted_and_what_we_use_is_not(driver: Driver) -> None:
    """60 % of the time since the last question."""
    users = driver.users()
    driver.now += 2.0
    users.sample()
    assert users.foreign_seconds() == pytest.approx(1.2)
    driver.shares = {OURS: 100}
    driver.now += 2.0
    users.sample()
    assert users.foreign_seconds() == pytest.approx(1.2)


def test_what_others_do_on_a_gpu_of_their_own_disturbs_nobody(driver: Driver) -> None:
    """Of a machine with several, only those count that one of ours is on."""
    users = driver.users()
    users._handles = [0, 1]
    driver.elsewhere = [1]
    driver.now += 2.0
    users.sample()
    assert users.foreign_seconds() == pytest.approx(1.2)


def test_an_idle_gpu_has_no_samples(driver: Driver) -> None:
    """The driver calls that not found; it is no work for others."""
    driver.error = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
    users = driver.users()
    driver.now += 1.0
    users.sample()
    assert users.foreign_seconds() == 0.0


def test_other_process_numbers_than_ours_are_no_answer(driver: Driver) -> None:
    """In a container, the driver may count processes as the host does: then nobody is known to be foreign."""
    driver.running = [THEIRS]
    users = driver.users()
    driver.now += 1.0
    users.sample()
    assert users.foreign_seconds() is None


def test_a_sample_of_a_nonsensical_load_is_left_out(driver: Driver) -> None:
    """Drivers are known to report loads beyond 100 % for processes that have ended."""
    driver.shares = {OURS: 10, GONE: 4_000_000_000}
    users = driver.users()
    driver.now += 1.0
    users.sample()
    assert users.foreign_seconds() == 0.0


@pytest.mark.parametrize("error", [None, pynvml.NVML_ERROR_NOT_SUPPORTED], ids=["tells", "does not tell"])
def test_the_driver_is_asked_from_the_beginning_to_the_end(driver: Driver, error: int | None) -> None:
    """Of its own accord, and by one connection: the driver samples only while somebody asks."""
    driver.error = None if error is None else pynvml.NVMLError(error)
    users = GpuUsers(lambda: [OURS])
    users.start()
    assert driver.asked.wait(60)
    assert driver.connected == 1
    users.close()
    users.close()
    assert driver.connected == 0
    assert (users.foreign_seconds() is None) == (error is not None)


def test_without_a_driver_nothing_is_known(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is left to be closed."""

    def no_library() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_library)
    users = GpuUsers(lambda: [OURS])
    users.start()
    users.close()
    assert users.foreign_seconds() is None
    assert driver.connected == 0


def test_a_gpu_that_worked_for_others_voids_a_block() -> None:
    """More than a quarter of the time, and the reason is named before the processor's."""
    busy = ArmBlock(disturbances=[Disturbance(2.0, 0.0, 2.0, None, 0.0, 1.0)])
    assert why_void([ArmBlock(), busy]) == "other programs kept the GPU busy for 50% of the time"
    mild = ArmBlock(disturbances=[Disturbance(2.0, 0.0, 0.0, None, 0.0, 0.2)])
    assert why_void([mild]) == ""


def test_snapshots_ask_only_where_a_gpu_is_measured(driver: Driver) -> None:
    """Without one, nothing is known of it."""
    users = driver.users()
    users.sample()
    first = Snapshot.take([os.getpid()], gpu=users)
    driver.now += 2.0
    users.sample()
    grown = between(first, Snapshot.take([os.getpid()], gpu=users))
    assert grown.foreign_gpu_seconds == pytest.approx(1.2)
    alone = Snapshot.take([os.getpid()])
    assert between(alone, alone).foreign_gpu_seconds is None

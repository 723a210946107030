"""fixtures.measuring.throttling: for how long a machine was held back, and what that does to a block."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pynvml
import pytest

from fixtures.measuring.disturbance import Disturbance, Snapshot, between
from fixtures.measuring.readings import ArmBlock
from fixtures.measuring.throttling import throttled_cpu_seconds, throttled_gpu_seconds
from fixtures.measuring.void_blocks import disturbance_shares, why_void

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, text: str) -> None:
    """Write a file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_quota_of_version_2_is_counted_in_microseconds(tmp_path: Path) -> None:
    """The strictest of the enclosing groups counts, whichever it is."""
    put(tmp_path / "proc/self/cgroup", "0::/slice/task\n")
    put(tmp_path / "sys/fs/cgroup/slice/cpu.stat", "usage_usec 9\nnr_throttled 3\nthrottled_usec 2500000\n")
    put(tmp_path / "sys/fs/cgroup/slice/task/cpu.stat", "usage_usec 9\nnr_throttled 0\nthrottled_usec 0\n")
    assert throttled_cpu_seconds(tmp_path) == pytest.approx(2.5)


def test_a_quota_of_version_1_is_counted_in_nanoseconds(tmp_path: Path) -> None:
    """The file lies below the controller that counts."""
    put(tmp_path / "proc/self/cgroup", "3:cpuset:/\n2:cpu:/task\n")
    put(tmp_path / "sys/fs/cgroup/cpu/task/cpu.stat", "nr_periods 5\nnr_throttled 1\nthrottled_time 1500000000\n")
    assert throttled_cpu_seconds(tmp_path) == pytest.approx(1.5)


def test_heat_of_all_cores_is_added_to_the_quota(tmp_path: Path) -> None:
    """Cores count milliseconds."""
    put(tmp_path / "proc/self/cgroup", "0::/\n")
    put(tmp_path / "sys/fs/cgroup/cpu.stat", "throttled_usec 1000000\n")
    for core, milliseconds in ((0, 250), (1, 500)):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{core}/thermal_throttle"
        put(folder / "core_throttle_total_time_ms", f"{milliseconds}\n")
    assert throttled_cpu_seconds(tmp_path) == pytest.approx(1.75)


def test_what_does_not_exist_is_unknown(tmp_path: Path) -> None:
    """Without counters there is no figure, and none between two snapshots."""
    assert throttled_cpu_seconds(tmp_path) is None
    seen = Snapshot.take([os.getpid()], root=tmp_path)
    assert between(seen, seen).throttled_seconds is None


def test_what_grows_between_two_snapshots_voids_a_block(tmp_path: Path) -> None:
    """More than a quarter of a core throttled: the block's times are void, and the reason is named."""
    counter = tmp_path / "sys/fs/cgroup/cpu.stat"
    put(tmp_path / "proc/self/cgroup", "0::/\n")
    put(counter, "throttled_usec 1000000\n")
    before = Snapshot.take([], root=tmp_path)
    put(counter, "throttled_usec 1400000\n")
    grown = between(before, Snapshot.take([], root=tmp_path)).throttled_seconds
    assert grown == pytest.approx(0.4)
    mild, hard = (ArmBlock(disturbances=[Disturbance(1.0, 0.0, 0.0, share)]) for share in (0.2, grown))
    assert why_void([mild, mild]) == ""
    assert why_void([mild, hard]) == why_void([hard]) == "a CPU quota or heat held back 40% of a core"


def test_a_hot_gpu_voids_a_block() -> None:
    """Heat that slowed the GPU down for more than a quarter of the time."""
    hot = ArmBlock(disturbances=[Disturbance(2.0, 0.0, 0.0, None, 1.0)])
    assert why_void([ArmBlock(), hot]) == "heat slowed the GPU down for 50% of the time"


def test_gpus_are_asked_for_the_time_that_heat_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nanoseconds of the policy for heat, added over cards."""
    asked: list[Any] = []

    def status(handle: int, policy: int) -> SimpleNamespace:
        asked.append((handle, policy))
        return SimpleNamespace(violationTime=1_500_000_000)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 2)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: index)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetViolationStatus", status)
    assert throttled_gpu_seconds() == pytest.approx(3.0)
    assert asked == [(0, pynvml.NVML_PERF_POLICY_THERMAL), (1, pynvml.NVML_PERF_POLICY_THERMAL)]


def test_without_a_driver_heat_of_gpus_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """No driver, or one that does not count: no figure, no error."""

    def no_library() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_library)
    assert throttled_gpu_seconds() is None


def test_shares_are_of_the_arm_that_was_disturbed_more() -> None:
    """Over all that was timed of it; what nobody counted is unknown, and voids nothing."""
    calm = ArmBlock(disturbances=[Disturbance(1.0, 0.1, 0.0)] * 2)
    mixed = ArmBlock(disturbances=[Disturbance(3.0, 0.0, 0.3), Disturbance(1.0, 0.8, -0.1)])
    assert disturbance_shares([calm, mixed, ArmBlock()]) == {
        "steal_seconds": pytest.approx(0.2),
        "foreign_cpu_seconds": pytest.approx(0.05),
        "throttled_seconds": None,
        "throttled_gpu_seconds": None,
        "foreign_gpu_seconds": None,
    }
    assert why_void([calm, mixed, ArmBlock()]) == ""
    assert why_void([]) == ""

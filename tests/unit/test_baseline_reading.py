"""What is read from saved runs, of this version of the format and of those before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.baselines.runs import BaselineError, read_run, run_from_plain
from fixtures.baselines.store import small
from fixtures.baselines.validation import SCHEMA
from tests.saved_runs import KERNEL, READINGS, TESTS, first_run, saved_benchmark, saved_run, write_run

if TYPE_CHECKING:
    from pathlib import Path


def test_packages_of_environments_are_read_and_kept() -> None:
    """An older file has none, and is the same run for all that."""
    plain = saved_run()
    older = run_from_plain(plain, "older")
    plain["cnn_dyno"]["environments"] = {"current": {"torch": "2.15.0"}}
    found = run_from_plain(plain, "newer")
    assert (older.environments, found.environments) == ({}, {"current": {"torch": "2.15.0"}})
    assert older == found
    assert small(plain)["cnn_dyno"] == plain["cnn_dyno"]


@pytest.mark.parametrize(
    "environments", [[], {"current": ["torch"]}, {"current": {"torch": 2}}, {"cur\x1brent": {"torch": "2"}}]
)
def test_packages_that_are_none_are_refused(environments: object) -> None:
    """In one line that names the place."""
    plain = saved_run()
    plain["cnn_dyno"]["environments"] = environments
    with pytest.raises(BaselineError, match="environments") as raised:
        run_from_plain(plain, "file")
    assert len(str(raised.value).splitlines()) == 1


def test_a_run_of_every_measure_is_read(tmp_path: Path) -> None:
    """Readings are seconds for each process, bytes, or shares for each seed."""
    run = read_run(write_run(tmp_path / "0001_first.json", saved_run()))
    assert (run.label, run.schema, run.recorded) == ("0001_first", SCHEMA, "2026-03-01T10:00:00+00:00")
    assert {each.measure.value: each.readings for each in run.benchmarks.values()} == dict(READINGS)
    assert list(run.benchmarks) == [f"{test}[digits-pytorch-cpu]" for test in TESTS.values()]


def test_a_byte_order_mark_before_it_is_no_fault(tmp_path: Path) -> None:
    """As editors and shells of Windows write one."""
    path = write_run(tmp_path / "0001_first.json", saved_run())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_run(path).label == "0001_first"


def test_the_reference_kernel_stands_beside_each_reading() -> None:
    """Where it was measured; in other files there is none."""
    run = run_from_plain(saved_run(saved_benchmark(reference_seconds=[0.5, 0.6, 0.7]), saved_benchmark("epoch")), "x")
    step, epoch = run.benchmarks.values()
    assert (step.reference_seconds, step.reference_kernel) == ((0.5, 0.6, 0.7), KERNEL)
    assert (epoch.reference_seconds, epoch.reference_kernel) == ((), "")


def test_a_file_without_a_version_is_version_0() -> None:
    """Files that were saved before there were versions are read."""
    assert run_from_plain(saved_run(schema=None), "old").schema == 0


def test_files_of_the_first_version_are_read() -> None:
    """What was then the same for all is added, and what the file tells elsewhere; nothing is made up."""
    run = run_from_plain(first_run(), "old")
    assert run.schema == 0
    assert {each.measure.value: each.readings for each in run.benchmarks.values()} == {**READINGS, "accuracy": (0.965,)}
    assert {(each.batch_size, each.epochs, each.defaults, each.environment) for each in run.benchmarks.values()} == {
        (64, 10, "equal", "current")
    }
    assert run.benchmarks["test_final_accuracy[digits-pytorch-cpu]"].seeds == (42,)
    assert {each.recipe for each in run.benchmarks.values()} == {""}
    with pytest.raises(BaselineError, match="batch_size, epochs is missing"):
        run_from_plain(first_run("memory"), "old")


def test_a_file_with_a_version_is_not_completed() -> None:
    """It must say all that its version demands."""
    with pytest.raises(BaselineError, match="is missing"):
        run_from_plain(first_run() | {"cnn_dyno": {"schema": 1}}, "x")


def test_memory_is_the_devices_where_it_is_counted() -> None:
    """As in a paired comparison."""
    plain = saved_run(saved_benchmark("memory", device="cuda", peak_device_memory_bytes=2**20))
    (memory,) = run_from_plain(plain, "x").benchmarks.values()
    assert (memory.readings, memory.memory_of) == ((2**20,), "device")
    uncounted = saved_run(saved_benchmark("memory", device="cuda"), saved_benchmark())
    host, step = run_from_plain(uncounted, "x").benchmarks.values()
    assert (host.readings, host.memory_of, step.memory_of) == (READINGS["memory"], "host", "")


def test_conditions_are_what_times_depend_on() -> None:
    """They differ if the machine, its cores, threads, GPU, driver or the allocator's setting do, and only then."""
    here = run_from_plain(saved_run(), "x").conditions
    later = saved_run(
        saved_benchmark(framework_version="3.0"), recorded="2027-01-01T00:00:00+00:00", versions={"a": "1"}
    )
    assert run_from_plain(later, "y").conditions == here
    for name, fact, found in (
        ("cpu", {"cpu": {"name": "Other"}}, "Other"),
        ("usable cores", {"usable_cores": [0, 1, 2]}, 3),
        ("CPU quota", {"cgroup": {"cpu_quota": 1.5}}, 1.5),
        ("threads", {"threads": 1}, 1),
        ("GPU", {"gpus": [{"name": "H100"}, {"name": "H100"}]}, "H100, H100"),
        ("allocator", {"allocator": "other"}, "other"),
        ("huge pages", {"system": {"transparent_huge_pages": "never"}}, "never"),
    ):
        other = run_from_plain(saved_run(**fact), "x").conditions
        assert {key for key in here if here[key] != other[key]} == {name}
        assert other[name] == found
    gpu = run_from_plain(saved_run(gpus=[{"name": "H100", "driver": "570.1"}]), "x").conditions
    assert gpu["GPU driver"] == "570.1"

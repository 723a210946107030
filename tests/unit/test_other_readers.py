"""The saved JSON as other tools read it: pytest-benchmark's own command, github-action-benchmark and Bencher.

What the last two read is restated from their sources: ``extractPytestResult`` in github-action-benchmark's
``src/extract.ts``, and ``python/pytest.rs`` among Bencher's adapters.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench_run import bench_environment

READINGS = {
    "training_step": [0.011, 0.012, 0.010],
    "epoch": [0.31, 0.29],
    "first_step": [0.09],
    "peak_memory": [6.5],
    "final_accuracy": [3.2],
}
"""Seconds of the rounds of each benchmark, as ``put_into_benchmark`` gets them."""

BENCHMARKS = '''
"""Records given seconds as the suite does."""

import pytest

from fixtures.recording import put_into_benchmark
from tests.unit.test_other_readers import READINGS


@pytest.mark.step
@pytest.mark.parametrize("name", READINGS)
def test_measure(name, record, request):
    info = {"measure": name, "parity": None, "peak_memory_bytes": 1 << 29}
    put_into_benchmark(request, f"{name} [digits on cpu]", READINGS[name], info)
'''


def save(folder: Path, number: int) -> Path:
    """Let the suite's plugin save a run, with everything that it adds to every file."""
    tests = folder / "bench_readers.py"
    tests.write_text(BENCHMARKS, encoding="utf-8")
    saved = folder / f"000{number}_run.json"
    root = Path(__file__).parents[2]
    options = ["-c", str(root / "pytest.ini"), "--rootdir", str(root), "-p", "conftest", "-p", "no:cacheprovider"]
    storage = ["--benchmark-storage", str(folder / "storage"), f"--benchmark-json={saved}"]
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *storage, "-q", str(tests)],
        cwd=root,
        env=bench_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return saved


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two saved runs."""
    folder = tmp_path_factory.mktemp("saved")
    return [save(folder, number) for number in (1, 2)]


@pytest.fixture(scope="module")
def run(saved: list[Path]) -> dict[str, Any]:
    """The content of a saved run, as strict JSON: other parsers than Python's know no NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    content: dict[str, Any] = json.loads(saved[0].read_text(encoding="utf-8"), parse_constant=refuse)
    return content


def is_number(value: Any) -> bool:
    """Whether it is a finite number, which ``true`` is not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def test_pytest_benchmarks_own_command_compares_two_runs(saved: list[Path]) -> None:
    """Unchanged, as any two files of its own."""
    program = Path(sys.executable).with_name("pytest-benchmark")
    before = [path.read_bytes() for path in saved]
    finished = subprocess.run(
        [str(program), "compare", *map(str, saved), "--columns=median,rounds"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    for name in READINGS:
        assert finished.stdout.count(f"test_measure[{name}]") == 2
    assert [path.read_bytes() for path in saved] == before


def test_the_suite_adds_to_the_file_and_changes_nothing(run: dict[str, Any]) -> None:
    """What it has to say of its own stands beside pytest-benchmark's keys, in places that are made for it."""
    assert run.keys() >= {"machine_info", "commit_info", "benchmarks", "datetime", "version"}
    assert run["machine_info"]["cnn_dyno"]["threads"] >= 1
    assert run["benchmarks"][0]["extra_info"]["measure"] == "training_step"


def test_github_action_benchmark_reads_it(run: dict[str, Any]) -> None:
    """``tool: pytest`` takes ``fullname``, ``stats.ops``, ``stats.stddev``, ``stats.mean`` and ``stats.rounds``."""
    names = [benchmark["fullname"] for benchmark in run["benchmarks"]]
    assert all(isinstance(name, str) for name in names)
    assert len(set(names)) == len(READINGS)
    for benchmark, seconds in zip(run["benchmarks"], READINGS.values(), strict=True):
        stats = benchmark["stats"]
        assert all(is_number(stats[key]) for key in ("ops", "stddev", "mean", "rounds"))
        assert stats["mean"] == pytest.approx(math.fsum(seconds) / len(seconds))
        assert stats["ops"] == pytest.approx(1.0 / stats["mean"])
        assert stats["rounds"] == len(seconds)


def test_bencher_reads_it(run: dict[str, Any]) -> None:
    """``python_pytest`` takes ``fullname``, ``stats.median`` and ``stats.iqr`` in seconds; two objects must exist."""
    assert isinstance(run["machine_info"], dict)
    assert isinstance(run["commit_info"], dict)
    for benchmark, seconds in zip(run["benchmarks"], READINGS.values(), strict=True):
        stats = benchmark["stats"]
        assert isinstance(benchmark["fullname"], str)
        assert benchmark["fullname"]
        assert is_number(stats["median"])
        assert is_number(stats["iqr"])
        assert min(seconds) - 1e-9 <= stats["median"] <= max(seconds) + 1e-9


def test_they_take_memory_for_seconds(run: dict[str, Any]) -> None:
    """So it says in README and in docs/github_actions.md: the bytes are only in ``extra_info``."""
    (memory,) = [one for one in run["benchmarks"] if one["extra_info"]["measure"] == "peak_memory"]
    assert memory["stats"]["median"] == pytest.approx(6.5)
    assert memory["extra_info"]["peak_memory_bytes"] == 1 << 29

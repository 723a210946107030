"""A saved run, and a kept one, as other tools read them: pytest-benchmark's command, github-action-benchmark, Bencher.

What the last two make of a file is restated from their sources: ``extractPytestResult`` in github-action-benchmark's
``src/extract.ts``, and ``python/pytest.rs`` among Bencher's adapters.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import pytest

from fixtures.baselines.store import keep
from tests.bench_run import bench_environment

READINGS = {
    "step": [0.011, 0.012, 0.010],
    "epoch": [0.31, 0.29],
    "first_step": [0.0009],
    "memory": [6.5],
    "accuracy": [3.2],
}
"""Seconds of the rounds of each benchmark, as ``put_into_benchmark`` gets them."""

BENCHMARKS = '''
"""Records given seconds as the suite does."""

import pytest

from fixtures.plugin.bridge import RECORDED, put_into_benchmark
from tests.saved_runs import saved_benchmark
from tests.unit.test_other_readers import READINGS


@pytest.mark.step
@pytest.mark.parametrize("name", READINGS)
def test_measure(name, record, request):
    times = READINGS[name] if name in ("step", "epoch", "first_step") else None
    put_into_benchmark(request, f"{name} [digits on cpu]", READINGS[name], saved_benchmark(name, times)["extra_info"])
    request.config.stash[RECORDED][:] = [{"extra_info": {}}]  # the suite's own table would need more
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


def read(file: Path) -> dict[str, Any]:
    """The content of a file, as strict JSON: other parsers than Python's know no NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse)
    return content


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two saved runs."""
    folder = tmp_path_factory.mktemp("saved")
    return [save(folder, number) for number in (1, 2)]


@pytest.fixture(scope="module", params=["saved", "kept"])
def run(request: pytest.FixtureRequest, saved: list[Path]) -> dict[str, Any]:
    """The content of a saved run, and of the same run as a baseline keeps it."""
    file = saved[0] if request.param == "saved" else keep(saved[0].parent, "main", saved[0])
    return read(file)


def github_action_benchmark(run: dict[str, Any]) -> list[dict[str, Any]]:
    """What it shows with ``tool: pytest``: rounds a second, with the mean in a unit that suits it."""
    found = []
    for each in run["benchmarks"]:
        stats = each["stats"]
        units = ((1e-6, 1e9, "nsec"), (1e-3, 1e6, "usec"), (1.0, 1e3, "msec"), (math.inf, 1.0, "sec"))
        factor, unit = next((factor, unit) for below, factor, unit in units if stats["mean"] < below)
        found.append(
            {
                "name": each["fullname"],
                "value": stats["ops"],
                "unit": "iter/sec",
                "range": f"stddev: {stats['stddev']}",
                "extra": f"mean: {stats['mean'] * factor} {unit}\nrounds: {stats['rounds']}",
            }
        )
    return found


def bencher(run: dict[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Its latency in nanoseconds, with a lower and an upper bound, by name; both objects must be there."""
    assert isinstance(run["machine_info"], dict)
    assert isinstance(run["commit_info"], dict)
    found = {}
    for each in run["benchmarks"]:
        value, half = each["stats"]["median"] * 1e9, each["stats"]["iqr"] * 1e9
        found[each["fullname"]] = (value, value - half, value + half)
    return found


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


def test_the_suite_adds_to_the_file_and_changes_nothing(saved: list[Path]) -> None:
    """What it has to say of its own stands beside pytest-benchmark's keys, in places that are made for it."""
    run = read(saved[0])
    assert run.keys() >= {"machine_info", "commit_info", "benchmarks", "datetime", "version"}
    assert run["machine_info"]["cnn_dyno"]["threads"] >= 1
    assert run["benchmarks"][0]["extra_info"]["measure"] == "step"


def test_github_action_benchmark_shows_rounds_a_second(run: dict[str, Any]) -> None:
    """Of every benchmark, under a name of its own; larger is better."""
    shown = github_action_benchmark(run)
    assert [each["name"].rpartition("::")[2] for each in shown] == [f"test_measure[{name}]" for name in READINGS]
    assert {each["unit"] for each in shown} == {"iter/sec"}
    for each, seconds in zip(shown, READINGS.values(), strict=True):
        assert each["value"] == pytest.approx(1 / fmean(seconds))
        spread = float(each["range"].removeprefix("stddev: "))
        assert spread == pytest.approx(stdev(seconds) if len(seconds) > 1 else 0.0)


def test_github_action_benchmark_shows_the_mean_and_the_rounds(run: dict[str, Any]) -> None:
    """In words beside the value."""
    expected = [(11.0, "msec", "3"), (300.0, "msec", "2"), (900.0, "usec", "1"), (6.5, "sec", "1"), (3.2, "sec", "1")]
    for each, (mean, unit, rounds) in zip(github_action_benchmark(run), expected, strict=True):
        _, value, shown_unit, _, shown_rounds = each["extra"].split()
        assert (shown_unit, shown_rounds) == (unit, rounds)
        assert float(value) == pytest.approx(mean)


def test_bencher_takes_the_median_in_nanoseconds(run: dict[str, Any]) -> None:
    """With the distance between the quartiles on either side, so at most that between the ends."""
    found = bencher(run)
    assert [name.rpartition("::")[2] for name in found] == [f"test_measure[{name}]" for name in READINGS]
    for (value, lower, upper), seconds in zip(found.values(), READINGS.values(), strict=True):
        assert value == pytest.approx(1e9 * median(seconds))
        assert value - lower == pytest.approx(upper - value)
        assert 0 <= upper - value <= 1e9 * (max(seconds) - min(seconds)) + 1
    (step, *_) = found.values()
    assert step == pytest.approx((11e6, 9.5e6, 12.5e6))


def test_they_take_memory_for_seconds(run: dict[str, Any]) -> None:
    """So it says in docs/how-to/github_actions.md: the bytes are only in ``extra_info``."""
    (memory,) = [one for one in run["benchmarks"] if one["extra_info"]["measure"] == "memory"]
    assert bencher(run)[memory["fullname"]][0] == pytest.approx(6.5e9)
    assert memory["extra_info"]["peak_memory_bytes"] == 700 * 2**20

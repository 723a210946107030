"""Saved runs and the trend, as a user meets them: ``pytest bench --trend``, ``pytest-benchmark compare``."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.baselines.store import keep
from fixtures.plugin.trend import FEWEST_RUNS, OTAVA, ask_otava
from tests.bench_run import bench_environment
from tests.built_environments import provided_or_skipped
from tests.forked_run import run_bench
from tests.saved_runs import TESTS, saved_benchmark, saved_run, write_run

if TYPE_CHECKING:
    from pathlib import Path

WOBBLE = (0.0, 0.004, -0.003, 0.002, -0.004, 0.003, -0.001, 0.001)
"""Relative, of one run after another."""


def steps(number: int, factor: float) -> list[float]:
    """Seconds in so many runs; from the middle on multiplied by the factor."""
    return [
        0.01 * (1 + WOBBLE[index % len(WOBBLE)]) * (factor if index >= number // 2 else 1.0) for index in range(number)
    ]


def save_steps(results: Path, seconds: list[float]) -> None:
    """A run a day."""
    for day, each in enumerate(seconds):
        run = saved_run(saved_benchmark(readings=[each] * 3), recorded=f"2026-03-{day + 1:02}T10:00:00+00:00")
        write_run(results / "storage" / "machine" / f"{day:04}_run.json", run)


def test_otava_finds_the_change_and_nothing_where_none_is() -> None:
    """The real one, in its own environment."""
    environment = provided_or_skipped(OTAVA)
    changed, same = ask_otava(environment.interpreter, [steps(12, 1.1), steps(12, 1.0)])
    assert [point.index for point in changed] == [6]
    assert changed[0].after / changed[0].before == pytest.approx(1.1, abs=0.005)
    assert same == []


def test_the_trend_measures_nothing_and_shows_when_it_changed(tmp_path: Path) -> None:
    """Exit status 0, no new file."""
    provided_or_skipped(OTAVA)
    save_steps(tmp_path, steps(12, 1.1))
    (tmp_path / "storage" / "machine" / "0099_broken.json").write_text("{", encoding="utf-8")
    before = sorted((tmp_path / "storage").rglob("*"))
    run = run_bench(tmp_path, "--trend")
    assert run.status == pytest.ExitCode.OK, run.output
    (line,) = [line for line in run.output.splitlines() if line.startswith("test_training_step[digits-pytorch-cpu]")]
    assert line.split()[1:4] == ["12", "2026-03-07", "10:00"]
    assert "+10" in line
    assert "0099_broken.json: not JSON, or cut off" in run.output
    assert run.saved == {}
    assert sorted((tmp_path / "storage").rglob("*")) == before


def test_a_trend_of_too_few_runs_says_how_many_it_needs(tmp_path: Path) -> None:
    """It is no error to have measured too rarely."""
    save_steps(tmp_path, steps(2, 1.0))
    run = run_bench(tmp_path, "--trend")
    assert run.status == pytest.ExitCode.OK, run.output
    assert f"change points need {FEWEST_RUNS} saved runs" in run.output


@pytest.mark.parametrize(
    "option", ["--benchmark-compare", "--benchmark-compare-fail=median:5%", "--benchmark-save=mine"]
)
def test_the_trend_refuses_what_would_measure(option: str, tmp_path: Path) -> None:
    """One line, and the status of usage errors."""
    run = run_bench(tmp_path, "--trend", option)
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.output
    assert f"--trend measures nothing, so {option.partition('=')[0]} would do nothing" in run.output


def test_the_trend_refuses_a_run_that_was_edited_beside_its_copy(tmp_path: Path) -> None:
    """Which of them it showed would be chance."""
    for number, seconds in ((1, 0.01), (2, 0.02)):
        write_run(tmp_path / "storage" / f"000{number}_run.json", saved_run(saved_benchmark(readings=[seconds])))
    run = run_bench(tmp_path, "--trend")
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.output
    assert "0002_run.json: of the same moment and commit as " in run.output
    assert "Traceback" not in run.output


def test_a_kept_baseline_is_read_by_pytest_benchmarks_own_command(tmp_path: Path) -> None:
    """The small file holds all that its table shows."""
    saved = write_run(tmp_path / "saved.json", saved_run())
    kept = keep(tmp_path, "main", saved)
    finished = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", str(kept), str(saved), "--csv", "-"],
        cwd=tmp_path,
        env=bench_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("test_peak_memory[digits-pytorch-cpu]") >= 2


def test_a_saved_run_names_the_version_of_its_format(tmp_path: Path) -> None:
    """What a measuring run saves is what is read again, and can be kept."""
    run = run_bench(tmp_path, "-p", "tests.imitated_run", "--framework", "pytorch", "-m", "cpu")
    assert run.status == pytest.ExitCode.OK, run.output
    assert run.saved["cnn_dyno"] == {"schema": 1}
    (stored,) = (tmp_path / "storage").rglob("*.json")
    kept = json.loads(keep(tmp_path, "main", stored).read_text(encoding="utf-8"))
    assert {each["extra_info"]["measure"] for each in kept["benchmarks"]} == set(TESTS)
    assert kept["cnn_dyno"] == {"schema": 1}

"""The trend: which runs are one series, and what the table says of its change points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.arms.environments import EnvironmentBuildError
from fixtures.baselines.runs import SavedRun, run_from_plain
from fixtures.baselines.series import ChangePoint, Series, series_of
from fixtures.plugin.trend import FEWEST_RUNS, ask_otava, trend_report, with_change_points
from tests.saved_runs import saved_benchmark, saved_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def run(day: int, *benchmarks: dict[str, Any], **facts: Any) -> SavedRun:
    """A run of one day."""
    recorded = f"2026-03-{day + 1:02}T10:00:00+00:00"
    return run_from_plain(saved_run(*benchmarks, recorded=recorded, **facts), f"run {day}")


def lengths(*runs: SavedRun) -> list[int]:
    """How many runs each series has."""
    return [len(series.values) for series in series_of(runs)]


def step(seconds: float = 0.01, **extra: Any) -> dict[str, Any]:
    """A training step of two processes."""
    return saved_benchmark(readings=[seconds, seconds], **extra)


def test_runs_of_equal_conditions_are_one_series_in_the_order_of_time() -> None:
    """Framework versions may differ: a change of them is what a trend is to show."""
    (series,) = series_of([run(2, step(0.03)), run(1, step(0.02, framework_version="2.13.0"))])
    assert series.values == pytest.approx((0.02, 0.03))
    assert [each.label for each in series.runs] == ["run 1", "run 2"]
    assert not series.beside_kernel


@pytest.mark.parametrize("facts", [{"threads": 1}, {"cpu": {"name": "Other"}}, {"allocator": "other"}])
def test_times_of_other_conditions_are_another_series(facts: dict[str, Any]) -> None:
    """Memory and accuracy are compared across machines."""
    assert lengths(run(1, step()), run(2, step(), **facts)) == [1, 1]
    memory, accuracy = saved_benchmark("memory"), saved_benchmark("accuracy")
    assert lengths(run(1, memory, accuracy), run(2, memory, accuracy, **facts)) == [2, 2]


@pytest.mark.parametrize("other", [{"batch_size": 32}, {"recipe": "aa"}, {"dataset_digest": "aa"}], ids=str)
def test_a_changed_recipe_is_another_series(other: dict[str, Any]) -> None:
    """Another batch size makes another step, another network and other data another accuracy."""
    assert lengths(run(1, step()), run(2, step(**other))) == [1, 1]


def test_memory_of_the_host_and_of_a_device_are_two_series() -> None:
    """One may be a hundred times the other."""
    host, device = (saved_benchmark("memory", device="cuda", peak_device_memory_bytes=size) for size in (None, 2**25))
    assert lengths(run(1, host), run(2, device), run(3, host)) == [2, 1]


def test_accuracies_over_other_seeds_are_another_series() -> None:
    """The mean over five seeds is another figure than the one over two."""
    few, many = saved_benchmark("accuracy", [0.9, 0.8]), saved_benchmark("accuracy", [0.9, 0.8, 0.7])
    assert lengths(run(1, few), run(2, few), run(3, many)) == [2, 1]


def test_a_run_counts_once_and_an_interrupted_one_not_at_all() -> None:
    """A baseline is often the copy of a run that is still in pytest-benchmark's storage."""
    assert lengths(run(1, step()), run(1, step()), run(2, step(interrupted=True)), run(3, step())) == [2]


def test_times_are_divided_by_the_kernels_where_all_runs_have_it() -> None:
    """Else none is, so that one series has one unit."""
    beside = [run(day, step(0.01 * day, reference_seconds=[0.5 * day] * 2)) for day in (1, 2)]
    (series,) = series_of(beside)
    assert series.beside_kernel
    assert series.values == pytest.approx((0.02, 0.02))
    (mixed,) = series_of([*beside, run(3, step(0.03))])
    assert not mixed.beside_kernel
    assert mixed.values == pytest.approx((0.01, 0.02, 0.03))
    other = run(3, step(0.03, reference_seconds=[1.0, 1.0]) | {})
    other_kernel = saved_benchmark(readings=[0.03], reference_seconds=[1.0])
    other_kernel["extra_info"]["reference_kernel"] = "another"
    (two_kernels,) = series_of([*beside, run(3, other_kernel)])
    assert not two_kernels.beside_kernel
    assert series_of([*beside, other])[0].beside_kernel


def never(_series: Sequence[Series]) -> list[list[ChangePoint]]:
    """Nothing may be looked for."""
    raise AssertionError


def test_too_few_runs_are_said_with_how_many_are_needed() -> None:
    """Otava is not asked, so its environment need not be built."""
    runs = [run(day, step()) for day in range(FEWEST_RUNS - 1)]
    expected = f"change points need {FEWEST_RUNS} saved runs of equal conditions; the longest series has"
    assert trend_report(with_change_points(runs, never), []) == f"{expected} {FEWEST_RUNS - 1}"
    assert trend_report([], ["x.json: broken"]).splitlines() == [f"{expected} 0", "left out: x.json: broken"]


def test_the_table_says_when_how_much_and_with_which_version() -> None:
    """A series without a change has a line too."""
    slow = {"framework_version": "3.0.0"}
    runs = [
        run(day, step(0.01) if day < 6 else step(0.012, **slow), saved_benchmark("accuracy")) for day in range(12)
    ] + [run(20, saved_benchmark("memory"))]

    def detect(series: Sequence[Series]) -> list[list[ChangePoint]]:
        assert [len(each.values) for each in series] == [12, 12]
        return [[ChangePoint(6, 0.01, 0.012, 2e-7)], []]

    _, changed, unchanged, short = trend_report(with_change_points(runs, detect), []).splitlines()
    assert " ".join(changed.split()) == (
        "test_training_step[digits-pytorch-cpu] 12 2026-03-07 10:00 01234567 "
        "0.01 s 0.012 s +20.0 % 2e-07 2.15.0 → 3.0.0"
    )
    assert unchanged.split()[:4] == ["test_final_accuracy[digits-pytorch-cpu]", "12", "no", "change"]
    assert short == f"change points need {FEWEST_RUNS} saved runs of equal conditions: 1 series have fewer"


def test_an_interpreter_without_otava_is_one_line(tmp_path: Path) -> None:
    """As is one that is not there, or says something else."""
    liar = tmp_path / "liar"
    liar.write_text("#!/bin/sh\necho nonsense\n", encoding="utf-8")
    liar.chmod(0o755)
    for interpreter in (tmp_path / "none", liar):
        with pytest.raises(EnvironmentBuildError) as refused:
            ask_otava(interpreter, [[1.0] * FEWEST_RUNS])
        assert len(str(refused.value).splitlines()) == 1

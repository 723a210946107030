"""``pytest bench --benchmark-compare``, stage two: made-up readings of this code beside the re-created baseline."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.arms.checkout import parts_that_differ
from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from fixtures.reports.regression import regression_report
from tests.forked_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench_run import BenchRun

BEFORE, NOW = {"torch": "2.15.0", "numpy": "2.4.6"}, {"torch": "2.16.0", "numpy": "2.4.6"}
SELECTED = ("-p", "tests.imitated_run", "--framework", "pytorch", "--device", "cpu", "-m", "step or memory")


def bench(results: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, **imitated: Any) -> BenchRun:
    """A run with such readings; what it saves lies under ``results``."""
    monkeypatch.setenv("CNN_DYNO_IMITATED", json.dumps({"packages": NOW} | imitated))
    compared = ("--benchmark-compare=0001", "--margin", "memory=30%") if arguments or "beside" in imitated else ()
    return run_bench(results, *SELECTED, *compared, *arguments)


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with a run of other packages and of this commit, as if nothing had been uncommitted."""
    results = tmp_path_factory.mktemp("saved")
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert bench(results, monkeypatch, packages=BEFORE).status == pytest.ExitCode.OK
    change(results, dirty=False)
    return results


@pytest.fixture
def saved(saved_once: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(saved_once / "storage", tmp_path / "storage")
    return tmp_path


def change(results: Path, **commit: Any) -> None:
    """Change what the file says of its commit."""
    (file,) = (results / "storage").rglob("*.json")
    plain = json.loads(file.read_text(encoding="utf-8"))
    plain["commit_info"] |= commit
    file.write_text(json.dumps(plain), encoding="utf-8")


def found(run: BenchRun) -> dict[str, dict[str, Any]]:
    """What was saved, by measure."""
    return {one["extra_info"]["measure"]: one["extra_info"] for one in run.saved["benchmarks"]}


def test_a_slower_step_is_found_beside_the_recreated_baseline(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though saved figures, which are equal, say nothing; memory is judged by these as ever."""
    run = bench(saved, monkeypatch, beside=1.1)
    assert run.status == EXIT_REGRESSION, run.output
    step, memory = found(run)["step"], found(run)["memory"]
    assert (step["regression"]["verdict"], step["regression"]["recreated"]) == ("regression", True)
    assert step["recreated"]["changed_packages"] == {"torch": ["2.16.0", "2.15.0"]}
    assert step["recreated"]["family"] == 1
    assert step["recreated"]["alpha"] == 0.005
    assert (memory["regression"]["verdict"], memory["regression"]["recreated"]) == ("no regression", False)
    assert "**REGRESSION**: PyTorch's training step 10.0" in run.output
    assert "torch==2.15.0" in run.output
    assert "measured beside the re-created baseline, " in run.output
    assert regression_report(run.saved["benchmarks"]) in run.output


def test_an_equal_step_is_no_regression(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one saved run alone could not say."""
    run = bench(saved, monkeypatch, beside=1.0)
    assert run.status == pytest.ExitCode.OK, run.output
    assert found(run)["step"]["regression"]["verdict"] == "no regression"
    assert "**NO REGRESSION**" in run.output


def test_saved_only_measures_nothing_more(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says nothing of what could be made again."""
    run = bench(saved, monkeypatch, "--saved-only", beside=1.1)
    assert run.status == EXIT_INCONCLUSIVE, run.output
    assert "recreated" not in found(run)["step"]
    assert "re-created" not in run.output


def test_where_nothing_changed_the_difference_is_the_machines(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more is measured; what saved figures show is said, and whose it is."""
    same = bench(saved, monkeypatch, packages=BEFORE, beside=1.1)
    assert "recreated" not in found(same)["step"]
    if parts_that_differ("HEAD"):
        pytest.skip("what workers import has changes that are not committed")
    assert same.status == EXIT_INCONCLUSIVE, same.output
    assert "Nothing changed that could be re-created" in same.output
    slower = bench(saved, monkeypatch, packages=BEFORE, beside=1.1, step=9.0)
    assert slower.status == EXIT_REGRESSION, slower.output
    assert "neither models/ nor packages changed: the difference is the machine's" in slower.output


@pytest.mark.parametrize(
    ("commit", "imitated", "sentence"),
    [
        ({"dirty": True}, {}, "files were changed since commit"),
        ({"id": "0" * 40}, {}, "its commit 00000000 is not to be had here (fatal: "),
        ({"id": ""}, {}, "no commit is in its file"),
        ({}, {"unbuilt": "no such version\nuv's words"}, "saved figures alone judge times: no such version."),
        ({}, {"resolved": {"torch": "2.14"}}, "its packages came out otherwise (torch is 2.14 and was 2.15.0)"),
    ],
    ids=["dirty", "gone", "none", "unbuilt", "resolved"],
)
def test_what_cannot_be_made_again_leaves_saved_figures(
    saved: Path, monkeypatch: pytest.MonkeyPatch, commit: dict[str, Any], imitated: dict[str, Any], sentence: str
) -> None:
    """In one line that says what lacks; nothing is measured."""
    change(saved, **commit)
    run = bench(saved, monkeypatch, beside=1.1, **imitated)
    assert run.status == EXIT_INCONCLUSIVE, run.output
    (line,) = [line for line in run.output.splitlines() if "cannot be re-created" in line]
    assert sentence in line
    assert "Traceback" not in run.output
    assert "recreated" not in found(run)["step"]


def test_an_interrupted_second_stage_keeps_the_run(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What saved figures said is saved with it."""
    run = bench(saved, monkeypatch, beside=None)
    assert run.status == pytest.ExitCode.INTERRUPTED, run.output
    assert found(run)["step"]["regression"]["verdict"] == "inconclusive"
    assert "the run was interrupted before it was measured" in run.output


def test_saved_only_without_a_comparison_is_refused(tmp_path: Path) -> None:
    """It would do nothing."""
    run = run_bench(tmp_path, "--saved-only")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "--saved-only is for --benchmark-compare: give both" in run.output

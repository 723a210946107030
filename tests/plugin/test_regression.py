"""``pytest bench --benchmark-compare``: runs with made-up readings, held against saved ones."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from fixtures.reports.regression import regression_report
from tests.forked_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench_run import BenchRun

ARM = "[digits-pytorch-cpu]"
SELECTED = ("--framework", "pytorch", "--device", "cpu")


def bench(results: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, **imitated: Any) -> BenchRun:
    """A run with these factors for its readings; ``results`` is the root, so that nothing of the checkout is read."""
    monkeypatch.setenv("CNN_DYNO_IMITATED", json.dumps(imitated))
    return run_bench(results, "-p", "tests.imitated_run", "--rootdir", str(results), *SELECTED, *arguments)


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with one saved run."""
    results = tmp_path_factory.mktemp("saved")
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert bench(results, monkeypatch, kernel="a product").status == pytest.ExitCode.OK
    return results


@pytest.fixture
def saved(saved_once: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(saved_once / "storage", tmp_path / "storage")
    return tmp_path


def saved_file(results: Path) -> Path:
    """The one saved run."""
    (found,) = (results / "storage").rglob("*.json")
    return found


def keep(results: Path, name: str, count: int = 6) -> list[Path]:
    """Keep the run under a name, as if it had been measured ``count`` times with hardly any spread."""
    folder = results / "baselines" / name
    folder.mkdir(parents=True)
    plain = json.loads(saved_file(results).read_text(encoding="utf-8"))
    files = []
    for number in range(count):
        plain["datetime"] = f"2026-01-{number + 1:02}T00:00:00+00:00"
        files.append(folder / f"202601{number + 1:02}.json")
        files[-1].write_text(json.dumps(plain), encoding="utf-8")
    return files


def verdicts(run: BenchRun) -> dict[str, str]:
    """What was saved of each benchmark, by measure."""
    infos = [benchmark["extra_info"] for benchmark in run.saved["benchmarks"]]
    return {info["measure"]: info["regression"]["verdict"] for info in infos if "regression" in info}


def test_more_memory_and_broken_accuracy_are_regressions(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the last saved run; pytest-benchmark's table is there too, and verdicts are saved with the run."""
    run = bench(saved, monkeypatch, "--benchmark-compare", memory=1.3, accuracy=0.1, kernel="a product")
    assert run.status == EXIT_REGRESSION, run.output
    assert verdicts(run) | {"memory": "regression", "accuracy": "regression"} == verdicts(run)
    assert f"test_peak_memory{ARM} (NOW)" in run.output
    assert "**REGRESSION**: PyTorch's peak memory 30.00 % more" in run.output
    assert "multiples of the reference kernel's (3 of 3)" in run.output
    assert regression_report(run.saved["benchmarks"]) in run.output


def test_one_baseline_does_not_decide_times_and_says_what_would(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal readings are not enough: nobody knows yet how far runs of equal code differ here."""
    run = bench(saved, monkeypatch, "--benchmark-compare", "-m", "step or epoch", kernel="a product")
    assert run.status == EXIT_INCONCLUSIVE, run.output
    assert verdicts(run) == {"step": "inconclusive", "epoch": "inconclusive"}
    assert "--against git:main" in run.output


def test_several_baselines_under_a_name_decide(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a machine that is slower in everything, the reference kernel included, is no regression."""
    files = keep(saved, "main", count=30)
    margins = [part for measure in ("step", "epoch", "first_step") for part in ("--margin", f"{measure}=60%")]
    arguments = ("--benchmark-compare=main", *margins, "-o", "margins=accuracy=5pp step=1%")
    run = bench(saved, monkeypatch, *arguments, shift=2.0, kernel="a product")
    assert run.status == pytest.ExitCode.OK, run.output
    assert set(verdicts(run).values()) == {"no regression"}
    assert "baselines/main (30 runs" in run.output
    assert f"Comparing against benchmarks from: {files[-1]}" in run.output
    assert f"compared with: baselines/main, 30 runs from {files[-1].parent}, the newest of 2026-01-30" in run.output


def test_pytest_benchmarks_own_rule_still_works(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a kept baseline as on a saved run, and our report is printed beside its error."""
    keep(saved, "main")
    arguments = ("--benchmark-compare=main", "--benchmark-compare-fail=median:5%", "-m", "step")
    run = bench(saved, monkeypatch, *arguments, step=1.2)
    assert "Performance has regressed" in run.output
    assert "This run against baselines/main" in run.output
    assert "Traceback" not in run.output
    assert run.status == EXIT_REGRESSION


def test_times_of_another_machine_are_refused_unless_forced(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fields are named; memory is judged all the same; and when forced, each line says so."""
    file = saved_file(saved)
    plain = json.loads(file.read_text(encoding="utf-8"))
    plain["machine_info"]["cnn_dyno"]["cpu"]["name"] = "Abacus 1"
    file.write_text(json.dumps(plain), encoding="utf-8")
    run = bench(saved, monkeypatch, "--benchmark-compare=0001", "-m", "step or memory", memory=1.3)
    assert run.status == EXIT_REGRESSION, run.output
    assert verdicts(run) == {"step": "not comparable", "memory": "regression"}
    assert "cpu: Abacus 1 there, " in run.output
    forced = bench(saved, monkeypatch, "--benchmark-compare=0001", "--compare-times-anyway", "-m", "step or memory")
    assert forced.status == EXIT_INCONCLUSIVE, forced.output
    assert "inconclusive (CONDITIONS DIFFER: cpu)" in forced.output
    assert verdicts(forced)["step"] == "inconclusive"


def test_what_failed_now_is_missing_and_what_is_new_is_no_question(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a silent pass; a failed test keeps pytest's own status."""
    file = saved_file(saved)
    plain = json.loads(file.read_text(encoding="utf-8"))
    plain["benchmarks"] = [one for one in plain["benchmarks"] if one["extra_info"]["measure"] != "epoch"]
    file.write_text(json.dumps(plain), encoding="utf-8")
    run = bench(saved, monkeypatch, "--benchmark-compare=0001", "-m", "epoch or memory or accuracy", memory=None)
    assert run.status == pytest.ExitCode.TESTS_FAILED, run.output
    assert verdicts(run)["epoch"] == "new"
    assert "1 of 3 missing (PyTorch's peak memory)" in run.output
    assert "PyTorch's peak memory: the worker died." in run.output


def test_what_was_renamed_is_missing(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody deselected it; what -m leaves out is only counted."""
    file = saved_file(saved)
    plain = json.loads(file.read_text(encoding="utf-8"))
    (memory,) = [one for one in plain["benchmarks"] if one["extra_info"]["measure"] == "memory"]
    plain["benchmarks"].append(memory | {"name": f"test_renamed{ARM}", "fullname": f"bench/x.py::test_renamed{ARM}"})
    file.write_text(json.dumps(plain), encoding="utf-8")
    run = bench(saved, monkeypatch, "--benchmark-compare=0001", "-m", "memory", "--margin", "memory=20%")
    assert run.status == EXIT_INCONCLUSIVE, run.output
    assert "**NOT COMPLETE**: 1 of 2 missing" in run.output
    assert "is no longer among the benchmarks" in run.output
    assert "Not selected in this run: 4 benchmarks of the baseline." in run.output


def test_a_baseline_of_memory_alone_does_not_pass_slower_steps(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would know of them."""
    file = saved_file(saved)
    plain = json.loads(file.read_text(encoding="utf-8"))
    plain["benchmarks"] = [one for one in plain["benchmarks"] if one["extra_info"]["measure"] == "memory"]
    file.write_text(json.dumps(plain), encoding="utf-8")
    run = bench(saved, monkeypatch, "--benchmark-compare", "--margin", "memory=20%", step=3.0)
    assert run.status == EXIT_INCONCLUSIVE, run.output
    assert "**NOT COMPLETE**: 4 of 5 new and not judged (PyTorch's training step, " in run.output


def test_the_last_run_is_the_last_that_can_be_used(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer files are named with the reason, and pytest-benchmark's own table shows the same run."""
    file = saved_file(saved)
    newer = file.with_name("0002_newer.json")
    newer.write_text(file.read_text(encoding="utf-8")[:1000], encoding="utf-8")
    run = bench(saved, monkeypatch, "--benchmark-compare", "-m", "memory", "--margin", "memory=20%")
    assert run.status == pytest.ExitCode.OK, run.output
    assert f"left out: {newer}: not JSON" in run.output
    assert f"Comparing against benchmarks from: {file.parent.name}/{file.name}" in run.output


def test_the_beginning_of_names_is_no_name(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped name would else stand for any number of runs; with a star it is meant so."""
    run = bench(saved, monkeypatch, "--benchmark-compare=000", "-m", "memory")
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.output
    assert f"no saved run has this number or name; for all whose names begin so, {saved_file(saved).stem}" in run.output
    assert not run.saved
    star = bench(saved, monkeypatch, "--benchmark-compare=000*", "-m", "memory", "--margin", "memory=20%")
    assert star.status == pytest.ExitCode.OK, star.output
    assert ", 1 run from " in star.output


BAD = {
    "empty": "",
    "newer": '{"cnn_dyno": {"schema": 99}, "benchmarks": []}',
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_a_file_that_is_no_run_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    """One line that names the file; nothing is measured, and the file stays as it was."""
    file = tmp_path / "baselines" / "main" / "broken.json"
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="utf-8")
    run = bench(tmp_path, monkeypatch, "--benchmark-compare=main")
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.output
    assert str(file) in run.output
    assert "Traceback" not in run.output
    assert file.read_text(encoding="utf-8") == content
    assert not run.saved


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--benchmark-compare=nowhere"], ["--benchmark-compare=nowhere", "neither a name in baselines/"]),
        (["--benchmark-compare"], ["no whole run has been saved in", "without it first"]),
        (["--benchmark-compare="], ["give a name"]),
        (["--benchmark-compare=a/b/c/d"], ["a/b/c/d"]),
        (["--benchmark-compare", "--against", "six"], ["leave one of them away"]),
        (["--benchmark-compare", "--calibrate"], ["leave one of them away"]),
        (["--margin", "step=1%"], ["--margin is for --against and --benchmark-compare"]),
        (["--compare-times-anyway"], ["is for --benchmark-compare"]),
        (["--benchmark-compare-fail=median:5%"], ["add --benchmark-compare[=NAME]"]),
        (["--benchmark-compare-fail=median:5%", "--against", "six"], ["leave it away with --against"]),
        (["-o", "margins=step=1pp"], ["pytest.ini: margins = step=1pp", "step=2%"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], parts: list[str]
) -> None:
    """One clear line, before anything is measured."""
    run = bench(tmp_path, monkeypatch, *arguments)
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.output
    assert all(part in run.output for part in parts), run.output
    assert "Traceback" not in run.output
    assert not run.saved


def test_a_run_of_another_workload_is_a_usage_error(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found out before anything is measured."""
    file = saved_file(saved)
    file.write_text(file.read_text(encoding="utf-8").replace("digits", "letters"), encoding="utf-8")
    run = bench(saved, monkeypatch, "--benchmark-compare")
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.output
    assert "holds none of the selected benchmarks" in run.output
    assert "test_epoch[letters-pytorch-cpu]" in run.output
    assert "This run against" not in run.output
    assert not run.saved

"""Two versions compared for real: measured in pairs, judged, saved, and said by the exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from fixtures.reports.verdicts import verdict_report
from tests.bench_run import BenchRun, run_bench

if TYPE_CHECKING:
    from pathlib import Path

NAME = "digits-pytorch-cpu"


def compare(results: Path, *arguments: str) -> BenchRun:
    """PyTorch in this environment against PyTorch in the same one, named as another."""
    return run_bench(results, "--against", sys.executable, "--framework", "pytorch", *arguments)


@pytest.fixture(scope="module")
def equal(tmp_path_factory: pytest.TempPathFactory) -> BenchRun:
    """Memory, which is the same on a busy machine, with a margin that equal code must be within."""
    return compare(
        tmp_path_factory.mktemp("results"), "-m", "cpu and memory", "--budget", "6m", "--margin", "memory=30%"
    )


def test_equal_environments_show_no_regression(equal: BenchRun) -> None:
    """Certainly less than the margin, said in one line, and by exit status 0."""
    assert equal.status == pytest.ExitCode.OK, equal.output
    assert "**NO REGRESSION**" in equal.output
    assert "1 passed" in equal.output


def test_the_verdict_and_its_blocks_are_saved(equal: BenchRun) -> None:
    """As ordinary pytest-benchmark results, from which the report can be made again."""
    info = saved(equal, "peak_memory")
    assert info["verdict"] in ("no regression", "improvement")
    assert info["blocks"] >= 2
    assert len(info["raw"]) >= info["blocks"]
    assert info["changed_packages"] == {}
    assert info["versions"][0] == info["versions"][1]
    assert info["lower"] < info["estimate"] < info["upper"] < info["margins"]["margin"]
    assert (info["family"], info["alpha"]) == (1, 0.01)
    assert 0.0 < info["level"] <= 0.01
    assert verdict_report(equal.saved["benchmarks"]) in equal.output


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> BenchRun:
    """Time for one block."""
    arguments = ["-m", "cpu and (step or epoch or first_step)", "--budget", "1s"]
    return compare(tmp_path_factory.mktemp("results"), *arguments)


def test_too_little_time_is_inconclusive_and_says_so(short: BenchRun) -> None:
    """Never silently green: another exit status, skipped tests, and at once what it would take."""
    assert short.status == EXIT_INCONCLUSIVE, short.output
    assert "**INCONCLUSIVE**" in short.output
    assert "3 skipped" in short.output
    assert "--budget 1s is too short to be certain of anything: give --budget " in short.output


def test_readings_are_paired(short: BenchRun) -> None:
    """Both sides of a block have as many: bursts, epochs but the first, and one first step."""
    for test, readings in (("training_step", range(8, 81, 2)), ("epoch", (4,)), ("first_step", (1,))):
        info = saved(short, test)
        assert info["schedule"] in ("duet", "alternating")
        assert info["parity"]["passed"] is True
        for block in info["raw"]:
            assert block["complete"] is True
            assert len(block["candidate"]) == len(block["baseline"])
            assert len(block["candidate"]) in readings


def saved(run: BenchRun, test: str) -> dict[str, Any]:
    """What was saved of one benchmark."""
    name = f"test_{test}[{NAME}@"
    found: dict[str, Any] = next(one for one in run.saved["benchmarks"] if one["name"].startswith(name))
    return cast("dict[str, Any]", found["extra_info"])


def test_a_slower_adapter_is_a_regression(tmp_path: Path) -> None:
    """It does a forward pass twice; the revision to compare with has the same file, which is quick there."""
    slower = "tests/adapters/slower_without_revision.py"
    arguments = ["--against", "git:HEAD", "--framework", slower, "-m", "cpu and step", "--budget", "5m"]
    run = run_bench(tmp_path, *arguments)
    if run.status == EXIT_INCONCLUSIVE and " void: " in run.output:
        pytest.skip("the machine was too busy to time anything: most blocks were void")
    assert run.status == EXIT_REGRESSION, run.output
    assert "**REGRESSION**" in run.output
    assert "training step" in run.output.partition("**REGRESSION**")[2]
    assert "1 failed" in run.output


def test_a_hungrier_adapter_is_a_regression(tmp_path: Path) -> None:
    """It holds 256 MiB more than the revision to compare with: as certain on a busy machine as on an idle one."""
    hungrier = "tests/adapters/hungrier_without_revision.py"
    arguments = ["--against", "git:HEAD", "--framework", hungrier, "-m", "cpu and memory", "--budget", "6m"]
    run = run_bench(tmp_path, *arguments)
    assert run.status == EXIT_REGRESSION, run.output
    assert "**REGRESSION**: " in run.output
    assert "peak memory" in run.output.partition("**REGRESSION**")[2]
    assert "1 failed" in run.output

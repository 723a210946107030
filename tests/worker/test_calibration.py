"""The gate calibrated for real: blocks of real processes, saved, counted, and analysed again."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE
from fixtures.reports.calibration import calibration_report, main
from tests.bench_run import run_bench
from tests.worker.test_failures import interrupt

if TYPE_CHECKING:
    from pathlib import Path

FEWEST = ("--calibrate", "--calibrate-blocks", "4", "--framework", "pytorch", "--device", "cpu")


@pytest.mark.slow
def test_a_short_calibration_is_saved_and_says_that_it_tests_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it begins, and by its exit status; the command prints the same report again."""
    run = run_bench(tmp_path, *FEWEST)
    assert run.status == EXIT_INCONCLUSIVE, run.output
    before, started, after = run.output.partition("0% slower, block 1 of 4")
    assert "--calibrate-blocks 4 is too few to test the gate's promise" in before
    assert started
    assert "UNTESTED digits-pytorch-cpu: fewer than 10 runs of equal arms" in after
    (benchmark,) = run.saved["benchmarks"]
    blocks = benchmark["extra_info"]["blocks"]
    assert list(blocks) == ["0", "0.01", "0.02", "0.03", "0.05", "0.1"]
    assert len(blocks["0"]) >= 4
    assert all(len(block["candidate"]) == len(block["baseline"]) >= 8 for each in blocks.values() for block in each)
    assert benchmark["extra_info"]["interrupted"] is False
    assert calibration_report(run.saved["benchmarks"]) in run.output
    assert main([str(tmp_path / "saved.json")]) == 0
    again = capsys.readouterr().out
    assert "Measured on " in again
    assert "torch " in again
    assert calibration_report(run.saved["benchmarks"]) in again


def test_ctrl_c_saves_the_blocks_that_were_measured(tmp_path: Path) -> None:
    """The first block was; the second one had begun."""
    ended = interrupt(tmp_path, "1% slower, block 1 of 1", signal.SIGINT, *FEWEST)
    assert ended.status == pytest.ExitCode.INTERRUPTED, ended.output
    assert "Traceback" not in ended.output
    assert "The calibration was interrupted" in ended.output
    (benchmark,) = json.loads(ended.saved.read_text(encoding="utf-8"))["benchmarks"]
    info = benchmark["extra_info"]
    assert info["interrupted"] is True
    assert len(info["blocks"]["0"][0]["candidate"]) >= 8

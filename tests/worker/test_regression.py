"""A real run, held against one of the same code a minute before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE
from tests.bench_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path

SELECTED = ("--framework", "pytorch", "--processes", "1", "-m", "cpu and memory")


def test_equal_code_is_no_regression(tmp_path: Path) -> None:
    """Memory of PyTorch, read twice: judged, and never called worse or better."""
    assert run_bench(tmp_path, *SELECTED).status == pytest.ExitCode.OK
    run = run_bench(tmp_path, *SELECTED, "--benchmark-compare", "--margin", "memory=30%")
    assert run.status in (pytest.ExitCode.OK, EXIT_INCONCLUSIVE), run.output
    found = run.benchmark("test_peak_memory[digits-pytorch-cpu]")["extra_info"]["regression"]
    assert found["verdict"] in ("no regression", "inconclusive"), run.output
    assert found["lower"] < 0.0 < found["upper"]
    assert found["baselines"] == 1
    assert "compared with saved runs" in run.output

"""Where runs are saved, and what a saved run of another machine does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.bench_run import PROJECT_ROOT, bench_environment
from tests.forked_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path


def test_runs_are_saved_in_the_checkout_wherever_pytest_is_started(tmp_path: Path) -> None:
    """The root stands for the checkout; the current directory stays as it was."""
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    command = [sys.executable, "-m", "pytest", str(PROJECT_ROOT / "bench"), "--rootdir", str(root), "--collect-only"]
    finished = subprocess.run(
        [*command, "-p", "no:cacheprovider"], cwd=elsewhere, env=bench_environment(), capture_output=True, check=False
    )
    assert finished.returncode == pytest.ExitCode.OK, finished.stdout + finished.stderr
    assert list(elsewhere.iterdir()) == []
    assert (root / ".benchmarks").is_dir()


def test_a_run_of_another_machine_outside_the_current_directory_is_a_warning(tmp_path: Path) -> None:
    """pytest-benchmark alone would end with an internal error there."""
    storage = tmp_path / "storage"
    storage.mkdir()
    other = {"benchmarks": [], "machine_info": {"node": "other"}, "version": "5.2.3", "datetime": "", "commit_info": {}}
    (storage / "0001_other.json").write_text(json.dumps(other), encoding="utf-8")
    run = run_bench(tmp_path, "--collect-only", "-q", "--benchmark-compare")
    assert run.status == pytest.ExitCode.OK, run.output
    assert f"(in {storage}) was on another machine" in run.output


def test_what_was_installed_is_saved_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each environment, so that it can be made again."""
    packages = {"torch": "2.15.0", "numpy": "2.4.6"}
    monkeypatch.setenv("CNN_DYNO_IMITATED", json.dumps({"packages": packages}))
    run = run_bench(tmp_path, "-p", "tests.imitated_run", "--framework", "pytorch", "--device", "cpu", "-m", "memory")
    assert run.saved["cnn_dyno"] == {"schema": 1, "environments": {"current": packages}}
    assert run.saved["benchmarks"][0]["extra_info"]["environment"] in run.saved["cnn_dyno"]["environments"]

"""Packages without bytecode: compiled once before anything is timed, by real interpreters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path

QUICK = ("--framework", "pytorch", "-m", "cpu and first_step", "--processes", "1")
CANNOT = "WARNING digits-pytorch-cpu: Python cannot keep the bytecode of"


def test_packages_without_bytecode_are_compiled_before_the_first_timed_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the process that proves parity; also where the user's own Python is told not to keep any."""
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "bytecode"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    run = run_bench(tmp_path, *QUICK)
    assert run.status == pytest.ExitCode.OK, run.output
    assert CANNOT not in run.output
    assert list((tmp_path / "bytecode").rglob("torch/__init__.*.pyc"))


def test_where_bytecode_cannot_be_kept_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it costs and how to mend it; the figures are measured nevertheless."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "file" / "bytecode"))
    run = run_bench(tmp_path, *QUICK)
    assert run.status == pytest.ExitCode.OK, run.output
    assert CANNOT in run.output

"""fixtures.plugin.workspace: the suite's own folder."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.arms.owners import short_folder
from fixtures.measuring.lock import measuring_lock
from fixtures.plugin import saving
from fixtures.plugin.workspace import KEPT_RUNS, RunDirectory, check_writable

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_that_takes_files_is_made_and_left_empty(tmp_path: Path) -> None:
    """The probe leaves nothing behind."""
    check_writable(tmp_path / "new" / "folder", "unneeded")
    assert list((tmp_path / "new" / "folder").iterdir()) == []


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path, name: str) -> None:
    """Where a file stands in the way, even root cannot make a folder."""
    (tmp_path / "file").touch()
    with pytest.raises(pytest.UsageError, match=rf"{re.escape(str(tmp_path / name))} cannot be written .*: move it"):
        check_writable(tmp_path / name, "move it")


def test_a_file_system_without_locks_is_no_other_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can tell whether another run measures; that it does is no guess to make."""

    def unknown(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", unknown)
    with measuring_lock(tmp_path) as other:
        assert other is None


def test_a_full_disk_costs_the_file_and_not_the_table(tmp_path: Path) -> None:
    """The run has failed, in one line; nothing half-written stays, and what was saved before does."""
    storage, results = tmp_path / "storage", tmp_path / "results.json"
    (storage / "before").mkdir(parents=True)
    (storage / "before" / "0001_run.json").write_text("{}", encoding="utf-8")

    def save() -> None:
        (storage / "before" / "0002_run.json").write_text("{", encoding="utf-8")
        results.write_text("{", encoding="utf-8")
        raise OSError(errno.ENOSPC, "No space left on device", str(results))

    benchmarks = SimpleNamespace(handle_saving=save, json=str(results))
    config: Any = SimpleNamespace(
        _benchmarksession=benchmarks,
        option=SimpleNamespace(benchmark_storage=f"file://{storage}"),
        stash=pytest.Stash(),
    )
    saving.pytest_configure_late(config)
    benchmarks.handle_saving()
    assert sorted(path.name for path in tmp_path.rglob("*.json")) == ["0001_run.json"]
    session: Any = SimpleNamespace(config=config, exitstatus=pytest.ExitCode.OK)
    saving.pytest_sessionfinish(session)
    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED
    lines: list[str] = []
    reporter: Any = SimpleNamespace(write_line=lines.append)
    saving.pytest_terminal_summary(reporter, config)
    assert lines == [f"ERROR {results}: the run cannot be saved: No space left on device"]


def test_folders_of_killed_runs_are_few(tmp_path: Path) -> None:
    """Their process is gone, or its number is another one's now; those of another host are not known to be over."""
    for number in range(KEPT_RUNS + 4):
        owner = RunDirectory(tmp_path).path / "owner"
        host, own, _ = owner.read_text(encoding="utf-8").splitlines()
        gone = "999999999" if number % 2 else own
        owner.write_text(f"{host}\n{gone}\n12345.0\n", encoding="utf-8")
    elsewhere = RunDirectory(tmp_path).path
    (elsewhere / "owner").write_text("another-host\n999999999\n12345.0\n", encoding="utf-8")
    unclaimed = RunDirectory(tmp_path).path
    (unclaimed / "owner").unlink()
    own_path = RunDirectory(tmp_path).path
    left = set((tmp_path / "runs").iterdir())
    assert {elsewhere, unclaimed, own_path} < left
    assert len(left) == KEPT_RUNS + 3


def test_temporary_folders_of_killed_processes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an hour; neither those of a living process, nor what others have under like names."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = short_folder()
    gone, fresh, foreign = (tmp_path / f"cnn-dyno-{name}" for name in ("999999999-a", "999999999-b", "tests-c"))
    for folder in (gone, fresh, foreign):
        folder.mkdir()
    for folder in (own, gone, foreign):
        os.utime(folder, (1, 1))
    RunDirectory(tmp_path / "workspace")
    assert {path for path in tmp_path.iterdir() if path.name != "workspace"} == {own, fresh, foreign}


def test_folders_of_failed_runs_are_few(tmp_path: Path) -> None:
    """The newest of those that have ended; of a run that goes on, its own is left alone however many there are."""
    going_on = RunDirectory(tmp_path)
    for _ in range(KEPT_RUNS + 4):
        RunDirectory(tmp_path).close(keep=True)
    RunDirectory(tmp_path).close(keep=False)
    ended = [path for path in (tmp_path / "runs").iterdir() if path != going_on.path]
    assert len(ended) == KEPT_RUNS
    assert going_on.path.is_dir()

"""Baselines: removing runs of a name, or all of them, and that nothing is removed where something is wrong."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fixtures.baselines.runs import BaselineError
from fixtures.baselines.store import keep, names, prune, remove, runs_named
from tests.unit.test_baseline_store import everything, saved_at

if TYPE_CHECKING:
    from pathlib import Path


def test_pruning_removes_the_oldest(tmp_path: Path) -> None:
    """And nothing where there are no more than are to be kept."""
    kept = [keep(tmp_path, "main", saved_at(tmp_path, hour)) for hour in range(4)]
    assert prune(tmp_path, "main", 10) == []
    assert prune(tmp_path, "main", 3) == kept[:1]
    assert prune(tmp_path, "main", 1) == kept[1:3]
    assert runs_named(tmp_path, "main") == (kept[3],)


def test_removing_a_name_leaves_other_names_and_other_files(tmp_path: Path) -> None:
    """The folder goes with its last run, unless somebody has put something else into it."""
    first, second = saved_at(tmp_path, 1), saved_at(tmp_path, 2)
    for name in ("main", "noted", "other"):
        keep(tmp_path, name, first)
    note = tmp_path / "baselines" / "noted" / "README"
    note.write_text("why", encoding="utf-8")
    keep(tmp_path, "main", second)
    assert [file.name[:11] for file in remove(tmp_path, "main")] == ["20260301T01", "20260301T02"]
    remove(tmp_path, "noted")
    assert names(tmp_path) == ("other",)
    assert sorted(each.name for each in (tmp_path / "baselines").iterdir()) == ["noted", "other"]
    assert note.exists()


def test_pruning_refuses_a_file_that_holds_no_run(tmp_path: Path) -> None:
    """It would count among the newest, and a run would be removed in its place."""
    for hour in range(3):
        kept = keep(tmp_path, "main", saved_at(tmp_path, hour))
    broken = kept.with_name("20260301T990000-broken.json")
    broken.write_text("{", encoding="utf-8")
    before = everything(tmp_path)
    for number in (1, 10):
        with pytest.raises(BaselineError, match=r"broken\.json: not JSON"):
            prune(tmp_path, "main", number)
    assert everything(tmp_path) == before
    assert broken in remove(tmp_path, "main")


def test_a_folder_is_no_run_whatever_its_name(tmp_path: Path) -> None:
    """It is neither counted nor removed, and hinders nothing."""
    first, second = (keep(tmp_path, "main", saved_at(tmp_path, hour)) for hour in (1, 2))
    inside = first.with_name("x.json") / "note"
    inside.parent.mkdir()
    inside.write_text("mine", encoding="utf-8")
    assert runs_named(tmp_path, "main") == (first, second)
    assert prune(tmp_path, "main", 1) == [first]
    assert remove(tmp_path, "main") == [second]
    assert everything(tmp_path / "baselines") == {"main/x.json/note": b"mine"}
    assert names(tmp_path) == ()


def test_runs_of_a_linked_folder_are_not_removed(tmp_path: Path) -> None:
    """They are somebody else's; as they are, they can be compared with."""
    kept = keep(tmp_path, "other", saved_at(tmp_path, 1))
    (tmp_path / "baselines" / "main").symlink_to(kept.parent)
    before = everything(tmp_path)
    for removing in (remove, prune):
        with pytest.raises(BaselineError, match="a link to another folder"):
            removing(tmp_path, "main")
    assert everything(tmp_path) == before
    assert len(runs_named(tmp_path, "main")) == 1


def test_a_folder_that_cannot_be_written_keeps_all_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at first; what fails nevertheless is one line that says how far it came."""
    kept = [keep(tmp_path, "main", saved_at(tmp_path, hour)) for hour in (1, 2)]

    def refuse(_file: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(type(tmp_path), "unlink", refuse)
    with pytest.raises(BaselineError, match=r"cannot be removed \(Operation not permitted\), 0 of 2 runs were"):
        remove(tmp_path, "main")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(BaselineError, match="baselines/main: cannot be written, so nothing is removed"):
        remove(tmp_path, "main")
    assert list(runs_named(tmp_path, "main")) == kept

"""Baselines: what is kept of a run, under which names, and that nothing is harmed when something goes wrong."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.baselines.runs import BaselineError, read_run
from fixtures.baselines.store import keep, names, newest_saved, prune, remove, runs_named, small
from tests.saved_runs import first_run, saved_benchmark, saved_run, write_run

if TYPE_CHECKING:
    from pathlib import Path

BAD_NAMES = ["", ".", "..", "../x", "a/b", "/tmp", ".hidden", "a b", "a\n", "ends.", "x" * 65, "ä", "a\0"]  # noqa: S108


def moment(hour: int) -> str:
    """A time of one day."""
    return f"2026-03-01T{hour:02}:00:00+00:00"


def saved_at(root: Path, hour: int, **facts: Any) -> Path:
    """A run as pytest-benchmark leaves it in its storage."""
    return write_run(
        root / ".benchmarks" / "machine" / f"{hour:04}_run.json", saved_run(recorded=moment(hour), **facts)
    )


def everything(root: Path) -> dict[str, bytes]:
    """All files of a folder, with what they hold."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_is_kept_reads_as_the_run_that_was_saved(tmp_path: Path) -> None:
    """Only the label differs: nothing that the gate reads is lost."""
    file = saved_at(tmp_path, 1)
    kept = keep(tmp_path, "main", file)
    assert kept.parent == tmp_path / "baselines" / "main"
    assert read_run(kept, "x") == read_run(file, "x")
    assert runs_named(tmp_path, "main") == (kept,)
    assert names(tmp_path) == ("main",)


def test_a_kept_run_holds_no_samples_and_nothing_of_a_person(tmp_path: Path) -> None:
    """Not even the statistics' raw rounds; but all that pytest-benchmark's own table shows."""
    text = keep(tmp_path, "main", saved_at(tmp_path, 1)).read_text(encoding="utf-8")
    for word in (
        "memory_samples",
        "confusion_matrix",
        "parity",
        "UNSERIALIZABLE",
        '"data"',
        "node",
        "hostname",
    ):
        assert word not in text
    plain = json.loads(text)
    assert set(plain["benchmarks"][0]["stats"]) == set(saved_benchmark()["stats"]) - {"data"}


def test_keys_keep_their_order_and_lines_are_short() -> None:
    """Whatever the order in the saved file, so that a difference between two kept runs shows what differs."""
    plain = saved_run()
    upside_down = json.loads(json.dumps(plain), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert json.dumps(small(upside_down)) == json.dumps(small(plain))
    assert small(small(plain)) == small(plain)


def test_runs_of_a_name_are_in_the_order_of_time_not_of_keeping(tmp_path: Path) -> None:
    """Also where offsets from UTC differ."""
    late = write_run(tmp_path / "late.json", saved_run(recorded="2026-03-01T10:00:00-05:00"))
    early = write_run(tmp_path / "early.json", saved_run(recorded="2026-03-01T12:00:00+00:00"))
    kept = [keep(tmp_path, "main", late), keep(tmp_path, "main", early)]
    assert list(runs_named(tmp_path, "main")) == kept[::-1]


def test_keeping_a_run_twice_changes_nothing(tmp_path: Path) -> None:
    """But another run of the same moment, which may be a kept one that was edited, is never overwritten."""
    file = saved_at(tmp_path, 1)
    kept = keep(tmp_path, "main", file)
    assert keep(tmp_path, "main", file) == kept
    before = everything(tmp_path / "baselines")
    other = write_run(tmp_path / "other.json", saved_run(saved_benchmark(), recorded=moment(1)))
    with pytest.raises(BaselineError, match="another run of the same moment"):
        keep(tmp_path, "main", other)
    assert everything(tmp_path / "baselines") == before


def test_the_newest_run_is_the_one_that_was_saved_last(tmp_path: Path) -> None:
    """pytest-benchmark's numbers begin anew for each machine."""
    with pytest.raises(BaselineError, match="no run has been saved yet"):
        newest_saved(tmp_path)
    second = saved_at(tmp_path, 2)
    first = write_run(tmp_path / ".benchmarks" / "other" / "0001_run.json", saved_run(recorded=moment(9)))
    os.utime(first, (1, 1))
    assert newest_saved(tmp_path).file == first
    os.utime(second, (1, 1))
    assert newest_saved(tmp_path).file == first


def test_the_newest_run_is_one_that_can_be_used(tmp_path: Path) -> None:
    """Comparisons and what Ctrl-C ended are saved beside plain runs; what is newer and was skipped is named."""
    plain = saved_at(tmp_path, 1)
    storage = tmp_path / ".benchmarks"
    paired = saved_benchmark()
    paired["extra_info"]["comparison"] = "digits-pytorch-cpu"
    for hour, benchmark in ((2, paired), (3, saved_benchmark(interrupted=True))):
        write_run(storage / f"{hour:04}_x.json", saved_run(benchmark, recorded=moment(hour)))
    (storage / "0009_cut.json").write_text("{", encoding="utf-8")
    newest = newest_saved(tmp_path)
    assert newest.file == plain
    reasons = ("not JSON", "was interrupted", "saved by --against")
    assert all(reason in said for reason, said in zip(reasons, newest.skipped, strict=True))
    assert all(said.startswith(str(storage)) for said in newest.skipped)
    plain.unlink()
    with pytest.raises(BaselineError, match="none of 3 saved files can be kept"):
        newest_saved(tmp_path)


def test_a_link_that_leads_nowhere_or_in_a_circle_is_passed_over(tmp_path: Path) -> None:
    """Saved runs are often linked to from elsewhere, and then moved."""
    plain = saved_at(tmp_path, 1)
    storage = tmp_path / ".benchmarks"
    (storage / "0008_nowhere.json").symlink_to(tmp_path / "gone.json")
    (storage / "0009_circle.json").symlink_to("0009_circle.json")
    newest = newest_saved(tmp_path)
    assert newest.file == plain
    assert sorted(reason.partition(": ")[0] for reason in newest.skipped) == [
        str(storage / name) for name in ("0008_nowhere.json", "0009_circle.json")
    ]


def test_a_run_of_the_first_version_stays_readable_when_it_is_kept(tmp_path: Path) -> None:
    """What its other benchmarks tell of the recipe is kept with it."""
    file = write_run(tmp_path / "old.json", first_run())
    assert read_run(keep(tmp_path, "main", file), "x") == read_run(file, "x")


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """Before anything is written or read, whatever is asked."""
    file = saved_at(tmp_path, 1)
    before = everything(tmp_path)
    for asked in (
        lambda: keep(tmp_path, name, file),
        lambda: runs_named(tmp_path, name),
        lambda: prune(tmp_path, name),
        lambda: remove(tmp_path, name),
    ):
        with pytest.raises(BaselineError, match="is no name of a baseline") as refused:
            asked()
        assert str(refused.value).isprintable()
    assert everything(tmp_path) == before


@given(st.text())
def test_no_name_leads_out_of_the_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Whatever it is, runs are looked for right below ``baselines/``, or it is refused."""
    root = tmp_path_factory.getbasetemp() / "nothing-here"
    with pytest.raises(BaselineError):
        runs_named(root, name)


def test_an_unknown_name_is_told_the_known_ones(tmp_path: Path) -> None:
    """And how to make it known."""
    keep(tmp_path, "main", saved_at(tmp_path, 1))
    with pytest.raises(BaselineError, match=r"known: main.*keep mian"):
        runs_named(tmp_path, "mian")


def test_what_is_no_run_or_was_interrupted_is_not_kept(tmp_path: Path) -> None:
    """The folder of baselines stays as it was."""
    keep(tmp_path, "main", saved_at(tmp_path, 1))
    before = everything(tmp_path / "baselines")
    broken = write_run(tmp_path / "broken.json", saved_run(saved_benchmark(readings=[-1.0])))
    cut = write_run(tmp_path / "cut.json", saved_run(saved_benchmark(interrupted=True), recorded=moment(2)))
    for file, words in (
        (broken, "is not what it must be"),
        (cut, "was interrupted"),
        (tmp_path / "no", "no such file"),
    ):
        with pytest.raises(BaselineError, match=words):
            keep(tmp_path, "main", file)
    assert everything(tmp_path / "baselines") == before


def test_a_write_that_fails_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is whole or not there."""
    keep(tmp_path, "main", saved_at(tmp_path, 1))
    before = everything(tmp_path / "baselines")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BaselineError, match="No space left"):
        keep(tmp_path, "main", saved_at(tmp_path, 2))
    assert everything(tmp_path / "baselines") == before

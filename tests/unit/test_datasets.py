"""The store of prepared data sets, with preparations that write a few numbers and no decoding library."""

from __future__ import annotations

import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fixtures.datasets import ARRAY_NAMES, DataError, MissingDataError, prepare, store
from fixtures.datasets.arrays import write_labels
from fixtures.datasets.errors import CorruptDataError
from fixtures.datasets.manifest import MANIFEST_NAME, EntryKey
from tests.small_dataset import KEY, LABELS, assert_right, build, names_in, prepared_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.datasets.preparation import Description


def never_build(output: Path) -> Description:
    """Stand for a preparation that must not be needed."""
    raise AssertionError(output)


def test_arrays_are_float32_images_and_int64_labels_mapped_read_only(tmp_path: Path) -> None:
    """A prepared data set gives memory-mapped arrays of the promised types that cannot be written to."""
    prepared = prepared_in(tmp_path)
    assert_right(prepared)
    for name in ARRAY_NAMES:
        array = prepared.load(name)
        assert isinstance(array, np.memmap)
        assert array.dtype == (np.float32 if name.startswith("x") else np.int64)
        assert prepared.path(name) == prepared.directory / f"{name}.npy"
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_digest_tells_what_the_arrays_hold_and_nothing_else(tmp_path: Path) -> None:
    """It is the same when prepared, when read again and from another source; another array has another."""

    def altered(output: Path) -> Description:
        described = build(output)
        write_labels(output, "y_train", 1 - LABELS)
        return described

    prepared, read = prepared_in(tmp_path), prepared_in(tmp_path)
    elsewhere = EntryKey("other", version=2, source_identity="elsewhere")
    same = store.prepare_entry(elsewhere, tmp_path, build, lambda _: None)
    other = store.prepare_entry(EntryKey("altered", 1, "altered"), tmp_path, altered, lambda _: None)
    assert prepared.digest == read.digest == same.digest != other.digest
    assert prepared.digest


def test_second_request_builds_nothing(tmp_path: Path) -> None:
    """An intact entry is used as it is, without a word."""
    first = prepared_in(tmp_path)
    reports: list[str] = []
    assert store.prepare_entry(KEY, tmp_path, never_build, reports.append) == first
    assert reports == []


@pytest.mark.parametrize(
    "other",
    [
        EntryKey("other", KEY.version, KEY.source_identity),
        EntryKey(KEY.identifier, 2, KEY.source_identity),
        EntryKey(KEY.identifier, KEY.version, "another source"),
    ],
    ids=["identifier", "version", "source"],
)
def test_every_part_of_the_key_keeps_entries_apart(tmp_path: Path, other: EntryKey) -> None:
    """Another data set, version of the preparation or source is another entry, and no entry passes for another."""
    first = prepared_in(tmp_path)
    second = store.prepare_entry(other, tmp_path, build, lambda _: None)
    assert second.directory != first.directory

    shutil.rmtree(second.directory)
    shutil.copytree(first.directory, second.directory)
    reports: list[str] = []
    store.prepare_entry(other, tmp_path, build, reports.append)
    assert "manifest.json was altered" in reports[0]


def flip_a_bit(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_by_directory(path: Path) -> None:
    """Put a directory where a file should be."""
    path.unlink()
    path.mkdir()


def replace_by_pipe(path: Path) -> None:
    """Put a pipe where a file should be: opening it for reading would wait for ever."""
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_bit,
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b""),
        Path.unlink,
        replace_by_directory,
        replace_by_pipe,
    ],
    ids=["bit", "truncated", "empty", "deleted", "directory", "pipe"],
)
@pytest.mark.parametrize("name", [f"{name}.npy" for name in ARRAY_NAMES])
def test_damaged_array_is_noticed_and_prepared_again(tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    """Whatever happened to any array, the next run says so and builds the entry anew."""
    damage(prepared_in(tmp_path).directory / name)
    reports: list[str] = []
    assert_right(store.prepare_entry(KEY, tmp_path, build, reports.append))
    assert len(reports) == 1
    assert name in reports[0]
    assert reports[0].endswith("It is prepared again.")
    assert names_in(tmp_path) == {KEY.directory_name}
    store.prepare_entry(KEY, tmp_path, never_build, reports.append)


@pytest.mark.parametrize("damage", [Path.unlink, replace_by_directory], ids=["deleted", "directory"])
def test_absent_manifest_is_noticed_and_prepared_again(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """Arrays without a readable manifest are no data set."""
    damage(prepared_in(tmp_path).directory / MANIFEST_NAME)
    reports: list[str] = []
    assert_right(store.prepare_entry(KEY, tmp_path, build, reports.append))
    assert MANIFEST_NAME in reports[0]


def test_file_in_the_place_of_the_entry_is_replaced(tmp_path: Path) -> None:
    """Something that is not even a directory does not stop the data set from being prepared."""
    (tmp_path / KEY.directory_name).write_text("in the way")
    assert_right(prepared_in(tmp_path))
    assert names_in(tmp_path) == {KEY.directory_name}


@pytest.mark.parametrize("error", [MissingDataError("no source"), KeyboardInterrupt(), RuntimeError("a bug")])
def test_failure_leaves_nothing_behind(tmp_path: Path, error: BaseException) -> None:
    """A preparation that fails or is interrupted half-way passes its error on and leaves no file."""

    def fail_half_way(output: Path) -> Description:
        (output / "x_train.npy").write_bytes(b"half")
        raise error

    with pytest.raises(type(error)):
        store.prepare_entry(KEY, tmp_path, fail_half_way, lambda _: None)
    assert names_in(tmp_path) == set()


def test_damaged_entry_that_cannot_be_built_again_stays_an_error(tmp_path: Path) -> None:
    """Without its source, a damaged entry is reported and never used."""
    flip_a_bit(prepared_in(tmp_path).path("x_test"))
    reports: list[str] = []

    def missing(_: Path) -> Description:
        raise MissingDataError("The source is not there.")

    for _ in range(2):
        with pytest.raises(MissingDataError, match="not there"):
            store.prepare_entry(KEY, tmp_path, missing, reports.append)
    assert ["damaged" in report for report in reports] == [True, True]
    assert names_in(tmp_path) == {KEY.directory_name}


@pytest.mark.parametrize("before", ["nothing", "good", "damaged"])
def test_runs_at_the_same_time_leave_one_good_entry(tmp_path: Path, before: str) -> None:
    """Runs that all build the same entry at once all get the right data, and one entry is left."""
    runs = 4
    if before != "nothing":
        prepared = prepared_in(tmp_path)
        if before == "damaged":
            flip_a_bit(prepared.path("y_train"))
    all_have_built = threading.Barrier(runs)

    def build_together(output: Path) -> Description:
        description = build(output)
        all_have_built.wait(timeout=60)
        return description

    with ThreadPoolExecutor(runs) as pool:
        futures = [pool.submit(store.prepare_entry, KEY, tmp_path, build_together, lambda _: None) for _ in range(runs)]
        found = {future.result() for future in futures}
    assert len(found) == 1
    assert_right(found.pop())
    assert names_in(tmp_path) == {KEY.directory_name}
    store.prepare_entry(KEY, tmp_path, never_build, lambda _: None)


def test_run_that_finishes_second_leaves_the_entry_of_the_first_alone(tmp_path: Path) -> None:
    """An entry that another run put in place meanwhile is kept, since that run may be reading it."""
    place = tmp_path / KEY.directory_name
    first: list[int] = []

    def build_second(output: Path) -> Description:
        prepared_in(tmp_path)
        first.append(place.stat().st_ino)
        return build(output)

    assert_right(store.prepare_entry(KEY, tmp_path, build_second, lambda _: None))
    assert place.stat().st_ino == first[0]
    assert names_in(tmp_path) == {KEY.directory_name}


def test_only_old_leftovers_are_cleaned_up(tmp_path: Path) -> None:
    """What a killed run left more than a day ago is removed; what may be being built now is not."""
    old, recent = (tmp_path / f"{store.TEMPORARY_PREFIX}{name}" for name in ("old", "recent"))
    for directory in (old, recent):
        directory.mkdir()
        (directory / "x_train.npy").write_bytes(b"half")
    two_days_ago = time.time() - 2 * store.STALE_AFTER_SECONDS
    os.utime(old, (two_days_ago, two_days_ago))
    prepared_in(tmp_path)
    assert names_in(tmp_path) == {recent.name, KEY.directory_name}


def test_cache_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """A cache directory below a file is a data error that names the place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be kept in .*file/datasets.*Make that folder writable"):
        prepared_in(tmp_path / "file" / "datasets")


def test_array_that_vanished_after_preparation_is_a_data_error(tmp_path: Path) -> None:
    """Loading says which file is gone instead of showing NumPy's exception."""
    prepared = prepared_in(tmp_path)
    prepared.path("x_train").unlink()
    with pytest.raises(CorruptDataError, match=r"x_train\.npy cannot be read"):
        prepared.load("x_train")


def test_unknown_data_set_lists_the_known_ones(tmp_path: Path) -> None:
    """A misspelt data set is answered with the names that there are."""
    with pytest.raises(DataError, match=r"no data set called 'minst'\. There are: .*digits, fashion-mnist, mnist"):
        prepare("minst", data_dir=None, cache_dir=tmp_path, download=False, report=lambda _: None)

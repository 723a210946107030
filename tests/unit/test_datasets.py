"""The store of prepared data sets, with preparations that write a few numbers and no decoding library."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.datasets import ARRAY_NAMES, DataError, MissingDataError, PreparedDataset, prepare, store
from fixtures.datasets.arrays import check_arrays, write_images, write_labels
from fixtures.datasets.child_process import REPOSITORY, run_child
from fixtures.datasets.errors import CorruptDataError
from fixtures.datasets.manifest import MANIFEST_NAME, EntryKey
from fixtures.datasets.preparation import Description

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = EntryKey("fake", version=1, source_identity="two grey levels")
CLASS_NAMES = ("dark", "light")
IMAGES = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
LABELS = np.array([0, 1, 0])


def build(output: Path) -> Description:
    """Write three images and labels for each part, as a data set's module would."""
    write_images(output, "x_train", IMAGES, highest=11)
    write_images(output, "x_test", IMAGES, highest=22)
    write_labels(output, "y_train", LABELS)
    write_labels(output, "y_test", LABELS)
    return Description(CLASS_NAMES, ("twelve numbers",))


def never_build(output: Path) -> Description:
    """Stand for a preparation that must not be needed."""
    raise AssertionError(output)


def prepared_in(entries: Path) -> PreparedDataset:
    """Give the data set of ``KEY``, built if need be."""
    return store.prepare_entry(KEY, entries, build, lambda _: None)


def names_in(directory: Path) -> set[str]:
    """Everything in a directory, hidden names too."""
    return {path.name for path in directory.iterdir()} if directory.exists() else set()


def assert_right(prepared: PreparedDataset) -> None:
    """Check every array and the description against what ``build`` wrote."""
    assert prepared.class_names == CLASS_NAMES
    assert prepared.sources == ("twelve numbers",)
    images = IMAGES.astype(np.float32)[..., None]
    np.testing.assert_array_equal(prepared.load("x_train"), images / np.float32(11))
    np.testing.assert_array_equal(prepared.load("x_test"), images / np.float32(22))
    np.testing.assert_array_equal(prepared.load("y_train"), LABELS)
    np.testing.assert_array_equal(prepared.load("y_test"), LABELS)


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


def assert_manifest_survived(content: bytes) -> None:
    """With this manifest, the store must give the right data, whether it builds again or not."""
    with tempfile.TemporaryDirectory() as directory:
        entries = Path(directory)
        (prepared_in(entries).directory / MANIFEST_NAME).write_bytes(content)
        assert_right(prepared_in(entries))
        assert names_in(entries) == {KEY.directory_name}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The manifest that ``build`` leads to."""
    return (prepared_in(tmp_path_factory.mktemp("manifest")).directory / MANIFEST_NAME).read_bytes()


@given(content=st.binary(max_size=200))
@settings(deadline=None, max_examples=50)
def test_any_bytes_for_a_manifest_lead_to_the_right_data(content: bytes) -> None:
    """A manifest of random bytes never leads to an exception or to wrong data."""
    assert_manifest_survived(content)


@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_any_changed_byte_of_the_manifest_leads_to_the_right_data(manifest: bytes, data: st.DataObject) -> None:
    """A manifest with some bytes replaced, for example in a class name, never leads to wrong data."""
    start = data.draw(st.integers(0, len(manifest) - 1))
    end = data.draw(st.integers(start, min(start + 8, len(manifest))))
    assert_manifest_survived(manifest[:start] + data.draw(st.binary(max_size=8)) + manifest[end:])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)


@given(replaced=st.sampled_from(["class_names", "sources", "arrays", "format_version", None]), value=JSON_VALUES)
@settings(deadline=None, max_examples=100)
def test_manifest_of_the_wrong_shape_raises_nothing_but_a_data_error(replaced: str | None, value: object) -> None:
    """A manifest whose own checksum is right but whose content is any JSON never ends in a stray exception."""
    with tempfile.TemporaryDirectory() as directory:
        path = prepared_in(Path(directory)).directory / MANIFEST_NAME
        content: Any = json.loads(path.read_text())["content"]
        content = content | {replaced: value} if replaced else value
        checksum = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        path.write_text(json.dumps({"sha256": checksum, "content": content}))
        np.testing.assert_array_equal(prepared_in(Path(directory)).load("y_train"), LABELS)


def test_deeply_nested_manifest_leads_to_the_right_data() -> None:
    """A manifest that exhausts the parser's stack is one more damaged manifest."""
    assert_manifest_survived(b"[" * 100_000)


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


@pytest.mark.parametrize(
    ("name", "array", "problem"),
    [
        ("x_train", np.zeros((3, 2, 2, 1)), "float32"),
        ("x_train", np.zeros((3, 2, 2), np.float32), "shape"),
        ("x_train", np.zeros((0, 2, 2, 1), np.float32), "shape"),
        ("x_train", np.asfortranarray(np.zeros((3, 2, 2, 2), np.float32)), "contiguous"),
        ("x_train", np.full((3, 2, 2, 1), 1.5, np.float32), "between 0 and 1"),
        ("x_test", np.full((3, 2, 2, 1), np.nan, np.float32), "between 0 and 1"),
        ("x_test", np.zeros((3, 4, 4, 1), np.float32), "different shapes"),
        ("x_test", np.zeros((4, 2, 2, 1), np.float32), "different numbers"),
        ("y_train", np.zeros(3, np.int32), "int64"),
        ("y_train", np.zeros((3, 1), np.int64), "shape"),
        ("y_test", np.array([0, 1, 2]), "between 0 and 1"),
        ("y_test", np.array([0, 1, -1]), "between 0 and 1"),
        ("y_test", np.array([0, 1, None]), "numbers"),
    ],
    ids=[
        "float64",
        "three dimensions",
        "no images",
        "column order",
        "above 1",
        "not a number",
        "other size",
        "more images than labels",
        "int32",
        "two dimensions",
        "unknown class",
        "negative class",
        "Python objects",
    ],
)
def test_preparation_that_breaks_the_promise_is_refused(
    tmp_path: Path, name: str, array: np.ndarray[Any, Any], problem: str
) -> None:
    """Arrays of a wrong type, shape or range never become an entry, and the error says what is wrong."""

    def build_wrongly(output: Path) -> Description:
        description = build(output)
        np.save(output / f"{name}.npy", array)
        return description

    with pytest.raises(DataError, match=problem):
        store.prepare_entry(KEY, tmp_path, build_wrongly, lambda _: None)
    assert names_in(tmp_path) == set()


def test_images_are_written_in_chunks_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images that do not fit one chunk, with several channels, come out as those that do."""
    monkeypatch.setattr("fixtures.datasets.arrays.VALUES_IN_A_CHUNK", 60)
    images = np.arange(7 * 2 * 5 * 3, dtype=np.uint8).reshape(7, 2, 5, 3)
    build(tmp_path)
    write_images(tmp_path, "x_train", images, highest=255)
    write_images(tmp_path, "x_test", images, highest=255)
    write_labels(tmp_path, "y_train", np.arange(7))
    write_labels(tmp_path, "y_test", np.arange(7))
    assert check_arrays(tmp_path, class_count=7)["x_test"] == (7, 2, 5, 3)
    np.testing.assert_array_equal(np.load(tmp_path / "x_train.npy"), images.astype(np.float32) / np.float32(255))


def test_chosen_images_are_written_in_the_order_in_which_they_are_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of the images, in any order and over several chunks, come out as if they had been picked before."""
    monkeypatch.setattr("fixtures.datasets.arrays.VALUES_IN_A_CHUNK", 8)
    images = np.arange(9 * 4, dtype=np.uint8).reshape(9, 2, 2)
    chosen = np.array([8, 0, 3, 3, 5])
    write_images(tmp_path, "x_train", images, highest=255, chosen=chosen)
    expected = images[chosen][..., None].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(np.load(tmp_path / "x_train.npy"), expected)


def child(program: str) -> Description:
    """Run a Python program in the place of the child that prepares a data set."""
    return run_child([sys.executable, "-c", program], "fake", timeout_seconds=60)


def test_description_is_the_last_line_that_the_child_prints() -> None:
    """Whatever a library prints before, the last line is the report."""
    report = {"description": {"class_names": ["a"], "sources": ["b"]}}
    assert child(f"print('noise'); print({json.dumps(report)!r})") == Description(("a",), ("b",))


def test_progress_is_passed_on_as_it_comes() -> None:
    """Lines of progress reach the user while the child still runs; other lines that it prints do not."""
    program = """
import json, os, sys, time
def say(kind, value):
    print(json.dumps({kind: value}), flush=True)
say("progress", "one half")
print("noise", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
say("progress", 2)
say("progress", "the other half")
say("description", {"class_names": ["a"], "sources": [], "notes": ["b"]})
"""
    reports: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        seen = Path(directory) / "seen"

        def report(line: str) -> None:
            reports.append(line)
            seen.touch()  # the child goes on only once its first line has arrived

        command = [sys.executable, "-c", program, str(seen)]
        description = run_child(command, "fake", timeout_seconds=60, report=report)
    assert reports == ["one half", "the other half"]
    assert description == Description(("a",), (), ("b",))


@pytest.mark.parametrize("kind", [DataError, MissingDataError, CorruptDataError])
def test_error_of_the_child_is_raised_as_it_was(kind: type[DataError]) -> None:
    """Kind and message, line breaks included, cross the process boundary."""
    report = json.dumps({"error": {"kind": kind.__name__, "message": "first\nsecond"}})
    with pytest.raises(kind) as raised:
        child(f"print({report!r}); raise SystemExit(1)")
    assert type(raised.value) is kind
    assert str(raised.value) == "first\nsecond"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise ValueError('odd')", "status 1 and without a report.*ValueError: odd"),
        ("import os; os.kill(os.getpid(), 9)", "status -9 and without a report.*nothing"),
        ("print('no report')", "status 0 and without a report"),
        ("print('[1]')", "status 0 and without a report"),
        ("print('[' * 100000)", "status 0 and without a report"),
        ("""print('{"error": {"kind": "Exception", "message": ""}}'); exit(1)""", "status 1 and without a report"),
        ("""print('{"error": {"kind": ["DataError"]}}'); exit(1)""", "status 1 and without a report"),
        ("""print('{"description": null}')""", "status 0 and without a report"),
    ],
    ids=["exception", "killed", "text", "list", "nested", "kind", "unhashable", "null"],
)
def test_child_that_reports_nothing_usable_is_one_sentence(program: str, message: str) -> None:
    """A child that dies or talks nonsense becomes a data error with its status and last words."""
    with pytest.raises(DataError, match=message) as raised:
        child(program)
    assert "\n" not in str(raised.value)


def test_child_that_never_ends_is_stopped() -> None:
    """A preparation that hangs is killed at the limit, and the error says what to do instead."""
    with pytest.raises(DataError, match=r"longer than 0\.5 seconds and was stopped.*--data-dir"):
        run_child([sys.executable, "-c", "import time; time.sleep(600)"], "fake", timeout_seconds=0.5)


def test_child_that_cannot_be_started_is_one_sentence(tmp_path: Path) -> None:
    """A missing interpreter is a data error."""
    with pytest.raises(DataError, match="cannot be started"):
        run_child([str(tmp_path / "no-python")], "fake")


INTERRUPTED = """
import sys
from pathlib import Path
from fixtures.datasets.child_process import run_child
from fixtures.datasets.manifest import EntryKey
from fixtures.datasets.store import prepare_entry

CHILD = "import os, sys, time; print(os.getpid(), file=open(sys.argv[1], 'w', buffering=1)); time.sleep(600)"
build = lambda output: run_child([sys.executable, "-c", CHILD, sys.argv[2]], "fake")
try:
    prepare_entry(EntryKey("fake", 1, ""), Path(sys.argv[1]), build, print)
except KeyboardInterrupt:
    sys.exit(42)
"""


def test_interrupt_kills_the_child_and_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while a child decodes ends the child, removes what it wrote and reaches the caller."""
    entries, noted = tmp_path / "entries", tmp_path / "child"
    parent = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(entries), str(noted)], cwd=REPOSITORY)
    try:
        while parent.poll() is None and not (noted.exists() and noted.read_text().endswith("\n")):
            time.sleep(0.01)
        parent.send_signal(signal.SIGINT)
        assert parent.wait(timeout=60) == 42
    finally:
        parent.kill()
        parent.wait()
    assert names_in(entries) == set()
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


KILLED = """
from pathlib import Path
from fixtures.datasets import DATASETS
from fixtures.datasets.child_process import prepare_in_child
from fixtures.datasets.preparation import Request

prepare_in_child(DATASETS["digits"], Request((), Path("unused"), download=False))
"""

STUCK = "import os, sys, time; print(os.getpid(), file=open({noted!r}, 'w', buffering=1)); time.sleep(600)"


def test_the_child_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """The kernel ends it, whatever it is doing: here, importing a library that takes for ever."""
    noted = tmp_path / "child"
    (tmp_path / "sklearn.py").write_text(STUCK.format(noted=str(noted)))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", KILLED], cwd=REPOSITORY, env=environment)
    try:
        while parent.poll() is None and not (noted.exists() and noted.read_text().endswith("\n")):
            time.sleep(0.01)
        child = psutil.Process(int(noted.read_text()))
    finally:
        parent.kill()
        parent.wait()
    try:
        assert psutil.wait_procs([child], timeout=20)[1] == []
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def test_parent_imports_no_decoding_library(tmp_path: Path) -> None:
    """The package that pytest imports brings in neither a framework nor a library that decodes."""
    program = (
        "import sys, fixtures.datasets, fixtures.datasets.prepare_in_child\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'torchvision', 'sklearn', 'PIL'}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    output = subprocess.check_output([sys.executable, "-c", program], cwd=tmp_path, env=environment, text=True)
    assert output.strip() == "[]"

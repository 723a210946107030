"""The child process that prepares a data set: what it reports, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from fixtures.datasets import DataError, MissingDataError
from fixtures.datasets.child_process import REPOSITORY, run_child
from fixtures.datasets.errors import CorruptDataError
from fixtures.datasets.preparation import Description
from tests.small_dataset import names_in


def child(program: str) -> Description:
    """Run a Python program in the place of the child that prepares a data set."""
    return run_child([sys.executable, "-c", program], "fake", timeout_seconds=60)


def test_description_is_the_last_line_that_the_child_prints() -> None:
    """Whatever a library prints before, the last line is the report."""
    report = {"description": {"class_names": ["a"], "sources": ["b"]}}
    assert child(f"print('noise'); print({json.dumps(report)!r})") == Description(("a",), ("b",))


def test_warnings_of_libraries_end_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the user makes of those of his own programs."""
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    report = {"description": {"class_names": ["a"], "sources": ["b"]}}
    assert child(f"import warnings; warnings.warn('old'); print({json.dumps(report)!r})").class_names == ("a",)


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

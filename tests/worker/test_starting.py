"""A worker's process is out of reach of Ctrl-C, and one whose start came to nothing leaves nothing behind."""

from __future__ import annotations

import gc
import os
import shlex
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest
from execnet import gateway_bootstrap

from fixtures.workers.parent import Worker, WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PYTHON = shlex.quote(sys.executable)


@contextmanager
def nothing_left() -> Iterator[None]:
    """Within it, no child process and no open pipe may be left to the garbage collector."""
    before = set(children())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(one.message) for one in caught] == []
    assert set(children()) <= before


def children() -> list[psutil.Process]:
    """Child processes but the watchdog, which stays for the next ones."""
    return [one for one in psutil.Process().children() if "watchdog.py" not in str(one.cmdline())]


def test_a_start_that_is_interrupted_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between the start of the process and its first word, when execnet does not know it yet."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gateway_bootstrap, "bootstrap", interrupted)
    with nothing_left(), pytest.raises(KeyboardInterrupt):
        Worker("interrupted", PYTHON, tmp_path)


@pytest.mark.parametrize("command", ["false", "a-program-that-nobody-has"])
def test_an_interpreter_that_ends_at_once_leaves_nothing(tmp_path: Path, command: str) -> None:
    """It is an error of that worker, in one line."""
    with nothing_left():
        with pytest.raises(WorkerError, match="the interpreter did not start") as caught:
            Worker("ends", command, tmp_path)
        assert caught.value.kind == "start"
        del caught


def test_a_worker_is_in_no_process_group_of_the_terminal(tmp_path: Path) -> None:
    """So Ctrl-C, which reaches the whole group, does not reach it."""
    with nothing_left(), Worker("alone", PYTHON, tmp_path) as worker:
        assert os.getpgid(worker.pid) == worker.pid


@pytest.mark.parametrize("started", ["sleep 300", "setsid sleep 300"])
def test_what_a_worker_has_started_ends_with_it(tmp_path: Path, started: str) -> None:
    """Compilers, loaders of data, daemons that have left its process group: none of them goes on for nobody."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\n{started} &\necho $! > {tmp_path}/child\nexec {PYTHON} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    with Worker("parent", shlex.quote(str(script)), tmp_path):
        child = psutil.Process(int((tmp_path / "child").read_text(encoding="utf-8")))
        assert child.is_running()
    assert psutil.wait_procs([child], timeout=10)[1] == []

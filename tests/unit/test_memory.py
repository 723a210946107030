"""fixtures.measuring.memory_trace and fixtures.workers.kernel_memory: memory of real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.measuring.memory_trace import MemoryRecorder
from fixtures.workers import kernel_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MEBIBYTE = 2**20

CHILD = """
import sys
blocks = []
print("ready", flush=True)
for line in sys.stdin:
    size = int(line)
    if size > 0:
        blocks.append(bytearray(b"x") * (size * 2**20))
    else:
        blocks.clear()
    print("done", flush=True)
"""


class Allocator:
    """A child process that holds as many mebibytes as it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def ask(self, mebibytes: int) -> None:
        """Allocate so much more; 0 frees everything. Returns when that is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{mebibytes}\n")
        self.process.stdin.flush()
        self.wait()

    def wait(self) -> None:
        """Wait for the child's next line."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline()


@contextmanager
def allocator() -> Iterator[Allocator]:
    """Start a child that allocates on demand."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        child = Allocator(process)
        child.wait()
        try:
            yield child
        finally:
            process.kill()


def test_phases_show_what_was_held_at_their_end_and_at_most() -> None:
    """Memory of each phase is its own: what was allocated and freed before it does not count."""
    with allocator() as child, MemoryRecorder(child.pid, interval=0.01) as recorder:
        idle = recorder.mark("after_import")
        child.ask(80)
        built = recorder.mark("after_build")
        child.ask(0)
        freed = recorder.mark("training")
    assert built.end - idle.end >= 75 * MEBIBYTE
    assert built.highest >= built.end
    assert idle.highest < built.end - 70 * MEBIBYTE
    assert freed.end < built.end - 70 * MEBIBYTE
    assert list(recorder.trace.phases_bytes) == ["after_import", "after_build", "training"]
    assert recorder.trace.phases_bytes["after_build"] == built


def test_samples_between_marks_see_a_passing_peak() -> None:
    """Memory that was freed again before the mark is in the highest sample, not in the last."""
    with allocator() as child, MemoryRecorder(child.pid, interval=0.001) as recorder:
        child.ask(80)
        seen = len(recorder.trace.samples)
        while len(recorder.trace.samples) < seen + 2:
            threading.Event().wait(0.005)
        child.ask(0)
        phase = recorder.mark("training")
    assert phase.highest - phase.end >= 70 * MEBIBYTE


def test_samples_are_in_order_and_stop_with_the_block() -> None:
    """Sampling begins at second 0, never goes back in time, and ends when the block does."""
    with allocator() as child, MemoryRecorder(child.pid, interval=0.001) as recorder:
        for number in range(5):
            recorder.mark(str(number))
    samples = recorder.trace.samples
    seconds = [moment for moment, _ in samples]
    assert seconds == sorted(seconds)
    assert len(samples) >= 6
    assert all(size > 0 for _, size in samples)
    assert recorder.trace.samples == samples
    assert not [thread for thread in threading.enumerate() if thread.name == f"memory of {child.pid}"]


def test_a_process_that_dies_is_said_to_be_gone() -> None:
    """Sampling a dead process stops quietly, records no zero, and the next mark raises."""
    with allocator() as child, MemoryRecorder(child.pid, interval=0.001) as recorder:
        child.process.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ProcessLookupError, match="is gone"):
            recorder.mark("training")
    assert all(size > 0 for _, size in recorder.trace.samples)


def test_a_process_that_does_not_exist_cannot_be_recorded() -> None:
    """Recording a process that ended and was waited for raises at once."""
    with allocator() as child:
        pass
    with pytest.raises(ProcessLookupError), MemoryRecorder(child.pid):
        pass


def test_a_phase_ends_once() -> None:
    """Two phases of one name would hide each other, so the second is refused."""
    with allocator() as child, MemoryRecorder(child.pid) as recorder:
        recorder.mark("training")
        with pytest.raises(ValueError, match="'training' has ended before"):
            recorder.mark("training")


def run(code: str) -> list[int]:
    """Integers that a fresh interpreter prints."""
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return [int(word) for word in output.stdout.split()]


def test_the_high_water_mark_keeps_what_was_freed() -> None:
    """Resident memory falls when a block is freed; the kernel's high-water mark does not."""
    resident, highest = run(
        "from fixtures.workers.kernel_memory import *\n"
        "block = bytearray(b'x') * (100 << 20); del block\n"
        "print(resident_bytes(), high_water_bytes())"
    )
    assert highest - resident >= 90 * MEBIBYTE


@pytest.mark.skipif(sys.platform != "linux", reason="getrusage is all there is elsewhere")
def test_the_high_water_mark_is_not_inherited_from_the_parent() -> None:
    """A child of a large process reports its own peak, not its parent's."""
    (highest,) = run(
        "import subprocess, sys\n"
        "block = bytearray(b'x') * (200 << 20)\n"
        "code = 'from fixtures.workers.kernel_memory import *; print(high_water_bytes())'\n"
        "subprocess.run([sys.executable, '-c', code], check=True)"
    )
    assert highest < 100 * MEBIBYTE


def test_without_proc_the_operating_systems_own_figure_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no /proc, both figures are getrusage's peak, in bytes."""
    monkeypatch.setattr(kernel_memory, "_STATUS", tmp_path / "missing")
    assert kernel_memory.resident_bytes() > MEBIBYTE
    assert kernel_memory.high_water_bytes() > MEBIBYTE

"""fixtures.disturbance: what the machine recorded while something was measured."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.disturbance import Disturbance, Snapshot, between

if TYPE_CHECKING:
    from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


def snapshot(
    seconds: float = 0.0,
    busy: float | None = 0.0,
    steal: float | None = 0.0,
    processes: dict[int, float] | None = None,
) -> Snapshot:
    """A snapshot with the given counters."""
    return Snapshot(seconds, busy, steal, processes or {})


def test_foreign_work_is_what_the_machine_did_beyond_the_measured_processes() -> None:
    """Busy seconds minus the seconds of the own processes are foreign; stolen time stands apart."""
    before = snapshot(10.0, 100.0, 5.0, {7: 30.0, 8: 1.0})
    after = snapshot(12.0, 104.0, 5.5, {7: 31.75, 8: 2.0})
    assert between(before, after, (7, 8)) == Disturbance(seconds=2.0, steal_seconds=0.5, foreign_cpu_seconds=1.25)


def test_own_processes_are_those_of_the_first_snapshot_unless_named() -> None:
    """Without a list, the processes of the earlier snapshot are the own ones; a list can leave some out."""
    before = snapshot(busy=0.0, processes={7: 0.0, 8: 0.0})
    after = snapshot(busy=3.0, processes={7: 1.0, 8: 1.5})
    assert between(before, after).foreign_cpu_seconds == 0.5
    assert between(before, after, (7,)).foreign_cpu_seconds == 2.0


def test_a_process_that_started_in_between_counts_from_zero() -> None:
    """All work of a process that the earlier snapshot did not see was done since then."""
    after = snapshot(busy=2.0, processes={7: 1.5})
    assert between(snapshot(), after, (7,)).foreign_cpu_seconds == 0.5


def test_a_process_that_ended_makes_foreign_work_unknown() -> None:
    """A process that is gone took its count with it, so foreign work is not claimed to be anything."""
    before = snapshot(processes={7: 1.0})
    assert between(before, snapshot(busy=2.0), (7,)).foreign_cpu_seconds is None


def test_errors_of_ticks_cancel_in_a_sum() -> None:
    """Own processes may be counted one tick ahead of the machine; kept negative, that is made up for by the next."""
    start, ahead = snapshot(processes={7: 0.0}), snapshot(busy=1.0, processes={7: 1.01})
    level = snapshot(busy=2.0, processes={7: 2.0})
    parts = [between(start, ahead, (7,)).foreign_cpu_seconds, between(ahead, level, (7,)).foreign_cpu_seconds]
    assert parts == pytest.approx([-0.01, 0.01])


def test_without_proc_the_figures_are_unknown(tmp_path: Path) -> None:
    """Where there is no procfs, nothing fails, and no figure is made up."""
    seen = Snapshot.take([os.getpid()], root=tmp_path)
    assert (seen.busy_seconds, seen.steal_seconds, dict(seen.process_seconds)) == (None, None, {})
    result = between(seen, Snapshot.take([], root=tmp_path))
    assert (result.steal_seconds, result.foreign_cpu_seconds) == (None, None)


def test_counters_are_read_from_their_columns(tmp_path: Path) -> None:
    """Idle and waiting are not busy, steal is separate, and a command name may hold spaces and parentheses."""
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "stat").write_text("cpu  100 20 30 9999 888 4 5 66 77 8\ncpu0 1 2 3\n")
    (proc / "7").mkdir()
    fields = ["S", *map(str, range(4, 14)), "300", "40", "11", "12"]
    (proc / "7" / "stat").write_text(f"7 (a ) b (c) {' '.join(fields)}\n")
    seen = Snapshot.take([7, 8], root=tmp_path)
    assert seen.busy_seconds == pytest.approx(159 * TICK)
    assert seen.steal_seconds == pytest.approx(66 * TICK)
    assert seen.process_seconds == {7: pytest.approx(340 * TICK)}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_working_child_is_seen_as_the_machine_counts_it() -> None:
    """Work of a real child process is foreign when the child is not named, and own when it is."""
    burn = "import time\nwhile time.process_time() < 0.5: pass\nprint('done', flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        before = Snapshot.take([os.getpid()])
        child.stdout.readline()
        after = Snapshot.take([os.getpid(), child.pid])
        child.stdin.close()
    worked = after.process_seconds[child.pid]
    assert worked >= 0.4
    as_foreign = between(before, after, [os.getpid()]).foreign_cpu_seconds
    as_own = between(before, after, [os.getpid(), child.pid]).foreign_cpu_seconds
    assert as_foreign is not None
    assert as_own is not None
    assert as_foreign - as_own >= 0.3

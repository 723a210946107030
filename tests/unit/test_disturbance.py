"""fixtures.measuring.disturbance: what the machine recorded while something was measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.measuring.disturbance import Disturbance, Snapshot, between

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
    (proc / "stat").write_text("cpu  100 20 30 9999 888 4 5 66 77 8\nintr 5 0\n")
    (proc / "7").mkdir()
    fields = ["S", *map(str, range(4, 14)), "300", "40", "11", "12"]
    (proc / "7" / "stat").write_text(f"7 (a ) b (c) {' '.join(fields)}\n")
    seen = Snapshot.take([7, 8], root=tmp_path)
    assert seen.busy_seconds == pytest.approx(159 * TICK)
    assert seen.steal_seconds == pytest.approx(66 * TICK)
    assert seen.process_seconds == {7: pytest.approx(363 * TICK)}


@pytest.mark.parametrize(
    ("cores", "busy", "steal"),
    [((), 100, 9), ((2, 10), 22, 3), ((1,), 1, 0), ((2, 3), 100, 9)],
    ids=["all", "two", "one", "not counted"],
)
def test_only_the_cores_in_use_count(cores: tuple[int, ...], busy: int, steal: int, tmp_path: Path) -> None:
    """A busy process on another core voids nothing; where the kernel does not count a core, all are taken."""
    (tmp_path / "proc").mkdir()
    lines = [
        "cpu 100 0 0 7 0 0 0 9",
        "cpu1 1 0 0 7 0 0 0 0",
        "cpu2 2 0 0 7 0 0 0 1",
        "cpu10 20 0 0 7 0 0 0 2",
        "intr 5",
    ]
    (tmp_path / "proc" / "stat").write_text("\n".join(lines) + "\n", encoding="ascii")
    seen = Snapshot.take([], root=tmp_path, cores=cores)
    assert seen.busy_seconds == pytest.approx(busy * TICK)
    assert seen.steal_seconds == pytest.approx(steal * TICK)


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


BURN = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("ends", [True, False], ids=["ended", "living"])
def test_what_a_measured_process_has_started_is_its_own_work(*, ends: bool) -> None:
    """A compiler's, for example, whether it has ended or waits for more; and none of this process's children's."""
    if not ends and not Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists():
        pytest.skip("this kernel does not list a process's children")
    start = f"import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {BURN!r}], stdin=subprocess.PIPE)"
    end = "child.communicate(b'end\\n')"
    then = f"{end}\nprint('ended', flush=True)\ninput()" if ends else f"input()\n{end}"
    command = [sys.executable, "-c", f"{start}\n{then}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        for _ in range(2 if ends else 1):
            worker.stdout.readline()
        seen = Snapshot.take([worker.pid])
        worker.stdin.write(b"end\n")
        worker.stdin.close()
    assert seen.process_seconds[worker.pid] >= 0.25


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_process_that_asks_does_not_count_the_others_twice() -> None:
    """They are its children: one that has ended would else be subtracted from what the machine did."""
    before = Snapshot.take([os.getpid()]).process_seconds[os.getpid()]
    subprocess.run([sys.executable, "-c", BURN], input=b"end\n", stdout=subprocess.DEVNULL, check=True)
    assert Snapshot.take([os.getpid()]).process_seconds[os.getpid()] - before < 0.2

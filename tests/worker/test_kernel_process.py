"""The reference kernel in a real process."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from fixtures.arms.launch import LaunchSettings, allowed_cores
from fixtures.judging.measures import Measure
from fixtures.measuring.kernel_process import KernelProcess
from fixtures.measuring.progress import Progress
from fixtures.plugin.display import PlainDisplay

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.measuring.setting import Setting


def test_a_kernel_is_timed_until_it_is_killed(tmp_path: Path) -> None:
    """On all cores; what it read stays, and its end is one line that names it."""
    told: list[str] = []
    threads = len(allowed_cores())
    setting = SimpleNamespace(launch=LaunchSettings(threads), run_directory=tmp_path)
    kernel = KernelProcess(cast("Setting", setting), "process-1", Progress(PlainDisplay(told.append)))
    try:
        kernel.start()
        assert f", threads {threads}, NumPy " in kernel.identity
        kernel.time(Measure.EPOCH)
        assert told == []
        os.kill(kernel.pid, signal.SIGKILL)
        kernel.time(Measure.STEP)
    finally:
        kernel.close()
    assert set(kernel.median_seconds()) == {Measure.EPOCH}
    beside = kernel.median_seconds()[Measure.EPOCH]
    assert min(beside.product, beside.copy) > 0
    assert beside.mean > 0  # a median of its own: on a busy machine it need not lie between the other two
    assert len(told) == 1
    assert "reference-kernel process-1" in told[0]
    assert "SIGKILL" in told[0]

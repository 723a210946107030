"""``--check-machine`` with a real framework: it reads this machine, and says what it means; nothing is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE
from tests import forked_run
from tests.bench_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path


def test_this_machine_is_checked(tmp_path: Path) -> None:
    """However busy it is: then that is the answer."""
    run = run_bench(tmp_path, "--check-machine", "--framework", "pytorch", "--budget", "20s")
    assert run.status in (pytest.ExitCode.OK, EXIT_INCONCLUSIVE), run.output
    for part in ("processor", "usable", "reference kernel", "equal arms", "PyTorch on digits"):
        assert part in run.output, run.output
    assert "it to measure on" in run.output or "ot fit" in run.output or "Nothing can be decided" in run.output
    assert not list(tmp_path.glob("storage/*/*.json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tune"], "--tune is for --check-machine"),
        (["--check-machine", "--calibrate"], "leave --calibrate away"),
        (["--check-machine", "--benchmark-compare"], "leave --benchmark-compare away"),
        (["--check-machine", "--tune=undo"], "--tune: nothing to undo"),
        (["--check-machine", "--tune=maybe"], "invalid choice"),
    ],
)
def test_what_does_nothing_together_is_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    """In one line, before anything is measured."""
    run = forked_run.run_bench(tmp_path, *arguments)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert message in run.output
    assert "Traceback" not in run.output

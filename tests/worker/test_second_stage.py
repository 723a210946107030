"""A slowdown that was committed after the baseline was saved: found by ``--benchmark-compare`` in a clone, for real."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from tests.bench_run import PROJECT_ROOT, TIMEOUT_SECONDS, bench_command, bench_environment, workspace
from tests.unit.test_revisions import git

if TYPE_CHECKING:
    from pathlib import Path

SELECTED = ("--framework", "pytorch", "-m", "cpu and step", "--processes", "1")
STEP = "        loss.backward()\n"
WORK = "        self.loss(self.model(images[:16]), labels[:16])\n"
"""A tenth more of a step: too little for saved figures of one process, and found within a minute in pairs."""


def bench(clone: Path, *arguments: str) -> tuple[int, str]:
    """Status and output of a run in the clone."""
    own = (f"--workspace={workspace()}", f"--benchmark-storage={clone.parent / 'storage'}")
    finished = subprocess.run(
        bench_command(*own, *SELECTED, *arguments),
        cwd=clone,
        env=bench_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    return finished.returncode, finished.stdout + finished.stderr


def test_a_committed_slowdown_is_judged_beside_the_code_of_before(tmp_path: Path) -> None:
    """The packages are the same, so nothing is built; only the saved commit says what to make again."""
    clone = tmp_path / "clone"
    git(PROJECT_ROOT, "clone", "--quiet", str(PROJECT_ROOT), str(clone))
    status, output = bench(clone)
    assert status == pytest.ExitCode.OK, output
    adapter = clone / "models" / "adapters" / "pytorch.py"
    code = adapter.read_text(encoding="utf-8")
    assert STEP in code
    adapter.write_text(code.replace(STEP, WORK + STEP, 1), encoding="utf-8")
    before = git(clone, "rev-parse", "HEAD")
    git(clone, "commit", "--quiet", "--all", "--message=slower")
    status, output = bench(clone, "--benchmark-compare=0001", f"--benchmark-json={tmp_path / 'saved.json'}")
    (found,) = json.loads((tmp_path / "saved.json").read_text(encoding="utf-8"))["benchmarks"]
    if status == EXIT_REGRESSION and "recreated" not in found["extra_info"]:
        pytest.skip("the machine became so much slower between two runs that saved figures alone show a regression")
    assert f"measured beside the re-created baseline: models/ of commit {before[:8]}" in output, output
    beside = found["extra_info"]["recreated"]
    assert beside["against"] == f"git:{before[:12]}"
    assert beside["changed_packages"] == {}
    if status == EXIT_INCONCLUSIVE and not beside["blocks"]:
        pytest.skip("the machine was too busy to time anything: all blocks were void")
    assert status == EXIT_REGRESSION, output
    assert found["extra_info"]["regression"]["recreated"] is True

"""Every ``pytest bench`` that README and the documents show is collected, and every report is asked for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.bench_run import PROJECT_ROOT, bench_environment, workspace
from tests.documented_commands import of_program

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = PROJECT_ROOT / "docs" / "examples"
RUN = PROJECT_ROOT / "docs" / "readings" / "repeated-runs" / "2026-11-25" / "unchanged" / "0001.json"
REPORTS = sorted({one[0] for one in of_program("python -m") if one[0].startswith("fixtures.reports.")})
COLLECT = """
import contextlib, io, json, pathlib, sys
import pytest
found = []
for arguments in json.loads(pathlib.Path(sys.argv[1]).read_text()):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = int(pytest.main([*arguments, "--collect-only", "-q"]))
    found.append([status, said.getvalue()])
print(json.dumps(found))
"""
"""One process for all of them: each needs a tenth of the time that way."""


def own_workload(folder: Path) -> Path:
    """The example workload beside data for it."""
    arrays: dict[str, Any] = {}
    for name, count in (("train", 160), ("test", 40)):
        arrays[f"x_{name}"] = np.zeros((count, 12, 12, 3), dtype=np.uint8)
        arrays[f"x_{name}"][: count // 2] = 200
        arrays[f"y_{name}"] = np.arange(count) % 2
    np.savez(folder / "my_data.npz", allow_pickle=False, **arrays)
    shutil.copy(EXAMPLES / "my_workload.toml", folder)
    return folder / "my_workload.toml"


def filled(arguments: list[str], folder: Path) -> list[str]:
    """A documented command's arguments, with something real where the reader puts something of theirs."""
    theirs = {
        "path/to/mine.toml": str(folder / "my_workload.toml"),
        "path/to/mine.py": str(EXAMPLES / "my_adapter.py"),
        "path/to/train.py": str(EXAMPLES / "training_pytorch.py"),
        "COPY/bin/python": sys.executable,
        "DIR": str(folder),
        "git:main": "git:HEAD",
        "--benchmark-compare=main": f"--benchmark-compare={RUN}",
        "--benchmark-compare=NAME": f"--benchmark-compare={RUN}",
        "--benchmark-storage=FOLDER": f"--benchmark-storage={folder / 'stored'}",
        # A trend writes its page although nothing is collected: not into the checkout.
        **{name: str(folder / name) for name in ("history.html", "report.html")},
    }
    own = [] if "--workspace" in arguments else [f"--workspace={workspace()}"]
    # Whatever is written goes elsewhere than into the checkout.
    own += [f"--benchmark-json={folder / 'run.json'}" for each in arguments if each.startswith("--benchmark-json=")]
    return ["bench", *(theirs.get(argument, argument) for argument in arguments), *own, "-p", "no:cacheprovider"]


def documented() -> list[list[str]]:
    """Each of them once, without those that are not whole (``pytest bench --against``) and ``--help``."""
    once = {tuple(arguments) for arguments in of_program("pytest bench")}
    return [list(arguments) for arguments in sorted(once) if arguments not in {("--against",), ("--help",)}]


def test_every_documented_run_is_collected(tmp_path: Path) -> None:
    """With its options and values as they are written."""
    own_workload(tmp_path)
    asked = [filled(arguments, tmp_path) for arguments in documented()]
    (tmp_path / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", COLLECT, str(tmp_path / "asked.json")],
        cwd=PROJECT_ROOT,
        env=bench_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    wrong = [(arguments, said) for arguments, (status, said) in zip(asked, found, strict=True) if status != 0]
    assert wrong == []
    assert not list(PROJECT_ROOT.glob("*.html"))
    for arguments, (_, said) in zip(asked, found, strict=True):
        assert "::test_" in said or {"--trend", "--check-machine"} & set(arguments), (arguments, said)


@pytest.mark.parametrize("module", REPORTS)
def test_every_documented_report_is_a_command(module: str) -> None:
    """Without a file it says how it is used, under the name that is written."""
    ran = subprocess.run([sys.executable, "-m", module], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert f"python -m {module}" in ran.stderr


def test_the_report_of_the_upgrade_checks_prints_what_the_page_shows() -> None:
    """``docs/results/upgrade_checks.md`` holds the tables of the kept runs, as they are printed today."""
    (files,) = [one[1:] for one in of_program("python -m") if one[0] == "fixtures.reports.verdicts" and len(one) > 2]
    ran = subprocess.run(
        [sys.executable, "-m", "fixtures.reports.verdicts", *files],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    page = (PROJECT_ROOT / "docs" / "results" / "upgrade_checks.md").read_text(encoding="utf-8")
    rows = [line for line in ran.stdout.splitlines() if line.startswith(("##", "**", "| "))]
    assert len(rows) > 20
    assert [line for line in rows if line not in page] == []

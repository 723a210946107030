"""The script that builds an environment beside the pinned one, with a program in uv's place that notes its calls."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.workflows.workflow_files import ROOT

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "pip install --quiet --python new/bin/python --compile-bytecode"
UV = """#!/bin/sh
echo "$*" >>calls.txt
case "$*" in
  "venv "*) mkdir -p new/bin && ln -sf "$INTERPRETER" new/bin/python ;;
  "pip freeze"*.venv/*) cat pinned.txt ;;
  "pip freeze"*) cat new.txt ;;
esac
case "$*" in
  "$FAILING"*) exit 3 ;;
esac
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A checkout with nothing but the script and ``uv``; run in it, uv lists ``pinned.txt`` and ``new.txt``."""
    shutil.copytree(ROOT / ".github" / "scripts", tmp_path / ".github" / "scripts")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    program = tmp_path / ".venv" / "bin" / "uv"
    program.write_text(UV, encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "pinned.txt").write_text("jax==0.9\nsix==1\n", encoding="utf-8")
    (tmp_path / "new.txt").write_text("jax==0.10\nsix==1\n", encoding="utf-8")
    return tmp_path


def build(suite: Path, *requirements: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script for the folder ``new``, as a workflow's step."""
    github = {"GITHUB_OUTPUT": str(suite / "output.txt"), "GITHUB_STEP_SUMMARY": str(suite / "summary.md")}
    return subprocess.run(
        [str(suite / ".github" / "scripts" / "environment.sh"), "new", *requirements],
        cwd=suite,
        env={"PATH": os.environ["PATH"], "INTERPRETER": sys.executable, "FAILING": "nothing", **github, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def calls(suite: Path) -> list[str]:
    """What uv was told, without the checkout's path."""
    return (suite / "calls.txt").read_text(encoding="utf-8").replace(f"{suite}/", "").splitlines()


def test_only_what_is_named_is_upgraded(suite: Path) -> None:
    """In a copy of the pinned environment."""
    finished = build(suite, "jax>=0.9,<1", "flax")
    assert finished.returncode == 0, finished.stderr
    assert calls(suite) == [
        "venv --quiet --clear --no-project --python .venv/bin/python new",
        "pip sync --quiet --compile-bytecode --python new/bin/python --require-hashes requirements/requirements.txt",
        f"{INSTALL} --upgrade-package jax --upgrade-package flax jax>=0.9,<1 flax",
        "pip freeze --quiet --exclude pip --python .venv/bin/python",
        "pip freeze --quiet --exclude pip --python new/bin/python",
    ]
    assert (suite / "output.txt").read_text(encoding="utf-8") == "differs=true\n"
    assert not (suite / "summary.md").exists()


def test_a_nightly_takes_the_place_of_the_release(suite: Path) -> None:
    """From an index of its own, if it needs one."""
    variables = {"REPLACES": "keras six", "PRERELEASES": "1", "NIGHTLY_INDEX": "nightlies"}
    assert build(suite, "keras-nightly", **variables).returncode == 0
    index = "--index nightlies --index-strategy unsafe-best-match"
    assert calls(suite)[2:5] == [
        "pip uninstall --quiet --python new/bin/python keras",
        "pip uninstall --quiet --python new/bin/python six",
        f"{INSTALL} --upgrade-package keras-nightly --prerelease allow {index} keras-nightly",
    ]


def test_without_anything_newer_there_is_nothing_to_measure(suite: Path) -> None:
    """The summary says so: an empty job would look like a success."""
    shutil.copy(suite / "pinned.txt", suite / "new.txt")
    assert build(suite, "jax", "flax").returncode == 0
    assert (suite / "output.txt").read_text(encoding="utf-8") == "differs=false\n"
    expected = "Nothing to measure: what is pinned of jax flax is the newest.\n"
    assert (suite / "summary.md").read_text(encoding="utf-8") == expected


@pytest.mark.parametrize("failing", ["venv", "pip sync", "pip install", "pip freeze"])
def test_a_uv_that_fails_is_not_taken_for_nothing_newer(suite: Path, failing: str) -> None:
    """The step fails."""
    assert build(suite, "jax", FAILING=failing).returncode == 3
    assert not (suite / "output.txt").exists()


@pytest.mark.parametrize("name", ["pinned", "new"])
def test_an_empty_list_is_not_taken_for_nothing_newer(suite: Path, name: str) -> None:
    """Two empty ones would be equal."""
    for one in {name, "new"}:
        (suite / f"{one}.txt").write_text("", encoding="utf-8")
    finished = build(suite, "jax")
    assert finished.returncode == 1
    assert f"uv lists no {name} packages" in finished.stderr
    assert not (suite / "output.txt").exists()

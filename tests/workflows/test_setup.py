""".github/scripts/setup.sh and the Makefile: which Python is taken, and what is installed. Programs stand in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PYTHON = """#!/bin/sh
# A Python whose environments hold this same program, and a uv that writes down what it is asked.
if [ "$1" = -m ] && [ "$2" = venv ]; then
  rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python"
  printf '#!/bin/sh\\necho uv "$@" >>calls.txt; for last; do :; done; cp "$last" pins.txt\\n' >"$4/bin/uv"
  printf 'exit ${UV_STATUS:-0}\\n' >>"$4/bin/uv"
  printf '#!/bin/sh\\necho pytest "$@" >>calls.txt\\n' >"$4/bin/pytest"
  chmod +x "$4/bin/uv" "$4/bin/pytest"; echo "venv $(basename "$0")" >>calls.txt
elif [ "$1" = -m ] && [ "$2" = pip ]; then :
else exec REAL "$@"; fi
"""
REFUSING = "#!/bin/sh\necho 'pyenv: command not found' >&2; exit 127\n"


class Checkout:
    """A copy of what setting up reads, and a PATH with no Python but those that are put there."""

    def __init__(self, folder: Path) -> None:
        """Copy it."""
        self.folder, self.programs = folder / "checkout", folder / "programs"
        for name in ("Makefile", ".github/scripts/setup.sh", "models", "fixtures", "requirements"):
            here, there = ROOT / name, self.folder / name
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(here, there) if here.is_dir() else shutil.copy(here, there)
        self.programs.mkdir()
        for name in (
            "sh",
            "make",
            "flock",
            "find",
            "touch",
            "rm",
            "mkdir",
            "cp",
            "chmod",
            "dirname",
            "basename",
            "mktemp",
        ):
            if found := shutil.which(name):
                (self.programs / name).symlink_to(found)

    def add(self, name: str, text: str = PYTHON) -> None:
        """Put a Python on the PATH."""
        (self.programs / name).write_text(text.replace("REAL", sys.executable), encoding="utf-8")
        (self.programs / name).chmod(0o755)

    def make(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run make there."""
        (self.folder / "calls.txt").unlink(missing_ok=True)
        kept = {name: value for name, value in os.environ.items() if name not in {"PYTHON", "MAKEFLAGS", "MAKELEVEL"}}
        return subprocess.run(
            [str(self.programs / "make"), *arguments],
            cwd=self.folder,
            env={**kept, "PATH": str(self.programs), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        """What was called, by its first words."""
        calls = self.folder / "calls.txt"
        lines = calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []
        return [" ".join(line.split()[:3]) for line in lines]

    def marks(self) -> list[str]:
        """What is said to be there."""
        return sorted(path.name for path in (self.folder / ".venv").glob(".complete*"))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Where Python 3.12 is found, and 3.13 only by name."""
    made = Checkout(tmp_path)
    made.add("python3.13", REFUSING)
    made.add("python3.12")
    made.add("python3.11")
    return made


def test_the_newest_python_that_works_is_taken(checkout: Checkout) -> None:
    """A name that refuses to run is none; everything is installed, and then nothing is left to do."""
    run = checkout.make("setup")
    assert run.returncode == 0, run.stderr
    assert checkout.calls() == ["venv python3.12", "uv pip sync"]
    assert checkout.marks() == [".complete"]
    assert checkout.make("setup").returncode == 0
    assert checkout.make("setup", "FRAMEWORKS=jax").returncode == 0
    assert checkout.calls() == []


def test_a_python_that_is_named_is_taken_or_refused(checkout: Checkout) -> None:
    """Never another one in its place."""
    run = checkout.make("setup", "PYTHON=python3.13")
    assert run.returncode == 2
    assert run.stderr.startswith("PYTHON=python3.13 is not CPython 3.11 to 3.14")
    assert checkout.calls() == []
    assert checkout.make("setup", PYTHON="python3.11").returncode == 0
    assert checkout.calls()[0] == "venv python3.11"


def test_without_a_python_the_way_to_one_is_said(tmp_path: Path) -> None:
    """By uv, too."""
    empty = Checkout(tmp_path)
    empty.add("python3", REFUSING)
    run = empty.make("setup")
    assert run.returncode == 2
    assert run.stderr.startswith("cnn-dyno needs Python 3.11 to 3.14 with venv and pip, and none was found")
    assert "uv python install 3.13" in run.stderr


def test_what_is_measured_is_installed_alone(checkout: Checkout) -> None:
    """Another framework comes to what is there; all of them, in the place of it."""
    run = checkout.make("bench", "FRAMEWORKS=pytorch", "ARGS=--quick")
    assert run.returncode == 0, run.stderr
    assert checkout.calls() == ["venv python3.12", "uv pip install", "pytest bench --framework"]
    pins = (checkout.folder / "pins.txt").read_text(encoding="utf-8")
    assert "\ntorch==" in pins
    assert "jax==" not in pins
    assert checkout.make("setup", "FRAMEWORKS=jax").returncode == 0
    assert checkout.calls() == ["uv pip install"]
    assert checkout.marks() == [".complete-jax", ".complete-pytorch"]
    assert checkout.make("setup", "FRAMEWORKS=jax pytorch").returncode == 0
    assert checkout.calls() == []
    assert checkout.make("everything").returncode == 0
    assert checkout.calls() == ["uv pip sync"]
    assert checkout.marks() == [".complete"]


def test_the_default_is_what_studies_measure(checkout: Checkout) -> None:
    """Whoever names others in ARGS gets everything."""
    assert checkout.make("bench").returncode == 0
    assert checkout.marks() == [".complete-keras-tensorflow", ".complete-pytorch", ".complete-tensorflow"]
    assert checkout.make("bench", "ARGS=--framework all").returncode == 0
    assert checkout.marks() == [".complete"]


def test_what_was_interrupted_is_begun_anew(checkout: Checkout) -> None:
    """Also where it was an addition: half a package would look installed."""
    assert checkout.make("setup", "FRAMEWORKS=pytorch").returncode == 0
    assert checkout.make("setup", "FRAMEWORKS=jax", UV_STATUS="1").returncode == 2
    assert checkout.marks() == []
    assert checkout.make("setup", "FRAMEWORKS=pytorch").returncode == 0
    assert checkout.calls() == ["venv python3.12", "uv pip install"]


def test_a_name_that_is_misspelt_costs_nothing(checkout: Checkout) -> None:
    """One line, and what is there stays."""
    assert checkout.make("setup", "FRAMEWORKS=pytorch").returncode == 0
    run = checkout.make("setup", "FRAMEWORKS=pytorsh")
    assert run.returncode == 2
    assert run.stderr.startswith("FRAMEWORKS: 'pytorsh' is unknown; there are pytorch, ")
    assert checkout.marks() == [".complete-pytorch"]


def test_other_pins_are_installed_anew(checkout: Checkout) -> None:
    """What was complete is so no longer."""
    assert checkout.make("setup", "FRAMEWORKS=pytorch").returncode == 0
    later = (checkout.folder / ".venv" / ".complete-pytorch").stat().st_mtime + 10
    os.utime(checkout.folder / "requirements" / "requirements.txt", (later, later))
    assert checkout.make("setup", "FRAMEWORKS=pytorch").returncode == 0
    assert checkout.calls() == ["venv python3.12", "uv pip install"]

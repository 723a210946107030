"""The current environment with one package changed, really built: only what must change does, and workers run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.arms.environments import (
    Changed,
    Copied,
    Current,
    Environment,
    EnvironmentBuildError,
    Interpreter,
    provide,
)
from fixtures.arms.environments.__main__ import CACHE
from fixtures.arms.launch import python_command
from fixtures.workers.messages import MemoryRead, ReadMemory
from fixtures.workers.parent import Worker
from tests.built_environments import provided_or_skipped


def ignore(_line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def changed() -> Environment:
    """The current environment with an older six; the first time it is built, for which packages must be to be had."""
    return provided_or_skipped(Changed(("six==1.16.0",)))


def test_only_what_must_change_changes(changed: Environment) -> None:
    """Every other package is there in the same version."""
    current = provide(Current(), CACHE, ignore)
    assert changed.packages == {**current.packages, "six": "1.16.0"}
    assert changed.interpreter != current.interpreter


def test_a_copy_is_the_same_and_yet_another() -> None:
    """For equal arms: every package in the same version, in files of its own."""
    copied, current = provided_or_skipped(Copied()), provide(Current(), CACHE, ignore)
    assert copied.packages == current.packages
    assert copied.interpreter != current.interpreter


def test_a_worker_serves_in_it(changed: Environment, tmp_path: Path) -> None:
    """A worker starts with the environment's interpreter and answers."""
    with Worker("changed", python_command(changed.interpreter, {}), tmp_path) as worker:
        assert isinstance(worker.ask(ReadMemory(), timeout=60), MemoryRead)


def test_its_interpreter_can_be_named_by_path(changed: Environment) -> None:
    """A user may give the interpreter instead, and gets the same packages."""
    assert provide(Interpreter(changed.interpreter), CACHE, ignore).packages == changed.packages


@pytest.mark.usefixtures("changed")
def test_it_is_found_without_a_network() -> None:
    """A run that cannot reach anything and has no uv finds what was built."""
    program = (
        "from fixtures.arms.environments import Changed, provide\n"
        "from fixtures.arms.environments.__main__ import CACHE\n"
        "import subprocess\n"
        "subprocess.run = None\n"
        "provide(Changed(('six==1.16.0',)), CACHE, print)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "UV_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


@pytest.mark.usefixtures("changed")
def test_what_cannot_be_solved_is_said_in_uvs_words(tmp_path: Path) -> None:
    """Requirements that contradict each other are refused, and nothing is left behind."""
    with pytest.raises(EnvironmentBuildError) as caught:
        provide(Changed(("six==1.16.0", "six==1.17.0")), tmp_path, ignore)
    first, *rest = str(caught.value).splitlines()
    assert first == 'building the environment "six==1.16.0 six==1.17.0" failed: uv pip install ended with status 1'
    assert "unsatisfiable" in "\n".join(rest)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []

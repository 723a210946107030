"""fixtures.plugin.collection: why a framework cannot be measured here."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.plugin import collection
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

ABSENT = replace(FRAMEWORKS["pytorch"], requires=("no-such-package",))


def reason(arm: Arm) -> str:
    """With which an arm is skipped; empty if it is not."""
    marks = [mark for mark in collection.parameter_for(arm, arm).marks if mark.name == "skip"]
    return str(marks[0].kwargs["reason"]) if marks else ""


def arm(**changes: object) -> Arm:
    """An arm whose framework is not installed."""
    return Arm(WORKLOADS["digits"], replace(ABSENT, **changes), "cpu")  # type: ignore[arg-type]


def test_in_an_environment_of_the_users_its_own_pip_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the suite's own environment, make, which knows the pins."""
    monkeypatch.setattr("sys.prefix", "/somewhere/else")
    assert reason(arm()) == "PyTorch is not installed: pip install no-such-package"
    monkeypatch.setattr("sys.prefix", str(collection.PROJECT_ROOT / ".venv"))
    assert reason(arm()) == 'PyTorch is not installed: make setup FRAMEWORKS="pytorch"'


def test_a_python_too_new_comes_before_an_installation_that_cannot_be() -> None:
    """Nobody is told to install what there is not."""
    assert reason(arm(newest_python=(3, 10))).startswith("PyTorch cannot be had for Python 3.1")


def test_what_is_installed_is_measured_whatever_its_releases_say() -> None:
    """A user may have built it."""
    assert reason(arm(requires=("numpy",), newest_python=(3, 10))) == ""


def test_on_windows_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, rather than with a worker that does not start."""
    monkeypatch.setattr("platform.system", lambda: "Windows")
    assert reason(arm(requires=("numpy",))).startswith("workers cannot be started on Windows")


def test_another_system_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the head of a run; on Linux nothing is said."""
    config = cast("pytest.Config", SimpleNamespace(stash=pytest.Stash()))
    assert collection.pytest_report_header(config) == []
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    (line,) = collection.pytest_report_header(config)
    assert line.startswith("the suite is tested on Linux alone; on Darwin it has not: ")

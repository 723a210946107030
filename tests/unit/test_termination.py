"""SIGTERM and SIGHUP interrupt a run once, and a run that others end early keeps what it read."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.plugin import frameworks_run, termination
from fixtures.plugin.frameworks_run import FrameworksRun
from fixtures.plugin.options import OPTIONS
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGITS = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")


@pytest.fixture
def usual() -> Iterator[None]:
    """As a process finds its signals, whatever the pytest around this test has made of them."""
    before = {one: signal.signal(one, signal.SIG_DFL) for one in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.usefixtures("usual")
@pytest.mark.parametrize("one", [signal.SIGTERM, signal.SIGHUP])
def test_the_first_one_interrupts_and_further_ones_do_nothing(one: signal.Signals) -> None:
    """Schedulers send several; afterwards everything is as it was."""
    config: Any = SimpleNamespace(stash=pytest.Stash())
    termination.pytest_configure(config)
    with pytest.raises(KeyboardInterrupt, match=one.name):
        os.kill(os.getpid(), one)
    os.kill(os.getpid(), one)
    termination.pytest_unconfigure(config)
    assert signal.getsignal(one) is signal.SIG_DFL


@pytest.mark.usefixtures("usual")
def test_who_ignores_one_goes_on_ignoring_it() -> None:
    """As nohup does with SIGHUP."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    config: Any = SimpleNamespace(stash=pytest.Stash())
    termination.pytest_configure(config)
    os.kill(os.getpid(), signal.SIGHUP)
    termination.pytest_unconfigure(config)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_time_limit_in_the_first_test_counts_as_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first test fails with it; what was read is there for the others, marked, and nothing more is measured."""
    limit, other, calls = pytest.fail.Exception("time is up"), replace(DIGITS, device="cuda"), []

    def ask(*arguments: Any) -> tuple[Any, Any]:
        calls.append(arguments)
        runners = {arm.group: None for arm in (DIGITS, other)}
        return SimpleNamespace(questions={}), SimpleNamespace(interrupted=True, ended_by=limit, runners=runners)

    choice = SimpleNamespace(workload=DIGITS.workload, seeds=1)
    options = SimpleNamespace(choices=[choice], budget=None, blocks=None, study=False, effort=None)
    config: Any = SimpleNamespace(stash={OPTIONS: options})
    monkeypatch.setattr(frameworks_run, "ask", ask)
    run = FrameworksRun(config, [])
    for arm in (DIGITS, other):
        run._wanted[arm.group] = {arm: {Measure.STEP}}
    with pytest.raises(pytest.fail.Exception, match="time is up"):
        run.readings(DIGITS)
    assert run.interrupted
    assert run.readings(DIGITS).interrupted
    assert run.readings(other).failures[Measure.STEP].cause == "interrupted before it was measured"
    assert len(calls) == 1

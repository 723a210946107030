"""Memory of arms: in processes of their own, over a bounded number of examples, proven only afterwards."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.launch import LaunchSettings, allocator_setting
from fixtures.measuring import arm_process, live_processes, memory_run
from fixtures.measuring.arm_process import ParityError
from fixtures.measuring.memory_run import MEMORY_BATCHES, MemoryRun
from fixtures.measuring.progress import Progress
from fixtures.measuring.proof import Proofs
from fixtures.plugin.display import PlainDisplay
from fixtures.workers import messages
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from tests.stand_in_worker import ARM, EXAMPLES, WORKLOAD, Stage, small_setting

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.measuring.setting import Setting

OTHER = Arm(WORKLOAD, FRAMEWORKS["tensorflow"], "cpu")
UNTIL_READ = [
    "ImportFramework",
    "OpenData",
    "BuildModel",
    "TrainSteps",
    "TrainSteps",
    "TakeFingerprint",
    "TrainEpoch",
    "ReadMemory",
]


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    """That all arms share."""
    return small_setting(tmp_path)


@pytest.fixture
def proofs(setting: Setting) -> Proofs:
    """None yet."""
    return Proofs(setting, Progress(PlainDisplay(lambda _: None)))


def asked(stage: Stage, label: str) -> list[str]:
    """Kinds of requests to the workers of this label."""
    return [kind for name, kind in stage.asked if name.endswith(label)]


def test_memory_is_read_before_anything_more_is_proven(proofs: Proofs, stage: Stage, setting: Setting) -> None:
    """The fingerprint is of the steps that its epoch begins with; the parity case would take memory of its own."""
    proofs.prove([ARM])
    MemoryRun([ARM], setting, proofs, "memory-1").run()
    assert asked(stage, "memory-1") == UNTIL_READ
    MemoryRun([OTHER], setting, proofs, "memory-2").run()
    assert asked(stage, "memory-2") == [*UNTIL_READ, "ObserveParity"]


@pytest.mark.parametrize(
    ("batches", "whole", "examples"), [(2, False, 32), (2, True, EXAMPLES), (MEMORY_BATCHES, False, EXAMPLES)]
)
def test_a_bounded_number_of_examples_is_trained_on(
    proofs: Proofs,
    stage: Stage,
    setting: Setting,
    monkeypatch: pytest.MonkeyPatch,
    batches: int,
    examples: int,
    *,
    whole: bool,
) -> None:
    """Unless there are fewer, or all are asked for. How many it were is kept."""
    monkeypatch.setattr(memory_run, "MEMORY_BATCHES", batches)
    proofs.prove([ARM])
    run = MemoryRun([ARM], setting, proofs, whole=whole)
    run.run()
    assert run.failures == {}
    assert [each.examples for each in stage.requests if isinstance(each, messages.TrainEpoch)] == [examples]
    assert run.readings[ARM].examples == examples


def test_what_is_kept_of_a_process(proofs: Proofs, stage: Stage, setting: Setting) -> None:
    """Its phases, its peak, and that its allocator was left as users have it."""
    proofs.prove([ARM])
    run = MemoryRun([ARM], setting, proofs)
    run.run()
    read = run.readings[ARM]
    assert list(read.trace.phases_bytes) == ["after_import", "after_build", "training"]
    assert read.peak_bytes == read.high_water_bytes > 0
    assert read.allocator == allocator_setting(LaunchSettings(1, noise_control=False))
    assert f"{ARM.identifier} memory" in stage.closed


def test_a_process_that_trains_something_else_has_no_memory(proofs: Proofs, stage: Stage, setting: Setting) -> None:
    """Its arm was proven; this process has another learning rate, and costs the other arm nothing."""
    proofs.prove([ARM, OTHER])
    stage.rates[f"{OTHER.identifier} memory"] = 1.5
    run = MemoryRun([ARM, OTHER], setting, proofs)
    run.run()
    assert list(run.readings) == [ARM]
    assert list(run.failures) == [OTHER]
    assert isinstance(run.failures[OTHER], ParityError)


@pytest.mark.parametrize("kind", dict.fromkeys(UNTIL_READ))
def test_whatever_fails_costs_one_arm_its_memory(proofs: Proofs, stage: Stage, setting: Setting, kind: str) -> None:
    """The other is read to its end."""
    proofs.prove([ARM, OTHER])
    stage.raises[f"{OTHER.identifier} memory", kind] = WorkerError("it died", "died")
    run = MemoryRun([ARM, OTHER], setting, proofs)
    run.run()
    assert list(run.readings) == [ARM]
    assert {arm: error.cause for arm, error in run.failures.items()} == {OTHER: "it died"}


def test_a_worker_that_is_gone_is_said_to_have_died(
    proofs: Proofs, stage: Stage, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever samples its memory finds that out first."""
    proofs.prove([ARM])
    run = MemoryRun([ARM], setting, proofs)
    gone = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(gone, 0)
    begin = stage.worker

    def worker(name: str, command: str, directory: Path) -> object:
        found = begin(name, command, directory)
        found.pid = gone
        return found

    monkeypatch.setattr(arm_process, "Worker", worker)
    run.run()
    assert run.readings == {}
    assert run.failures[ARM].kind == "died"
    assert run.failures[ARM].cause == f"{ARM.identifier} memory: the worker died while its memory was read"


@pytest.mark.usefixtures("stage")
def test_several_are_watched_at_once(proofs: Proofs, setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is timed, so each waits here until the other has come as far."""
    monkeypatch.setattr(live_processes, "at_once", lambda processes, *_: processes)
    proofs.prove([ARM, OTHER])
    meeting = threading.Barrier(2, timeout=30)
    build = arm_process.ArmProcess.build

    def meet(process: arm_process.ArmProcess) -> messages.Built:
        meeting.wait()
        return build(process)

    monkeypatch.setattr(arm_process.ArmProcess, "build", meet)
    run = MemoryRun([ARM, OTHER], setting, proofs)
    run.run()
    assert set(run.readings) == {ARM, OTHER}


def test_an_interruption_ends_all_of_them_and_is_no_failure(proofs: Proofs, stage: Stage, setting: Setting) -> None:
    """What was read by then is kept."""
    proofs.prove([ARM, OTHER])
    stage.raises[f"{OTHER.identifier} memory", "TrainEpoch"] = KeyboardInterrupt()
    run = MemoryRun([ARM, OTHER], setting, proofs)
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert run.failures == {}
    assert set(run.readings) <= {ARM}
    assert {f"{arm.identifier} memory" for arm in (ARM, OTHER)} <= set(stage.closed)

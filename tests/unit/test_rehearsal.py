"""Who starts once before anything is timed, and who has done so already; workers are made up."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Current, Environment
from fixtures.arms.launch import LaunchSettings
from fixtures.measuring import rehearsal
from fixtures.measuring.progress import PlainDisplay, Progress
from fixtures.measuring.rehearsal import DEVICE_UNAVAILABLE, FEW_MODULES, rehearse
from fixtures.measuring.setting import Setting
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.arms.environments import Source

PLAIN, COMPILED = (Arm(WORKLOADS["digits"], FRAMEWORKS[name], "cpu") for name in ("pytorch", "pytorch-compile"))


@dataclass
class Stage:
    """Where made-up workers start: who did, who was closed, and what happens to them."""

    place: Path
    uncompiled: int | None = 0
    failure: BaseException | None = None
    started: list[Arm] = field(default_factory=list)
    closed: list[Arm] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def contestant(self, arm: Arm, _setting: Setting, _label: str, *, noise_control: bool) -> Any:
        """Stand for a process."""
        del noise_control
        imported = None if self.uncompiled is None else SimpleNamespace(uncompiled=self.uncompiled)
        return SimpleNamespace(
            launch=lambda: self.started.append(arm),
            prepare=lambda: None,
            take_first_step=self._step,
            close=lambda: self.closed.append(arm),
            imported=imported,
        )

    def rehearse(self, *arms: Arm, key: str = "packages") -> None:
        """As before measuring these arms, in an environment with this key."""
        environment = Environment("current", self.place / "bin" / "python", key, {})
        unused = cast("Any", None)
        settings = LaunchSettings(threads=1)
        environments: dict[Source, Environment] = {Current(): environment}
        place = self.place
        setting = Setting(
            WORKLOADS["digits"], unused, place, place, unused, environments, settings, 1.0, place / "done"
        )
        rehearse(arms, setting, Progress(PlainDisplay(self.told.append)))

    def _step(self) -> None:
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """On which all starts succeed."""
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    stage = Stage(tmp_path)
    monkeypatch.setattr(rehearsal, "Contestant", stage.contestant)
    return stage


def test_an_arm_starts_once_and_not_again_in_a_later_run(stage: Stage) -> None:
    """Each framework for itself: what one has compiled of a package is not all that the other imports of it."""
    stage.rehearse(PLAIN, COMPILED)
    stage.rehearse(PLAIN, COMPILED)
    assert stage.started == stage.closed == [PLAIN, COMPILED]
    assert [line.partition(":")[0] for line in stage.told] == ["digits-pytorch-cpu", "digits-pytorch-compile-cpu"]


def test_other_packages_and_another_place_for_bytecode_are_another_start(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever changes what is imported, or where its bytecode lies."""
    stage.rehearse(PLAIN)
    stage.rehearse(PLAIN, key="upgraded packages")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "/elsewhere")
    stage.rehearse(PLAIN)
    assert stage.started == [PLAIN] * 3


@pytest.mark.parametrize("failure", [WorkerError("killed", "died"), OSError("full"), RuntimeError("no")], ids=repr)
def test_a_failure_is_left_to_the_first_block(stage: Stage, failure: Exception) -> None:
    """It costs nothing else; an arm that did not come to its first step starts again next time."""
    stage.failure = failure
    stage.rehearse(PLAIN)
    stage.rehearse(PLAIN)
    assert stage.started == stage.closed == [PLAIN, PLAIN]
    assert not any("WARNING" in line for line in stage.told)


def test_without_a_device_there_is_nothing_more_to_compile(stage: Stage) -> None:
    """Else every run on a machine without a GPU would import all frameworks once more."""
    stage.failure = WorkerError("no GPU", DEVICE_UNAVAILABLE)
    stage.rehearse(PLAIN)
    stage.rehearse(PLAIN)
    assert stage.started == [PLAIN]


def test_an_environment_that_was_made_anew_is_another_start(stage: Stage) -> None:
    """At the same place, with the same packages: perhaps without their bytecode."""
    for content in ("first", "second"):
        (stage.place / "pyvenv.cfg").write_text(content, encoding="utf-8")
        os.utime(stage.place / "pyvenv.cfg", ns=(len(content), len(content)))
        stage.rehearse(PLAIN)
        stage.rehearse(PLAIN)
    assert stage.started == [PLAIN, PLAIN]


def test_an_interruption_ends_the_process_and_counts_as_no_start(stage: Stage) -> None:
    """What was half compiled is not taken for whole."""
    stage.failure = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        stage.rehearse(PLAIN)
    stage.failure = None
    stage.rehearse(PLAIN)
    assert stage.started == stage.closed == [PLAIN, PLAIN]


@pytest.mark.parametrize(("uncompiled", "warned"), [(FEW_MODULES, False), (FEW_MODULES + 1, True)])
def test_bytecode_that_cannot_be_kept_is_said_in_every_run(stage: Stage, *, uncompiled: int, warned: bool) -> None:
    """A few modules are nobody's fault."""
    stage.uncompiled = uncompiled
    for _ in range(2):
        stage.rehearse(PLAIN)
    warnings = [line for line in stage.told if f"cannot keep the bytecode of {uncompiled} modules" in line]
    assert len(warnings) == 2 * warned


def test_an_environment_that_could_not_be_built_is_nobodys_start(stage: Stage) -> None:
    """Its arms are skipped elsewhere, with the reason."""
    stage.rehearse(Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu", source=cast("Any", "absent")))
    assert stage.started == []

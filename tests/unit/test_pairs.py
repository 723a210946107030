"""What a paired block keeps, with stand-ins for what measures it; and that a failed measuring is not begun again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.launch import LaunchSettings
from fixtures.judging.measures import Measure
from fixtures.measuring.disturbance import Disturbance
from fixtures.measuring.progress import PlainDisplay, Progress
from fixtures.measuring.readings import Burst, ProcessReadings
from fixtures.measuring.schedule import Effort
from fixtures.measuring.setting import Setting
from fixtures.plugin.options import OPTIONS
from fixtures.plugin.trial import Trial
from fixtures.sessions import pairs
from fixtures.sessions.comparison import Comparison
from fixtures.sessions.pairs import PairRunner, Plan
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.plugin.comparing_options import ComparingOptions
    from models.parity import ParityReport

ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")
COMPARISON = Comparison(ARM, Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu", tag="other"))
EFFORT = Effort(bursts=4, epochs=2)
QUIET = Disturbance(1.0, 0.0, 0.0)


class Measured:
    """Stands for a block that read some bursts and epochs of both arms, and was interrupted or not."""

    bursts, epochs, interrupted = 4, 2, False

    def __init__(self, arms: Sequence[Arm], *_: object) -> None:
        self.contestants = [
            SimpleNamespace(imported=SimpleNamespace(version=str(number), uncompiled=0)) for number in (2, 1)
        ]
        self.failures: dict[Arm, Any] = {}
        self.trainings: dict[Arm, Any] = {}
        self.disturbances = {arm: [QUIET] for arm in arms}
        self._readings = {arm: ProcessReadings(1.0, 1.0, 1.0, parity=cast("ParityReport", object())) for arm in arms}

    def readings(self) -> dict[Arm, ProcessReadings]:
        """Of both."""
        return self._readings

    def run(self, **_: object) -> None:
        """Read; then perhaps Ctrl-C."""
        for process in self._readings.values():
            process.bursts = [Burst(1, 1.0, QUIET)] * self.bursts
            process.epoch_seconds = [1.0] * self.epochs
        if self.interrupted:
            raise KeyboardInterrupt


class Watched:
    """Stands for a memory run: notes its label."""

    labels: ClassVar[list[str]] = []

    def __init__(self, _arms: object, _setting: object, _progress: object, label: str) -> None:
        self.labels.append(label)
        self.contestants = [
            SimpleNamespace(imported=SimpleNamespace(version="3", uncompiled=count)) for count in (0, 1432)
        ]
        self.parity: dict[Arm, Any] = {}
        self.failures: dict[Arm, Any] = {}

    def run(self) -> None:
        """Read nothing."""


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> PairRunner:
    """Of two arms, in turns."""
    monkeypatch.setattr(pairs, "Block", Measured)
    monkeypatch.setattr(pairs, "MemoryRun", Watched)
    launch = LaunchSettings(threads=1)
    unused = cast("Any", None)
    setting = Setting(WORKLOADS["digits"], unused, Path(), Path(), unused, {}, launch, 1.0, Path())
    plan = Plan(setting, frozenset(Measure), "alternating")
    return PairRunner(COMPARISON, plan, EFFORT, Progress(PlainDisplay(lambda _: None)))


WANTED = {Measure.STEP, Measure.EPOCH, Measure.FIRST_STEP}


def test_a_whole_block_counts_for_every_measure(runner: PairRunner) -> None:
    """And is said to be whole."""
    runner.run(WANTED, None)
    (block,) = runner.blocks
    assert block.complete
    assert {measure for measure in Measure if block.counts(measure)} == WANTED
    assert block.candidate.disturbances == [QUIET]
    assert runner.versions == ("2", "1")


@pytest.mark.parametrize(
    ("bursts", "epochs", "counting"),
    [
        (3, 0, {Measure.FIRST_STEP}),
        (4, 0, {Measure.FIRST_STEP, Measure.STEP}),
        (4, 1, {Measure.FIRST_STEP, Measure.STEP}),
        (4, 2, WANTED),
    ],
)
def test_of_an_interrupted_block_only_whole_measures_count(
    runner: PairRunner, monkeypatch: pytest.MonkeyPatch, bursts: int, epochs: int, counting: set[Measure]
) -> None:
    """A few bursts are no block's worth: their noise is another one."""
    monkeypatch.setattr(Measured, "bursts", bursts)
    monkeypatch.setattr(Measured, "epochs", epochs)
    monkeypatch.setattr(Measured, "interrupted", True)
    with pytest.raises(KeyboardInterrupt):
        runner.run(WANTED, None)
    (block,) = runner.blocks
    assert not block.complete
    assert {measure for measure in Measure if block.counts(measure)} == counting


def test_every_memory_run_has_folders_of_its_own(runner: PairRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a compiler would find there what the block before has left."""
    monkeypatch.setattr(Watched, "labels", [])
    for _ in range(3):
        runner.run({Measure.MEMORY}, None)
    assert Watched.labels == ["memory-1", "memory-2", "memory-3"]


def test_packages_without_bytecode_are_counted_where_memory_alone_is_watched(runner: PairRunner) -> None:
    """It is memory that compiling takes; and the versions are told there too."""
    runner.run({Measure.MEMORY}, None)
    assert runner.uncompiled == (0, 1432)
    assert runner.versions == ("3", "3")


def test_a_measuring_that_failed_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every further benchmark fails with the first one's reason, at once."""
    begun = []

    def fails(_: Trial) -> None:
        begun.append(1)
        raise OSError("no space left")

    monkeypatch.setattr(Trial, "_measure", fails)
    config = cast("pytest.Config", SimpleNamespace(stash={OPTIONS: None}))
    trial = Trial(config, cast("ComparingOptions", None), {COMPARISON: {Measure.STEP}}, [])
    with pytest.raises(OSError, match="no space left"):
        trial.readings(COMPARISON)
    with pytest.raises(pytest.fail.Exception, match=r"failed already: .*no space left"):
        trial.readings(COMPARISON)
    assert len(begun) == 1

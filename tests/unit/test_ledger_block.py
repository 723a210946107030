"""A block that takes arms apart, whose workers answer in this process as the reference does; and who asks for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.measuring import arm_process
from fixtures.measuring.block_runner import BlockRunner
from fixtures.measuring.progress import Progress
from fixtures.measuring.schedule import Effort
from fixtures.plugin import explaining
from fixtures.plugin.display import PlainDisplay
from fixtures.plugin.explaining import explain, refuse_the_inexplicable
from fixtures.sessions.comparisons import Comparison, PairedBlock
from fixtures.workers.parent import WorkerError
from models.prefixes import prefixes
from models.registry import FRAMEWORKS
from tests.stand_in_worker import ARM, SPEC, WORKLOAD, Stage, small_setting

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.plugin.resources import Resources

OTHER = Arm(WORKLOAD, FRAMEWORKS["tensorflow"], "cpu")
SHORT = Effort(bursts=4, maximum_warm_up_rounds=1, epochs=1)
NETWORKS = prefixes(SPEC)
PAIR = Comparison(OTHER, ARM)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """On which workers are made up; nobody is bound to cores."""
    stage = Stage()
    monkeypatch.setattr(arm_process, "Worker", stage.worker)
    return stage


@pytest.fixture
def runner(tmp_path: Path) -> BlockRunner:
    """Of arms that take turns."""
    return BlockRunner(small_setting(tmp_path), SHORT, "alternating", Progress(PlainDisplay(lambda _: None)))


@pytest.fixture
def resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """Prepared; blocks are short, and other work on this machine voids none."""
    monkeypatch.setattr(explaining, "_EFFORT", SHORT)
    monkeypatch.setattr(explaining, "_SECONDS", 0.0)
    monkeypatch.setattr(explaining, "why_void", lambda _: "")
    display = PlainDisplay(lambda _: None)
    context = type("Shown", (), {"__enter__": lambda _: display, "__exit__": lambda *_: None})
    return cast("Resources", SimpleNamespace(setting=lambda _: small_setting(tmp_path), measuring=context))


def built(stage: Stage) -> list[str]:
    """Networks in the order in which one of the arms built them, after its whole one."""
    name = next(name for name, kind in stage.asked if kind == "BuildModel")
    asked = zip(stage.asked, stage.requests, strict=True)
    return [cast("Any", request).spec["name"] for who, request in asked if who == (name, "BuildModel")][1:]


def test_a_block_times_every_network_of_every_arm(runner: BlockRunner, stage: Stage) -> None:
    """Each of them in the same process, and each with pairs to hold together."""
    read, failures = runner.take_apart((ARM, OTHER), NETWORKS)
    assert failures == {}
    assert len(read) == len(NETWORKS)
    for block in read:
        found = PairedBlock.of(block, PAIR)
        assert found.value(Measure.STEP) is not None
        assert found.candidate.disturbances
    assert built(stage) == [each.spec.name for each in NETWORKS]
    assert sorted(stage.closed) == sorted({name for name, _ in stage.asked})


def test_every_other_block_goes_backwards(runner: BlockRunner, stage: Stage) -> None:
    """And gives its readings in the order of the networks."""
    runner.take_apart((ARM, OTHER), NETWORKS)
    stage.asked.clear()
    stage.requests.clear()
    read, _ = runner.take_apart((ARM, OTHER), NETWORKS)
    assert built(stage) == [each.spec.name for each in reversed(NETWORKS)]
    assert len(read) == len(NETWORKS)


def test_a_pair_is_explained_from_blocks_of_its_own(resources: Resources, stage: Stage) -> None:
    """At least four of them, whatever time they take."""
    found = explain(PAIR, resources, "alternating", None)
    assert found.ledger is not None
    assert [row.title for row in found.ledger.rows] == [each.title for each in NETWORKS]
    assert found.ledger.blocks == 4
    assert found.seen == (0, 0)  # the reference has no library that would tell
    plain = found.as_plain()
    assert plain["titles"] == ["TensorFlow", "PyTorch"]
    assert (plain["reason"], plain["residual"]) == ("", None)
    assert len(stage.closed) == 8 + 2


def test_an_arm_that_fails_is_the_reason_why_nothing_is_explained(resources: Resources, stage: Stage) -> None:
    """In one line; no other block is begun."""
    stage.raises = {(OTHER.identifier, "TrainSteps"): WorkerError("it died", "died")}
    found = explain(PAIR, resources, "alternating", None)
    assert found.ledger is None
    assert found.as_plain()["rows"] == []
    assert found.reason == "it died"
    assert found.failed


def test_ctrl_c_keeps_the_blocks_that_there_are(resources: Resources, stage: Stage) -> None:
    """And says so."""
    original, asked = stage.worker, iter(range(100))

    def worker(name: str, command: str, directory: Path) -> Any:
        if next(asked) == 4:
            raise KeyboardInterrupt
        return original(name, command, directory)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arm_process, "Worker", worker)
        found = explain(PAIR, resources, "alternating", None)
    assert found.interrupted
    assert found.reason == "interrupted"
    assert found.ledger is not None
    assert found.ledger.blocks == 2


def test_a_machine_that_is_always_busy_ends_it(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    """Void blocks are measured again, not for ever."""
    tried = []

    def take_apart(*_: object) -> Any:
        tried.append(1)
        return [], {}

    monkeypatch.setattr(BlockRunner, "take_apart", take_apart)
    monkeypatch.setattr(explaining, "why_void", lambda _: "others worked")
    found = explain(PAIR, resources, "alternating", None)
    assert (found.ledger, len(tried)) == (None, 12)
    assert found.reason == "12 of 12 blocks were void, since others used the machine"


@pytest.mark.parametrize(
    ("wanted", "pairs", "words"),
    [
        ([[{Measure.MEMORY}]], True, "none is measured"),
        ([], False, "none is measured"),
        ([[{Measure.STEP}, {Measure.EPOCH}]], False, "two steps"),
        ([[{Measure.STEP}], [{Measure.STEP}]], False, "two steps"),
        ([[{Measure.STEP}]], True, ""),
        ([[{Measure.STEP}, {Measure.STEP}], [{Measure.STEP}]], False, ""),
    ],
)
def test_only_steps_with_others_beside_them_are_explained(wanted: Any, pairs: bool, words: str) -> None:  # noqa: FBT001 - a case
    """Anything else is refused before it is measured."""
    if not words:
        refuse_the_inexplicable(wanted, pairs=pairs)
        return
    with pytest.raises(pytest.UsageError, match=words):
        refuse_the_inexplicable(wanted, pairs=pairs)

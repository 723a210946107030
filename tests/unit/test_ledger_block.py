"""A block that takes arms apart, whose workers answer in this process as the reference does; and who asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.measuring import arm_process
from fixtures.measuring.block_runner import BlockRunner
from fixtures.measuring.ledger_block import take_apart
from fixtures.measuring.progress import Progress
from fixtures.measuring.schedule import Effort
from fixtures.plugin.display import PlainDisplay
from fixtures.plugin.explained_steps import refuse_the_inexplicable
from fixtures.sessions import explaining, ledgers
from fixtures.sessions.comparisons import Comparison, PairedBlock
from fixtures.sessions.explaining import explain
from fixtures.workers.parent import WorkerError
from models.prefixes import prefixes
from models.registry import FRAMEWORKS
from tests.stand_in_worker import ARM, SPEC, WORKLOAD, Stage, small_setting

if TYPE_CHECKING:
    from pathlib import Path


OTHER = Arm(WORKLOAD, FRAMEWORKS["tensorflow"], "cpu")
SHORT = Effort(bursts=4, maximum_warm_up_rounds=1, epochs=1)
NETWORKS = prefixes(SPEC)
PAIR = Comparison(OTHER, ARM)
PROGRESS = Progress(PlainDisplay(lambda _: None))


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlockRunner:
    """Of arms that take turns; a ledger has few blocks, and other work on this machine voids none."""
    monkeypatch.setattr(explaining, "_SECONDS", 0.0)
    monkeypatch.setattr(ledgers, "why_void", lambda _: "")
    return BlockRunner(small_setting(tmp_path), SHORT, "alternating", PROGRESS)


def built(stage: Stage) -> list[str]:
    """Networks in the order in which one of the arms built them, after its whole one."""
    name = next(name for name, kind in stage.asked if kind == "BuildModel")
    asked = zip(stage.asked, stage.requests, strict=True)
    return [cast("Any", request).spec["name"] for who, request in asked if who == (name, "BuildModel")][1:]


def test_a_block_times_every_network_of_every_arm(runner: BlockRunner, stage: Stage) -> None:
    """Each of them in the same process, and each with pairs to hold together."""
    read, failures = take_apart(runner, (ARM, OTHER), NETWORKS, 0)
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
    read, _ = take_apart(runner, (ARM, OTHER), NETWORKS, 1)
    assert built(stage) == [each.spec.name for each in reversed(NETWORKS)]
    assert len(read) == len(NETWORKS)


def test_a_pair_is_explained_from_blocks_of_its_own(runner: BlockRunner, stage: Stage) -> None:
    """At least four of them, whatever time they take."""
    found = explain(PAIR, runner, None)
    assert found.ledger is not None
    assert [row.title for row in found.ledger.rows] == [each.title for each in NETWORKS]
    assert found.ledger.blocks == 4
    assert (found.evidence.kernels_seen, found.evidence.operators_seen) == (
        (0, 0),
        (0, 0),
    )  # the reference has no library that would tell
    plain = found.as_plain()
    assert plain["titles"] == ["TensorFlow", "PyTorch"]
    assert (plain["reason"], plain["residual"]) == ("", None)
    assert len(stage.closed) == 8 + 2


def test_an_arm_that_fails_is_the_reason_why_nothing_is_explained(runner: BlockRunner, stage: Stage) -> None:
    """In one line; no other block is begun."""
    stage.raises = {(OTHER.identifier, "TrainSteps"): WorkerError("it died", "died")}
    found = explain(PAIR, runner, None)
    assert found.ledger is None
    assert found.as_plain()["rows"] == []
    assert found.reason == "it died"


def test_ctrl_c_keeps_the_blocks_that_there_are(runner: BlockRunner, stage: Stage) -> None:
    """And says so."""
    original, asked = stage.worker, iter(range(100))

    def worker(name: str, command: str, directory: Path) -> Any:
        if next(asked) == 4:
            raise KeyboardInterrupt
        return original(name, command, directory)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arm_process, "Worker", worker)
        found = explain(PAIR, runner, None)
    assert found.interrupted
    assert found.reason == "interrupted"
    assert found.ledger is not None
    assert found.ledger.blocks == 2


def test_a_machine_that_is_always_busy_ends_it(runner: BlockRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Void blocks are measured again, not for ever."""
    tried = []

    def nothing(*_: object) -> Any:
        tried.append(1)
        return [], {}

    monkeypatch.setattr(explaining, "take_apart", nothing)
    monkeypatch.setattr(ledgers, "why_void", lambda _: "others worked")
    found = explain(PAIR, runner, None)
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

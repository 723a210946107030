"""What a block watches beside the arms, and what an interruption leaves."""

from __future__ import annotations

import pytest

from fixtures.arms.launch import cores_for
from fixtures.judging.measures import Measure
from fixtures.measuring.block import Reading
from fixtures.measuring.disturbance import Snapshot
from fixtures.measuring.turns import Alternating, Duet
from tests.stand_in_block import (
    ARMS,
    EFFORT,
    EVENTS,
    TWO_CORES,
    Kernel,
    Process,
    block,
    measured,
    take_their_place,
)


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of processes."""
    take_their_place(monkeypatch)


def test_whatever_is_timed_is_watched() -> None:
    """The start, the first step, each burst and each epoch of each arm: a block without bursts can be void too."""
    counts = {}
    for number in range(2):
        found = block(Alternating(seed=0), number)
        found.run(Reading(epochs=True))
        counts[number] = {len(found.readings.arms[arm].disturbances) for arm in ARMS}
    assert counts == {0: {1 + 1 + 6 + 5}, 1: {1 + 6 + 5}}, "imports at the same time are not timed"


@pytest.mark.parametrize("reading", [Reading(epochs=True), Reading(seed=42)], ids=["timed", "trained"])
def test_the_kernel_is_timed_after_every_timed_turn_of_an_arm(reading: Reading) -> None:
    """And once before the first; never in warm-up, proof or evaluation, where nothing is read."""
    block(Alternating(seed=0), kernel=Kernel()).run(reading)
    after = {
        "first step": Measure.FIRST_STEP,
        "burst": Measure.STEP,
        "slice": Measure.EPOCH,
        "epoch": Measure.EPOCH,
    }
    turns = [(what, name) for what, name, _ in EVENTS]
    begin = turns.index((Measure.FIRST_STEP, "kernel")) - 1
    assert turns[begin][0] == "start"
    warm_up = sum(what == "burst" for what, _ in turns[: turns.index((Measure.STEP, "kernel"))]) - 1
    assert warm_up == EFFORT.maximum_warm_up_rounds * len(ARMS)
    for (what, name), following in zip(turns[begin + 2 :], turns[begin + 3 :], strict=False):
        beside = after.get(what) if name != "kernel" else None
        if beside is Measure.STEP and warm_up > 0:
            warm_up -= 1
        elif beside is not None:
            assert following == (beside, "kernel")
        elif name != "kernel":
            assert following[1] != "kernel" or following[0] == "close"
    assert turns[-1] == ("close", "kernel")


def test_the_kernels_work_is_not_foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process belongs to the measurement, as the arms' do."""
    taken: list[list[int]] = []

    def take(pids: list[int], **_: object) -> Snapshot:
        taken.append(pids)
        return Snapshot(0.0, None, None, {})

    monkeypatch.setattr(Snapshot, "take", take)
    block(Alternating(seed=0), kernel=Kernel()).run(Reading(epochs=True))
    assert taken
    assert all(Kernel.pid in pids for pids in taken)


@TWO_CORES
def test_the_machine_is_watched_on_the_cores_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of all arms, since any of them may be disturbed; the others are nobody's concern."""
    taken: list[set[int]] = []

    def take(_: list[int], cores: set[int], **__: object) -> Snapshot:
        taken.append(cores)
        return Snapshot(0.0, None, None, {})

    monkeypatch.setattr(Snapshot, "take", take)
    block(Duet(1, 2)).run(Reading(epochs=True))
    assert taken
    assert all(cores == set(cores_for(2)) for cores in taken)


@TWO_CORES
@pytest.mark.parametrize(
    ("what", "phases"),
    [
        ("start", []),
        ("first step", ["start"]),
        ("proof", ["start", "first step"]),
        ("burst", ["start", "first step", "proof"]),
        ("slice", ["start", "first step", "proof", "warm-up", "steps"]),
    ],
)
def test_an_interrupted_duet_ends_its_workers_before_it_waits_for_them(
    monkeypatch: pytest.MonkeyPatch, what: str, phases: list[str]
) -> None:
    """What the other thread makes of that is no failure; a part that did not come to its end has no seconds."""
    monkeypatch.setattr(Process, "interrupts_in", what)
    found = block(Duet(1, 2))
    with pytest.raises(KeyboardInterrupt):
        found.run(Reading(epochs=True))
    assert found.failures == {}
    assert list(found.readings.phases) == phases


def test_what_was_read_before_an_interruption_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """With who was proven by then; processes that take turns are ended as well."""

    def interrupted(process: Process, _examples: int) -> None:
        raise KeyboardInterrupt(process.name)

    monkeypatch.setattr(Process, "train_next_epoch", interrupted)
    found = block(Alternating(seed=1))
    with pytest.raises(KeyboardInterrupt):
        found.run(Reading(epochs=True))
    assert Process.released.is_set()
    for arm in ARMS:
        assert len(measured(found, arm).bursts) == EFFORT.bursts
        assert measured(found, arm).proven
        assert measured(found, arm).slice_seconds == []

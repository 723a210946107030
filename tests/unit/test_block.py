"""A block with stand-ins for its processes: who acts where and when, and who is left out."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from fixtures.measuring.arm_process import ParityError
from fixtures.measuring.block import Reading
from fixtures.measuring.turns import Alternating, Duet
from tests.stand_in_block import (
    ARMS,
    BATCHES,
    EFFORT,
    EPOCHS,
    EVENTS,
    NOTHING,
    PATIENCE,
    SLICES,
    STEPS,
    TRAINING,
    TWO_CORES,
    WORKLOAD,
    Process,
    Proven,
    block,
    events,
    measured,
    places,
    take_their_place,
)


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of processes."""
    take_their_place(monkeypatch)


@TWO_CORES
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("bursts", [True, False], ids=["bursts", "none"])
@pytest.mark.parametrize(
    ("reading", "what"), [(SLICES, "slice"), (replace(SLICES, whole_epochs=True), "epoch"), (TRAINING, "epoch")]
)
def test_epoch_readings_are_pairs_of_exchanged_cores(number: int, reading: Reading, what: str, *, bursts: bool) -> None:
    """The first epoch is none of them, and evaluating between two epochs changes nothing."""
    block(Duet(1, 2, first_turn=number), number).run(replace(reading, steps=bursts))
    epochs = places(what)[1:]
    pairs = list(zip(epochs[::2], epochs[1::2], strict=False))
    assert len(pairs) >= 2
    assert all(one != other for one, other in pairs)
    assert len({one for one, _ in pairs}) == 1


@TWO_CORES
def test_burst_readings_are_pairs_of_exchanged_cores() -> None:
    """After any number of warm-up rounds."""
    block(Duet(1, 2)).run(STEPS)
    bursts = places("burst")[3:]
    assert bursts == bursts[:2] * 3
    assert bursts[0] != bursts[1]


@pytest.mark.parametrize(
    ("reading", "what"), [(SLICES, "slice"), (EPOCHS, "epoch"), (TRAINING, "epoch")], ids=["slices", "whole", "trained"]
)
def test_alternating_epochs_are_mirrored_pairs(reading: Reading, what: str) -> None:
    """A B then B A, or the reverse, of what counts."""
    for number in range(4):
        EVENTS.clear()
        block(Alternating(seed=number), batches=300 if what == "slice" else BATCHES).run(reading)
        order = [name for _, name in events(what)][2:]
        assert len(order) >= 8
        for start in range(0, len(order) - 3, 4):
            assert order[start : start + 2] == order[start + 2 : start + 4][::-1]


@TWO_CORES
def test_the_first_step_changes_sides_from_block_to_block() -> None:
    """Cores, and who is launched first: it is one reading a block, which nothing within the block could balance."""
    started, launched = [], []
    for number in range(2):
        EVENTS.clear()
        block(Duet(1, 2, first_turn=number), number).run(NOTHING)
        started.append(places("first step")[0])
        launched.append(events("launch")[0][1])
    assert started[0] != started[1]
    assert launched == ["pytorch", "tensorflow"]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("duet", [pytest.param(True, marks=TWO_CORES), False], ids=["duet", "alternating"])
def test_no_first_step_is_taken_beside_an_arm_that_still_imports(number: int, *, duet: bool) -> None:
    """Else the version that imports faster would have the longer first step."""
    block(Duet(1, 2) if duet else Alternating(seed=0), number).run(NOTHING)
    kinds = [what for what, _ in events("start", "first step")]
    assert kinds == ["start", "start", "first step", "first step"]


def test_the_first_block_of_arms_that_take_turns_times_each_import_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else imports meanwhile."""
    found = block(Alternating(seed=0))
    inside: list[str] = []

    def prepare(process: Process) -> None:
        inside.append(process.name)
        assert len(inside) == 1
        process.did("start")
        inside.remove(process.name)

    monkeypatch.setattr(Process, "prepare", prepare)
    found.run(NOTHING)
    assert found.failures == {}
    assert [measured(found, arm).import_seconds for arm in ARMS] == [1.0, 1.0]


def test_later_blocks_of_arms_that_take_turns_import_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which saves the block many seconds; such imports are no reading."""
    monkeypatch.setattr(Process, "meeting", threading.Barrier(2, timeout=PATIENCE))
    found = block(Alternating(seed=0), 1)
    found.run(NOTHING)
    assert found.failures == {}
    assert [measured(found, arm).import_seconds for arm in ARMS] == [None, None]
    assert [measured(found, arm).first_step_seconds for arm in ARMS] == [1.0, 1.0]


def test_a_first_block_that_is_not_about_starts_lets_all_import_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Imports take seconds each, and nobody asked for them."""
    monkeypatch.setattr(Process, "meeting", threading.Barrier(2, timeout=PATIENCE))
    found = block(Alternating(seed=0), cold=False)
    found.run(NOTHING)
    assert found.failures == {}
    assert [measured(found, arm).import_seconds for arm in ARMS] == [None, None]


@TWO_CORES
@pytest.mark.parametrize("number", [0, 1])
def test_the_arms_of_a_duet_always_import_at_the_same_time(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Each on its own cores, as whatever they do."""
    monkeypatch.setattr(Process, "meeting", threading.Barrier(2, timeout=PATIENCE))
    found = block(Duet(1, 2, first_turn=number), number)
    found.run(NOTHING)
    assert found.failures == {}
    one, other = (set(place) for what, _, place in EVENTS if what == "start")
    assert one
    assert other
    assert not one & other
    assert all(len(found.readings.arms[arm].disturbances) == 2 for arm in ARMS), "the start is watched, as it is timed"


def test_each_process_is_held_against_its_proof_before_anything_more_is_read() -> None:
    """Right after the first step, since the fingerprint is of the steps that follow it."""
    found = block(Alternating(seed=0))
    found.run(STEPS)
    kinds = [what for what, name in events("first step", "proof", "burst") if name == "pytorch"]
    assert kinds[:3] == ["first step", "proof", "burst"]
    assert kinds.count("proof") == 1
    assert measured(found).proven


def test_a_process_that_trains_something_else_loses_its_arm_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is measured no more; the other goes on to the end."""
    monkeypatch.setattr(Proven, "doubted", {"pytorch"})
    found = block(Alternating(seed=0))
    found.run(Reading(epochs=True))
    assert list(found.failures) == [ARMS[0]]
    assert isinstance(found.failures[ARMS[0]], ParityError)
    assert {name for _, name in events("burst", "slice", "epoch")} == {"tensorflow"}
    assert len(measured(found, ARMS[1]).bursts) == EFFORT.bursts
    assert not measured(found).proven


@pytest.mark.parametrize("what", ["launch", "start", "first step", "burst", "slice", "build", "epoch", "evaluate"])
@pytest.mark.parametrize("duet", [pytest.param(True, marks=TWO_CORES), False], ids=["duet", "alternating"])
def test_a_worker_that_fails_is_out_whatever_it_did(monkeypatch: pytest.MonkeyPatch, what: str, *, duet: bool) -> None:
    """The other arm is measured and trained to the end."""
    monkeypatch.setattr(Process, "fails_in", {"tensorflow": what})
    found = block(Duet(1, 2) if duet else Alternating(seed=0), batches=300)
    found.run(Reading(epochs=True, seed=7))
    assert {arm: error.cause for arm, error in found.failures.items()} == {ARMS[1]: "tensorflow died"}
    assert len([name for kind, name in events(what) if name == "tensorflow"]) == 1
    training = found.readings.arms[ARMS[0]].training
    assert training is not None
    assert len(training.evaluations) == WORKLOAD.epochs
    assert found.readings.arms[ARMS[1]].training is None


def test_who_finds_no_peak_says_why_and_keeps_its_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table without a share of the peak wants a reason."""
    notes: list[str] = []
    made = block(Alternating(seed=0))
    monkeypatch.setattr(made._proofs.progress, "note", notes.append)
    made.run(replace(STEPS, peak=True))
    processes = [made.readings.arms[arm].process for arm in ARMS]
    assert [process.peak_operations for process in processes if process is not None] == [5e9, 0.0]
    assert all(process is not None and process.bursts for process in processes)
    assert notes == [f"{ARMS[1].identifier}: no share of peak, for want of the peak (MemoryError)"]


def test_nothing_is_left_to_do_once_all_have_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And that is told of each."""
    monkeypatch.setattr(Process, "fails_in", {"pytorch": "first step", "tensorflow": "start"})
    found = block(Alternating(seed=0))
    found.run(Reading(epochs=True, whole_epochs=True, seed=7))
    assert set(found.failures) == set(ARMS)
    assert events("burst", "slice", "epoch") == []

"""How much a block measures, and only what is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from fixtures.measuring.block import Reading
from fixtures.measuring.schedule import BURST_SECONDS, SLICE_SECONDS
from fixtures.measuring.turns import Alternating, Duet
from tests.stand_in_block import (
    ARMS,
    EFFORT,
    EPOCHS,
    EVENTS,
    NOTHING,
    SLICES,
    SLOWED,
    STEPS,
    TRAINING,
    TWO_CORES,
    WORKLOAD,
    Process,
    asked,
    block,
    events,
    measured,
    take_their_place,
)

if TYPE_CHECKING:
    from fixtures.measuring.turns import Turns


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of processes."""
    take_their_place(monkeypatch)


@pytest.mark.parametrize(("slowest", "steps", "bursts"), [(0.001, 10, 16), (0.03, 4, 12), (0.5, 1, 4)])
def test_the_slowest_arm_decides_how_much_is_measured_of_all(
    monkeypatch: pytest.MonkeyPatch, slowest: float, steps: int, bursts: int
) -> None:
    """As many bursts, of as many steps, and slices of the same examples; warm-up begins with a step."""
    monkeypatch.setattr(Process, "step_seconds", {"pytorch": 0.001, "tensorflow": slowest})
    found = block(Alternating(seed=0), effort=replace(EFFORT, bursts=16), batches=3000)
    found.run(Reading(epochs=True))
    for counts in asked(found, "burst"):
        assert counts == [1] + [steps] * (EFFORT.maximum_warm_up_rounds - 1 + bursts)
    assert [len(measured(found, arm).bursts) for arm in ARMS] == [bursts, bursts]
    assert all(burst.steps == steps for arm in ARMS for burst in measured(found, arm).bursts)
    assert steps == 1 or steps * slowest <= BURST_SECONDS
    slices = asked(found, "slice")
    assert slices[0] == slices[1]
    assert set(slices[0]) == {max(1, round(SLICE_SECONDS / slowest)) * WORKLOAD.batch_size}


def test_warm_up_ends_when_all_have_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the first has, and not later; what is said of each is whether it has."""
    course = {"pytorch": [9.0, 1.0, 1.0, 1.0, 1.0], "tensorflow": [9.0, 7.0, 5.0, 5.0, 5.0]}

    def train_steps(process: Process, steps: int, _lead_in: int) -> Any:
        taken = sum(kind == "burst" for kind, _ in process.asked)
        return process.did("burst", steps, steps * course[process.arm.framework.identifier][min(taken, 4)])

    monkeypatch.setattr(Process, "train_steps", train_steps)
    for rounds, settled in ((12, True), (3, False)):
        found = block(Alternating(seed=0), effort=replace(EFFORT, maximum_warm_up_rounds=rounds))
        found.run(STEPS)
        assert {len(measured(found, arm).warm_up_step_seconds) for arm in ARMS} == {4 if settled else 3}
        assert [measured(found, arm).settled for arm in ARMS] == [True, settled]


@TWO_CORES
@pytest.mark.parametrize(
    ("turns", "spread", "bursts"),
    [(Duet(1, 2), 0.0, 12), (Duet(1, 2), 0.4, 24), (Alternating(seed=0), 0.4, 12)],
    ids=["quiet", "restless", "in turns"],
)
def test_the_bursts_of_a_duet_go_on_while_they_are_restless(
    monkeypatch: pytest.MonkeyPatch, turns: Turns, spread: float, bursts: int
) -> None:
    """To twice as many, the same number for both; arms in turns would take twice the time for that."""
    noise = np.random.default_rng(3).lognormal(0.0, spread, 1000)

    def train_steps(process: Process, steps: int, _lead_in: int) -> Any:
        return process.did("burst", steps, steps * 0.01 * float(noise[len(EVENTS)]))

    monkeypatch.setattr(Process, "train_steps", train_steps)
    found = block(turns, effort=replace(EFFORT, bursts=12, stretch=2))
    found.run(STEPS)
    assert [len(measured(found, arm).bursts) for arm in ARMS] == [bursts, bursts]


def test_work_is_planted_only_where_a_handicap_is_and_after_warm_up() -> None:
    """As a share of the arm's own step; what warm-up took is without it."""
    found = block(Alternating(seed=0), arms=(SLOWED, ARMS[1]))
    found.run(STEPS)
    kinds = [what for what, name in events("burst", "handicap") if name == "pytorch"]
    assert kinds == ["burst"] * 3 + ["handicap"] + ["burst"] * EFFORT.bursts
    assert cast("Process", found.processes[0]).handicap == pytest.approx(0.01)
    EVENTS.clear()
    block(Alternating(seed=0)).run(STEPS)
    assert events("handicap") == []


@pytest.mark.parametrize(
    ("reading", "batches", "slices", "epochs"),
    [
        (SLICES, 30, 4, 0),
        (EPOCHS, 30, 0, 4),
        (EPOCHS, 100, 0, 4),
        (EPOCHS, 300, 4, 0),
        (replace(SLICES, whole_epochs=True), 30, 0, 4),
        (replace(EPOCHS, whole_epochs=True), 30, 0, 4),
        (replace(EPOCHS, whole_epochs=True), 300, 4, 1),
        (replace(SLICES, whole_epochs=True), 300, 4, 1),
    ],
)
def test_whole_epochs_are_timed_where_they_are_short_or_asked_for(
    reading: Reading, batches: int, slices: int, epochs: int
) -> None:
    """A batch takes 10 ms: 100 of them are a second. One whole epoch is enough beside slices; each has a first one."""
    found = block(Alternating(seed=0), batches=batches)
    found.run(reading)
    for arm in ARMS:
        readings = measured(found, arm)
        assert len(readings.slice_seconds) == slices
        assert len(readings.epoch_seconds) == epochs
        assert (readings.first_epoch_seconds is not None) == bool(epochs)
        whole_batches, rest = divmod(readings.slice_examples, WORKLOAD.batch_size)
        assert rest == 0
        assert whole_batches == (min(batches, 50) if slices else 0)
    assert [len(counts) for counts in asked(found, "slice")] == [slices + bool(slices)] * 2


def test_a_data_set_smaller_than_a_batch_is_its_own_slice() -> None:
    """There is no whole batch of it."""
    found = block(Alternating(seed=0), batches=0)
    found.run(SLICES)
    assert asked(found, "slice") == [[5] * 5] * 2


def test_an_arm_is_trained_from_the_weights_of_the_seed_that_is_asked_for() -> None:
    """Epochs in turns, each evaluated; they are epoch readings too, but not bursts."""
    found = block(Alternating(seed=0))
    found.run(TRAINING)
    assert asked(found, "build") == [[42], [42]]
    for arm in ARMS:
        training = found.readings.arms[arm].training
        assert training is not None
        assert training.seed == 42
        assert training.epoch_seconds == (1.0,) * WORKLOAD.epochs
        assert len(training.evaluations) == WORKLOAD.epochs
        assert training.class_names == ("zero",)
        assert len(measured(found, arm).epoch_seconds) == WORKLOAD.epochs - 1
        assert measured(found, arm).bursts == []


@pytest.mark.parametrize(
    ("reading", "phases"),
    [
        (NOTHING, []),
        (STEPS, ["warm-up", "steps"]),
        (SLICES, ["warm-up", "epochs"]),
        (Reading(epochs=True), ["warm-up", "steps", "epochs"]),
        (TRAINING, ["training"]),
    ],
)
def test_only_what_is_asked_for_is_measured(reading: Reading, phases: list[str]) -> None:
    """Each part of the block is named, in order."""
    found = block(Alternating(seed=0))
    found.run(reading)
    assert list(found.readings.phases) == ["start", "first step", "proof", *phases]

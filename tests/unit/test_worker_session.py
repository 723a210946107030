"""What a worker's session trains on: batches on the device, whole epochs, and epochs of the first examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from fixtures.workers import messages
from fixtures.workers.session import DISTINCT_BATCHES, Session
from models.weights import epoch_order

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models.contract import Adapter

EXAMPLES, BATCH, SEED = 50, 8, 3


class Counting:
    """An adapter that keeps what it is given; a batch is known by its labels, and every example has its own."""

    def __init__(self) -> None:
        self.moved: list[list[int]] = []
        self.trained: list[list[int]] = []
        self.epochs: list[tuple[Any, Any, list[int] | None, int]] = []

    def to_device(self, images: NDArray[np.float32], labels: NDArray[np.int64]) -> list[int]:
        """Keep it."""
        assert images[:, 0].tolist() == labels.tolist()
        self.moved.append(labels.tolist())
        return self.moved[-1]

    def training_step(self, batch: list[int]) -> float:
        """Keep it."""
        self.trained.append(batch)
        return 0.5

    def train_epoch(self, images: Any, labels: Any, order: NDArray[np.int64] | None, batch_size: int) -> float:
        """Keep it."""
        self.epochs.append((images, labels, None if order is None else order.tolist(), batch_size))
        return 0.25

    def synchronize(self) -> None:
        """Nothing is ever under way."""


def test_work_is_planted_into_each_step_of_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """As into those of an adapter, so that the gate can be calibrated with it; lead-in steps have none."""
    done: list[int] = []
    monkeypatch.setattr("fixtures.workers.session.work", done.append)
    session = Session()
    session._function, session._where = lambda: iter(range(100)), "train.py: training"
    session.answer(messages.StartProgram("cpu", 7, {}))
    trained = cast("messages.Trained", session.answer(messages.TrainSteps(steps=5, lead_in=2, extra_work=9)))
    assert done == [9] * 5
    assert trained.loss == 6.0


def opened(folder: Path, examples: int = EXAMPLES) -> tuple[Session, Counting]:
    """A session whose data is open."""
    for name in ("train", "test"):
        numbers = np.arange(examples)
        np.save(folder / f"x_{name}.npy", numbers.astype(np.float32).reshape(-1, 1))
        np.save(folder / f"y_{name}.npy", numbers)
    session, adapter = Session(), Counting()
    session.answer(messages.OpenData(str(folder), BATCH, SEED))
    session._adapter = cast("Adapter", adapter)
    return session, adapter


def test_steps_take_the_whole_batches_of_the_first_epoch_in_turn(tmp_path: Path) -> None:
    """Each burst goes on where the one before has ended, and round again; the smaller last batch is none of them."""
    session, adapter = opened(tmp_path)
    for steps, lead_in in ((1, 0), (3, 0), (2, 1), (4, 0)):
        session.answer(messages.TrainSteps(steps, lead_in))
    order = epoch_order(EXAMPLES, SEED, 0).tolist()
    batches = [order[start : start + BATCH] for start in range(0, EXAMPLES - BATCH + 1, BATCH)]
    assert len(batches) == 6
    assert adapter.trained == [batches[step % 6] for step in range(11)]
    assert adapter.moved == batches


def test_no_more_batches_are_moved_to_the_device_than_steps_have_needed(tmp_path: Path) -> None:
    """Where memory is read, four steps come before the epoch: a user would not hold sixteen batches there."""
    session, adapter = opened(tmp_path, examples=BATCH * 40)
    session.answer(messages.TrainSteps(1, 0))
    session.answer(messages.TrainSteps(3, 0))
    assert len(adapter.moved) == 4
    session.answer(messages.TrainSteps(100, 7))
    assert len(adapter.moved) == DISTINCT_BATCHES
    assert adapter.trained[4:] == [adapter.moved[step % DISTINCT_BATCHES] for step in range(4, 111)]


@pytest.mark.parametrize("examples", [0, EXAMPLES, EXAMPLES + 1])
def test_an_epoch_is_over_all_examples_unless_fewer_are_asked_for(tmp_path: Path, examples: int) -> None:
    """In that epoch's order, and in memory as users hold them."""
    session, adapter = opened(tmp_path)
    for epoch in (0, 1):
        session.answer(messages.TrainEpoch(epoch, examples=examples))
    for epoch, (images, labels, order, batch_size) in enumerate(adapter.epochs):
        assert labels.tolist() == list(range(EXAMPLES))
        assert order == epoch_order(EXAMPLES, SEED, epoch).tolist()
        assert batch_size == BATCH
        assert not isinstance(images, np.memmap)
    assert adapter.epochs[0][0] is adapter.epochs[1][0]


def test_a_slice_of_an_epoch_is_an_epoch_of_the_first_examples(tmp_path: Path) -> None:
    """The same arrays every time, as pipelines keep what they had, and only these are in memory."""
    session, adapter = opened(tmp_path)
    for epoch in (0, 1):
        session.answer(messages.TrainEpoch(epoch, examples=16))
    for epoch, (images, labels, order, _) in enumerate(adapter.epochs):
        assert images[:, 0].tolist() == labels.tolist() == list(range(16))
        assert order == epoch_order(16, SEED, epoch).tolist()
        assert not isinstance(images, np.memmap)
    assert adapter.epochs[0][0] is adapter.epochs[1][0]
    assert adapter.epochs[0][1] is adapter.epochs[1][1]
    assert isinstance(session._arrays["x_train"], np.memmap)


def test_slices_and_whole_epochs_can_follow_each_other(tmp_path: Path) -> None:
    """And slices of other lengths, or of data that was opened anew: no one gets what another has asked for."""
    session, adapter = opened(tmp_path)
    for examples in (16, 0, 24, 16):
        session.answer(messages.TrainEpoch(0, own_order=True, examples=examples))
    for name in ("train", "test"):
        np.save(tmp_path / f"y_{name}.npy", np.full(EXAMPLES, 7))
    session.answer(messages.OpenData(str(tmp_path), BATCH, SEED + 1))
    session.answer(messages.TrainEpoch(0, examples=16))
    assert [len(labels) for _, labels, _, _ in adapter.epochs] == [16, 50, 24, 16, 16]
    assert [order for _, _, order, _ in adapter.epochs[:4]] == [None] * 4
    assert set(adapter.epochs[4][1].tolist()) == {7}
    assert adapter.epochs[4][2] == epoch_order(16, SEED + 1, 0).tolist()

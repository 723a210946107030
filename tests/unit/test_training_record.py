"""What several trainings of one arm say together."""

from __future__ import annotations

import json

import pytest

from fixtures.measuring.readings import Evaluation, Training
from fixtures.plugin.training_record import trained

LABELS = (0, 1, 1, 0)


def training(seed: int, accuracies: tuple[float, ...], predictions: tuple[int, ...] = LABELS) -> Training:
    """A training of which each epoch took one second more than the one before."""
    return Training(
        seed=seed,
        epoch_seconds=tuple(float(index + 1) for index in range(len(accuracies))),
        epoch_losses=tuple(1.0 / (index + 1) for index in range(len(accuracies))),
        evaluations=tuple(Evaluation(predictions, accuracy, 1.0 - accuracy) for accuracy in accuracies),
        class_names=("cat", "dog"),
        labels=LABELS,
    )


def test_one_seed_has_no_spread() -> None:
    """A single training shows none, and none is invented."""
    info = trained([training(42, (0.5, 0.9))], threshold=0.8)
    assert info["accuracy"] == 0.9
    assert info["accuracy_sd"] is None
    assert info["training_seconds"] == 3.0


def test_seeds_are_averaged_and_kept() -> None:
    """Mean and standard deviation of the final accuracies; every seed's own figures beside them."""
    info = trained([training(42, (0.5, 0.8)), training(43, (0.6, 0.9))], threshold=0.8)
    assert info["seeds"] == [42, 43]
    assert info["accuracy"] == pytest.approx(0.85)
    assert info["accuracy_sd"] == pytest.approx(0.1 / 2**0.5)
    assert info["accuracies"] == [0.8, 0.9]
    assert info["epoch_accuracies"] == [[0.5, 0.8], [0.6, 0.9]]
    json.dumps(info)


def test_time_to_accuracy_counts_whole_epochs_until_the_threshold() -> None:
    """The first epoch that reaches it counts, even if a later one falls below again."""
    assert training(42, (0.5, 0.8, 0.7)).seconds_to(0.8) == 3.0
    assert training(42, (0.5, 0.7)).seconds_to(0.8) is None


def test_a_seed_that_never_gets_there_leaves_no_mean_time() -> None:
    """An average over those that did would flatter the framework."""
    info = trained([training(42, (0.9,)), training(43, (0.1,))], threshold=0.8)
    assert info["seconds_to_threshold"] == [1.0, None]
    assert info["seconds_to_accuracy"] is None


def test_the_confusion_matrix_counts_every_seed() -> None:
    """Rows are true classes, columns predicted ones."""
    info = trained([training(42, (1.0,)), training(43, (0.5,), (0, 0, 0, 0))], threshold=0.8)
    assert info["confusion_matrix"] == [[4, 0], [2, 2]]
    assert info["per_class"]["dog"]["recall"] == 0.5

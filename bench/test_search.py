"""With ``--bisect`` or ``--blame``: which release or package changed it. The step, unless ``-m`` names others."""

from __future__ import annotations

import pytest


@pytest.mark.step
def test_training_step(traced: str) -> None:
    """What changed a training step is found, or nothing did."""
    assert traced in {"found", "gradual", "no change"}


@pytest.mark.epoch
def test_epoch(traced: str) -> None:
    """What changed a pass over the training examples is found, or nothing did."""
    assert traced in {"found", "gradual", "no change"}


@pytest.mark.first_step
def test_first_step(traced: str) -> None:
    """What changed the first step of a fresh process is found, or nothing did."""
    assert traced in {"found", "gradual", "no change"}


@pytest.mark.memory
def test_peak_memory(traced: str) -> None:
    """What changed the memory of a process that trains is found, or nothing did."""
    assert traced in {"found", "gradual", "no change"}


@pytest.mark.accuracy
def test_final_accuracy(traced: str) -> None:
    """What changed the accuracy at the end of the same training is found, or nothing did."""
    assert traced in {"found", "gradual", "no change"}

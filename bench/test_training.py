"""What is measured of every framework, workload and device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fixtures.measuring.readings import ArmReadings
    from fixtures.plugin.recording import Record


@pytest.mark.step
def test_training_step(readings: ArmReadings, record: Record) -> None:
    """Seconds of one training step on a batch that is on the device already."""
    record.training_step(readings)


@pytest.mark.epoch
def test_epoch(readings: ArmReadings, record: Record) -> None:
    """Seconds of one pass over the training examples, through the framework's own input pipeline."""
    record.epoch(readings)


@pytest.mark.first_step
def test_first_step(readings: ArmReadings, record: Record) -> None:
    """Seconds of the first training step of a fresh process, compilation included."""
    record.first_step(readings)


@pytest.mark.memory
def test_peak_memory(readings: ArmReadings, record: Record) -> None:
    """Most memory that a process held while it trained one epoch, launched as users do."""
    record.peak_memory(readings)


@pytest.mark.accuracy
def test_final_accuracy(readings: ArmReadings, record: Record) -> None:
    """Share of test examples classified rightly after training; it must reach the workload's threshold."""
    accuracy = record.final_accuracy(readings)
    threshold = readings.arm.workload.accuracy_threshold
    assert accuracy >= threshold, f"accuracy {accuracy:.4f} is below {threshold}"

"""Data sets prepared as a run prepares them, without its reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.datasets import PreparedDataset, prepare

if TYPE_CHECKING:
    from pathlib import Path


def prepare_quietly(
    dataset: str, cache_dir: Path, data_dir: Path | None = None, *, download: bool = False
) -> PreparedDataset:
    """Prepare a data set without caring for the reports."""
    return prepare(dataset, data_dir=data_dir, cache_dir=cache_dir, download=download, report=lambda _: None)

"""A data set of six images of four pixels, prepared without any decoding library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixtures.datasets import PreparedDataset, store
from fixtures.datasets.arrays import write_images, write_labels
from fixtures.datasets.manifest import EntryKey
from fixtures.datasets.preparation import Description

if TYPE_CHECKING:
    from pathlib import Path


KEY = EntryKey("fake", version=1, source_identity="two grey levels")
CLASS_NAMES = ("dark", "light")
IMAGES = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
LABELS = np.array([0, 1, 0])


def build(output: Path) -> Description:
    """Write three images and labels for each part, as a data set's module would."""
    write_images(output, "x_train", IMAGES, highest=11)
    write_images(output, "x_test", IMAGES, highest=22)
    write_labels(output, "y_train", LABELS)
    write_labels(output, "y_test", LABELS)
    return Description(CLASS_NAMES, ("twelve numbers",))


def prepared_in(entries: Path) -> PreparedDataset:
    """Give the data set of ``KEY``, built if need be."""
    return store.prepare_entry(KEY, entries, build, lambda _: None)


def names_in(directory: Path) -> set[str]:
    """Everything in a directory, hidden names too."""
    return {path.name for path in directory.iterdir()} if directory.exists() else set()


def assert_right(prepared: PreparedDataset) -> None:
    """Check every array and the description against what ``build`` wrote."""
    assert prepared.class_names == CLASS_NAMES
    assert prepared.sources == ("twelve numbers",)
    images = IMAGES.astype(np.float32)[..., None]
    np.testing.assert_array_equal(prepared.load("x_train"), images / np.float32(11))
    np.testing.assert_array_equal(prepared.load("x_test"), images / np.float32(22))
    np.testing.assert_array_equal(prepared.load("y_train"), LABELS)
    np.testing.assert_array_equal(prepared.load("y_test"), LABELS)

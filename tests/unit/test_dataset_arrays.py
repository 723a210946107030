"""The arrays that a preparation promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.datasets import DataError, store
from fixtures.datasets.arrays import check_arrays, write_images, write_labels
from tests.small_dataset import KEY, build, names_in

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.datasets.preparation import Description


@pytest.mark.parametrize(
    ("name", "array", "problem"),
    [
        ("x_train", np.zeros((3, 2, 2, 1)), "float32"),
        ("x_train", np.zeros((3, 2, 2), np.float32), "shape"),
        ("x_train", np.zeros((0, 2, 2, 1), np.float32), "shape"),
        ("x_train", np.asfortranarray(np.zeros((3, 2, 2, 2), np.float32)), "contiguous"),
        ("x_train", np.full((3, 2, 2, 1), 1.5, np.float32), "between 0 and 1"),
        ("x_test", np.full((3, 2, 2, 1), np.nan, np.float32), "between 0 and 1"),
        ("x_test", np.zeros((3, 4, 4, 1), np.float32), "different shapes"),
        ("x_test", np.zeros((4, 2, 2, 1), np.float32), "different numbers"),
        ("y_train", np.zeros(3, np.int32), "int64"),
        ("y_train", np.zeros((3, 1), np.int64), "shape"),
        ("y_test", np.array([0, 1, 2]), "between 0 and 1"),
        ("y_test", np.array([0, 1, -1]), "between 0 and 1"),
        ("y_test", np.array([0, 1, None]), "numbers"),
    ],
    ids=[
        "float64",
        "three dimensions",
        "no images",
        "column order",
        "above 1",
        "not a number",
        "other size",
        "more images than labels",
        "int32",
        "two dimensions",
        "unknown class",
        "negative class",
        "Python objects",
    ],
)
def test_preparation_that_breaks_the_promise_is_refused(
    tmp_path: Path, name: str, array: np.ndarray[Any, Any], problem: str
) -> None:
    """Arrays of a wrong type, shape or range never become an entry, and the error says what is wrong."""

    def build_wrongly(output: Path) -> Description:
        description = build(output)
        np.save(output / f"{name}.npy", array)
        return description

    with pytest.raises(DataError, match=problem):
        store.prepare_entry(KEY, tmp_path, build_wrongly, lambda _: None)
    assert names_in(tmp_path) == set()


def test_images_are_written_in_chunks_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images that do not fit one chunk, with several channels, come out as those that do."""
    monkeypatch.setattr("fixtures.datasets.arrays.VALUES_IN_A_CHUNK", 60)
    images = np.arange(7 * 2 * 5 * 3, dtype=np.uint8).reshape(7, 2, 5, 3)
    build(tmp_path)
    write_images(tmp_path, "x_train", images, highest=255)
    write_images(tmp_path, "x_test", images, highest=255)
    write_labels(tmp_path, "y_train", np.arange(7))
    write_labels(tmp_path, "y_test", np.arange(7))
    assert check_arrays(tmp_path, class_count=7)["x_test"] == (7, 2, 5, 3)
    np.testing.assert_array_equal(np.load(tmp_path / "x_train.npy"), images.astype(np.float32) / np.float32(255))


def test_chosen_images_are_written_in_the_order_in_which_they_are_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of the images, in any order and over several chunks, come out as if they had been picked before."""
    monkeypatch.setattr("fixtures.datasets.arrays.VALUES_IN_A_CHUNK", 8)
    images = np.arange(9 * 4, dtype=np.uint8).reshape(9, 2, 2)
    chosen = np.array([8, 0, 3, 3, 5])
    write_images(tmp_path, "x_train", images, highest=255, chosen=chosen)
    expected = images[chosen][..., None].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(np.load(tmp_path / "x_train.npy"), expected)

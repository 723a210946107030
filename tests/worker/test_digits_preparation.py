"""The embedded digits, decoded by the real child process, and what that process says when it fails."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fixtures.datasets import DataError, PreparedDataset
from fixtures.datasets.child_process import REPOSITORY, run_child
from tests.quiet_preparation import prepare_quietly

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """The embedded data set."""
    return prepare_quietly("digits", tmp_path_factory.mktemp("digits"))


def test_digits_have_the_published_shapes_and_range(digits: PreparedDataset) -> None:
    """1,437 training and 360 test images, 28x28 grey, values from 0 to 1 in sixteenths, ten classes."""
    assert digits.load("x_train").shape == (1437, 28, 28, 1)
    assert digits.load("x_test").shape == (360, 28, 28, 1)
    assert digits.class_names == tuple("0123456789")
    for name in ("x_train", "x_test"):
        images = digits.load(name)
        assert images.dtype == np.float32
        assert (images.min(), images.max()) == (0, 1)
        np.testing.assert_array_equal(images * 16, np.round(images * 16))


def test_digits_are_enlarged_three_times_inside_a_border_of_zeros(digits: PreparedDataset) -> None:
    """Each source pixel is a block of 3x3 equal ones, and the outer two pixels on each side are 0."""
    images = np.concatenate([digits.load("x_train"), digits.load("x_test")])[..., 0]
    inner = images[:, 2:-2, 2:-2]
    small = inner[:, ::3, ::3]
    assert small.shape == (1797, 8, 8)
    np.testing.assert_array_equal(inner, small.repeat(3, axis=1).repeat(3, axis=2))
    assert images.sum(dtype=np.float64) == inner.sum(dtype=np.float64)


def test_digits_are_those_of_scikit_learn(digits: PreparedDataset) -> None:
    """Both parts together are scikit-learn's images with their labels, each of them once."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - the decoding library, needed by this test alone

    def sorted_rows(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        rows = np.column_stack([images.reshape(len(images), -1), labels])
        return rows[np.lexsort(rows.T)]

    images = np.concatenate([digits.load("x_train"), digits.load("x_test")])[:, 2:-2:3, 2:-2:3, 0] * 16
    labels = np.concatenate([digits.load("y_train"), digits.load("y_test")])
    source = load_digits()
    np.testing.assert_array_equal(sorted_rows(images, labels), sorted_rows(source.images, source.target))


def test_digits_are_split_in_equal_shares(digits: PreparedDataset) -> None:
    """The test part holds a fifth of every class, to within one example."""
    train, test = (np.bincount(digits.load(name), minlength=10) for name in ("y_train", "y_test"))
    assert train.sum() == 1437
    assert np.all(np.abs(test - (train + test) * 360 / 1797) < 1)


def test_digits_are_the_same_in_every_cache(digits: PreparedDataset, tmp_path: Path) -> None:
    """Two preparations, run at once in another cache, give the same bytes as the first."""
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(prepare_quietly, "digits", tmp_path) for _ in range(2)]
        others = [future.result() for future in futures]
    assert others[0] == others[1]
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == [digits.directory.name]
    for path in digits.directory.iterdir():
        assert (others[0].directory / path.name).read_bytes() == path.read_bytes()


def test_preparing_imports_no_decoding_library(tmp_path: Path) -> None:
    """The process that asks for a data set does not import what reads it, even when it is not cached yet."""
    program = (
        "import sys; from pathlib import Path; from fixtures.datasets import prepare\n"
        "prepare('digits', data_dir=None, cache_dir=Path(sys.argv[1]), download=False, report=lambda _: None)\n"
        "print('sklearn' in sys.modules, 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.check_output(command, cwd=REPOSITORY, text=True).split() == ["False", "False"]


REPLACED = """
import socket, sys
from fixtures.datasets import prepare_in_child

class Preparation:
    identifier = "fake"
    def prepare(self, request):
        {action}

prepare_in_child.DATASETS = {{"fake": Preparation()}}
sys.exit(prepare_in_child.main(["fake", "--output", "unused"]))
"""


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("socket.create_connection(('192.0.2.1', 9), timeout=1)", "would use the network, which only --download"),
        ("socket.getaddrinfo('name.invalid', 80)", "would use the network, which only --download"),
        ("import no_such_library", "needs a library that .* cannot import .*no_such_library.* Install it"),
        ("raise ArithmeticError('two\\nlines')", "failed with ArithmeticError: two lines"),
        ("print('noise', end=''); raise MemoryError", "failed with MemoryError"),
    ],
    ids=["connect", "look up", "import", "exception", "memory"],
)
def test_child_reports_one_sentence_whatever_goes_wrong(action: str, message: str) -> None:
    """Use of the network without --download, a missing library and any exception become one sentence."""
    with pytest.raises(DataError, match=message) as raised:
        run_child([sys.executable, "-c", REPLACED.format(action=action)], "fake")
    assert "\n" not in str(raised.value)

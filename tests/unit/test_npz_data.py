"""A user's ``.npz`` file: what is taken from it, and how one that cannot be data is named."""

from __future__ import annotations

import io
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.datasets import DataError, NpzPreparation, PreparedDataset, check_fits, prepare
from fixtures.datasets.arrays import check_arrays
from fixtures.datasets.preparation import Description, Request
from fixtures.datasets.registry import own_preparation, to_argument
from models.spec import BatchNorm, Dense, Flatten, Spec
from models.workloads import Workload

if TYPE_CHECKING:
    from collections.abc import Callable

Arrays = dict[str, Any]


def arrays(count: int = 6) -> Arrays:
    """Two classes of grey 4x4 images."""
    images = np.arange(count * 16, dtype=np.uint8).reshape(count, 4, 4)
    labels = np.arange(count) % 2
    return {"x_train": images, "y_train": labels, "x_test": images[::-1], "y_test": labels[::-1]}


def prepare_here(folder: Path, content: Arrays, class_names: tuple[str, ...] = ()) -> Description:
    """Save the arrays and prepare them in this process, into the same folder."""
    np.savez(folder / "mine.npz", **content)
    return NpzPreparation("mine", str(folder / "mine.npz"), class_names).prepare(Request((), folder, download=False))


def test_bytes_become_fractions_and_labels_numbers(tmp_path: Path) -> None:
    """Grey images get one channel, 255 becomes 1, and classes are named by their numbers."""
    description = prepare_here(tmp_path, arrays())
    assert description.class_names == ("0", "1")
    assert description.sources[0].startswith("mine.npz, npz SHA-256 ")
    assert check_arrays(tmp_path, class_count=2)["x_train"] == (6, 4, 4, 1)
    expected = arrays()["x_test"][..., None].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(np.load(tmp_path / "x_test.npy"), expected)
    np.testing.assert_array_equal(np.load(tmp_path / "y_test.npy"), arrays()["y_test"])


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, ">f8"], ids=str)
def test_fractions_stay_what_they_are(tmp_path: Path, kind: Any) -> None:
    """Floats of any width and byte order from 0 to 1 are taken as they are, with as many channels as they have."""
    images = np.linspace(0, 1, 6 * 4 * 4 * 3).reshape(6, 4, 4, 3).astype(kind)
    prepare_here(tmp_path, arrays() | {"x_train": images, "x_test": images})
    assert check_arrays(tmp_path, class_count=2)["x_train"] == (6, 4, 4, 3)
    np.testing.assert_array_equal(np.load(tmp_path / "x_train.npy"), images.astype(np.float32))


def test_classes_have_the_names_that_are_given(tmp_path: Path) -> None:
    """A name more than there are labels is a class without examples."""
    assert prepare_here(tmp_path, arrays(), ("cat", "dog", "unicorn")).class_names == ("cat", "dog", "unicorn")


def with_value(name: str, value: float) -> Callable[[Arrays], Arrays]:
    """The arrays as floats, with one value replaced."""

    def change(content: Arrays) -> Arrays:
        changed = {key: array.astype(np.float64) / 255 for key, array in content.items() if key.startswith("x")}
        changed[name][3, 1, 1] = value
        return content | changed

    return change


def replacing(**changed: Any) -> Callable[[Arrays], Arrays]:
    """The arrays with some of them replaced."""
    return lambda content: content | changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda content: {k: v for k, v in content.items() if k != "y_test"}, "no array y_test", id="none"),
        pytest.param(replacing(x_train=np.zeros((6, 16), np.uint8)), r"x_train has the shape \(6, 16\)", id="flat"),
        pytest.param(replacing(x_test=np.zeros((6, 0, 4), np.uint8)), "x_test has the shape", id="no-height"),
        pytest.param(replacing(x_train=np.uint8(3)), r"x_train has the shape \(\)", id="scalar"),
        pytest.param(replacing(y_train=np.zeros((6, 1), int)), r"y_train has the shape \(6, 1\)", id="labels-2-d"),
        pytest.param(replacing(y_train=np.zeros(0, int)), "y_train has the shape", id="no-labels"),
        pytest.param(replacing(y_train=np.zeros(5, int)), "x_train holds 6 images, but y_train holds 5", id="lengths"),
        pytest.param(
            replacing(x_test=np.full((6, 5, 5), 9, np.uint8)), "shape .* in x_train, but .* in x_test", id="two"
        ),
        pytest.param(replacing(x_train=np.zeros((6, 4, 4), int)), "x_train holds int64; images are uint8", id="int64"),
        pytest.param(replacing(x_train=np.zeros((6, 4, 4), complex)), "x_train holds complex128", id="complex"),
        pytest.param(replacing(x_train=np.full((6, 4, 4), "a")), "x_train holds <U1", id="text"),
        pytest.param(replacing(y_test=np.zeros(6)), "y_test holds float64; labels are whole numbers", id="fractions"),
        pytest.param(replacing(y_test=np.array([0, 1, 0, 1, 0, -1])), "y_test holds the label -1", id="negative"),
        pytest.param(replacing(y_test=np.full(6, 10**9)), "y_test holds the label 1000000000", id="no-label"),
        pytest.param(replacing(y_test=np.full(6, 2**64 - 1, np.uint64)), "y_test holds the label 1844", id="uint64"),
        pytest.param(with_value("x_train", np.nan), "x_train holds NaN", id="nan"),
        pytest.param(with_value("x_test", np.inf), "x_test holds NaN or infinity", id="infinity"),
        pytest.param(with_value("x_train", 200.0), "x_train holds float64 values from 0 to 200; .* divide", id="large"),
        pytest.param(with_value("x_train", -0.5), "x_train holds float64 values from -0.5", id="below-0"),
        pytest.param(replacing(x_train=np.array([{}, 1])), "x_train holds Python objects", id="objects"),
    ],
)
def test_what_cannot_be_data_is_named(tmp_path: Path, change: Callable[[Arrays], Arrays], message: str) -> None:
    """The message begins with the file's path and names the array."""
    with pytest.raises(DataError, match=message) as raised:
        prepare_here(tmp_path, change(arrays()))
    assert str(raised.value).startswith(f"{tmp_path / 'mine.npz'}: ")
    assert "\n" not in str(raised.value)


def test_a_label_without_a_name_is_refused(tmp_path: Path) -> None:
    """As many names as there are, as many classes there are."""
    with pytest.raises(DataError, match="y_train holds the label 1, but there are at most 1 classes"):
        prepare_here(tmp_path, arrays(), ("cat",))


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.trace,))


def trap_in_the_place_of_the_archive(trace: Path) -> bytes:
    """A pickle, which NumPy would load under any name if it were allowed to."""
    return pickle.dumps(Trap(trace))


def trap_in_an_array(trace: Path) -> bytes:
    """An archive whose first array holds an object."""
    file = io.BytesIO()
    np.savez(file, **(arrays() | {"x_train": np.array([Trap(trace)], dtype=object)}))
    return file.getvalue()


def trap_as_a_member(trace: Path) -> bytes:
    """An archive whose first array is a bare pickle."""
    file = io.BytesIO()
    np.savez(file, **{name: array for name, array in arrays().items() if name != "x_train"})
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("x_train.npy", pickle.dumps(Trap(trace)))
    return file.getvalue()


@pytest.mark.parametrize("trap", [trap_in_the_place_of_the_archive, trap_in_an_array, trap_as_a_member])
def test_nothing_is_ever_unpickled(tmp_path: Path, trap: Callable[[Path], bytes]) -> None:
    """A file that would run code if it were unpickled is refused, and its code does not run."""
    trace = tmp_path / "trace"
    content = trap(trace)
    (tmp_path / "mine.npz").write_bytes(content)
    preparation = NpzPreparation("mine", str(tmp_path / "mine.npz"))
    known = {"mine": preparation}
    with pytest.raises(DataError, match=r"mine\.npz: (is not an .npz file|x_train )"):
        prepare("mine", data_dir=None, cache_dir=tmp_path, download=False, report=lambda _: None, known=known)
    assert not trace.exists()


def archive_bytes() -> bytes:
    """A right file, compressed, so that damage shows."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays())
    return file.getvalue()


WHOLE = archive_bytes()


@given(start=st.integers(0, len(WHOLE) - 1), length=st.integers(0, 40), middle=st.binary(max_size=40))
def test_a_damaged_file_is_data_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, middle: bytes
) -> None:
    """Whatever happened to the bytes, nothing but a data error comes of it."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "mine.npz").write_bytes(WHOLE[:start] + middle + WHOLE[start + length :])
    try:
        NpzPreparation("mine", str(folder / "mine.npz")).prepare(Request((), folder, download=False))
    except DataError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    """The identity of the source is asked for first, and says that there is none."""
    with pytest.raises(DataError, match=r"mine\.npz: cannot be read: No such file"):
        NpzPreparation("mine", str(tmp_path / "mine.npz")).source_identity(())


def test_a_preparation_survives_the_command_line() -> None:
    """The child gets the preparation that the parent has."""
    preparation = NpzPreparation("mine", "/some/mine.npz", ("a", "b"))
    assert own_preparation(to_argument(preparation)) == preparation


@pytest.mark.parametrize("argument", ["minst", "[]", "{}", '{"kind": "Path"}', '{"kind": "NpzPreparation", "a": 1}'])
def test_an_argument_that_is_no_preparation_is_refused(argument: str) -> None:
    """A child that is started by hand with nonsense says so."""
    with pytest.raises(ValueError, match=r"."):
        own_preparation(argument)


def prepared(folder: Path, count: int, class_names: tuple[str, ...]) -> PreparedDataset:
    """``count`` training images of 4x4."""
    prepare_here(folder, arrays(count), class_names)
    return PreparedDataset("mine", folder, class_names, ())


def workload(units: int = 2, shape: tuple[int, int, int] = (4, 4, 1), batch_size: int = 8) -> Workload:
    """A small workload that says where it comes from."""
    spec = Spec("mine", shape, (Flatten(), Dense(units)))
    return Workload(
        "mine", "mine", spec, batch_size, epochs=1, accuracy_threshold=0.5, source="workload file mine.toml"
    )


def test_a_workload_that_fits_its_data_passes(tmp_path: Path) -> None:
    """Shape, classes and number of examples are right."""
    check_fits(workload(), prepared(tmp_path, 40, ("a", "b")))


def test_a_batch_of_one_cannot_be_normalised(tmp_path: Path) -> None:
    """Neither in every batch, nor in the last one of an epoch; without batch normalisation nothing is wrong with it."""
    spec = replace(workload().spec, layers=(BatchNorm(), *workload().spec.layers))
    dataset = prepared(tmp_path, 41, ("a", "b"))
    check_fits(workload(batch_size=8), dataset)
    for size in (8, 1):
        with pytest.raises(DataError, match=f"41 training examples in batches of {size} leave a batch of one"):
            check_fits(replace(workload(batch_size=size), spec=spec), dataset)
    check_fits(replace(workload(batch_size=9), spec=spec), dataset)


@pytest.mark.parametrize(
    ("wrong", "count", "names", "message"),
    [
        pytest.param({"shape": (4, 4, 3)}, 40, ("a", "b"), "images are 4x4x1, but input_shape is 4x4x3", id="shape"),
        pytest.param({}, 40, ("a", "b", "c"), "name 3 classes, but the last layer has 2 units", id="more-classes"),
        pytest.param(
            {"units": 5}, 40, ("a", "b"), "name 2 classes, but the last layer has 5 units", id="fewer-classes"
        ),
        pytest.param({}, 8, ("a", "b"), "8 training examples, but the proof of parity needs", id="few-examples"),
        pytest.param({"batch_size": 64}, 40, ("a", "b"), "40 training examples, fewer than batch_size 64", id="batch"),
    ],
)
def test_a_workload_that_does_not_fit_is_named(
    tmp_path: Path, wrong: dict[str, Any], count: int, names: tuple[str, ...], message: str
) -> None:
    """The message names the workload, the file that it comes from, and what differs."""
    with pytest.raises(DataError, match=rf"mine \(workload file mine\.toml\) does not fit .*{message}"):
        check_fits(workload(**wrong), prepared(tmp_path, count, names))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_train": np.ones((6, 4, 4), np.uint8)}, "x_train holds bytes of 0 and 1 alone.*multiply them by 255"),
        ({"x_train": np.ones((6, 4, 4), bool)}, "x_train holds bool.*divide by the greatest value"),
        ({"x_test": np.full((6, 4, 4), 4000, np.uint16)}, "x_test holds uint16.*divide by the greatest value"),
        ({"y_train": np.arange(6) % 2 + 1, "y_test": np.arange(6) % 2 + 1}, "the label 0.*subtract 1 from all of them"),
        ({"y_train": np.arange(6) % 2 * 2, "y_test": np.arange(6) % 2 * 2}, "the label 1.*without a gap"),
        ({"y_train": np.eye(2)[np.arange(6) % 2].astype(int)}, r"\(6, 2\).*store y_train.argmax\(axis=1\)"),
        ({"y_train": (np.arange(6) % 2)[:, None]}, r"\(6, 1\).*store y_train.reshape\(-1\)"),
        (
            {"y_train": (np.arange(6) % 2).astype(float)},
            r"float64; .*: store y_train.astype\(int\)",
        ),
    ],
)
def test_arrays_as_people_have_them_are_refused_with_the_mend(tmp_path: Path, changed: Arrays, message: str) -> None:
    """Trained on, they would give figures of nothing."""
    with pytest.raises(DataError, match=message):
        prepare_here(tmp_path, arrays() | changed)


def test_classes_that_the_user_names_may_lack_examples(tmp_path: Path) -> None:
    """A part of a data set, of which the network has all outputs."""
    changed = {"y_train": np.arange(6) % 2 + 1, "y_test": np.arange(6) % 2 + 1}
    assert prepare_here(tmp_path, arrays() | changed, ("a", "b", "c")).class_names == ("a", "b", "c")

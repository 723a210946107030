"""Workload files: what a right one becomes, and how a wrong one is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.datasets import ImageFolderPreparation, NpzPreparation
from fixtures.datasets.workload_files import WorkloadFileError, read_workload
from models.spec import SGD, Adam, BatchNorm, Dense, GlobalAveragePool, Residual, Steps

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "my_workload.toml"

LINES = {
    "identifier": '"mine"',
    "batch_size": "8",
    "epochs": "2",
    "accuracy_threshold": "0.5",
    "data.path": '"mine.npz"',
    "network.input_shape": "[8, 8, 1]",
    "network.layers": '[{kind = "flatten"}, {kind = "dense", units = 2}]',
}


def write(folder: Path, **changed: str | None) -> Path:
    """A workload file with some lines changed, added or left out (None); ``data__path`` stands for ``data.path``."""
    (folder / "mine.npz").touch()
    (folder / "photographs").mkdir()
    lines = LINES | {name.replace("__", "."): value for name, value in changed.items()}
    path = folder / "mine.toml"
    path.write_text("".join(f"{name} = {value}\n" for name, value in lines.items() if value is not None))
    return path


def test_the_shortest_file_gets_the_defaults(tmp_path: Path) -> None:
    """Seed 42, Adam as published, and a data set of the workload's own name beside the file."""
    own = read_workload(write(tmp_path))
    workload = own.workload
    assert (workload.identifier, workload.dataset, workload.seed) == ("mine", "mine", 42)
    assert (workload.batch_size, workload.epochs, workload.accuracy_threshold) == (8, 2, 0.5)
    assert workload.spec.optimizer == Adam()
    assert workload.source == "workload file mine.toml"
    assert own.preparation == NpzPreparation("mine", str(tmp_path / "mine.npz"))


def test_every_field_is_used(tmp_path: Path) -> None:
    """A folder of images in colour, with its own split, seeds and optimiser."""
    file = write(
        tmp_path,
        seed="7",
        data__path='"photographs"',
        data__class_names='["b", "a"]',
        data__test_share="0.25",
        data__split_seed="1",
        network__input_shape="[8, 6, 3]",
        optimizer='{kind = "sgd", learning_rate = 0.1}',
    )
    own = read_workload(file)
    assert own.workload.seed == 7
    assert own.workload.spec.optimizer == SGD(0.1)
    assert own.preparation == ImageFolderPreparation(
        identifier="mine",
        directory=str(tmp_path / "photographs"),
        shape=(8, 6, 3),
        test_share=0.25,
        split_seed=1,
        class_names=("b", "a"),
    )


def test_a_residual_network_with_its_recipe_is_read(tmp_path: Path) -> None:
    """Blocks, other optimisers, schedules and smoothed labels stand in a file as they do in a specification."""
    file = write(
        tmp_path,
        network__layers='[{kind = "residual", body = [{kind = "batch_norm"}]}, {kind = "global_average_pool"}, '
        '{kind = "dense", units = 2}]',
        network__label_smoothing="0.1",
        optimizer="{kind = 'sgd', momentum = 0.9, schedule = {kind = 'steps', boundaries = [5]}}",
    )
    spec = read_workload(file).workload.spec
    assert spec.layers == (Residual((BatchNorm(),)), GlobalAveragePool(), Dense(2))
    assert spec.label_smoothing == 0.1
    assert spec.optimizer == SGD(momentum=0.9, schedule=Steps((5,)))


def test_one_of_the_suites_data_sets_can_be_named(tmp_path: Path) -> None:
    """A network of one's own on a data set that the suite has."""
    own = read_workload(write(tmp_path, data__path=None, data__name='"digits"'))
    assert (own.workload.dataset, own.preparation) == ("digits", None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"identifier": None}, "field identifier is missing", id="no-identifier"),
        pytest.param({"identifier": "5"}, "identifier must be text, got 5", id="identifier-number"),
        pytest.param({"identifier": '"a/b"'}, "identifier must be up to 64 letters", id="identifier-slash"),
        pytest.param(
            {"identifier": '"digits"'}, "identifier 'digits' is one of the suite's own", id="identifier-taken"
        ),
        pytest.param({"colour": "1"}, "unknown field colour; known here: identifier", id="unknown-field"),
        pytest.param({"batch_size": "0"}, "batch_size must be a whole number from 1", id="no-batch"),
        pytest.param({"batch_size": "8.0"}, "batch_size must be a whole number from 1", id="batch-fraction"),
        pytest.param({"epochs": "true"}, "epochs must be a whole number from 1", id="epochs-truth"),
        pytest.param({"seed": "-1"}, "seed must be a whole number from 0", id="negative-seed"),
        pytest.param({"accuracy_threshold": "95"}, "accuracy_threshold must be a number from 0 to 1", id="percent"),
        pytest.param({"accuracy_threshold": "nan"}, "accuracy_threshold must be a number from 0 to 1", id="nan"),
        pytest.param({"data.path": '"nowhere"'}, "data.path: there is no file or folder .*nowhere", id="no-data"),
        pytest.param({"data.path": '"mine.toml"'}, "data.path: .* is neither an .npz file nor a folder", id="not-npz"),
        pytest.param({"data.path": '""'}, "data.path must be text", id="empty-path"),
        pytest.param({"data.path": None}, "field data is missing", id="no-data-table"),
        pytest.param({"data.path": None, "data": "1"}, "data must be a table, got 1", id="data-number"),
        pytest.param({"data.name": '"mnist"'}, "unknown field data.path; known here: name", id="path-and-name"),
        pytest.param({"data.path": None, "data.name": '"minst"'}, "data.name 'minst' is not known", id="unknown-name"),
        pytest.param({"data.test_share": "0.3"}, "unknown field data.test_share", id="share-of-an-npz"),
        pytest.param({"data.class_names": '["a", "a"]'}, "data.class_names must be a list of diff", id="same-names"),
        pytest.param({"data.class_names": "[]"}, "data.class_names must be a list of different names", id="no-names"),
        pytest.param(
            {"data.path": '"photographs"', "data.test_share": "1.0"}, "data.test_share must be above 0", id="share"
        ),
        pytest.param(
            {"data.path": '"photographs"', "network.input_shape": "[8, 8, 2]"},
            "network.input_shape: images of a folder have 1 or 3 channels, not 2",
            id="two-channels",
        ),
        pytest.param({"network.layers": None}, "field network.layers is missing", id="no-layers"),
        pytest.param({"network.stride": "1"}, "unknown field network.stride", id="unknown-in-network"),
        pytest.param({"network.layers": '[{kind = "lstm"}]'}, "layer 0: unknown kind 'lstm'", id="unknown-layer"),
        pytest.param(
            {"network.layers": '[{kind = "max_pool", size = 9}, {kind = "flatten"}, {kind = "dense", units = 2}]'},
            r"mine: layer 0 \(MaxPool\): pooling by 9 leaves nothing of 8x8",
            id="pool-leaves-nothing",
        ),
        pytest.param({"optimizer": '"adam"'}, "optimizer: must be a table", id="optimizer-text"),
        pytest.param({"identifier": "mine"}, "is not TOML: Invalid value", id="no-toml"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(tmp_path: Path, changed: dict[str, str | None], message: str) -> None:
    """The message begins with the file's path and names the field and what belongs there."""
    file = write(tmp_path, **changed)
    with pytest.raises(WorkloadFileError, match=message) as raised:
        read_workload(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = " + b"[" * 5000], ids=["not-utf-8", "nested"])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes) -> None:
    """Bytes that are not UTF-8, and nesting that exhausts the parser, are one more file that is not TOML."""
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    with pytest.raises(WorkloadFileError, match=r"mine\.toml: is not TOML"):
        read_workload(file)


def test_a_byte_order_mark_and_the_home_folder_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an editor begins the file, and as a person writes a path."""
    monkeypatch.setenv("HOME", str(tmp_path))
    file = write(tmp_path, **{"data.path": '"~/mine.npz"'})
    (tmp_path / "mine.npz").touch()
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    preparation = read_workload(file).preparation
    assert isinstance(preparation, NpzPreparation)
    assert preparation.file == str(tmp_path / "mine.npz")


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-2, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(name=st.sampled_from([*LINES, "seed", "data.class_names", "data.name"]), value=VALUES)
def test_nothing_but_an_error_about_the_file_comes_of_any_value(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: object
) -> None:
    """Whatever stands in any field, it is a workload or an error that names the file."""
    file = write(tmp_path_factory.mktemp("file"), **{name: json.dumps(value)})
    try:
        read_workload(file)
    except WorkloadFileError as error:
        assert str(file) in str(error)  # noqa: PT017 - either outcome is right


def test_the_example_is_right_but_for_its_data(tmp_path: Path) -> None:
    """The file in docs/examples says what is missing: the data, which no repository should hold."""
    with pytest.raises(WorkloadFileError, match=r"data\.path: there is no file or folder .*my_data\.npz"):
        read_workload(EXAMPLE)
    copy = tmp_path / EXAMPLE.name
    copy.write_text(EXAMPLE.read_text())
    (tmp_path / "my_data.npz").touch()
    assert read_workload(copy).workload.identifier == "my-workload"

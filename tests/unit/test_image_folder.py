"""Folders of images by class: what is read, what is left out and named, and how the rest is split."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fixtures.datasets import DataError, ImageFolderPreparation, MissingDataError
from fixtures.datasets.image_folder import stratified_split
from fixtures.datasets.photographs import decode
from fixtures.datasets.preparation import Description, Request
from fixtures.datasets.registry import own_preparation, to_argument

LEVELS = {"dark": 40, "light": 200}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten plain images in each of two classes, of different sizes, formats and modes."""
    folder = tmp_path / "photographs"
    for name, level in LEVELS.items():
        (folder / name / "more").mkdir(parents=True)
        for index in range(8):
            Image.new("RGB", (20 + index, 30), (level,) * 3).save(folder / name / f"{index}.jpg", quality=95)
        Image.new("L", (7, 5), level).save(folder / name / "grey.png")
        Image.new("RGBA", (7, 5), (level,) * 4).save(folder / name / "more" / "transparent.png")
    (folder / ".hidden").mkdir()
    (folder / "read-me.txt").write_text("beside the classes")
    return folder


def prepare_here(folder: Path, reports: list[str] | None = None) -> tuple[Description, Path]:
    """Prepare in this process: grey, 6x4."""
    output = folder.parent / "output"
    output.mkdir()
    preparation = ImageFolderPreparation("mine", str(folder), (6, 4, 1))
    request = Request(
        (Path("/nowhere"),), output, download=False, report=(reports if reports is not None else []).append
    )
    return preparation.prepare(request), output


def test_images_of_every_kind_become_grey_fractions_of_one_size(folder: Path) -> None:
    """Any size, format and mode; 14 of 20 to train; each image is as dark as its class, and belongs to one part."""
    description, output = prepare_here(folder)
    assert description == Description(("dark", "light"), ("photographs: 20 of 20 files in dark, light",), ())
    x_train, y_train, x_test, y_test = (
        np.load(output / f"{n}.npy") for n in ("x_train", "y_train", "x_test", "y_test")
    )
    assert (x_train.shape, x_test.shape) == ((14, 6, 4, 1), (6, 6, 4, 1))
    assert np.bincount(y_test).tolist() == [3, 3]
    for images, labels in ((x_train, y_train), (x_test, y_test)):
        levels = np.array(list(LEVELS.values()))[labels]
        assert np.abs(images * 255 - levels[:, None, None, None]).max() < 3
    assert {path.name for path in output.iterdir()} == {"x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"}


def test_what_cannot_be_read_is_left_out_and_named(folder: Path) -> None:
    """An empty file, a truncated one, no image, and a suspiciously large one: each is named with the reason."""
    (folder / "dark" / "empty.jpg").touch()
    generator = np.random.Generator(np.random.PCG64(0))
    noise = Image.fromarray(generator.integers(0, 256, (90, 90, 3), dtype=np.uint8))
    noise.save(folder / "dark" / "truncated.jpg")
    content = (folder / "dark" / "truncated.jpg").read_bytes()
    (folder / "dark" / "truncated.jpg").write_bytes(content[: len(content) // 2])
    (folder / "light" / "Thumbs.db").write_bytes(b"no image")
    Image.new("1", (20_000, 20_000)).save(folder / "light" / "bomb.png")
    reports: list[str] = []
    description, _ = prepare_here(folder, reports)
    assert description.sources == ("photographs: 20 of 24 files in dark, light",)
    assert [note.partition(": ")[0] for note in description.notes] == [
        "dark/empty.jpg",
        "dark/truncated.jpg",
        "light/Thumbs.db",
        "light/bomb.png",
    ]
    assert len(reports) == 1
    assert reports[0].startswith("mine: 20 of 24 files are used; 4 cannot be read: dark/empty.jpg: empty; dark/trunc")


def test_a_name_that_is_not_utf_8_can_be_printed(folder: Path) -> None:
    """A file's name may be any bytes; the note about it is text."""
    Path(os.fsdecode(os.fsencode(folder / "dark") + b"/\xff.jpg")).touch()
    description, _ = prepare_here(folder)
    assert description.notes == ("dark/?.jpg: empty",)


@pytest.mark.parametrize(
    ("names", "message"),
    [((), "it has no folder"), (("only",), "at least two classes; it has only the folder 'only'")],
    ids=["none", "one"],
)
def test_a_folder_with_fewer_than_two_classes_is_refused(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    """Before anything is decoded, with the folder's path."""
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=message) as raised:
        ImageFolderPreparation("mine", str(tmp_path), (6, 4, 1)).source_identity((Path("/nowhere"),))
    assert str(raised.value).startswith(f"{tmp_path}: ")


def test_a_class_without_enough_images_is_named(folder: Path) -> None:
    """Each class needs an image to train and one to test that can be read."""
    (folder / "third").mkdir()
    (folder / "third" / "empty.jpg").touch()
    with pytest.raises(DataError, match=r"photographs/third: at least two images .*; there are none"):
        prepare_here(folder)


def test_a_folder_that_is_not_there_says_where_it_looked(tmp_path: Path) -> None:
    """A relative folder is looked for below every root, and the message says how to come by it."""
    preparation = ImageFolderPreparation("mine", "PetImages", (6, 4, 1), origin="Ask a friend.")
    with pytest.raises(MissingDataError, match=r"folder PetImages, which is not in .*/a or in .*/b\.\nAsk a friend\."):
        preparation.source_identity((tmp_path / "a", tmp_path / "b"))
    with pytest.raises(DataError, match="needs the class folder 'Cat'"):
        ImageFolderPreparation("mine", str(tmp_path), (6, 4, 1), class_names=("Cat",)).source_identity((tmp_path,))


def test_the_source_is_another_one_when_a_file_or_the_recipe_changes(folder: Path) -> None:
    """The same files and recipe are the same source; a file more, or another size, split or seed, is another."""

    def identity(**changed: object) -> str:
        preparation = own_preparation(to_argument(ImageFolderPreparation("mine", str(folder), (6, 4, 1))))
        for name, value in changed.items():
            object.__setattr__(preparation, name, value)
        return preparation.source_identity((Path("/nowhere"),))

    first = identity()
    assert identity() == first
    others = [identity(shape=(6, 4, 3)), identity(test_share=0.5), identity(split_seed=1)]
    (folder / "dark" / "another.jpg").touch()
    assert len({first, *others, identity()}) == 5


def test_colour_stays_colour(folder: Path) -> None:
    """With three channels, a JPEG and a grey PNG both become red, green and blue."""
    Image.new("RGB", (64, 64), (250, 10, 10)).save(folder / "red.jpg", quality=95)
    assert np.abs(decode(folder / "red.jpg", (8, 8, 3)).astype(int) - (250, 10, 10)).max() < 6
    assert decode(folder / "dark" / "grey.png", (8, 8, 3)).tolist() == np.full((8, 8, 3), 40).tolist()


@given(counts=st.lists(st.integers(2, 40), min_size=2, max_size=5), share=st.floats(0.05, 0.95), seed=st.integers(0, 9))
def test_a_split_gives_every_class_its_share(counts: list[int], share: float, seed: int) -> None:
    """Every example is in one part, every class in both, and in the right share to within one example."""
    labels = np.repeat(np.arange(len(counts)), counts)
    train, test = stratified_split(labels, share, seed)
    assert sorted([*train, *test]) == list(range(len(labels)))
    held_out = np.bincount(labels[test], minlength=len(counts))
    assert np.all(np.abs(held_out - np.array(counts) * share) <= 1)
    assert held_out.min() >= 1
    assert np.bincount(labels[train], minlength=len(counts)).min() >= 1
    again = stratified_split(labels, share, seed)
    assert np.array_equal(train, again[0])
    assert np.array_equal(test, again[1])


def test_the_split_of_the_real_archive_is_the_published_one() -> None:
    """24,946 photographs, 30 % held out: 17,462 to train and 7,484 to test."""
    train, test = stratified_split(np.repeat([0, 1], [12_470, 12_476]), 0.3, seed=42)
    assert (len(train), len(test)) == (17_462, 7_484)


def divided_folder(folder: Path, parts: tuple[str, ...] = ("train", "test")) -> Path:
    """Six images to train and two in each other part, of each class."""
    for part in parts:
        for name, level in LEVELS.items():
            (folder / part / name).mkdir(parents=True)
            for index in range(6 if part == parts[0] else 2):
                Image.new("L", (8, 8), level).save(folder / part / name / f"{index}.png")
    return folder


@pytest.mark.parametrize(
    "parts", [("train", "test"), ("Training", "validation"), ("train", "test", "val"), ("train", "valid")], ids=str
)
def test_a_division_that_is_there_is_kept(tmp_path: Path, parts: tuple[str, ...]) -> None:
    """As Kaggle, Keras and torchvision lay data out; a third part is left out, and that is said."""
    reports: list[str] = []
    description, output = prepare_here(divided_folder(tmp_path / "pets", parts), reports)
    assert description.class_names == ("dark", "light")
    assert np.bincount(np.load(output / "y_train.npy")).tolist() == [6, 6]
    assert np.bincount(np.load(output / "y_test.npy")).tolist() == [2, 2]
    assert reports == [f"mine: {parts[0]} and {parts[1]} are its training and its test images"]
    assert description.notes == tuple(f"{part}: neither trained nor tested on" for part in parts[2:])


def test_classes_may_be_called_train_and_test(tmp_path: Path) -> None:
    """Whoever names them as classes means them; so it is where another folder stands beside them."""
    folder = divided_folder(tmp_path / "pets")
    output = tmp_path / "output"
    output.mkdir()
    named = ImageFolderPreparation("mine", str(folder), (6, 4, 1), class_names=("test", "train"))
    assert named.prepare(Request((tmp_path,), output, download=False)).class_names == ("test", "train")
    (folder / "other").mkdir()
    for index in range(2):
        Image.new("L", (8, 8), 9).save(folder / "other" / f"{index}.png")
    (tmp_path / "again").mkdir()
    plain = ImageFolderPreparation("mine", str(folder), (6, 4, 1))
    assert plain.prepare(Request((tmp_path,), tmp_path / "again", download=False)).class_names == (
        "other",
        "test",
        "train",
    )


def test_a_part_without_class_folders_is_named(tmp_path: Path) -> None:
    """Kaggle's test images have no labels: the part that has is what to name instead."""
    folder = divided_folder(tmp_path / "pets", ("train",))
    (folder / "test").mkdir()
    Image.new("L", (8, 8)).save(folder / "test" / "1.png")
    with pytest.raises(DataError, match=r"pets/test: there is no class folder in it.*name .*pets/train as the data"):
        prepare_here(folder)


def test_a_class_of_one_part_alone_is_named(tmp_path: Path) -> None:
    """Nothing would be learnt of it, or nothing tested."""
    folder = divided_folder(tmp_path / "pets")
    (folder / "test" / "grey").mkdir()
    with pytest.raises(DataError, match="the class folder 'grey' is in one of train and test, but not in the other"):
        prepare_here(folder)


def test_a_folder_around_the_classes_is_named(tmp_path: Path) -> None:
    """An archive often holds one folder with everything in it."""
    folder = divided_folder(tmp_path / "archive", ("PetImages",))
    with pytest.raises(DataError, match=r"only the folder 'PetImages'; name .*archive/PetImages, which has 2, as the"):
        prepare_here(folder)


def test_too_little_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk under a mapped file ends the process by a signal, without a word."""
    folder = divided_folder(tmp_path / "pets")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1024))
    with pytest.raises(DataError, match=r"0 MiB are needed and 0 MiB are free; make room, .*--workspace DIR"):
        prepare_here(folder)
    assert list((tmp_path / "output").iterdir()) == []

"""Folders of images by class: what is read, what is left out and named, and how the rest is split."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fixtures.datasets import DataError, ImageFolderPreparation, MissingDataError
from fixtures.datasets.child_process import REPOSITORY
from fixtures.datasets.image_folder import stratified_split
from fixtures.datasets.photographs import decode, decode_all
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


PARALLEL = """
import sys
from pathlib import Path
from fixtures.datasets.photographs import decode_all

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    decode_all(sorted(folder.iterdir()), folder.parent / "decoded.npy", (4, 4, 1), lambda line: print(line, flush=True))
"""


def photographs(folder: Path, count: int) -> list[Path]:
    """Plain images, each a little lighter than the one before."""
    folder.mkdir()
    for index in range(count):
        Image.new("L", (9, 9), index % 256).save(folder / f"{index:04}.png")
    return sorted(folder.iterdir())


def test_many_are_decoded_in_parallel_each_into_its_row(tmp_path: Path) -> None:
    """Several processes write the same file, and at most ten lines tell how far they are."""
    photographs(tmp_path / "many", 300)
    program = tmp_path / "program.py"
    program.write_text(PARALLEL)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(program), str(tmp_path / "many")]
    lines = subprocess.check_output(command, env=environment, text=True).splitlines()
    assert len(lines) <= 10
    assert lines[-1] == "[##########] 100 %, 300 of 300 files decoded"
    assert np.load(tmp_path / "decoded.npy")[:, 0, 0, 0].tolist() == [index % 256 for index in range(300)]


def test_a_few_are_decoded_without_a_word(tmp_path: Path) -> None:
    """What takes no time needs no processes and no progress."""
    reports: list[str] = []
    assert decode_all(photographs(tmp_path / "few", 3), tmp_path / "few.npy", (4, 4, 1), reports.append) == {}
    assert reports == []


@pytest.mark.skipif(len(psutil.Process().cpu_affinity()) < 2, reason="with one core there are no workers")
def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """Even when it is killed, and even when they wait for a file that never answers."""
    folder = tmp_path / "stuck"
    photographs(folder, 128)
    for index in range(128):
        (folder / f"{index:04}.png").unlink()
        os.mkfifo(folder / f"{index:04}.png")  # opening it for reading waits for a writer, for ever
    program = tmp_path / "program.py"
    program.write_text(PARALLEL)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    parent = subprocess.Popen([sys.executable, str(program), str(folder)], env=environment)
    workers: list[psutil.Process] = []
    try:
        while len(workers) < 2 and parent.poll() is None:
            time.sleep(0.05)
            workers = [child for child in psutil.Process(parent.pid).children() if "spawn_main" in str(child.cmdline())]
    finally:
        parent.kill()
        parent.wait()
    assert len(workers) == 2
    assert psutil.wait_procs(workers, timeout=60)[1] == []


def test_decoding_imports_no_framework(tmp_path: Path) -> None:
    """A process that decodes holds Pillow and NumPy, and none of the frameworks that are installed."""
    (image,) = photographs(tmp_path / "one", 1)
    program = (
        "import sys; from pathlib import Path; from fixtures.datasets.photographs import decode\n"
        "decode(Path(sys.argv[1]), (4, 4, 1))\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} "
        "& {'torch', 'torchvision', 'tensorflow', 'keras', 'jax', 'sklearn', 'scipy'}))"
    )
    command = [sys.executable, "-c", program, str(image)]
    assert subprocess.check_output(command, cwd=REPOSITORY, text=True).strip() == "[]"


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


@pytest.mark.parametrize("suffix", ["png", "tiff"])
@pytest.mark.parametrize(("value", "byte"), [(0, 0), (8000, 31), (45000, 175), (65535, 255)])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, suffix: str, value: int, byte: int) -> None:
    """Pillow's own conversion turns everything above 255 white."""
    file = tmp_path / f"deep.{suffix}"
    Image.fromarray(np.full((5, 7), value, np.uint16)).save(file)
    for channels in (1, 3):
        assert np.unique(decode(file, (4, 6, channels))).tolist() == [byte]


@pytest.mark.parametrize("kind", [np.int32, np.float32], ids=["I", "F"])
def test_pixels_of_which_white_is_not_known_are_named(tmp_path: Path, kind: type) -> None:
    """They are left out with the reason, as what cannot be read."""
    file = tmp_path / "deep.tiff"
    Image.fromarray(np.full((5, 7), 0.5 if kind is np.float32 else 70_000, kind)).save(file)
    with pytest.raises(ValueError, match=r"pixels of 32 bits .* no value is known to be white"):
        decode(file, (4, 6, 1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_usual_mode_keeps_its_brightness(tmp_path: Path, mode: str) -> None:
    """White stays white and black black, grey or in colour."""
    for level in (0, 255):
        file = tmp_path / f"{level}.tiff"
        picture = Image.new("L", (6, 6), level).convert("RGB" if mode in ("CMYK", "YCbCr") else "L")
        picture.convert(mode).save(file)
        for channels in (1, 3):
            assert np.abs(decode(file, (4, 4, channels)).astype(int) - level).max() <= 1


def test_a_picture_is_taken_as_people_see_it(tmp_path: Path) -> None:
    """A camera that was held upright says so beside the pixels."""
    pixels = np.zeros((4, 8), np.uint8)
    pixels[:, :4] = 255
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    picture.save(tmp_path / "upright.png", exif=exif)
    found = decode(tmp_path / "upright.png", (8, 4, 1))[..., 0]
    assert found[:3].min() > 200
    assert found[-3:].max() < 50


def test_too_little_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk under a mapped file ends the process by a signal, without a word."""
    folder = divided_folder(tmp_path / "pets")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1024))
    with pytest.raises(DataError, match=r"0 MiB are needed and 0 MiB are free; make room, .*--workspace DIR"):
        prepare_here(folder)
    assert list((tmp_path / "output").iterdir()) == []

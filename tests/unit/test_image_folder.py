"""Folders of images by class: what is read, what is left out and named, and how the rest is split."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

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

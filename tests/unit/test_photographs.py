"""Photographs of any size, format and mode: each is decoded as people see it, in parallel and in bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from PIL import Image

from fixtures.datasets.child_process import REPOSITORY
from fixtures.datasets.photographs import decode, decode_all

if TYPE_CHECKING:
    from pathlib import Path

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

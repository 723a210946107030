"""Writes JPEG files that cost as much to decode as photographs do, for tests and for measuring.

By hand::

    python -m tests.generate_photographs FOLDER --count 25000

makes ``FOLDER/PetImages/Cat`` and ``FOLDER/PetImages/Dog``. Sizes follow those of the real archive: 59x39 to
1023x768, about 404x358 on average. A cat is dark with light spots, a dog light with dark ones.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("Cat", "Dog")
SMALLEST, LARGEST = (59, 39), (1023, 768)
QUALITY = 90
FILES_AT_ONCE = 250


def write_photographs(folder: Path, count: int) -> None:
    """Write ``count`` files below ``folder``, half of them in each class; the same ones whenever it is called."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    starts = range(0, count, FILES_AT_ONCE)
    with ProcessPoolExecutor(min(len(starts), os.cpu_count() or 1)) as pool:
        list(pool.map(_write_some, [folder] * len(starts), starts, [min(count, s + FILES_AT_ONCE) for s in starts]))


def _write_some(folder: Path, start: int, end: int) -> None:
    generator = np.random.Generator(np.random.PCG64(start))
    textures = [_texture(generator, label) for label in range(len(CLASSES))]
    for index in range(start, end):
        label = index % len(CLASSES)
        width, height = np.clip(generator.normal((404, 358), (109, 97)), SMALLEST, LARGEST).astype(int)
        left, top = (
            int(generator.integers(0, most - size + 1)) for most, size in zip(LARGEST, (width, height), strict=True)
        )
        cut = textures[label].crop((left, top, left + int(width), top + int(height)))
        cut.save(folder / CLASSES[label] / f"{index // len(CLASSES)}.jpg", quality=QUALITY)


def _texture(generator: np.random.Generator, label: int) -> Image.Image:
    """A large coloured picture: soft spots, as photographs have, and noise, which makes the files as large."""
    spots = Image.fromarray(generator.integers(0, 256, (24, 32, 3), dtype=np.uint8)).resize(
        LARGEST, Image.Resampling.BICUBIC
    )
    noise = generator.normal(0, 9, (LARGEST[1], LARGEST[0], 1))
    shade = 60 if label else -60
    return Image.fromarray(np.clip(np.asarray(spots, np.float32) + noise + shade, 0, 255).astype(np.uint8))


def main() -> None:
    """Write the files that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=25_000)
    arguments = parser.parse_args()
    write_photographs(arguments.folder / "PetImages", arguments.count)


if __name__ == "__main__":
    main()

"""Fashion-MNIST, CIFAR-10 and the photographs, prepared by the real child process, without the network."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from fixtures.datasets import CorruptDataError, MissingDataError, cifar10, fashion_mnist, prepare
from fixtures.datasets.child_process import REPOSITORY
from tests.generate_photographs import write_photographs

CIFAR = cifar10.PREPARATION


def real_data(*needed: str) -> Path:
    """A directory with these files, or the test is skipped."""
    directory = Path(os.environ.get("CNN_DYNO_TEST_DATA", REPOSITORY.parent / "shared" / "data")).absolute()
    missing = [name for name in needed if not (directory / name).exists()]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} in {directory}; CNN_DYNO_TEST_DATA can name another directory")
    return directory


def from_torchvision(expression: str) -> object:
    """The value of an expression over torchvision's data sets, as JSON knows it, from a process of its own."""
    program = f"import json; from torchvision import datasets; print(json.dumps({expression}))"
    return json.loads(subprocess.check_output([sys.executable, "-c", program], text=True))


def test_checksums_and_classes_are_those_that_torchvision_records() -> None:
    """What the cache is keyed by, and what labels are called, is torchvision's own."""
    fashion = fashion_mnist.PREPARATION
    checksums = [[f"{name}.gz", checksums.compressed] for name, checksums in fashion.checksums.items()]
    expression = "[datasets.FashionMNIST.resources, datasets.FashionMNIST.classes, datasets.CIFAR10.tgz_md5, "
    expression += "datasets.CIFAR10.filename]"
    assert from_torchvision(expression) == [checksums, list(fashion.class_names), CIFAR.checksum, CIFAR.archive]


def test_fashion_mnist_is_read_from_its_original_files(tmp_path: Path) -> None:
    """60,000 and 10,000 images of ten kinds of clothes, the pixels of the files divided by 255."""
    names = [f"FashionMNIST/raw/{name}.gz" for name in fashion_mnist.PREPARATION.checksums]
    directory = real_data(*names)
    prepared = prepare("fashion-mnist", data_dir=directory, cache_dir=tmp_path, download=False, report=lambda _: None)
    assert prepared.load("x_train").shape == (60_000, 28, 28, 1)
    pixels = gzip.decompress((directory / names[2]).read_bytes())[16:]
    expected = np.frombuffer(pixels, np.uint8).reshape(10_000, 28, 28, 1).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(prepared.load("x_test"), expected)
    assert np.bincount(prepared.load("y_test")).tolist() == [1000] * 10


def test_missing_cifar_says_where_it_looked_and_both_ways_to_get_it(tmp_path: Path) -> None:
    """Without the archive and without --download, a short message names the places and the two options."""
    with pytest.raises(MissingDataError) as raised:
        prepare("cifar10", data_dir=tmp_path, cache_dir=tmp_path / "cache", download=False, report=lambda _: None)
    message = str(raised.value)
    assert all(part in message for part in (str(tmp_path), CIFAR.archive, "--download", "--data-dir"))
    assert len(message.splitlines()) == 3


def test_a_cifar_archive_with_a_wrong_checksum_is_never_opened(tmp_path: Path) -> None:
    """It holds pickles, so it is named with both checksums and left as it is."""
    archive = tmp_path / CIFAR.archive
    archive.write_bytes(b"not this")
    with pytest.raises(CorruptDataError) as raised:
        prepare("cifar10", data_dir=tmp_path, cache_dir=tmp_path / "cache", download=False, report=lambda _: None)
    found = hashlib.md5(b"not this", usedforsecurity=False).hexdigest()
    assert all(part in str(raised.value) for part in (str(archive), CIFAR.checksum, found))
    assert archive.read_bytes() == b"not this"


REPLACED = """
import json, sys
from pathlib import Path
from torchvision.datasets import CIFAR10
from fixtures.datasets.cifar10 import CifarPreparation
from fixtures.datasets.preparation import Request

root, output, sums = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
CIFAR10.tgz_md5 = sums["archive"]
CIFAR10.train_list = [[name, sums[name]] for name, _ in CIFAR10.train_list]
CIFAR10.test_list = [[name, sums[name]] for name, _ in CIFAR10.test_list]
CIFAR10.meta = CIFAR10.meta | {"md5": sums["batches.meta"]}
description = CifarPreparation(checksum=sums["archive"]).prepare(Request((root,), output, download=False))
print(json.dumps(description.class_names))
"""


def test_cifar_is_read_from_an_archive_of_its_layout(tmp_path: Path) -> None:
    """Batches of rows of red, green and blue planes become NHWC images, in order, named as the archive names them."""
    generator = np.random.Generator(np.random.PCG64(0))
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    planes = {name: generator.integers(0, 256, (4, 3, 32, 32), dtype=np.uint8) for name in names}
    files: dict[str, object] = {
        name: {"data": planes[name].reshape(4, -1), "labels": [index % 10 for index in range(4)]} for name in names
    }
    files["batches.meta"] = {"label_names": [f"class {number}" for number in range(10)]}
    sums = {}
    root, output = tmp_path / "data", tmp_path / "output"
    root.mkdir()
    output.mkdir()
    with tarfile.open(root / CIFAR.archive, "w:gz") as archive:
        for name, content in files.items():
            pickled = pickle.dumps(content)
            sums[name] = hashlib.md5(pickled, usedforsecurity=False).hexdigest()
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(pickled)
            archive.addfile(member, io.BytesIO(pickled))
    sums["archive"] = hashlib.md5((root / CIFAR.archive).read_bytes(), usedforsecurity=False).hexdigest()

    command = [sys.executable, "-c", REPLACED, str(root), str(output), json.dumps(sums)]
    printed = subprocess.check_output(command, cwd=REPOSITORY, text=True)
    assert json.loads(printed.splitlines()[-1]) == [f"class {number}" for number in range(10)]
    expected = np.concatenate([planes[name] for name in names[:5]]).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(np.load(output / "x_train.npy"), expected.astype(np.float32) / np.float32(255))
    assert np.load(output / "y_train.npy").tolist() == [0, 1, 2, 3] * 5
    assert np.load(output / "x_test.npy").shape == (4, 32, 32, 3)
    assert [path.name for path in root.iterdir()] == [CIFAR.archive]


def test_photographs_are_decoded_in_parallel_with_progress(tmp_path: Path) -> None:
    """500 generated photographs become grey 50x50 images, 30 % of each class held out, and lines tell how far it is."""
    write_photographs(tmp_path / "PetImages", 500)
    reports: list[str] = []
    prepared = prepare(
        "cats-vs-dogs", data_dir=tmp_path, cache_dir=tmp_path / "cache", download=False, report=reports.append
    )
    assert prepared.load("x_train").shape == (350, 50, 50, 1)
    assert np.bincount(prepared.load("y_test")).tolist() == [75, 75]
    assert prepared.class_names == ("Cat", "Dog")
    assert prepared.notes == ()
    assert reports[-1] == "[##########] 100 %, 500 of 500 files decoded"
    assert len(reports) <= 11


def test_of_the_real_photographs_all_but_three_are_read(tmp_path: Path) -> None:
    """400 cats and 400 dogs; an empty file, a truncated one and a stray one are named, in the cache too."""
    directory = real_data("PetImages/Cat", "PetImages/Dog")
    for _ in range(2):
        prepared = prepare(
            "cats-vs-dogs", data_dir=directory, cache_dir=tmp_path, download=False, report=lambda _: None
        )
        assert prepared.sources == ("PetImages: 800 of 803 files in Cat, Dog",)
        assert [note.partition(": ")[0] for note in prepared.notes] == ["Cat/666.jpg", "Dog/702.jpg", "Dog/Thumbs.db"]
        assert [len(prepared.load(name)) for name in ("x_train", "x_test")] == [560, 240]


def test_missing_photographs_say_where_they_come_from(tmp_path: Path) -> None:
    """They cannot be downloaded, and the message says so and what to do."""
    with pytest.raises(
        MissingDataError, match=r"PetImages, which is not in .*\n.*--download cannot fetch.*\n.*--data-dir"
    ):
        prepare("cats-vs-dogs", data_dir=tmp_path, cache_dir=tmp_path / "cache", download=True, report=lambda _: None)

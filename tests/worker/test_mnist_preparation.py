"""MNIST, decoded by the real child process from local files or a mirror. None of these tests leaves this machine."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fixtures.datasets import CorruptDataError, DataError, MissingDataError, mnist, prepare
from fixtures.datasets.child_process import REPOSITORY
from tests.quiet_preparation import prepare_quietly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.datasets import ArrayName


MNIST_FILES = tuple(f"{name}.gz" for name in mnist.PREPARATION.checksums)
RAW = Path("MNIST") / "raw"


def assert_nothing_half_made(cache_dir: Path) -> None:
    """Check that a failed preparation left no entry and no temporary directory."""
    assert not (cache_dir / "datasets").exists() or list((cache_dir / "datasets").iterdir()) == []


@pytest.fixture(scope="module")
def real_data() -> Path:
    """A directory with MNIST's files, or the test is skipped."""
    directory = Path(os.environ.get("CNN_DYNO_TEST_DATA", REPOSITORY.parent / "shared" / "data")).absolute()
    missing = [name for name in MNIST_FILES if not (directory / RAW / name).is_file()]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} in {directory / RAW}; CNN_DYNO_TEST_DATA can name another directory")
    return directory


@pytest.fixture(scope="module")
def mnist_cache(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    """A cache directory in which MNIST is prepared."""
    cache_dir = tmp_path_factory.mktemp("mnist")
    prepare_quietly("mnist", cache_dir, real_data)
    return cache_dir


def test_mnist_checksums_are_those_that_torchvision_records() -> None:
    """The checksums that the cache is keyed by are torchvision's own."""
    program = "import json, torchvision; print(json.dumps(torchvision.datasets.MNIST.resources))"
    output = subprocess.check_output([sys.executable, "-c", program], text=True)
    expected = [[f"{name}.gz", checksums.compressed] for name, checksums in mnist.PREPARATION.checksums.items()]
    assert json.loads(output) == expected


def test_missing_mnist_says_where_it_looked_and_both_ways_to_get_it(tmp_path: Path) -> None:
    """Without the files and without --download, a short message names the places, the files and the two options."""
    with pytest.raises(MissingDataError) as raised:
        prepare_quietly("mnist", tmp_path / "cache", tmp_path / "data")
    message = str(raised.value)
    assert str(tmp_path / "data" / RAW) in message
    assert str(tmp_path / "cache" / "downloads" / RAW) in message
    assert "--download" in message
    assert "--data-dir DIR, where DIR/MNIST/raw/ holds" in message
    assert all(name in message for name in MNIST_FILES)
    assert len(message.splitlines()) == 3
    assert_nothing_half_made(tmp_path / "cache")


@pytest.mark.parametrize("download", [False, True])
@pytest.mark.parametrize("name", MNIST_FILES)
def test_corrupt_mnist_file_is_named_with_both_checksums(tmp_path: Path, name: str, *, download: bool) -> None:
    """A source file with a wrong checksum is an error that names it, and is left as it is even with --download."""
    path = tmp_path / "data" / RAW / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not this")
    with pytest.raises(CorruptDataError) as raised:
        prepare_quietly("mnist", tmp_path / "cache", tmp_path / "data", download=download)
    message = str(raised.value)
    assert str(path) in message
    assert mnist.PREPARATION.checksums[name.removesuffix(".gz")].compressed in message
    assert hashlib.md5(b"not this", usedforsecurity=False).hexdigest() in message
    assert "Replace it" in message
    assert path.read_bytes() == b"not this"
    assert_nothing_half_made(tmp_path / "cache")


def test_corrupt_extracted_files_are_not_trusted(tmp_path: Path) -> None:
    """Extracted files, which torchvision would read unseen, are held against checksums too."""
    raw = tmp_path / "data" / RAW
    raw.mkdir(parents=True)
    for name in MNIST_FILES:
        (raw / name.removesuffix(".gz")).write_bytes(b"anything")
    with pytest.raises(CorruptDataError, match="train-images-idx3-ubyte of the data set mnist is damaged"):
        prepare_quietly("mnist", tmp_path / "cache", tmp_path / "data")


def test_failed_download_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --download and no way to the network, the error says so in one line and nothing is left behind."""
    for variable in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
        monkeypatch.setenv(variable.upper(), "http://127.0.0.1:9")
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(DataError, match=r"mnist could not be fetched.*--data-dir") as raised:
        prepare_quietly("mnist", tmp_path, download=True)
    assert "\n" not in str(raised.value)
    assert_nothing_half_made(tmp_path)


def test_mnist_has_the_published_shapes_and_values(mnist_cache: Path, real_data: Path) -> None:
    """60,000 and 10,000 images are the pixels of the original files divided by 255, with their labels."""
    prepared = prepare_quietly("mnist", mnist_cache)
    assert prepared.load("x_train").shape == (60_000, 28, 28, 1)
    assert prepared.load("x_test").shape == (10_000, 28, 28, 1)
    assert prepared.load("y_train")[:5].tolist() == [5, 0, 4, 1, 9]
    parts: tuple[tuple[ArrayName, ArrayName, str], ...] = (
        ("x_train", "y_train", "train"),
        ("x_test", "y_test", "t10k"),
    )
    for x, y, file in parts:
        pixels = gzip.decompress((real_data / RAW / f"{file}-images-idx3-ubyte.gz").read_bytes())[16:]
        labels = gzip.decompress((real_data / RAW / f"{file}-labels-idx1-ubyte.gz").read_bytes())[8:]
        images = prepared.load(x)
        expected = np.frombuffer(pixels, np.uint8).reshape(images.shape).astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(images, expected)
        np.testing.assert_array_equal(prepared.load(y), np.frombuffer(labels, np.uint8))


def test_prepared_mnist_is_shared_by_every_data_directory(mnist_cache: Path, tmp_path: Path) -> None:
    """Once prepared, MNIST is found whatever data directory is named, because its files can be no others."""
    reports: list[str] = []
    prepared = prepare("mnist", data_dir=tmp_path, cache_dir=mnist_cache, download=False, report=reports.append)
    assert prepared.directory.parent == mnist_cache / "datasets"
    assert reports == []


def test_extracted_mnist_files_give_the_same_data(mnist_cache: Path, real_data: Path, tmp_path: Path) -> None:
    """The four files already extracted are as good as the compressed ones."""
    raw = tmp_path / "data" / RAW
    raw.mkdir(parents=True)
    for name in MNIST_FILES:
        (raw / name.removesuffix(".gz")).write_bytes(gzip.decompress((real_data / RAW / name).read_bytes()))
    extracted = prepare_quietly("mnist", tmp_path / "cache", tmp_path / "data")
    compressed = prepare_quietly("mnist", mnist_cache)
    assert (extracted.directory / "manifest.json").read_text() == (compressed.directory / "manifest.json").read_text()


@pytest.fixture
def mirror(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A proxy on this machine that answers for every http host with MNIST's files; gives the files it sent."""
    sent: list[str] = []

    class Mirror(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            self.send_response(200)
            self.end_headers()
            if self.command == "GET":
                sent.append(name)
                self.wfile.write((real_data / RAW / name).read_bytes())

        do_HEAD = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{server.server_port}")
        for variable in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(variable, raising=False)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield sent
        server.shutdown()
        serving.join()


def test_download_fetches_what_is_missing_and_keeps_it(
    mirror: list[str], mnist_cache: Path, real_data: Path, tmp_path: Path
) -> None:
    """With --download, only the absent files are fetched, into the data directory, and the data is the same."""
    raw = tmp_path / "data" / RAW
    raw.mkdir(parents=True)
    shutil.copyfile(real_data / RAW / MNIST_FILES[0], raw / MNIST_FILES[0])
    downloaded = prepare_quietly("mnist", tmp_path / "cache", tmp_path / "data", download=True)
    assert set(mirror) == set(MNIST_FILES[1:])
    assert {path.name for path in raw.iterdir()} == set(MNIST_FILES)
    assert (raw / MNIST_FILES[2]).read_bytes() == (real_data / RAW / MNIST_FILES[2]).read_bytes()
    other = prepare_quietly("mnist", mnist_cache)
    assert (downloaded.directory / "manifest.json").read_text() == (other.directory / "manifest.json").read_text()


def test_download_into_a_data_directory_that_cannot_be_written_goes_to_the_cache(
    mirror: list[str], tmp_path: Path
) -> None:
    """What is downloaded is kept below the cache directory when the data directory refuses it."""
    (tmp_path / "data").write_text("a file, in which no directory can be made")
    prepare_quietly("mnist", tmp_path / "cache", tmp_path / "data", download=True)
    assert set(mirror) == set(MNIST_FILES)
    assert {path.name for path in (tmp_path / "cache" / "downloads" / RAW).iterdir()} == set(MNIST_FILES)

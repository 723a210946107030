"""fixtures.measuring.remote.far_side: keeps what arrives whole, and runs in a Python that has nothing else."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.git import git
from fixtures.arms.hosts import HostError
from fixtures.arms.programs import read_program
from fixtures.measuring.remote import far_side, preparing
from fixtures.measuring.remote.far_side import CannotError, FarSide
from fixtures.measuring.remote.preparing import (
    archive_of,
    installed,
    pins,
    program_files,
    suite,
    suites_packages,
    tree,
)

if TYPE_CHECKING:
    from fixtures.arms.programs import Program
    from fixtures.measuring.remote.preparing import Archive


def sent(archive: Archive) -> tuple[str, int, list[bytes]]:
    """Digest, size and pieces of an archive."""
    file = io.BytesIO()
    archive.write(file)
    data = file.getvalue()
    pieces = [data[start : start + 1000] for start in range(0, len(data), 1000)]
    return hashlib.sha256(data).hexdigest(), len(data), pieces


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two files, one in a folder."""
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    (source / "a.txt").write_text("one", encoding="utf-8")
    (source / "inner" / "b.txt").write_text("two" * 1000, encoding="utf-8")
    return archive_of("data", tree(source))


def test_it_needs_the_standard_library_alone() -> None:
    """Nothing of the suite is there when it runs."""
    found = ast.walk(ast.parse(Path(far_side.__file__).read_text(encoding="utf-8")))
    names = [alias.name for node in found if isinstance(node, ast.Import) for alias in node.names]
    names += [
        node.module or ""
        for node in ast.walk(ast.parse(Path(far_side.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
    ]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_what_has_arrived_whole_is_kept(archive: Archive, tmp_path: Path) -> None:
    """Under its name, with the same content; a second run finds it."""
    digest, size, pieces = sent(archive)
    folder = str(tmp_path / "kept")
    there = FarSide(folder, iter(pieces).__next__)
    assert archive.name not in there.facts()["kept"]
    place = Path(there.keep(archive.name, digest, size))
    assert (place / "inner" / "b.txt").read_text(encoding="utf-8") == "two" * 1000
    assert sorted(each.name for each in place.iterdir()) == ["a.txt", "inner"]
    again = FarSide(folder, str)
    assert archive.name in again.facts()["kept"]
    assert again.use(archive.name) == str(place)


def test_what_is_damaged_is_not_kept(archive: Archive, tmp_path: Path) -> None:
    """And nothing half-written is left."""
    _, size, pieces = sent(archive)
    there = FarSide(str(tmp_path / "kept"), iter(pieces).__next__)
    there.facts()
    with pytest.raises(CannotError, match="arrived damaged"):
        there.keep(archive.name, "0" * 64, size)
    assert not list((tmp_path / "kept" / "contents").iterdir())


def test_without_room_all_that_is_sent_is_taken_and_dropped(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the rest would be read as the next request."""
    digest, size, pieces = sent(archive)
    waiting = iter(pieces)
    there = FarSide(str(tmp_path / "kept"), waiting.__next__)
    there.facts()
    monkeypatch.setattr(far_side, "ROOM_BYTES", 2**62)
    with pytest.raises(CannotError, match=r"no room in .*: [\d,]+ MiB are free, [\d,]+ MiB are needed"):
        there.keep(archive.name, digest, size)
    assert next(waiting, None) is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CannotError, match="cannot be written"):
        FarSide(str(tmp_path / "file"), str).facts()


def test_what_nobody_has_used_for_long_is_removed(tmp_path: Path) -> None:
    """What is used stays."""
    there = FarSide(str(tmp_path), str)
    there.facts()
    old, used = (tmp_path / "contents" / name for name in ("old", "used"))
    long_ago = time.time() - (far_side.KEPT_DAYS + 1) * 86_400
    for place in (old, used):
        place.mkdir()
        os.utime(place, (long_ago, long_ago))
    there.use("used")
    assert there.facts()["kept"] == ["used"]
    assert not old.exists()


def test_an_archive_is_named_after_its_content(archive: Archive, tmp_path: Path) -> None:
    """The same files have the same name, wherever they lie; others do not."""
    source = tmp_path / "source"
    assert archive_of("data", tree(source)).name == archive.name
    (source / "a.txt").write_text("other", encoding="utf-8")
    assert archive_of("data", tree(source)).name != archive.name


def test_the_suite_travels_without_bytecode() -> None:
    """And with all that a worker imports."""
    names = {name for name, _ in suite().files}
    assert {"fixtures/workers/child.py", "models/registry.py", "requirements/suite.txt"} <= names
    assert not [name for name in names if name.endswith(".pyc") or name.startswith((".", "tests"))]


def test_pins_are_what_is_installed_with_all_that_it_needs() -> None:
    """Each once; what is not here is left out."""
    found = dict(pin.split("==") for pin in pins(["pytest-benchmark", "no-such-package"]))
    assert {"pytest-benchmark", "pytest", "pluggy", "packaging"} <= found.keys()
    assert "no-such-package" not in found
    assert not [version for version in found.values() if "+" in version]


def test_what_the_suite_itself_needs_is_known() -> None:
    """An agent imports it."""
    assert {"execnet", "psutil", "numpy", "pytest"} <= set(suites_packages())


@pytest.fixture
def pip_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of pip's settings, which alone tell of an index."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://mirror.example/simple\ncert = /etc/own.pem\n"
        "extra-index-url = https://own.example file:///not/there\n"
        f"[install]\nfind-links =\n  {tmp_path}\n  /not/there\n  /\n[search]\nindex = https://no.example\n"
        "[wheel]\nindex-url = https://no.example\nfind-links = /no\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setattr(far_side, "_UV_SETTINGS", (str(tmp_path / "config"),))
    return file


def test_uv_finds_packages_where_pip_does(pip_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines behind a mirror are set up for pip, which installs uv there; the user's variables count more to pip."""
    found = far_side._as_pip_is_set(sys.executable)
    assert found["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert found["SSL_CERT_FILE"] == "/etc/own.pem"
    assert found["UV_INDEX"] == "https://own.example"
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert found["UV_FIND_LINKS"] == f"{pip_settings.parent},/"  # pip passes over what is not there
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.example")
    assert far_side._as_pip_is_set(sys.executable)["UV_DEFAULT_INDEX"] == "https://variable.example"
    assert far_side._as_pip_is_set("/bin/false") == {}


@pytest.mark.usefixtures("pip_settings")
@pytest.mark.parametrize("variable", ["UV_INDEX", "UV_INDEX_URL", "UV_DEFAULT_INDEX", ""])
def test_where_uv_has_settings_of_its_own_they_count(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them: an index of one with the strategy of the other would ask for private packages elsewhere."""
    if variable:
        monkeypatch.setenv(variable, "https://private.example")
    else:
        (tmp_path / "config" / "uv").mkdir(parents=True)
        (tmp_path / "config" / "uv" / "uv.toml").write_text("", encoding="utf-8")
    assert far_side._as_pip_is_set(sys.executable) == {"SSL_CERT_FILE": "/etc/own.pem"}


def program_in(folder: Path, name: str = "train.py") -> Program:
    """A program that lies in a folder."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("def training():\n    yield 1.0\n", encoding="utf-8")
    return read_program(str(folder / name), folder)


@pytest.mark.parametrize("ignored", ["data/", "*", ""], ids=["git", "all ignored", "no git"])
def test_a_programs_folder_is_brought_without_what_nobody_wrote(tmp_path: Path, ignored: str) -> None:
    """Neither bytecode nor hidden files; where git knows the folder, nothing that it ignores, unless that is all."""
    wanted = {"train.py", "own/model.py", "settings.toml"}
    for name in (*wanted, "data/big.npy", ".venv/lib.py", "__pycache__/train.pyc", "own/__pycache__/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    program = program_in(tmp_path)
    if ignored:
        (tmp_path / ".gitignore").write_text(ignored, encoding="utf-8")
        git(tmp_path, "init", "-q")
    if ignored == "data/":
        git(tmp_path, "add", "train.py")
    found = {name for name, _ in program_files(program)}
    assert found == (wanted if ignored == "data/" else wanted | {"data/big.npy"})


def test_a_hidden_program_and_names_that_are_no_text_are_brought(tmp_path: Path) -> None:
    """Linux has names of any bytes."""
    program = program_in(tmp_path / "own", ".train.py")
    odd = os.fsencode(tmp_path / "own") + b"/caf\xe9.txt"
    Path(os.fsdecode(odd)).write_text("x", encoding="utf-8")
    for known in (False, True):
        if known:
            git(tmp_path / "own", "init", "-q")
            git(tmp_path / "own", "add", ".")
        found = program_files(program)
        assert {name for name, _ in found} == {".train.py", os.fsdecode(b"caf\xe9.txt")}
        _, size, _ = sent(archive_of("program", found))
        assert size


def test_a_program_that_is_a_link_to_elsewhere_is_refused(tmp_path: Path) -> None:
    """Its neighbours would not be those that Python has here."""
    real = program_in(tmp_path / "real").file
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "train.py").symlink_to(real)
    with pytest.raises(HostError, match=r"is a link out of .*/own, which alone is brought over: name the file"):
        program_files(read_program("train", tmp_path / "own"))


def test_data_beside_a_program_is_not_brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says where it can be instead."""
    monkeypatch.setattr(preparing, "_PROGRAM_BYTES", 1024**2)
    program = program_in(tmp_path)
    (tmp_path / "data.npy").write_bytes(bytes(3 * 1024**2))
    with pytest.raises(HostError, match=r"holds 3 MiB beside the program, and at most 1 MiB .* `working_folder` in"):
        program_files(program)


def test_packages_of_no_index_are_not_asked_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index might have somebody else's of the same name."""
    for name in ("of_index", "own_project"):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (tmp_path / "own_project-1.0.dist-info" / "direct_url.json").write_text('{"url": "file:///own"}', encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    of_index, others = installed()
    assert "of-index" in of_index
    assert "own-project" in others
    assert "own-project" not in of_index
    assert pins(["of_index", "own_project"]) == ["of-index==1.0"]

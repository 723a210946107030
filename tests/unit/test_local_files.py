"""Packages of this machine: a wheel that was built anew, or a folder that was edited, is another environment."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.environments import Changed, Copied, EnvironmentBuildError, provide
from fixtures.arms.environments.keys import key_of
from fixtures.arms.environments.local_files import content_of, local_path
from fixtures.arms.environments.uv import run_uv
from tests.tiny_package import write_project, write_wheel

if TYPE_CHECKING:
    from collections.abc import Callable

WRITERS = pytest.mark.parametrize("write", [write_wheel, write_project], ids=["wheel", "folder"])


@pytest.fixture
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current environment is one without packages, and no index can be reached."""
    venv.create(tmp_path / "current")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "current" / "bin" / "python"))


@WRITERS
@pytest.mark.usefixtures("_bare")
def test_what_was_built_anew_is_installed_anew(tmp_path: Path, write: Callable[[Path, int], Path]) -> None:
    """Not the environment of before, nor a wheel that uv has kept; what has not changed is found."""
    found = []
    for answer in (1, 2, 2):
        path = write(tmp_path, answer)
        environment = provide(Changed((f"tiny @ {path.as_uri()}",)), tmp_path / "cache", print)
        command = [str(environment.interpreter), "-c", "import tiny; print(tiny.answer)"]
        found.append((environment.key, subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    assert [said for _, said in found] == ["1\n", "2\n", "2\n"]
    assert found[0] != found[1] == found[2]


@pytest.mark.usefixtures("_bare")
def test_a_local_version_is_had_from_where_uv_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without that it is refused before anything is installed, although the current environment has it."""
    (tmp_path / "wheels").mkdir()
    write_wheel(tmp_path / "wheels", version="1.0+cpu")
    run_uv("preparing", "pip", "install", "--python", sys.executable, "--find-links", f"{tmp_path}/wheels", "tiny")
    source = Changed(("tiny==1.0+cpu",))
    with pytest.raises(EnvironmentBuildError, match=r'"tiny==1.0\+cpu" failed: uv pip install'):
        provide(source, tmp_path / "cache", print)
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    assert provide(source, tmp_path / "cache", print).packages == {"tiny": "1.0+cpu"}
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()] == [key_of(source)]


def test_a_path_in_a_requirements_file_counts_by_content_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts where pytest was started, as for uv; hashes and markers may follow."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "next.txt"
    file.write_text('tiny @ ./tiny-1.0-py3-none-any.whl ; python_version > "3" --hash=sha256:00\n', encoding="utf-8")
    found = []
    for answer in (1, 2):
        write_wheel(tmp_path, answer)
        found.append(key_of(Changed.from_file(file)))
    assert found[0] != found[1]


def test_names_of_files_need_not_be_text(tmp_path: Path) -> None:
    """They are bytes to the system."""
    before = content_of(tmp_path)
    (tmp_path / os.fsdecode(b"caf\xe9.py")).touch()
    assert content_of(tmp_path) != before


def test_what_building_leaves_in_a_folder_changes_nothing(tmp_path: Path) -> None:
    """Nor what version control and Python keep there; a new source file does."""
    project = write_project(tmp_path)
    source = Changed((f"tiny @ {project.as_uri()}",))
    before = key_of(source)
    for left in ("build/lib/tiny.py", "tiny.egg-info/PKG-INFO", ".git/index", "__pycache__/tiny.pyc"):
        (project / left).parent.mkdir(parents=True)
        (project / left).touch()
    assert key_of(source) == before
    (project / "more.py").touch()
    assert key_of(source) != before


@pytest.mark.parametrize("editable", [False, True], ids=["installed", "editable"])
def test_what_the_current_environment_was_installed_from_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, editable: bool
) -> None:
    """Of a copy, too; but an editable package is imported from its folder as it is."""
    facts = tmp_path / "site" / "tiny-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n", encoding="utf-8")
    origin = {"url": write_project(tmp_path, 1).as_uri(), "dir_info": {"editable": editable}}
    (facts / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")
    here = list(importlib.metadata.distributions(path=[str(tmp_path / "site")]))
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: here)
    before = key_of(Copied())
    write_project(tmp_path, 2)
    assert (key_of(Copied()) == before) is editable


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """In one line, before anything is built; not where the requirement is meant for another machine."""
    text = f"tiny @ {tmp_path.as_uri()}/absent.whl"
    with pytest.raises(EnvironmentBuildError) as caught:
        key_of(Changed((text,)))
    assert str(caught.value) == f"{text}: {tmp_path}/absent.whl cannot be read: No such file or directory"
    assert key_of(Changed((f'{text} ; python_version < "3"',)))


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///wheels/a%20b.whl", "/wheels/a b.whl"),
        ("file:///wheels/a.whl#sha256=00", "/wheels/a.whl"),
        ("./a.whl", "a.whl"),
        ("/wheels/a.whl", "/wheels/a.whl"),
        ("${WHEELS}/a.whl", "/wheels/a.whl"),
        ("https://example.org/a.whl", None),
        ("git+file:///repository@main", None),
    ],
)
def test_which_addresses_are_of_this_machine(address: str, path: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and folders that are read as they are; a repository's content is named by its revision."""
    monkeypatch.setenv("WHEELS", "file:///wheels")
    assert local_path(address) == (None if path is None else Path(path))

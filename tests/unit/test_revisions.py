"""``models/`` of another revision, taken from a git repository made for the test."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from fixtures.environments import EnvironmentBuildError, Revision, provide

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


def git(repository: Path, *arguments: str) -> str:
    """Run git in the repository."""
    finished = subprocess.run(
        ["git", "-C", str(repository), *IDENTITY, *arguments],  # noqa: S607 - as the suite itself finds git
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: ``models/word.py`` says "old" in the first, tagged ``before``, and "new" in the second."""
    folder = tmp_path / "repository"
    (folder / "models").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for word in ("old", "new"):
        (folder / "models" / "word.py").write_text(f"WORD = {word!r}\n", encoding="utf-8")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", f"--message={word}")
        if word == "old":
            git(folder, "tag", "before")
    return folder


def test_a_revisions_models_are_extracted_once(repository: Path, tmp_path: Path) -> None:
    """Beside the checkout, which stays as it is."""
    first = provide(Revision(repository, "before"), tmp_path / "cache", print)
    assert first.models is not None
    assert (first.models / "models" / "word.py").read_text(encoding="utf-8") == "WORD = 'old'\n"
    assert (repository / "models" / "word.py").read_text(encoding="utf-8") == "WORD = 'new'\n"
    assert first.label == "git:before"
    assert provide(Revision(repository, "before"), tmp_path / "cache", print) == first
    assert not list(tmp_path.glob("revisions/tmp*"))


def test_two_revisions_are_two_environments(repository: Path, tmp_path: Path) -> None:
    """With keys of their own."""
    keys = {provide(Revision(repository, name), tmp_path / "cache", print).key for name in ("before", "main")}
    assert len(keys) == 2


@pytest.mark.parametrize("reference", ["nowhere", "", "--all", "before..main"])
def test_what_is_no_revision_is_refused_in_one_line(reference: str, repository: Path, tmp_path: Path) -> None:
    """An option is not taken for one, either."""
    with pytest.raises(EnvironmentBuildError, match="not a revision of this checkout") as raised:
        provide(Revision(repository, reference), tmp_path / "cache", print)
    assert len(str(raised.value).splitlines()) == 1


def test_a_revision_without_models_is_refused(repository: Path, tmp_path: Path) -> None:
    """From before the suite was there."""
    git(repository, "rm", "--quiet", "-r", "models")
    git(repository, "commit", "--quiet", "--allow-empty", "--message=empty")
    with pytest.raises(EnvironmentBuildError, match="models"):
        provide(Revision(repository, "main"), tmp_path / "cache", print)

"""``models/`` of another revision, taken from a git repository made for the test."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.environments import Changed, EnvironmentBuildError, Revision, cache, provide, repository_of
from fixtures.arms.environments.revisions import described

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
    assert not list(tmp_path.glob("revisions/unfinished*"))


@pytest.mark.parametrize(
    ("differing", "noted"),
    [
        ((), ""),
        (("fixtures/reports/table.py",), ""),
        (("fixtures/workers/child.py",), "what differs in fixtures/workers is"),
        (
            ("fixtures/workers/child.py", "fixtures/measuring/bursts.py"),
            "what differs in fixtures/workers and fixtures/measuring is",
        ),
    ],
    ids=["nothing", "elsewhere", "worker", "both"],
)
@pytest.mark.parametrize("committed", [True, False])
def test_how_both_sides_are_measured_is_the_checkouts_and_said(
    repository: Path, tmp_path: Path, differing: tuple[str, ...], noted: str, *, committed: bool
) -> None:
    """A revision's own worker is not measured: who expects it to be is told; also of what git does not know yet."""
    for name in differing:
        (repository / name).parent.mkdir(parents=True)
        (repository / name).touch()
    if committed and differing:
        git(repository, "add", ".")
        git(repository, "commit", "--quiet", "--message=fixtures")
    lines: list[str] = []
    provide(Revision(repository, "before"), tmp_path / "cache", lines.append)
    expected = f"git:before takes only models/ from before: {noted} this checkout's on both sides"
    assert lines == ([expected] if noted else [])


def test_a_full_disk_is_said_in_one_line(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves nothing behind that would be taken for the revision."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extractall", full)
    with pytest.raises(EnvironmentBuildError, match=r"^git:before cannot be written to .*: No space left on device$"):
        provide(Revision(repository, "before"), tmp_path / "cache", print)
    assert list((tmp_path / "revisions").iterdir()) == []


def test_a_revision_notes_when_it_was_last_used(repository: Path, tmp_path: Path) -> None:
    """So that pruning by age spares it."""
    found = provide(Revision(repository, "before"), tmp_path / "cache", print).models
    assert found is not None
    os.utime(found, (0, 0))
    provide(Revision(repository, "before"), tmp_path / "cache", print)
    assert found.stat().st_mtime > 0


def pin(repository: Path, version: str) -> None:
    """Commit a requirements file that pins a package, the wheel of which lies beside the repository."""
    wheel = repository.parent / f"tiny-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        facts = f"tiny-{version}.dist-info"
        archive.writestr(f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
        archive.writestr(f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{facts}/RECORD", "")
    (repository / "requirements").mkdir(exist_ok=True)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (repository / "requirements" / "pinned.txt").write_text(
        f"tiny @ {wheel.as_uri()} --hash=sha256:{digest}\n", encoding="utf-8"
    )
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", f"--message=pin {version}")


def test_a_revision_comes_with_the_packages_that_it_pinned(repository: Path, tmp_path: Path) -> None:
    """Exactly these, and with its own ``models/``: a combination that ran."""
    pin(repository, "1.0")
    git(repository, "tag", "pinned")
    (repository / "models" / "word.py").write_text("WORD = 'newest'\n", encoding="utf-8")
    pin(repository, "2.0")
    base = provide(Revision(repository, "pinned", "requirements/pinned.txt"), tmp_path / "cache", print)
    assert base.label == "git:pinned:requirements/pinned.txt"
    assert base.packages == {"tiny": "1.0"}
    assert base.interpreter.is_relative_to(tmp_path / "cache")
    assert base.models is not None
    assert (base.models / "models" / "word.py").read_text(encoding="utf-8") == "WORD = 'new'\n"
    current = provide(Revision(repository, "pinned"), tmp_path / "cache", print)
    assert base.key != current.key
    assert current.interpreter != base.interpreter


def test_a_revision_comes_in_changed_packages(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment is built as any other that changes the current one, and the models are the revision's."""
    built: list[Changed] = []

    def build(source: Changed, folder: Path, _: object) -> None:
        built.append(source)
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").symlink_to(sys.executable)

    monkeypatch.setattr(cache, "build", build)
    found = provide(Revision(repository, "before", changes=("tiny==1.0",)), tmp_path / "cache", print)
    assert built == [Changed(("tiny==1.0",))]
    assert found.interpreter.is_relative_to(tmp_path / "cache")
    assert found.models is not None
    assert (found.models / "models" / "word.py").read_text(encoding="utf-8") == "WORD = 'old'\n"


@pytest.mark.parametrize("file", ["requirements/none.txt", "../outside.txt", "models", "*.txt"])
def test_requirements_that_a_revision_does_not_have_are_refused(file: str, repository: Path, tmp_path: Path) -> None:
    """In one line that names them."""
    with pytest.raises(EnvironmentBuildError) as raised:
        provide(Revision(repository, "main", file), tmp_path / "cache", print)
    assert len(str(raised.value).splitlines()) == 1
    assert file in str(raised.value)


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


def test_a_program_is_taken_with_its_whole_repository(repository: Path, tmp_path: Path) -> None:
    """Found from any folder in it; ``models/`` of this checkout stays what it is."""
    assert repository_of(repository / "models", "before") == repository.resolve()
    found = provide(Revision(repository, "before", whole=True), tmp_path / "cache", print)
    assert found.models is None
    assert found.repository is not None
    assert (found.repository / "models" / "word.py").read_text(encoding="utf-8") == "WORD = 'old'\n"
    assert described(found.repository.name) == described(found.repository.name.removesuffix("-whole"))
    with pytest.raises(EnvironmentBuildError, match="not a revision of its repository"):
        repository_of(tmp_path, "before")

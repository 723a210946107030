"""The state of the checkout: which commit it is, whatever git says besides, and whether its code stays the same."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.arms.checkout import CodeState, commit_info, parts_that_differ
from fixtures.sessions.budget import Budget
from fixtures.sessions.session import CodeChangedError
from tests.scripted_runner import Script
from tests.unit.test_changes import FILES, git, write
from tests.unit.test_session import STEPS, Asked

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one commit."""
    write(tmp_path, FILES | {"fixtures/workers/child.py": "", "README.md": ""})
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "base")
    return tmp_path


def test_the_commit_is_known(root: Path) -> None:
    """With its branch and when it was made; a file that no run is made of does not make it dirty."""
    write(root, {"README.md": "changed", "results.json": "new"})
    found = commit_info(root)
    assert len(found["id"]) == 40
    assert (found["branch"], found["dirty"], found["project"]) == ("main", False, root.name)
    assert found["time"] == found["author_time"]


def test_models_are_held_against_those_of_a_commit(root: Path) -> None:
    """As they lie there: changed, or new and not known to git; what lies elsewhere does not matter."""
    commit = commit_info(root)["id"]
    write(root, {"README.md": "other"})
    assert parts_that_differ(commit, root) == ()
    write(root, {"models/new.py": ""})
    assert parts_that_differ(commit, root) == ("models",)
    write(root, {"fixtures/workers/child.py": "changed", "fixtures/measuring/new.py": ""})
    assert parts_that_differ(commit, root) == ("models", "fixtures/workers", "fixtures/measuring")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=new")
    assert len(parts_that_differ(commit, root)) == 3
    assert not parts_that_differ(commit_info(root)["id"], root)
    with pytest.raises(ValueError, match="Not a valid object name"):
        parts_that_differ("0" * 40, root)


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_shall_not_look_at_counts_as_changed(root: Path, mark: str) -> None:
    """Its changes would be hidden from every comparison with a commit."""
    git(root, "update-index", mark, "models/spec.py")
    write(root, {"models/spec.py": "changed"})
    found = commit_info(root)
    assert found["dirty"] is True
    assert parts_that_differ(found["id"], root) == ("models",)


@pytest.mark.parametrize("files", [{"models/spec.py": "changed"}, {"models/new.py": ""}], ids=["changed", "untracked"])
def test_code_that_differs_from_the_commit_makes_it_dirty(root: Path, files: dict[str, str]) -> None:
    """Also a file that git does not know yet."""
    write(root, files)
    assert commit_info(root)["dirty"] is True


def test_what_git_prints_on_standard_error_is_no_part_of_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's settings, a library that cannot be preloaded, traces."""
    plain = commit_info(root)
    monkeypatch.setenv("GIT_TRACE", "1")
    monkeypatch.setenv("LD_PRELOAD", "/no/such/library.so")
    assert commit_info(root) == plain


def test_another_repository_around_it_or_below_it_is_another_matter(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder in which somebody starts pytest does not count."""
    other = tmp_path_factory.mktemp("other")
    write(other, {"file": ""})
    git(other, "init", "--quiet")
    git(other, "add", ".")
    git(other, "commit", "--quiet", "--message", "another project")
    plain = commit_info(root)
    monkeypatch.chdir(other)
    assert commit_info(root) == plain != commit_info(other)


def test_without_a_repository_it_is_unversioned(tmp_path: Path) -> None:
    """As of a checkout that was downloaded as an archive; nothing is wrong with it."""
    found = commit_info(tmp_path)
    assert found["id"] == "unversioned"
    assert "error" not in found


@pytest.mark.parametrize("kind", ["no commit", "no git"])
def test_where_git_does_not_tell_the_run_is_saved_all_the_same(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As "unknown", with the reason in one line."""
    git(tmp_path, "init", "--quiet")
    if kind == "no git":
        monkeypatch.setenv("PATH", str(tmp_path))
    found = commit_info(tmp_path)
    assert found["id"] == "unknown"
    assert len(found["error"].splitlines()) == 1


def test_a_git_of_another_owner_tells_its_commit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run as another user than the one who has cloned; git then refuses, unless it is told to."""
    plain = commit_info(root)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert commit_info(root) == plain


@pytest.mark.parametrize("change", ["edited", "added", "removed", "unreadable", "own"])
def test_code_that_changes_is_seen(root: Path, change: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever happens to a file that workers import; the suite's other files may change."""
    own = tmp_path_factory.mktemp("own") / "mine.py"
    own.write_text("a", encoding="utf-8")
    state = CodeState(root, [own])
    write(root, {"README.md": "changed", "models/notes.txt": "new"})
    os.utime(root / "models" / "spec.py", (1, 1))
    assert state.changed() == ""
    if change == "own":
        own.write_text("b", encoding="utf-8")
        assert state.changed() == str(own)
        return
    if change == "edited":
        write(root, {"models/spec.py": "changed"})
    elif change == "added":
        write(root, {"models/adapters/new.py": ""})
    elif change == "removed":
        (root / "fixtures/workers/child.py").unlink()
    else:
        write(root, {"models/spec.py": "x"})
        (root / "models/spec.py").chmod(stat.S_IWUSR)
    expected = {"added": "models/adapters/new.py", "removed": "fixtures/workers/child.py"}
    assert state.changed() == expected.get(change, "models/spec.py")


def test_a_session_ends_with_the_code_that_it_began_with() -> None:
    """The block in which it changed does not count; what was read before is judged, and says that it was cut short."""
    script, asked = Script(), Asked(*[[STEPS]] * 9)
    states: Any = iter(["", "", "", "models/adapters/jax.py"])
    session = script.session(asked, Budget(1000.0, 0.01, first_look=4), changed=lambda: next(states))
    assert session.interrupted
    assert isinstance(session.ended_by, CodeChangedError)
    assert str(session.ended_by).startswith("models/adapters/jax.py was changed while it was measured")
    assert len(asked.taken) == 2

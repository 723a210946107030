"""git, asked about one folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fixtures.arms.checkout import commit_info
from fixtures.arms.git import LOCAL_VARIABLES, GitError, clean_environment, git


def test_all_that_git_itself_calls_local_is_left_out() -> None:
    """By the release that is installed; an older one may know a name less."""
    listed = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True)  # noqa: S607
    assert set(listed.stdout.split()) <= set(LOCAL_VARIABLES)


def test_these_tests_know_of_no_hook() -> None:
    """Else those that make commits would make them in the developer's repository."""
    assert not set(LOCAL_VARIABLES) & os.environ.keys()


def test_what_else_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy or an identity is the user's own."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -v")
    assert clean_environment() == {name: value for name, value in os.environ.items() if name != "GIT_DIR"}


def test_a_failure_is_gits_last_line(tmp_path: Path) -> None:
    """And no process error with a command in it."""
    with pytest.raises(GitError, match="not a git repository"):
        git(tmp_path, "status")


def test_git_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system's reason."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="git does not run: No such file or directory"):
        git(tmp_path, "status")


def test_the_saved_commit_is_the_checkouts_in_a_hook_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark may be run before a push."""
    expected = commit_info()
    monkeypatch.setenv("GIT_DIR", str(Path("/nowhere")))
    assert commit_info() == expected

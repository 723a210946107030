"""``python -m fixtures.arms.environments``: how environments and what is kept with them are listed and removed."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.arms.environments.__main__ import main
from fixtures.arms.environments.cache import STAMP

ROOT = Path(__file__).parents[2]
COMMIT = "0123456789ab" + "0" * 28
LONG_AGO = (0, 0)


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, Path]:
    """A whole environment, one half built, a revision with requirements, one half extracted, and two first starts."""
    places = {
        "whole": tmp_path / "environments" / "aaaa",
        "half": tmp_path / "environments" / "bbbb",
        "revision": tmp_path / "revisions" / f"{COMMIT}-requirements%2Fpinned.txt",
        "extracting": tmp_path / "revisions" / "unfinished-xyz",
    }
    for place in places.values():
        (place / "bin").mkdir(parents=True)
        (place / "bin" / "program").write_bytes(b"\0" * 2**20)
    noted = {"label": "torch==2.13.0", "packages": {"tiny": "1.0"}}
    (places["whole"] / STAMP).write_text(json.dumps(noted), encoding="utf-8")
    return places


def run(tmp_path: Path, *arguments: str) -> int:
    """The command, with environments in a folder of the test's."""
    return main(list(arguments), tmp_path / "environments")


def left(kept: dict[str, Path]) -> set[str]:
    """What is still there."""
    return {name for name, path in kept.items() if path.exists()}


def test_nothing_to_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything was built."""
    assert run(tmp_path, "list") == 0
    assert capsys.readouterr().out == "nothing has been built\n"


@pytest.mark.usefixtures("kept")
def test_listing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each: kind, key, label, size, age, how it differs; also what is not whole."""
    assert run(tmp_path, "list") == 0
    _, whole, half, revision, extracting = capsys.readouterr().out.splitlines()
    assert whole.split()[:3] == ["environment", "aaaa", "torch==2.13.0"]
    assert "  1 MiB  0.0 days ago  1 added, " in whole
    assert half.split()[:4] == ["environment", "bbbb", "(not", "whole)"]
    assert revision.split()[:3] == [
        "revision",
        f"{COMMIT}-requirements%2Fpinned.txt",
        "git:0123456789ab:requirements/pinned.txt",
    ]
    assert revision.endswith("  1 MiB  0.0 days ago")
    assert extracting.split()[:4] == ["revision", "unfinished-xyz", "(not", "whole)"]


def test_pruning_by_key(kept: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of environments and revisions; an unknown key removes nothing."""
    assert run(tmp_path, "prune", "aaaa", "absent") == 2
    assert "nothing has the key absent" in capsys.readouterr().err
    assert left(kept) == set(kept)
    assert run(tmp_path, "prune", "aaaa", kept["revision"].name) == 0
    assert left(kept) == set(kept) - {"whole", "revision"}


def test_pruning_by_age(kept: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the last use; what an interrupted run has left is of no use to anybody, however new it is."""
    assert run(tmp_path, "prune", "--older-than", "1") == 0
    assert left(kept) == {"whole", "revision"}
    for path in (kept["whole"] / STAMP, kept["revision"]):
        os.utime(path, LONG_AGO)
    capsys.readouterr()
    assert run(tmp_path, "prune", "--older-than", "1") == 0
    assert left(kept) == set()
    assert capsys.readouterr().out.splitlines() == [
        "removed environment aaaa",
        f"removed revision {kept['revision'].name}",
    ]
    assert run(tmp_path, "prune", "--older-than", "1") == 0
    assert capsys.readouterr().out == "nothing to remove\n"


def test_pruning_all(kept: dict[str, Path], tmp_path: Path) -> None:
    """Nothing is left of any kind."""
    assert run(tmp_path, "prune", "--all") == 0
    assert left(kept) == set()
    assert list((tmp_path / "revisions").iterdir()) == []


def test_pruning_waits_for_a_run_that_builds(kept: dict[str, Path], tmp_path: Path) -> None:
    """And chooses only then: what was half built before is whole now, and new."""
    program = "import sys; from pathlib import Path; from fixtures.arms.environments.__main__ import main\n"
    program += "sys.exit(main(['prune', '--older-than', '1'], Path(sys.argv[1])))"
    with (tmp_path / "environments" / "building.lock").open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-c", program, str(tmp_path / "environments")]
        pruning = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        assert pruning.stderr is not None
        assert pruning.stderr.readline() == "waiting for a run that is building an environment\n"
        assert left(kept) == set(kept)
        (kept["half"] / STAMP).write_text('{"label": "finished", "packages": {}}', encoding="utf-8")
    pruning.communicate()
    assert pruning.returncode == 0
    assert left(kept) == set(kept) - {"extracting"}


@pytest.mark.parametrize("arguments", [[], ["prune"], ["prune", "--older-than", "soon"], ["prune", "--all", "key"]])
def test_bad_arguments(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They end with status 2 and a line that names them."""
    with pytest.raises(SystemExit) as caught:
        run(tmp_path, *arguments)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err

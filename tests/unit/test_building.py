"""How an environment is built of the current one, with a stand-in for uv: which packages are demanded, and when."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.environments import Changed, Copied, EnvironmentBuildError, building
from fixtures.arms.environments.building import build, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FROZEN = """torch==2.13.0+cpu
torchvision==0.28.0
Typing_Extensions==4.12.0
mine @ file:///somewhere/mine
-e file:///somewhere/else
"""


class Uv:
    """Notes what is to be installed; an index that has no local version of anything, unless it has everything."""

    def __init__(self, *, everything: bool = False) -> None:
        self.installed: list[list[str]] = []
        self.resolved: list[tuple[str, ...]] = []
        self.anew: list[str] = []
        self._everything = everything

    def __call__(self, doing: str, *arguments: str) -> str:
        """Run."""
        if arguments[:2] == ("pip", "freeze"):
            assert arguments[-1] == sys.executable
            return FROZEN
        if arguments[0] == "venv":
            return ""
        if "--dry-run" in arguments:
            self.resolved.append(arguments)
        elif arguments[:2] == ("pip", "install"):
            self.anew += [one for one in arguments if one.startswith("--reinstall-package=")]
            with open(arguments[-1], encoding="utf-8") as file:  # noqa: PTH123 - as uv is given it
                lines = file.read().splitlines()
            if any("+" in line for line in lines) and not self._everything:
                raise EnvironmentBuildError(f"{doing} failed: uv pip install ended with status 1\nno such version")
            self.installed.append(lines)
        return ""


@pytest.fixture
def uv(monkeypatch: pytest.MonkeyPatch) -> Uv:
    """In the place of the real one."""
    found = Uv()
    monkeypatch.setattr(building, "run_uv", found)
    return found


def changed(tmp_path: Path, *requirements: str) -> None:
    """Build the current environment with these changes."""
    build(Changed(requirements), tmp_path, print)


@pytest.mark.parametrize("requirement", ["torch==2.12.0", "Torch==2.13.0", "torch<3", "torch==2.12.0 --hash=sha256:00"])
def test_a_local_version_that_is_replaced_need_not_be_had(uv: Uv, tmp_path: Path, requirement: str) -> None:
    """No index has ``2.13.0+cpu``, and none is asked for it where torch is named; everything else stays."""
    changed(tmp_path, requirement)
    assert uv.installed == [FROZEN.splitlines()[1:], [requirement]]


@pytest.mark.parametrize(
    ("requirement", "stays"),
    [
        ("typing-extensions==4.11.0", False),
        ("typing-extensions>=4", True),
        ('typing-extensions==4.11.0; python_version < "3"', True),
        ("mine @ file:///somewhere/mine", True),
        ("mine==2", False),
    ],
)
def test_only_what_must_change_makes_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, requirement: str, *, stays: bool
) -> None:
    """What fulfils a requirement, or is not meant by it here, stays as it is."""
    uv = Uv(everything=True)
    monkeypatch.setattr(building, "run_uv", uv)
    changed(tmp_path, requirement)
    name = requirement[:4].lower()
    assert any(line.lower().startswith(name) for line in uv.installed[0]) is stays


@pytest.mark.parametrize("source", [Changed(("six==1.16.0",)), Copied()], ids=["changed", "copied"])
@pytest.mark.usefixtures("uv")
def test_a_local_version_that_cannot_be_had_is_explained(tmp_path: Path, source: Changed | Copied) -> None:
    """The first line names it and what to do, uv's words follow."""
    with pytest.raises(EnvironmentBuildError) as caught:
        build(source, tmp_path, print)
    first, *rest = str(caught.value).splitlines()
    assert "torch==2.13.0+cpu: package indexes have no such local versions" in first
    assert ("name their versions in --against too" in first) is isinstance(source, Changed)
    assert rest == ["no such version"]
    assert "torchvision" not in first


def test_other_failures_stay_uvs_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where nothing local is asked for, the cause is another."""
    uv = Uv()
    monkeypatch.setattr(sys.modules[__name__], "FROZEN", "six==1.16.0\n")

    def fails(doing: str, *arguments: str) -> str:
        if arguments[:2] == ("pip", "install"):
            raise EnvironmentBuildError("no network")
        return uv(doing, *arguments)

    monkeypatch.setattr(building, "run_uv", fails)
    with pytest.raises(EnvironmentBuildError, match=r"^no network$"):
        changed(tmp_path, "numpy==2")


def test_what_cannot_be_solved_fails_before_anything_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All packages of the current environment are gigabytes, and half a minute."""
    uv = Uv()

    def fails(doing: str, *arguments: str) -> str:
        if "--dry-run" in arguments:
            raise EnvironmentBuildError(f"{doing} failed: uv pip install ended with status 1\nno version of torch==99")
        return uv(doing, *arguments)

    monkeypatch.setattr(building, "run_uv", fails)
    with pytest.raises(EnvironmentBuildError, match=r'"torch==99" failed: .*\nno version of torch==99$'):
        changed(tmp_path, "torch==99")
    assert uv.installed == []


@pytest.mark.parametrize(
    ("requirement", "absent"), [("torch==2.13.0+cpu", ["--reinstall-package=torch"]), ("torchvision", [])]
)
def test_a_local_version_that_must_be_had_again_counts_as_absent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, requirement: str, absent: list[str]
) -> None:
    """Else uv would find it in the current environment first, and nowhere once everything else is installed."""
    uv = Uv(everything=True)
    monkeypatch.setattr(building, "run_uv", uv)
    changed(tmp_path, requirement)
    assert [one for one in uv.resolved[0] if one.startswith("--reinstall-package")] == absent
    assert sys.executable in uv.resolved[0]


def test_a_copy_has_nothing_to_solve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It has only what is installed together already."""
    uv = Uv(everything=True)
    monkeypatch.setattr(building, "run_uv", uv)
    build(Copied(), tmp_path, print)
    assert uv.resolved == []
    assert uv.installed == [FROZEN.splitlines()]
    assert uv.anew == ["--reinstall-package=mine"]


def test_what_was_installed_from_a_folder_that_is_gone_is_had_by_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As conda's packages are, which were built in a folder of another machine; it is said."""
    pinned = f"pytest=={pytest.__version__}"
    frozen = f"pytest @ file:///croot/pytest_1/work\nhere @ {tmp_path.as_uri()}\n"
    monkeypatch.setattr(sys.modules[__name__], "FROZEN", frozen)
    uv = Uv(everything=True)
    lines: list[str] = []
    monkeypatch.setattr(building, "run_uv", uv)
    build(Copied(), tmp_path, lines.append)
    assert uv.installed == [[pinned, f"here @ {tmp_path.as_uri()}"]]
    assert lines == [f"pytest was installed from /croot/pytest_1/work, which is not there: {pinned} stands for it"]


NO_SOLUTION = (
    "asking uv failed: uv pip install ended with status 1\n  No solution found when resolving dependencies:\n"
    "  ╰─▶ Because a==1 depends on b==1 and you require b==2, we can conclude that your requirements are unsatisfiable."
)
UNREACHABLE = (
    "asking uv failed: uv pip install ended with status 2\nerror: Failed to fetch: `a`\n  Caused by: timed out"
)


@pytest.mark.parametrize(
    ("answers", "said"), [([""], ""), ([NO_SOLUTION], "No solution found"), ([UNREACHABLE, ""], "")]
)
def test_only_a_solvers_no_is_a_refusal(monkeypatch: pytest.MonkeyPatch, answers: list[str], said: str) -> None:
    """An index that is slow once is asked again."""
    monkeypatch.setattr(building, "run_uv", answering(answers))
    assert said in refused(["a==1", "b==2"])
    assert answers == []


@pytest.mark.parametrize("words", [UNREACHABLE, NO_SOLUTION + " hint: the network was disabled"])
def test_who_cannot_look_refuses_nothing(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Else packages would count as ones that cannot be parted because of a lost connection."""
    monkeypatch.setattr(building, "run_uv", answering([words, words]))
    with pytest.raises(EnvironmentBuildError, match="asking uv failed"):
        refused(["a==1"])


def answering(answers: list[str]) -> Callable[..., str]:
    """A uv that fails with each of these words in turn, and succeeds where they are empty."""

    def run(*_: str) -> str:
        if words := answers.pop(0):
            raise EnvironmentBuildError(words)
        return ""

    return run

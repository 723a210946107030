"""Environments: what they can be made of, and how they are kept. Needs no network."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import psutil
import pytest

from fixtures.arms.environments import Changed, Current, EnvironmentBuildError, Interpreter, Pinned, cache, provide, uv
from fixtures.arms.environments.keys import key_of
from fixtures.arms.environments.uv import run_uv, unused_settings
from tests.tiny_package import write_wheel

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pinned(tmp_path: Path) -> Pinned:
    """A requirements file with one package, a wheel of a few bytes beside it."""
    wheel = write_wheel(tmp_path)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    file = tmp_path / "pinned.txt"
    file.write_text(f"tiny @ {wheel.as_uri()} --hash=sha256:{digest}\n", encoding="utf-8")
    return Pinned(file, ".".join(map(str, sys.version_info[:2])))


def write_program(path: Path, text: str) -> Path:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def ignore(_line: str) -> None:
    """Progress that nobody reads."""


def test_an_environment_is_built_and_then_found(
    pinned: Pinned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time nothing is run at all; the first time is reported in two lines."""
    lines: list[str] = []
    built = provide(pinned, tmp_path / "cache", lines.append)
    assert [line.partition(":")[0] for line in lines] == [
        'building the environment "pinned" (once; later runs find it)',
        'built the environment "pinned"',
    ]
    assert built.packages == {"tiny": "1.0"}
    program = [str(built.interpreter), "-c", "import tiny; print(tiny.answer)"]
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout == "42\n"

    monkeypatch.setattr(subprocess, "Popen", None)
    assert provide(pinned, tmp_path / "cache", lines.append) == built
    assert len(lines) == 2


def test_the_key_follows_the_content(pinned: Pinned, tmp_path: Path) -> None:
    """Another name of the same file's content is the same environment, other content another."""
    first = provide(pinned, tmp_path / "cache", ignore)
    renamed = pinned.file.rename(tmp_path / "renamed.txt")
    again = provide(Pinned(renamed, pinned.python), tmp_path / "cache", ignore)
    assert (again.key, again.label) == (first.key, "renamed")
    renamed.write_text(renamed.read_text(encoding="utf-8") + "# another\n", encoding="utf-8")
    assert provide(Pinned(renamed, pinned.python), tmp_path / "cache", ignore).key != first.key


@pytest.mark.parametrize("damage", ["no stamp", "half a stamp", "no interpreter"])
def test_what_is_not_whole_is_built_again(damage: str, pinned: Pinned, tmp_path: Path) -> None:
    """A folder that a killed run has left, or whose Python is gone, is cleared and built anew."""
    built = provide(pinned, tmp_path / "cache", ignore)
    folder = tmp_path / "cache" / built.key
    (folder / "leftover").touch()
    if damage == "no stamp":
        (folder / cache.STAMP).unlink()
    elif damage == "half a stamp":
        (folder / cache.STAMP).write_text('{"label": "pin', encoding="utf-8")
    else:
        built.interpreter.unlink()
        built.interpreter.symlink_to(tmp_path / "removed-python")
    assert provide(pinned, tmp_path / "cache", ignore) == built
    assert built.interpreter.exists()
    assert not (folder / "leftover").exists()


def test_what_a_killed_run_has_left_is_never_in_the_way(pinned: Pinned, tmp_path: Path) -> None:
    """It lies beside where an environment belongs, and the next run that builds removes it."""
    left = tmp_path / "cache" / f"{cache.UNFINISHED}{key_of(pinned)}-1"
    (left / "bin").mkdir(parents=True)
    built = provide(pinned, tmp_path / "cache", ignore)
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()] == [built.key]


def test_a_file_system_without_locks_is_no_reason_to_build_nothing(
    pinned: Pinned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lustre, some network shares: it is said, and what others may be building there is left alone."""

    def unknown(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    others = tmp_path / "cache" / f"{cache.UNFINISHED}other-1"
    others.mkdir(parents=True)
    monkeypatch.setattr("fcntl.flock", unknown)
    lines: list[str] = []
    assert provide(pinned, tmp_path / "cache", lines.append).packages == {"tiny": "1.0"}
    assert lines[0] == f"{tmp_path / 'cache'} cannot be locked: start no second run that builds environments there"
    assert others.is_dir()


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("UV_REQUIRE_HASHES", False),
        ("UV_CONSTRAINT", False),
        ("UV_EXCLUDE_NEWER", False),
        ("UV_INDEX_COMPANY_PASSWORD", True),
        ("UV_DEFAULT_INDEX", True),
        ("UV_FIND_LINKS", True),
        ("UV_HTTP_TIMEOUT", True),
    ],
)
def test_uv_is_told_where_packages_come_from_and_nothing_of_the_users_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, used: bool
) -> None:
    """What is left out is named, without its value."""
    program = write_program(tmp_path / "uv", "env")
    monkeypatch.setattr(uv, "_executable", lambda: str(program))
    for known in unused_settings():
        monkeypatch.delenv(known)
    monkeypatch.setenv(name, "value")
    assert (f"{name}=value" in run_uv("testing", "env").splitlines()) is used
    assert unused_settings() == ([] if used else [name])


def test_settings_of_the_project_that_pytest_is_started_in_do_not_reach_uv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real uv reads them in its working folder; what is named relative to the user's is found."""
    (tmp_path / "uv.toml").write_text("this = is = no TOML\n", encoding="utf-8")
    (tmp_path / "wheels").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UV_FIND_LINKS", "wheels")
    assert run_uv("testing", "pip", "list", "--python", sys.executable)  # else: an error about that file
    program = write_program(tmp_path / "uv", "pwd\nenv")
    monkeypatch.setattr(uv, "_executable", lambda: str(program))
    lines = run_uv("testing", "env").splitlines()
    assert Path(lines[0]).resolve() == Path(tempfile.gettempdir()).resolve()
    assert f"UV_FIND_LINKS={tmp_path / 'wheels'}" in lines


def test_uv_and_its_children_end_with_an_interrupted_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went on would write into the folder that is being removed."""
    program = write_program(
        tmp_path / "uv", f"sleep 60 & echo $! > {tmp_path}/child\nsleep 1\nkill -INT {os.getpid()}\nwait"
    )
    monkeypatch.setattr(uv, "_executable", lambda: str(program))
    with pytest.raises(KeyboardInterrupt):
        run_uv("testing", "pip", "install")
    child = int((tmp_path / "child").read_text(encoding="utf-8"))
    gone = psutil.wait_procs([psutil.Process(child)] if psutil.pid_exists(child) else [], timeout=10)
    assert not gone[1]


def test_ctrl_c_leaves_no_environment(pinned: Pinned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt in the middle of building ends it, and what was begun is gone."""

    def interrupted(_source: object, folder: Path, _report: object) -> None:
        folder.mkdir(parents=True)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    monkeypatch.setattr(cache, "build", interrupted)
    with pytest.raises(KeyboardInterrupt):
        provide(pinned, tmp_path / "cache", ignore)
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


def test_two_runs_build_it_once(pinned: Pinned, tmp_path: Path) -> None:
    """Of several processes that want the same environment at once, one builds and the others wait for it."""
    program = (
        "import sys; from pathlib import Path; from fixtures.arms.environments import Pinned, provide\n"
        "file, python, cache = sys.argv[1:]\n"
        "provide(Pinned(Path(file), python), Path(cache), print)"
    )
    command = [sys.executable, "-c", program, str(pinned.file), pinned.python, str(tmp_path / "cache")]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sum(output.count("built the environment") for output in outputs) == 1


def test_a_wrong_hash_is_refused_in_uvs_words(pinned: Pinned, tmp_path: Path) -> None:
    """The first line says what failed, uv's message follows, and nothing is left behind."""
    text = pinned.file.read_text(encoding="utf-8")
    pinned.file.write_text(text[: text.index("sha256:")] + "sha256:" + "0" * 64 + "\n", encoding="utf-8")
    with pytest.raises(EnvironmentBuildError) as caught:
        provide(pinned, tmp_path / "cache", ignore)
    first, *rest = str(caught.value).splitlines()
    assert first == 'building the environment "pinned" failed: uv pip sync ended with status 1'
    assert "Hash mismatch" in "\n".join(rest)
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


def test_a_file_without_hashes_is_refused(tmp_path: Path) -> None:
    """Pinned means pinned."""
    (tmp_path / "loose.txt").write_text("six==1.17.0\n", encoding="utf-8")
    with pytest.raises(EnvironmentBuildError, match="--require-hashes"):
        provide(Pinned(tmp_path / "loose.txt", ".".join(map(str, sys.version_info[:2]))), tmp_path / "cache", ignore)


def test_missing_ingredients_are_named(pinned: Pinned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, a Python or a cache folder that cannot be had is said in one line."""
    with pytest.raises(EnvironmentBuildError, match=r"absent\.txt cannot be read: No such file or directory$"):
        provide(Pinned(tmp_path / "absent.txt", "3.11"), tmp_path / "cache", ignore)
    with pytest.raises(EnvironmentBuildError, match=r"^Python 3\.99 is needed and not found: install it"):
        provide(Pinned(pinned.file, "3.99"), tmp_path / "cache", ignore)
    with pytest.raises(EnvironmentBuildError, match="cannot be written"):
        provide(pinned, pinned.file / "cache", ignore)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentBuildError, match="nor on the PATH: install uv"):
        provide(pinned, tmp_path / "cache", ignore)


def test_a_python_on_the_path_is_proven_before_use(
    pinned: Pinned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that is called like the Python in demand and refuses to run is not taken for it."""
    write_program(tmp_path / "python3.99", "echo 'python3.99: not installed' >&2; exit 127")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(EnvironmentBuildError, match=r"^Python 3\.99 is needed and not found"):
        provide(Pinned(pinned.file, "3.99"), tmp_path / "cache", ignore)


def test_the_current_environment() -> None:
    """It is the running interpreter, with its packages, and costs no process."""
    current = provide(Current(), Path("unused"), ignore)
    assert current.interpreter == Path(sys.executable)
    assert {"numpy", "pytest-benchmark"} <= set(current.packages)


def test_an_interpreter_of_the_user(tmp_path: Path) -> None:
    """A virtual environment's interpreter stays that one; its link is not followed."""
    given = provide(Interpreter(Path(sys.executable)), tmp_path, ignore)
    assert given.interpreter == Path(sys.executable)
    assert given.packages == provide(Current(), tmp_path, ignore).packages


def test_interpreters_that_cannot_run_workers(tmp_path: Path) -> None:
    """Each is refused with one line: absent, no program, no Python, too old, without NumPy."""
    venv.create(tmp_path / "bare")
    refused = {
        tmp_path / "absent": "absent does not run: No such file or directory",
        Path("~nobody-of-this-name/python"): "python does not run: No such file or directory",
        tmp_path: "does not run: Permission denied",
        write_program(tmp_path / "cat", "echo hello; echo what is this >&2"): (
            "cat does not answer as a Python interpreter does: what is this"
        ),
        write_program(tmp_path / "old", "echo '[[3, 8, 20], {}]'"): "old is Python 3.8.20; workers need 3.11 or later",
        tmp_path / "bare" / "bin" / "python": "cannot import numpy, which workers need: ModuleNotFoundError",
    }
    for path, message in refused.items():
        with pytest.raises(EnvironmentBuildError) as caught:
            provide(Interpreter(path), tmp_path, ignore)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_requirements_from_a_file(tmp_path: Path) -> None:
    """Comments and blank lines are dropped, continued lines joined; the file's name is the label, and no more."""
    file = tmp_path / "next.txt"
    file.write_text("# next\n\ntorch==2.13.0 \\\n  --hash=sha256:00  # why\nsix\n", encoding="utf-8")
    source = Changed.from_file(file)
    assert [requirement.split() for requirement in source.requirements] == [
        ["torch==2.13.0", "--hash=sha256:00"],
        ["six"],
    ]
    assert source.label == "next.txt"
    assert Changed(source.requirements).label == " ".join(source.requirements)
    assert len({source, Changed(source.requirements), Current(), Current()}) == 2


def test_requirements_that_are_none(tmp_path: Path) -> None:
    """Nothing, and options in the place of packages, are refused and named."""
    with pytest.raises(EnvironmentBuildError, match="no requirement is given"):
        Changed(())
    with pytest.raises(EnvironmentBuildError, match="'--pre' is not a requirement"):
        Changed(("torch", "--pre"))
    (tmp_path / "more.txt").write_text("-r other.txt\n", encoding="utf-8")
    with pytest.raises(EnvironmentBuildError, match=r"^more\.txt: '-r other\.txt' is not a requirement"):
        Changed.from_file(tmp_path / "more.txt")

"""What is told of somebody's own training by reading its file, and which files are refused."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.arms.arm import CURRENT, Arm
from fixtures.arms.environments import Environment
from fixtures.arms.launch import LaunchSettings
from fixtures.arms.programs import read_program
from fixtures.arms.python_files import PythonFileError
from fixtures.measuring import arm_process
from fixtures.measuring.program_process import process_of

WHOLE = """
batch_size = 32
steps_per_epoch = 10
environment = {"KERAS_BACKEND": "jax"}
def training(device, seed=1, *, precision="float32"):
    yield 1.0
"""


@pytest.mark.parametrize("text", ["own/train.py", "own.train"])
def test_a_program_is_found_by_its_file_or_its_module(tmp_path: Path, text: str) -> None:
    """What its plain names and its parameters say is known, and nothing was run."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "train.py").write_text(f"{WHOLE}\nraise SystemExit\n", encoding="utf-8")
    found = read_program(text, tmp_path)
    assert (found.file, found.function) == ((tmp_path / "own" / "train.py").resolve(), "training")
    assert (found.module, found.folder) == (("train", found.file.parent) if "/" in text else (text, tmp_path.resolve()))
    assert (found.batch_size, found.says_batch_size, found.steps_per_epoch) == (32, True, 10)
    assert found.framework.environment == {"KERAS_BACKEND": "jax"}
    assert found.takes("precision")
    assert not found.takes("batch_size")
    assert hash(found) == hash(read_program(text, tmp_path))


def test_what_a_user_gives_a_value_needs_no_default(tmp_path: Path) -> None:
    """It is handed to the function then."""
    (tmp_path / "train.py").write_text("def training(batch_size, *, precision): yield 1\n", encoding="utf-8")
    with pytest.raises(PythonFileError, match="needs batch_size, precision, which nobody gives it"):
        read_program("train.py", tmp_path)
    assert read_program("train.py", tmp_path, ("batch_size", "precision")).asked == ("batch_size", "precision")


def test_another_function_is_named_after_a_colon(tmp_path: Path) -> None:
    """Its name then tells it apart from the others of its file."""
    (tmp_path / "train.py").write_text("from elsewhere import fast\n", encoding="utf-8")
    found = read_program("train.py:fast", tmp_path)
    assert (found.function, found.framework.identifier, found.framework.title) == (
        "fast",
        "train-fast",
        "train.py:fast",
    )
    assert found.takes("device"), "the function is imported, so the file does not tell"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("def other(): yield 1", "train.py: defines no function training"),
        ("async def training(): yield 1", "train.py: training is asynchronous"),
        ("def training(rate, *, decay): yield 1", "train.py: training needs rate, decay, which nobody gives it"),
        ("def training(:", "train.py: line 1 is not Python"),
        ("batch_size = 0\ndef training(): yield 1", "line 1: batch_size must be a whole number of at least 1"),
        ("steps_per_epoch = True\ndef training(): yield 1", "line 1: steps_per_epoch must be a whole number"),
        ("accuracy_threshold = 90\ndef training(): yield 1", "line 1: accuracy_threshold must be a number above 0"),
        ("environment = {'A': 1}\ndef training(): yield 1", "line 1: environment must be a dictionary of text"),
        (
            "environment = make()\ndef training(): yield 1",
            "line 1: environment must be a dictionary that is written out",
        ),
    ],
)
def test_what_is_no_program_is_refused_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    """Before any process is started."""
    (tmp_path / "train.py").write_text(content, encoding="utf-8")
    with pytest.raises(PythonFileError) as raised:
        read_program("train.py", tmp_path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["train.py", "no.such.module", ":training", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, text: str) -> None:
    """Whatever was typed."""
    with pytest.raises(PythonFileError, match="there is no such file"):
        read_program(text, tmp_path)


def test_a_number_that_is_computed_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    """Many scripts have such a name for reasons of their own."""
    (tmp_path / "train.py").write_text("batch_size = len('abc')\ndef training(): yield 1\n", encoding="utf-8")
    assert not read_program("train.py", tmp_path).says_batch_size


def test_a_programs_process_is_its_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets fit into its temporary folder, however deep the checkout lies, and Keras's settings are the user's."""
    commands: list[str] = []

    def worker(_name: str, command: str, _folder: Path) -> Any:
        commands.append(command)
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(arm_process, "Worker", worker)
    (tmp_path / "train.py").write_text(WHOLE, encoding="utf-8")
    program = read_program("train.py", tmp_path)
    home = Environment("current", tmp_path / "python", "key", {})
    run = SimpleNamespace(
        launch=LaunchSettings(1), run_directory=tmp_path / ("deep" * 40), environments={CURRENT: home}
    )
    process = process_of(Arm(program, program.framework, "cpu"), cast("Any", run), "process-1", noise_control=True)
    process.launch()
    variables = dict(word.split("=", 1) for word in shlex.split(commands[0]) if "=" in word)
    assert variables["KERAS_BACKEND"] == "jax"
    assert "KERAS_HOME" not in variables
    folder = Path(variables["TMPDIR"])
    with socket.socket(socket.AF_UNIX) as its_socket:
        its_socket.bind(str(folder / "pymp-12345678-listener-12345678"))  # as long as Python's own are
    process.close()
    assert not folder.exists()

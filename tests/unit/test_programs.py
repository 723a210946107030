"""What is told of somebody's own training by reading its file, and which files are refused."""

from __future__ import annotations

import importlib.metadata
import math
import shlex
import socket
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.arm import CURRENT, Arm
from fixtures.arms.environments import Environment
from fixtures.arms.launch import LaunchSettings
from fixtures.arms.programs import read_program
from fixtures.arms.python_files import PythonFileError
from fixtures.measuring import arm_process
from fixtures.measuring.program_process import process_of
from fixtures.workers.program import ProgramError, ProgramRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ASKED: tuple[tuple[str, ...], ...] = ((), ("precision",))
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
        ("def training(device, /): yield 1", "train.py: training needs device, which nobody gives it"),
        ("def training(device):\n    for step in range(9):\n        print(step)", "line 1: training is no generator"),
        ("def training():\n    def inner():\n        yield 1\n    inner()", "line 1: training is no generator"),
        ("def training():\n    return", "line 1: training is no generator"),
        ("def training(:", "train.py: line 1 is not Python"),
        ("batch_size = 0\ndef training(): yield 1", "line 1: batch_size must be a whole number of at least 1"),
        ("steps_per_epoch = True\ndef training(): yield 1", "line 1: steps_per_epoch must be a whole number"),
        ("accuracy_threshold = 90\ndef training(): yield 1", "line 1: accuracy_threshold must be a number above 0"),
        ("environment = {'A': 1}\ndef training(): yield 1", "line 1: environment must be a dictionary of text"),
        ("environment = {'': 'x'}\ndef training(): yield 1", "line 1: environment must be a dictionary of text"),
        ("environment = {'A=B': 'x'}\ndef training(): yield 1", "line 1: environment must be a dictionary of text"),
        ("environment = {'-u': 'x'}\ndef training(): yield 1", "line 1: environment must be a dictionary of text"),
        ("environment = {'A': '\\0'}\ndef training(): yield 1", "line 1: environment must be a dictionary of text"),
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


@pytest.mark.parametrize(
    "lines",
    [
        "def training(): return elsewhere()",
        "@wrapped\ndef training(): pass",
        "def training():\n    while True:\n        loss = yield 1",
        "def training():\n    yield from elsewhere()",
    ],
)
def test_what_may_give_a_generator_is_taken(tmp_path: Path, lines: str) -> None:
    """Only its call tells what a function or a decorator returns."""
    (tmp_path / "train.py").write_text(f"{lines}\n", encoding="utf-8")
    assert read_program("train.py", tmp_path).function == "training"


def test_a_name_with_a_dot_is_no_package(tmp_path: Path) -> None:
    """Else a neighbour of the name before the dot would be imported."""
    (tmp_path / "train.v2.py").write_text("def training(): yield 1\n", encoding="utf-8")
    assert read_program("train.v2.py", tmp_path).module == "train_v2"


def test_the_precision_of_a_program_is_known_only_if_it_was_told_one(tmp_path: Path) -> None:
    """With autocast of its own it trains in what nobody has said: nothing is claimed of it."""
    (tmp_path / "train.py").write_text("def training(precision='bfloat16'): yield 1\n", encoding="utf-8")
    arms = [Arm(each, each.framework, "cpu") for each in (read_program("train.py", tmp_path, asked) for asked in ASKED)]
    assert [arm.told_precision for arm in arms] == [None, "float32"]


@pytest.mark.parametrize("text", ["train.py", "no.such.module", ":training", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, text: str) -> None:
    """Whatever was typed."""
    with pytest.raises(PythonFileError, match="there is no such file"):
        read_program(text, tmp_path)


def test_a_number_that_is_computed_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    """Many scripts have such a name for reasons of their own."""
    (tmp_path / "train.py").write_text("batch_size = len('abc')\ndef training(): yield 1\n", encoding="utf-8")
    assert not read_program("train.py", tmp_path).says_batch_size


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("batch_size: int = 64", 64),
        ("batch_size = 32\nbatch_size = 64", 64),
        ("batch_size = 64\nbatch_size = len('abc')", None),
        ("batch_size = 64\nbatch_size *= 2", None),
        ("batch_size: int", None),
    ],
)
def test_the_last_value_of_a_name_counts(tmp_path: Path, lines: str, says: int | None) -> None:
    """Else images per second would be those of another batch size."""
    (tmp_path / "train.py").write_text(f"{lines}\ndef training(): yield 1\n", encoding="utf-8")
    found = read_program("train.py", tmp_path)
    assert (found.batch_size if found.says_batch_size else None) == says


def steps(**_told: Any) -> Iterator[float]:
    """A program that takes whatever it is told, and needs none of it."""
    yield from (1.0 for _ in range(40))


def test_what_a_program_is_said_to_train_it_must_be_told() -> None:
    """An imported function does not tell what it takes before it is there: two batch sizes would be one."""

    def training(device: str = "cpu") -> Iterator[float]:
        yield from steps(device=device)

    ProgramRun(training, {"device": "cpu", "seed": 1})
    for asked in ({"batch_size": 256}, {"precision": "bfloat16"}):
        with pytest.raises(ProgramError, match=f"training takes no {next(iter(asked))}"):
            ProgramRun(training, {"device": "cpu", "seed": 1, **asked})
    with pytest.raises(ProgramError, match="takes no device"):
        ProgramRun(lambda seed: steps(seed=seed), {"device": "cuda", "seed": 1})


def test_what_nobody_gives_a_program_is_named() -> None:
    """A function that is imported or made tells only when it is there what it needs."""

    def training(rate: float, device: str = "cpu") -> Iterator[float]:
        yield from steps(rate=rate, device=device)

    told = {"device": "cpu", "seed": 1}
    with pytest.raises(ProgramError, match=r"train\.py: loop needs rate, which nobody gives it"):
        ProgramRun(training, told, "train.py: loop")
    assert ProgramRun(partial(training, 0.1), told).training_step(None) == 1.0
    with pytest.raises(ProgramError, match="needs device, which nobody gives it by name"):
        ProgramRun(lambda device, /: steps(device=device), told)


def test_a_wrapper_hands_on_what_its_function_takes() -> None:
    """A decorator without functools.wraps hides which that is; only a seed and the CPU may be left out."""
    told: list[dict[str, Any]] = []

    def wrapped(function: Callable[..., Iterator[float]]) -> Callable[..., Iterator[float]]:
        def training(*arguments: Any, **named: Any) -> Iterator[float]:
            return function(*arguments, **named)

        return training

    def inner(device: str, batch_size: int = 1) -> Iterator[float]:
        told.append({"device": device, "batch_size": batch_size})
        return steps()

    ProgramRun(wrapped(inner), {"device": "cuda", "seed": 1, "batch_size": 32})
    assert told == [{"device": "cuda", "batch_size": 32}]
    with pytest.raises(TypeError, match="precision"):
        ProgramRun(wrapped(inner), {"device": "cuda", "seed": 1, "precision": "bfloat16"})


def test_what_a_device_says_too_late_is_not_hidden() -> None:
    """A GPU fails after the step has been asked for: where its number is fetched, which is one."""
    number = SimpleNamespace(shape=(), item=lambda: (_ for _ in ()).throw(RuntimeError("an illegal access")))
    run = ProgramRun(steps, {"device": "cpu", "seed": 1})
    with pytest.raises(RuntimeError, match="an illegal access"):
        run.loss(number)
    number.shape = (3,)
    with pytest.raises(ProgramError, match=r"yields SimpleNamespace of shape \(3,\) as its loss"):
        run.loss(number)


def test_a_training_that_ends_in_nothing_has_no_accuracy() -> None:
    """As an adapter's that diverges."""
    run = ProgramRun(steps, {"device": "cpu", "seed": 1})
    assert run.result({"loss": 0.5, "accuracy": 0.9}) == (0.5, 0.9)
    with pytest.raises(ProgramError, match="ended with loss = nan"):
        run.result({"loss": math.nan, "accuracy": 0.1})


def test_a_framework_may_come_in_a_package_of_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """tensorflow-cpu and tf-nightly are TensorFlow: its own word is taken for its version."""

    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(__version__="2.99"))
    assert "tensorflow 2.99" in ProgramRun(steps, {"device": "cpu", "seed": 1}).versions()


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

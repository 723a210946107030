"""Somebody's own training in a worker: run as Python would run it, and whatever is wrong with it is one clear line."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from fixtures.arms.launch import python_command
from fixtures.arms.programs import read_program
from fixtures.workers import messages
from fixtures.workers.parent import Worker, WorkerError
from tests.bench_run import PROJECT_ROOT, run_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SOUND = """
import os, sys
import models, fixtures, numpy
from utils.numbers import first
print("what it prints")
numbers = open("numbers.txt").read().split()
batch_size = 4
steps_per_epoch = 40
accuracy_threshold = 0.5
def training(seed):
    assert __name__ in sys.argv[0]
    for step in range(40):
        yield {"loss": numpy.float32(first + seed + models.number + step), "accuracy": 0.5}
if __name__ == "__main__":
    raise SystemExit("it was run")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose modules have the names of this suite's packages."""
    own = tmp_path / "own"
    (own / "utils").mkdir(parents=True)
    (own / "models.py").write_text("number = 100\n", encoding="utf-8")
    (own / "fixtures.py").write_text("", encoding="utf-8")
    (own / "utils" / "numbers.py").write_text("first = 1000\n", encoding="utf-8")
    (own / "numbers.txt").write_text("1 2", encoding="utf-8")
    return own


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """One that is running."""
    with Worker("own", python_command(sys.executable, {}), tmp_path) as started:  # type: ignore[arg-type]
        yield started


def start(worker: Worker, folder: Path, content: str, *, steps: int = 0, timeout: float = 60.0) -> None:
    """Import a program, call its function and train so many steps."""
    file = folder / "train.py"
    file.write_text(content, encoding="utf-8")
    place = str(folder)
    worker.ask(messages.ImportProgram(str(file), "train", "training", place, place, ()), 60.0)
    worker.ask(messages.StartProgram("cpu", 7, {}), 60.0)
    if steps:
        worker.ask(messages.TrainSteps(steps, 0), timeout)


def test_a_package_may_import_its_own_program(worker: Worker, folder: Path) -> None:
    """As packages whose ``__init__`` names their functions do: the module that is there is the program's."""
    package = folder / "trained"
    package.mkdir()
    (package / "__init__.py").write_text("from trained.train import training\n", encoding="utf-8")
    (package / "rate.py").write_text("rate = 0.5\n", encoding="utf-8")
    program = "from .rate import rate\ndef training(device):\n    while True:\n        yield rate\n"
    (package / "train.py").write_text(program, encoding="utf-8")
    place = str(folder)
    request = messages.ImportProgram(str(package / "train.py"), "trained.train", "training", place, place, ())
    worker.ask(request, 60.0)
    worker.ask(messages.StartProgram("cpu", 7, {}), 60.0)
    assert worker.ask(messages.TrainSteps(1, 0), 60.0).loss == 0.5


def test_a_program_is_run_as_python_would_run_it(worker: Worker, folder: Path) -> None:
    """Its neighbours are its own, its folder is the working folder, and what ended begins again."""
    start(worker, folder, SOUND)
    first = worker.ask(messages.TrainSteps(1, 0), 60.0)
    assert (first.loss, first.restarts) == (1107.0, 0)
    burst = worker.ask(messages.TrainSteps(30, 8), 60.0)
    assert (burst.loss, burst.restarts) == (1145.0, 0)
    again = worker.ask(messages.TrainSteps(2, 0), 60.0)
    assert (again.loss, again.restarts) == (1107.0, 1)
    assert worker.ask(messages.ReadMemory(), 60.0).high_water_bytes > 0
    assert worker.ask(messages.DescribeProgram(), 60.0).versions == ()


BODIES = {
    "while True: yield 'much'": "train.py: training yields str as its loss; it must be one number",
    "while True: yield '1.0'": "train.py: training yields str as its loss; it must be one number",
    "while True: yield None": "train.py: training yields NoneType as its loss",
    "while True: yield numpy.ones(3)": r"train.py: training yields ndarray of shape \(3,\) as its loss",
    "while True: yield {'accuracy': 1.0}": 'train.py: training yields a dictionary without "loss"',
    "while True: yield {'loss': 1.0, 'accuracy': numpy.nan}": "yields accuracy = nan, which is not finite",
    "return [1.0]": "train.py: training returned list and is no generator",
    "yield from [1.0] * 5": "train.py: training ended after 5 steps; it must yield at least 30 times",
    "yield from ()": "train.py: training ended after 0 steps",
    "raise ArithmeticError('of theirs')\n    yield": "ArithmeticError during TrainSteps: of theirs",
    "yield next(iter(()))": "RuntimeError during TrainSteps: generator raised StopIteration",
    "raise Wordless\n    yield": "Wordless during TrainSteps: .its message cannot be made: ZeroDivisionError",
    "raise OSError('of theirs: caf\\udce9')\n    yield": r"OSError during TrainSteps: of theirs: caf\\udce9",
    "raise OSError('of theirs' + 'x' * 3_000_000)\n    yield": r"TrainSteps: of theirsx+ \.\.\. \(3000009 char",
    "sys.stdout.close()\n    raise OSError('of theirs')\n    yield": "OSError during TrainSteps: of theirs",
    "os.kill(os.getpid(), 11)\n    yield": "the worker died during TrainSteps: killed by signal 11, SIGSEGV",
    "sys.exit(4)\n    yield": "SystemExit during TrainSteps: 4",
    "import nobody_has_it\n    yield": "ModuleNotFoundError during TrainSteps: No module named 'nobody_has_it'",
    "os._exit(3)\n    yield": "the worker died during TrainSteps: exit status 3",
}


@pytest.mark.parametrize("body", BODIES)
def test_what_is_wrong_with_a_program_is_said_in_one_line(worker: Worker, folder: Path, body: str) -> None:
    """Its own last words come with it, and no line of this suite."""
    # A list is no generator: such a body must not hold a yield of its own.
    wordless = "class Wordless(Exception):\n    def __str__(self):\n        return 1 / 0\n"
    code = f"import os, sys, numpy\nprint('what it prints')\n{wordless}def training():\n    {body}\n"
    with pytest.raises(WorkerError, match=BODIES[body]) as raised:
        start(worker, folder, code, steps=10)
    assert "\n" not in raised.value.cause
    assert len(raised.value.cause) < 2000
    assert "session.py" not in raised.value.detail
    if any(word in body for word in ("of theirs", "next(", "raise", "kill")):
        assert "train.py" in raised.value.detail
    if "of theirs" in body:
        assert "what it prints" in raised.value.detail


def test_a_program_that_reads_its_arguments_says_so(worker: Worker, folder: Path) -> None:
    """There are none: what it prints and the line of it are shown, not how its parser has come to end it."""
    code = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('data')\nparser.parse_args()\n"
    with pytest.raises(WorkerError, match="SystemExit during ImportProgram: 2") as raised:
        start(worker, folder, f"{code}def training():\n    yield 1.0\n")
    assert "the following arguments are required: data" in raised.value.detail
    assert "parser.parse_args()" in raised.value.detail
    assert "argparse.py" not in raised.value.detail


def test_a_training_that_tells_no_accuracy_at_its_end_says_what_to_yield(worker: Worker, folder: Path) -> None:
    """Also one that yields nothing."""
    for body in ("yield from [1.0] * 40", "yield from ()", "yield {'loss': 1.0, 'accuracy': 50.0}"):
        start(worker, folder, f"def training():\n    {body}\n")
        with pytest.raises(WorkerError, match=r"so its last step must yield|yields NoneType"):
            worker.ask(messages.FinishProgram(), 60.0)


def test_a_program_that_hangs_is_told_by_its_line(worker: Worker, folder: Path) -> None:
    """And what it has started ends with it."""
    code = """
import subprocess, time
def training():
    started = subprocess.Popen(["sleep", "600"])
    open("pid.txt", "w").write(str(started.pid))
    while True:
        time.sleep(0.01)
    yield
"""
    with pytest.raises(WorkerError, match=r"no answer to TrainSteps within 2 s; .* it was at line 7 of .*train.py"):
        start(worker, folder, code, steps=1, timeout=2.0)
    left = int((folder / "pid.txt").read_text(encoding="utf-8"))
    deadline = time.monotonic() + 10.0
    while psutil.pid_exists(left) and psutil.Process(left).status() != "zombie":
        assert time.monotonic() < deadline, "what the program started is still running"
        time.sleep(0.05)


def test_a_program_that_waits_is_told_by_its_own_line_too(worker: Worker, folder: Path) -> None:
    """The innermost line is one of Python's own library, which its user has never seen."""
    code = "import queue\ndef training():\n    queue.Queue().get()\n    yield 1.0\n"
    with pytest.raises(WorkerError, match=r"threading\.py, in wait, called from line 3 of .*train\.py, in training"):
        start(worker, folder, code, steps=1, timeout=2.0)


DIES_BESIDE_ITS_COPY = """
import os, time
def training():
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    yield 1.0
    os._exit(7)
"""


def test_a_program_that_dies_beside_a_copy_of_itself_has_died(worker: Worker, folder: Path) -> None:
    """The copy holds its pipes open, so that nobody is told; waiting for an answer would take half an hour."""
    with pytest.raises(WorkerError, match="the worker died during TrainSteps: exit status 7"):
        start(worker, folder, DIES_BESIDE_ITS_COPY, steps=2, timeout=60.0)


def test_a_copy_that_comes_back_does_not_answer(worker: Worker, folder: Path) -> None:
    """Two answers to one question would put the second one in the place of the next."""
    code = "import os\ndef training():\n    os.fork()\n    while True:\n        yield float(os.getpid())\n"
    start(worker, folder, code)
    assert {worker.ask(messages.TrainSteps(1, 0), 60.0).loss for _ in range(5)} == {float(worker.pid)}


def test_a_log_does_not_grow_without_end(worker: Worker, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may print as much as it likes."""
    monkeypatch.setattr("fixtures.workers.parent._LONGEST_LOG_BYTES", 1_000_000)
    monkeypatch.setattr("fixtures.workers.parent._LOOK_SECONDS", 0.05)
    loop = "    while True:\n        print('x' * 100_000, flush=True)\n        time.sleep(0.01)\n"
    code = f"import time\ndef training():\n{loop}    yield"
    with pytest.raises(WorkerError, match="it was at line"):
        start(worker, folder, code, steps=1, timeout=2.0)
    assert (worker.directory / "stderr.txt").stat().st_size < 8_000_000


def test_a_log_does_not_grow_from_one_answer_to_the_next(
    worker: Worker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bursts are shorter than the time after which somebody who waits would look."""
    monkeypatch.setattr("fixtures.workers.parent._LONGEST_LOG_BYTES", 1_000_000)
    start(
        worker, folder, "def training():\n    while True:\n        print('x' * 100_000, flush=True)\n        yield 1.0"
    )
    for _ in range(30):
        worker.ask(messages.TrainSteps(1, 0), 60.0)
    assert (worker.directory / "stderr.txt").stat().st_size < 1_200_000


def test_a_program_is_measured(tmp_path: Path, folder: Path) -> None:
    """Step, epoch, first step and memory, saved and in the table as those of a framework are."""
    (folder / "train.py").write_text(SOUND, encoding="utf-8")
    command = ("--program", str(folder / "train.py"), "--quick", "--processes", "1", "--benchmark-autosave")
    run = run_bench(tmp_path, *command)
    assert run.status == 0, run.output
    info: dict[str, Any] = run.benchmark("test_training_step[program-train-cpu]")["extra_info"]
    assert info["images_per_second"] == pytest.approx(4 / info["seconds"])
    assert info["precision"] is None
    assert run.saved["machine_info"]["cnn_dyno"]["precision"] is None
    assert "float32" not in run.output
    assert info["restarts"] > 0
    assert {one["name"].partition("[")[0] for one in run.saved["benchmarks"]} == {
        "test_training_step",
        "test_epoch",
        "test_first_step",
        "test_peak_memory",
        "test_final_accuracy",
    }
    accuracy = run.benchmark("test_final_accuracy[program-train-cpu]")["extra_info"]
    assert (accuracy["accuracy"], accuracy["loss"], accuracy["seeds"]) == (0.5, 1000 + 42 + 100 + 39, [42])
    assert "train.py ended while it was measured, and was started again" in run.output
    assert "program-train-cpu: it has loaded none of PyTorch, TensorFlow, Keras and JAX" in run.output
    compared = run_bench(tmp_path, *command, "--benchmark-compare", "-m", "memory or accuracy")
    assert "compared with saved runs" in compared.output
    assert "train.py, peak memory" in compared.output
    assert "train.py, final accuracy" in compared.output


ENVIRONMENT = """
import os
def training(seed):
    for step in range(1000):
        yield 1.0 / (1 + step) + float(os.environ.get("WHERE", "0"))
"""


def test_another_environment_that_trains_something_else_is_not_timed(tmp_path: Path, folder: Path) -> None:
    """It is said in one line before anything is measured, and the run is not complete."""
    (folder / "train.py").write_text(ENVIRONMENT, encoding="utf-8")
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nWHERE=0.5 exec {sys.executable} "$@"\n', encoding="utf-8")
    other.chmod(0o755)
    run = run_bench(tmp_path, "--program", str(folder / "train.py"), "--against", str(other), "-m", "step or memory")
    assert run.status == pytest.ExitCode.TESTS_FAILED, run.output
    assert "**NOT COMPLETE**" in run.output
    assert "DIFFERENT PROGRAMS: the first loss is 1 in the current environment and 1.5 in the other" in run.output
    assert not run.saved.get("benchmarks")


UNSEEDED = """
import random
def training():
    first = random.random()
    for step in range(1000):
        yield first + 1.0 / (1 + step)
"""


def test_two_runs_of_a_program_without_a_seed_say_that_nothing_can_be_told(tmp_path: Path, folder: Path) -> None:
    """Each environment runs it twice: what two runs of one differ by is no difference between two."""
    (folder / "train.py").write_text(UNSEEDED, encoding="utf-8")
    program = ("--program", str(folder / "train.py"), "--device", "cpu")
    run = run_bench(tmp_path, *program, "--against", sys.executable, "-m", "memory", "--budget", "30s")
    assert "Whether both train the same cannot be told: two runs of one environment differ" in run.output, run.output
    assert "DIFFERENT PROGRAMS" not in run.output


def test_a_program_is_held_against_its_own_earlier_revision(tmp_path: Path, folder: Path) -> None:
    """The file and its neighbours as they were, found from the repository that the file is in."""

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
        subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)  # noqa: S607

    (folder / "train.py").write_text(SOUND, encoding="utf-8")
    git("init", "-q")
    git("add", "models.py", "fixtures.py", "utils", "train.py")  # what it reads, numbers.txt, is not in git
    git("commit", "-qm", "as it was")
    (folder / "models.py").write_text("number = 200\n", encoding="utf-8")
    command = ("--program", str(folder / "train.py"), "--device", "cpu", "-m", "memory")
    run = run_bench(tmp_path, *command, "--against", "git:HEAD")
    assert run.status == pytest.ExitCode.TESTS_FAILED, run.output
    losses = "the first loss is 1242 in the current environment and 1142 in the other, 8.1 % apart"
    assert f"DIFFERENT PROGRAMS: {losses} (two runs of one environment 0 %, two seeds 0.08 %)" in run.output
    unknown = run_bench(tmp_path, *command, "--against", "git:nowhere")
    assert unknown.status == pytest.ExitCode.USAGE_ERROR
    assert "--against git:nowhere: not a revision of its repository that can be used" in unknown.output
    (folder / "later.py").write_text(SOUND, encoding="utf-8")
    newer = run_bench(tmp_path, "--program", str(folder / "later.py"), *command[2:], "--against", "git:HEAD")
    assert "program-later-cpu@git_HEAD proof: git:HEAD has no later.py where it is now" in newer.output


@pytest.mark.parametrize(
    ("name", "framework"),
    [("pytorch", "torch"), ("resnet18", "torch"), ("keras", "keras"), ("keras_fit", "keras"), ("flax", "jax")],
)
def test_the_examples_are_programs(tmp_path: Path, name: str, framework: str) -> None:
    """Each is read, started and driven for a few steps, and the same seed gives the same first loss again."""
    program = read_program(f"docs/examples/training_{name}.py", PROJECT_ROOT)
    assert program.says_batch_size
    command = python_command(Path(sys.executable), {"IMAGE_SIZE": "32", **program.framework.environment})
    place = str(program.folder)
    losses = []
    with Worker(name, command, tmp_path) as own:
        own.ask(messages.ImportProgram(str(program.file), program.module, program.function, place, place, ()), 120.0)
        for _start in range(2):
            own.ask(messages.StartProgram("cpu", 7, {}), 60.0)
            losses.append(own.ask(messages.TrainSteps(1, 0), 120.0).loss)
        assert own.ask(messages.TrainSteps(3, 1), 120.0).loss > 0
        versions = own.ask(messages.DescribeProgram(), 60.0).versions
    assert any(version.startswith(f"{framework} ") for version in versions)
    assert losses[0] == losses[1]


LOADED = """
import gc, time, sys, types
class Batches:
    def __next__(self):
        time.sleep(0.001)
module = types.SimpleNamespace(_BaseDataLoaderIter=Batches)
sys.modules["torch.utils.data.dataloader"] = module
def training():
    loader = Batches()
    for step in range(100):
        next(loader)
        gc.collect(0)
        yield 1.0
"""


def test_what_can_be_told_of_a_program_is_told_of_each_burst(worker: Worker, folder: Path) -> None:
    """From when it is asked for; of what is timed only, and with parts that are no more than the whole."""
    start(worker, folder, LOADED, steps=1)
    assert worker.ask(messages.TrainSteps(5, 0), 60.0).parts == {}
    worker.ask(messages.TimeParts(), 60.0)
    trained = worker.ask(messages.TrainSteps(5, 2), 60.0)
    assert set(trained.parts) == {"garbage collection", "input"}
    assert 0.0 < sum(trained.parts.values()) < trained.seconds
    assert trained.parts["input"] > 5 * 0.001

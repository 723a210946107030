"""tests.figures.gpu_check: what it calls a problem, what it prints, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.figures import gpu_check
from tests.figures.gpu_check import Check, main
from tests.figures.gpu_check_report import problems, report
from tests.figures.planted_interpreter import interpreter_like_this, plant

if TYPE_CHECKING:
    from pathlib import Path

RIGHT: dict[str, Any] = {
    "machine": {"gpus": [{"name": "NVIDIA H100"}]},
    "heat_seconds": 0.0,
    "numbers": {
        "errors": {"jax": {"float32": {"matrix product": 2.1e-7, "convolution": 4.0e-7}}},
        "float32_is_float32": True,
        "wrong": [],
    },
    "clock": {"digits": {"wall_seconds": 2.7e-3, "events_seconds": 2.6e-3}, "seconds": 9.0},
    "equal": {"command": "pytest bench", "seconds": 40.0, "benchmarks": [{"name": "a", "verdict": "no regression"}]},
    "worsened": {"command": "pytest bench", "seconds": 40.0, "benchmarks": [{"name": "a", "verdict": "improvement"}]},
    "another-program": {"command": "pytest bench", "seconds": 30.0, "benchmarks": [], "noticed": ["the GPU"]},
}


def test_a_sound_gpu_has_no_problem() -> None:
    """And its figures are shown."""
    assert problems(RIGHT) == []
    text = report(RIGHT)
    assert text.startswith("# NVIDIA H100\n")
    assert "| jax       | float32   |        2.1e-07 |     4.0e-07 |" in text
    assert "digits: a step takes 2.700 ms by the wall clock, 2.600 ms by CUDA's events" in text
    assert text.endswith("No problem was found.")


@pytest.mark.parametrize(
    ("step", "found", "words"),
    [
        ("numbers", {"float32_is_float32": False, "wrong": ["jax"]}, "float32 is not float32: jax"),
        ("equal", {"benchmarks": [{"name": "a", "verdict": "regression"}]}, "equal environments: regression"),
        ("worsened", {"benchmarks": [{"name": "a", "verdict": "inconclusive"}]}, "does more, and the gate says"),
        ("measures", {"status": 124, "said": []}, "measures: status 124, no figure"),
        ("measures", {"benchmarks": [{"name": "a", "parity": {"passed": False}}]}, "another network is trained: a"),
        ("another-program", {"benchmarks": [], "noticed": []}, "was not noticed"),
    ],
)
def test_what_must_not_be_is_said(step: str, found: dict[str, Any], words: str) -> None:
    """One line each."""
    (said,) = problems({**RIGHT, step: {"command": "pytest bench", "seconds": 1.0, **found}})
    assert words in said


def test_an_undecided_equal_pair_is_no_problem() -> None:
    """A minute may be too short for a verdict."""
    assert problems({**RIGHT, "equal": {"benchmarks": [{"name": "a", "verdict": "inconclusive"}]}}) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--only", "heat"], "heat is none of"), (["--framework", "tensorflow"], "tensorflow is none of"), ([], "no GPU")],
)
def test_what_cannot_be_tried_is_refused(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line, before anything is started."""
    monkeypatch.setattr(gpu_check, "gpu_available", lambda: (False, "no GPU here"))
    with pytest.raises(SystemExit) as ended:
        main(["--out", str(tmp_path / "out"), *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_command_that_takes_too_long_is_asked_to_end_and_logged(tmp_path: Path) -> None:
    """What it had said by then is kept."""
    check = Check(tmp_path, "cpu", float("inf"), ("pytorch",))
    command = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('ended'))); "
    status, said = check.run(["-u", "-c", f"{command}print('begun'); time.sleep(60)"], 3.0)
    assert (status, said.split()) == (124, ["begun", "ended"])
    assert "[status 124," in (tmp_path / "gpu_check.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("optimizer", ["Adam", "SGD"])
def test_the_planted_environment_does_more_in_every_update(optimizer: str, tmp_path: Path) -> None:
    """Real work in PyTorch's own optimiser, seen by whoever imports it there."""
    if find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    folder = interpreter_like_this(tmp_path / "planted")
    plant(folder, optimizer, 3, 16)
    program = f"""
import torch
seen = []
real = torch.mm
torch.mm = lambda *arguments: seen.append(1) or real(*arguments)
parameter = torch.nn.Parameter(torch.zeros(2))
optimizer = torch.optim.{optimizer}([parameter], lr=0.1)
parameter.sum().backward()
optimizer.step()
print(len(seen))
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [str(folder / "bin" / "python"), "-c", program], capture_output=True, text=True, check=False, env=environment
    )
    assert ran.stdout.strip() == "3", ran.stderr
    assert sys.executable != str(folder / "bin" / "python")

"""``--against`` and ``--calibrate``: what they select, and what they refuse."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.machine import gpu_available
from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE
from tests.forked_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path

MEASURES = ("training_step", "epoch", "first_step", "peak_memory", "final_accuracy")


def collected(tmp_path: Path, *arguments: str) -> set[str]:
    """Names of the benchmarks that a command line selects."""
    run = run_bench(tmp_path, "--collect-only", "-q", "-m", "cpu", *arguments)
    assert run.status == pytest.ExitCode.OK, run.output
    return {line.partition("/")[2] for line in run.output.splitlines() if "::" in line}


def test_a_changed_package_concerns_the_frameworks_that_need_it(tmp_path: Path) -> None:
    """Every measure of them, and nothing else."""
    names = collected(tmp_path, "--against", "torch==2.13.0")
    assert names >= {f"test_upgrade.py::test_{measure}[digits-pytorch-cpu@torch==2.13.0]" for measure in MEASURES}
    assert all("[digits-pytorch" in name for name in names)


def test_a_package_that_no_framework_is_made_of_concerns_them_all(tmp_path: Path) -> None:
    """NumPy, for example."""
    names = collected(tmp_path, "--against", "numpy<2.4", "-k", "training_step")
    assert {name.partition("-")[2].partition("-cpu")[0] for name in names} == {
        "pytorch",
        "tensorflow",
        "keras-tensorflow",
    }


def test_several_environments_and_the_users_own_choice(tmp_path: Path) -> None:
    """Each environment is a comparison of its own."""
    arguments = ["--against", "torch==2.13.0", "--against", sys.executable, "--framework", "jax", "-k", "first_step"]
    assert len(collected(tmp_path, *arguments)) == 2


def test_a_search_is_about_the_step_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    """Each further measure would be a search of its own; nothing is asked of an index before it begins."""
    asked = ("--bisect", "torch==2.13.0..2.15.0 torchvision", "--framework", "pytorch")
    name = "[digits-pytorch-cpu@torch==2.13.0..2.15.0_torchvision]"
    run = run_bench(tmp_path, "--collect-only", "-q", "--device", "cpu", *asked)
    found = {line.partition("/")[2] for line in run.output.splitlines() if "::" in line}
    assert found == {f"test_search.py::test_training_step{name}"}
    assert collected(tmp_path, *asked) == {f"test_search.py::test_{measure}{name}" for measure in MEASURES}
    blamed = collected(tmp_path, "--against", "torch==2.13.0", "--blame", "--framework", "pytorch", "-k", "memory")
    assert blamed == {"test_search.py::test_peak_memory[digits-pytorch-cpu@torch==2.13.0]"}


def test_a_calibration_measures_the_gate_alone(tmp_path: Path) -> None:
    """One test for each framework."""
    names = collected(tmp_path, "--calibrate", "--framework", "pytorch,tf-estimator")
    assert names == {"test_calibration.py::test_gate[digits-pytorch-cpu@copy]"}


def test_a_program_can_be_calibrated_with(tmp_path: Path) -> None:
    """One that takes no device is trained on the processor alone."""
    (tmp_path / "train.py").write_text("def training(seed): yield 1.0\n", encoding="utf-8")
    found = run_bench(tmp_path, "--collect-only", "-q", "--calibrate", "--program", str(tmp_path / "train.py")).output
    assert "test_calibration.py::test_gate[program-train-cpu@copy]" in found
    assert "cuda" not in found


def test_a_calibration_without_its_device_does_not_pass(tmp_path: Path) -> None:
    """Nothing was tested: the exit status of what is inconclusive, and the reason."""
    if gpu_available()[0]:
        pytest.skip("there is a GPU")
    run = run_bench(tmp_path, "--calibrate", "--framework", "pytorch,tensorflow", "--device", "cuda")
    assert run.status == EXIT_INCONCLUSIVE, run.output
    assert run.output.count("UNTESTED digits-") == 2
    assert "UNTESTED digits-pytorch-cuda: " in run.output


@pytest.mark.parametrize(
    ("blocks", "words"),
    [("8", "--calibrate-blocks 8 is too few"), ("40", "--calibrate-blocks 40 is probably too few"), ("80", "")],
)
def test_too_small_a_calibration_is_said_at_once(tmp_path: Path, blocks: str, words: str) -> None:
    """Before half an hour of measuring, not after it."""
    run = run_bench(tmp_path, "--collect-only", "--calibrate", "--calibrate-blocks", blocks, "--framework", "pytorch")
    assert run.status == pytest.ExitCode.OK, run.output
    assert words in run.output
    assert ("WARNING" in run.output) == bool(words)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--against", "no/such/python"], ["--against no/such/python", "no such file"]),
        (["--against", "git:no-such-branch"], ["--against git:no-such-branch", "not a revision"]),
        (["--against", __file__], ["--against", "test_against.py", "does not run"]),
        (["--against", "six", "--budget", "soon"], ["--budget soon", "10m"]),
        (["--against", "six", "--budget", "1m", "--until-decided"], ["exclude each other"]),
        (["--against", "six", "--margin", "speed=1%"], ["--margin speed=1%", "first_step"]),
        (["--against", "six", "--margin", "accuracy=1%"], ["--margin accuracy=1%", "pp"]),
        (["--calibrate", "--against", "six"], ["leave --against away"]),
        (["--calibrate", "--calibrate-blocks", "2"], ["--calibrate-blocks 2", "fewer than 4"]),
        (["--calibrate-blocks", "8"], ["is for --calibrate"]),
        (["--bisect", "six==1.10.0..1.16.0", "--against", "six"], ["give one of them"]),
        (["--bisect", "six==1.10.0..1.16.0", "--blame"], ["give one of them"]),
        (["--bisect", "six==1.10.0..1.16.0", "--calibrate"], ["leave --bisect away"]),
        (["--bisect", "six==1.16.0"], ["--bisect 'six==1.16.0'", "write one range of releases"]),
        (["--bisect", "six==1.16.0..1.10.0"], ["the range is empty"]),
        (["--bisect", "six==1.16.0,1.17.0", "--quick"], ["--quick does nothing with --bisect"]),
        (["--bisect", "six==1.16.0,1.17.0", "--schedule", "duet", "--threads", "1"], ["--threads 2"]),
        (["--blame"], ["--blame needs the other environment"]),
        (["--blame", "--against", "git:HEAD"], ["--blame is about packages", "git:HEAD"]),
        (["--pre-releases"], ["--pre-releases is for --bisect"]),
        (["--explain", "--bisect", "six==1.16.0,1.17.0"], ["--explain", "leave --bisect away"]),
        (["--explain", "--framework", "pytorch"], ["--explain needs two steps"]),
        (["--explain-trace", "traces"], ["--explain-trace", "give both"]),
        (
            ["--explain", "--explain-trace", f"{__file__}/t", "--against", sys.executable],
            ["--explain-trace", "/t cannot be"],
        ),
        (["--explain", "--program", "docs/examples/training_pytorch.py"], ["--explain needs two steps"]),
        (["--quick", "--against", "six"], ["--quick does nothing with --against"]),
        (["--until-decided"], ["--until-decided is for --against"]),
        (["--budget", "5m", "--quick"], ["--quick fixes how much is measured"]),
        (["--budget", "5m", "--calibrate"], ["--budget does nothing with --calibrate"]),
        (["--against", "torch=="], ["torch== is no requirement"]),
        (["--against", "bench"], ["bench: the folder is no virtual environment"]),
        (["--against", "six", "--framework", "tf-estimator"], ["--framework tf-estimator", "of its own"]),
        (["--calibrate", "--framework", "tf-estimator"], ["--framework tf-estimator", "of its own"]),
        (["--against", "six", "--schedule", "duet", "--threads", "1"], ["--schedule duet", "--threads 2"]),
        (["--against", "six", "--schedule", "duet", "--device", "cuda"], ["--schedule duet", "GPU"]),
    ],
    ids=lambda value: " ".join(value).replace(__file__, "FILE") if isinstance(value, list) else None,
)
def test_what_cannot_be_is_a_usage_error(tmp_path: Path, arguments: list[str], parts: list[str]) -> None:
    """One clear line, and nothing is measured."""
    run = run_bench(tmp_path, *arguments, "-m", "cpu")
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.output
    assert all(part in run.output.replace("\n", " ") for part in parts), run.output
    assert "Traceback" not in run.output
    assert not run.saved

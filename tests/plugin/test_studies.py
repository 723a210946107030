"""``--study``, ``--seeds`` and ``--defaults``: what they select, and what they refuse."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.forked_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path


def collected(tmp_path: Path, *arguments: str) -> list[str]:
    """Names of the benchmarks that a command line selects."""
    run = run_bench(tmp_path, "--collect-only", "-q", "-m", "cpu", *arguments)
    assert run.status == pytest.ExitCode.OK, run.output
    return [line.rpartition("::")[2] for line in run.output.splitlines() if "::" in line]


def test_a_study_measures_what_it_published_with_the_frameworks_that_it_compared(tmp_path: Path) -> None:
    """Training to the final accuracy, which gives loss and time too, and memory."""
    assert set(collected(tmp_path, "--study", "mnist-3conv")) == {
        f"test_{test}[mnist-3conv-{framework}-cpu]"
        for test in ("peak_memory", "final_accuracy")
        for framework in ("keras-tensorflow", "pytorch")
    }


def test_all_studies_bring_the_estimator_along(tmp_path: Path) -> None:
    """No study and no framework of one is left out."""
    names = collected(tmp_path, "--study", "all")
    assert "test_final_accuracy[mnist-dense1024-tf-estimator-cpu]" in names
    assert {name.partition("[")[2].partition("-pytorch")[0] for name in names if "-pytorch-" in name} == {
        "mnist-3conv",
        "mnist-dense64",
        "cifar10-32-16",
        "cats-vs-dogs",
    }


def test_a_study_can_be_run_with_other_frameworks(tmp_path: Path) -> None:
    """The user's own choice comes before the study's."""
    names = collected(tmp_path, "--study", "mnist-3conv", "--framework", "jax")
    assert names == ["test_peak_memory[mnist-3conv-jax-cpu]", "test_final_accuracy[mnist-3conv-jax-cpu]"]


def test_own_defaults_stand_beside_the_equal_ones(tmp_path: Path) -> None:
    """Each is an arm of its own, with a name of its own."""
    names = collected(tmp_path, "--defaults", "both", "--framework", "pytorch", "-k", "accuracy")
    assert names == ["test_final_accuracy[digits-pytorch-cpu]", "test_final_accuracy[digits-pytorch-native-cpu]"]


def test_precisions_are_arms_of_their_own(tmp_path: Path) -> None:
    """Named where they are not float32; a framework that lacks one says so."""
    names = collected(tmp_path, "--precision", "float32,bfloat16", "--framework", "pytorch", "-m", "step and cpu")
    assert names == [
        "test_training_step[digits-pytorch-cpu]",
        "test_training_step[digits-pytorch-bfloat16-cpu]",
    ]


def test_numbers_of_threads_are_arms_of_their_own(tmp_path: Path) -> None:
    """As soon as there are two of them; one alone is nobody's name."""
    asked = ("--framework", "pytorch", "-m", "step and cpu")
    assert collected(tmp_path, "--threads", "1", *asked) == ["test_training_step[digits-pytorch-cpu]"]
    cores = len(os.sched_getaffinity(0))
    if cores > 1:
        assert collected(tmp_path, "--threads", "1,2", *asked) == [
            "test_training_step[digits-pytorch-cpu-1threads]",
            "test_training_step[digits-pytorch-cpu-2threads]",
        ]


def test_batch_sizes_are_workloads_of_their_own(tmp_path: Path) -> None:
    """Each with its own benchmarks, which no baseline of another size can be taken for."""
    names = collected(tmp_path, "--batch-size", "16,128", "--framework", "pytorch", "-m", "step and cpu")
    assert names == [
        "test_training_step[digits-batch16-pytorch-cpu]",
        "test_training_step[digits-batch128-pytorch-cpu]",
    ]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--study", "imagenet"], ["--study 'imagenet'", "mnist-3conv", "cats-vs-dogs"]),
        (["--study", "mnist-3conv", "--workload", "digits"], ["leave --workload away"]),
        (["--seeds", "0"], ["--seeds 0", "at least 1"]),
        (["--batch-size", "16,0"], ["--batch-size 0", "at least 1"]),
        (["--study", "mnist-3conv", "--batch-size", "8"], ["leave --batch-size away"]),
        (["--study", "mnist-3conv", "--precision", "bfloat16"], ["leave --precision away"]),
        (["--precision", "float16"], ["--precision 'float16' is not known", "float32, bfloat16, tf32"]),
        (["--precision", "tf32", "--device", "cpu"], ["tf32 is a format of NVIDIA GPUs", "--device cuda"]),
        (["--threads", "1,2", "--calibrate"], ["--threads: give one number with --calibrate"]),
        (["--defaults", "mine"], ["--defaults", "equal", "native", "both"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_a_usage_error(tmp_path: Path, arguments: list[str], parts: list[str]) -> None:
    """Before any data is looked for."""
    run = run_bench(tmp_path, *arguments)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert all(part in run.output for part in parts), run.output
    assert "Traceback" not in run.output


def test_a_framework_whose_environment_cannot_be_built_is_skipped_with_the_reason(tmp_path: Path) -> None:
    """No worker starts for it; a run without any figure says so by its exit status."""
    run = run_bench(tmp_path, "-p", "tests.no_environments", "--framework", "tf-estimator", "-m", "cpu", "-rs")
    assert run.status == pytest.ExitCode.NO_TESTS_COLLECTED, run.output
    assert "5 skipped" in run.output
    assert "Python 3.11 was not found on this machine" in run.output.replace("\n", " ")
    assert not run.saved.get("benchmarks")

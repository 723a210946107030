"""Bad input: one clear line, the exit status of a usage error, nothing measured, no traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench_run import PROJECT_ROOT, bench_command, workspace
from tests.forked_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path


def test_help_names_every_option_with_its_default(tmp_path: Path) -> None:
    """In the groups that are the suite's own."""
    run = run_bench(tmp_path, "--help")
    assert run.status == pytest.ExitCode.OK, run.output
    own = run.output.partition("cnn-dyno: what is measured")[2]
    for option in (
        "--framework",
        "--study",
        "--seeds",
        "--batch-size",
        "--precision",
        "--defaults",
        "--against",
        "--margin",
        "--calibrate",
        "--budget",
    ):
        assert option in own
    assert "step=2%" in own


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--framework", "pytroch"], ["--framework 'pytroch'", "pytorch", "tensorflow", "keras-tensorflow"]),
        (["--framework", "missing/mine.py"], ["--framework 'missing/mine.py'", "path of an adapter's .py file"]),
        (["--workload", "imagenet"], ["--workload 'imagenet'", "digits", "mnist-3conv"]),
        (["--device", "tpu"], ["--device 'tpu'", "cpu", "cuda"]),
        (["--threads", "none"], ["--threads none", "whole number"]),
        (["--threads", "100000"], ["--threads 100000", "may use only"]),
        (["--processes", "0"], ["--processes 0", "at least 1"]),
        (["--worker-timeout", "soon"], ["--worker-timeout soon", "above 0"]),
        (["--worker-timeout", "nan"], ["--worker-timeout nan", "above 0"]),
        (["--worker-timeout", "1e300"], ["--worker-timeout 1e300", "at most 86,400"]),
        (["--data-dir", "nowhere/at/all"], ["--data-dir nowhere/at/all", "no such directory"]),
        (["--quick", "--thorough"], ["--quick and --thorough"]),
        (["--program", "missing/train.py"], ["--program missing/train.py", "no such file"]),
        (["--program="], ["--program", "no such file"]),
        (["--program", "one.py", "--program", "two.py"], ["--program is one at a time"]),
        (["--program", "README.md"], ["--program README.md: there is no such file"]),
        (["--allow-different-losses"], ["--allow-different-losses is for --program with --against"]),
        (["--program", "bench/test_training.py"], ["--program", "defines no function training"]),
        (["--program", "train.py", "--framework", "jax"], ["--framework does nothing with --program"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_bad_option_is_a_usage_error_that_names_the_good_ones(
    tmp_path: Path, arguments: list[str], parts: list[str]
) -> None:
    """The line says which option, which value, and what would be right."""
    run = run_bench(tmp_path, *arguments)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert all(part in run.output for part in parts), run.output
    assert "Traceback" not in run.output
    assert not run.saved


def test_missing_data_is_found_out_before_anything_is_measured(tmp_path: Path) -> None:
    """The message says where it looked and the two ways to get the data."""
    run = run_bench(tmp_path, "--workload", "mnist-3conv", "--data-dir", str(tmp_path))
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert str(tmp_path) in run.output
    assert "--download" in run.output
    assert "--data-dir" in run.output
    assert "Traceback" not in run.output
    assert "proving" not in run.output


def test_corrupt_data_is_named_before_anything_is_measured(tmp_path: Path) -> None:
    """The file that is wrong is named, and nothing half-written is left."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
    for name in names:
        (raw / f"{name}.gz").write_bytes(b"not what it should be")
    # With the root, the workspace is elsewhere too.
    run = run_bench(tmp_path, "--rootdir", str(tmp_path), "--workload", "mnist-3conv", "--data-dir", str(tmp_path))
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "train-images-idx3-ubyte.gz" in run.output
    assert "Traceback" not in run.output
    assert list((tmp_path / ".cnn-dyno" / "data" / "datasets").iterdir()) == []


def test_a_workspace_that_cannot_be_written_is_found_out_before_anything_is_measured(tmp_path: Path) -> None:
    """A file stands where the workspace should be, which stops even root; the folder is named, and what to do."""
    (tmp_path / ".cnn-dyno").touch()
    run = run_bench(tmp_path, "--rootdir", str(tmp_path), "-m", "cpu and memory", "--framework", "pytorch")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert f"{tmp_path / '.cnn-dyno' / 'runs'} cannot be written" in run.output
    assert "make it writable" in run.output
    assert "Traceback" not in run.output


def test_a_place_for_results_that_cannot_be_written_is_found_out_before_anything_is_measured(tmp_path: Path) -> None:
    """A file stands where results should be saved."""
    storage = tmp_path / "file"
    storage.touch()
    run = run_bench(
        *(tmp_path, f"--benchmark-storage={storage}", "-m", "cpu and memory", "--framework", "pytorch"),
    )
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert f"{storage} cannot be written" in run.output
    assert "--benchmark-storage" in run.output
    assert "Traceback" not in run.output


def test_benchmarks_that_are_skipped_start_nothing_and_are_not_green(tmp_path: Path) -> None:
    """``--benchmark-skip`` means all of them; a run without a figure has its own exit status."""
    run = run_bench(tmp_path, "--benchmark-skip", "--framework", "pytorch", "--device", "cpu")
    assert run.status == pytest.ExitCode.NO_TESTS_COLLECTED, run.output
    assert "5 skipped" in run.output
    assert "Nothing was measured" in run.output
    assert "proving that" not in run.output


def test_tests_do_not_see_what_a_developer_has_prepared() -> None:
    """A workspace of their own, unless a test has one: MNIST in the checkout's would be measured by the test above."""
    assert f"--workspace={workspace()}" in bench_command("-q")
    assert PROJECT_ROOT not in workspace().parents
    assert len([one for one in bench_command("--rootdir", "/") if "workspace" in one]) == 0

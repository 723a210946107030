"""A user's own data, network and adapter, given by path: from the examples in docs/ to the saved figures."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests import bench_run
from tests.bench_run import PROJECT_ROOT, BenchRun
from tests.forked_run import run_bench

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = PROJECT_ROOT / "docs" / "examples"


def part(count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Images of 12x12x3 of two classes, one dark, one light."""
    generator = np.random.Generator(np.random.PCG64(count))
    labels = np.arange(count) % 2
    levels = 70 + 110 * labels[:, None, None, None]
    return np.clip(generator.normal(levels, 40, (count, 12, 12, 3)), 0, 255).astype(np.uint8), labels


def write_example(folder: Path, **replaced: np.ndarray[Any, Any]) -> Path:
    """The example workload beside data for it, of which some arrays may be replaced."""
    (x_train, y_train), (x_test, y_test) = part(160), part(40)
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test} | replaced
    np.savez(folder / "my_data.npz", **arrays)  # type: ignore[arg-type]
    shutil.copy(EXAMPLES / "my_workload.toml", folder)
    return folder / "my_workload.toml"


def assert_usage_error(run: BenchRun, *parts: str) -> None:
    """One clear error, and nothing was measured."""
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.output
    assert all(part in run.output for part in parts), run.output
    assert "Traceback" not in run.output
    assert "proving" not in run.output
    assert not run.saved


def test_the_examples_run_as_they_are(tmp_path: Path) -> None:
    """Own data and network, trained by PyTorch and by an adapter of one's own, proven and measured."""
    workload, adapter = write_example(tmp_path), EXAMPLES / "my_adapter.py"
    run = bench_run.run_bench(
        tmp_path,
        *("--workload", str(workload), "--framework", f"pytorch,{adapter}"),
        *("--quick", "--processes", "1", "-m", "cpu and step"),
    )
    assert run.status == pytest.ExitCode.OK, run.output
    for framework in ("pytorch", "my_adapter"):
        benchmark = run.benchmark(f"test_training_step[my-workload-{framework}-cpu]")
        assert benchmark["extra_info"]["workload"] == "my-workload"
        assert benchmark["extra_info"]["framework"] == framework


@pytest.mark.parametrize(
    ("text", "replacement", "parts"),
    [
        pytest.param('kind = "max_pool"', 'kind = "max_pool", size = 11', ["layer 1", "leaves nothing"], id="pool"),
        pytest.param('kind = "flatten"', 'kind = "lstm"', ["layer 2", "unknown kind 'lstm'"], id="layer"),
        pytest.param("units = 2 }", "units = 3 }", ["2 classes", "3 units"], id="classes"),
        pytest.param("[12, 12, 3]", "[12, 13, 3]", ["12x12x3", "input_shape is 12x13x3"], id="shape"),
        pytest.param("batch_size", "batch", ["unknown field batch;"], id="field"),
        pytest.param('"my_data.npz"', '"."', ["needs the class folder 'dark'"], id="folder"),
        pytest.param('"my_data.npz"', '"your_data.npz"', ["data.path: there is no file or folder"], id="path"),
        pytest.param("[network]", "[network", ["is not TOML"], id="toml"),
    ],
)
def test_a_wrong_workload_file_is_a_usage_error(tmp_path: Path, text: str, replacement: str, parts: list[str]) -> None:
    """It names the file, or for what only the data can tell the folder, and what is wrong, before any worker starts."""
    file = write_example(tmp_path)
    content = file.read_text(encoding="utf-8")
    file.write_text(content.replace(text, replacement), encoding="utf-8")
    run = run_bench(tmp_path, "--workload", str(file), "--framework", "pytorch")
    assert_usage_error(run, tmp_path.name if replacement == '"."' else "my_workload.toml", *parts)


@pytest.mark.parametrize(
    ("replaced", "parts"),
    [
        pytest.param({"x_test": np.array([{}], dtype=object)}, ["x_test", "Python objects"], id="objects"),
        pytest.param({"y_train": np.full(160, 2)}, ["y_train", "the label 2"], id="label"),
    ],
)
def test_wrong_data_is_a_usage_error(
    tmp_path: Path, replaced: dict[str, np.ndarray[Any, Any]], parts: list[str]
) -> None:
    """It names the file and the array, before any worker starts."""
    run = run_bench(tmp_path, "--workload", str(write_example(tmp_path, **replaced)), "--framework", "pytorch")
    assert_usage_error(run, "my_data.npz", *parts)


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        pytest.param("class Adapter: pass", ["class Adapter lacks adam_form"], id="members"),
        pytest.param("class Adapter", ["line 1 is not Python"], id="syntax"),
    ],
)
def test_a_wrong_adapter_file_is_a_usage_error(tmp_path: Path, source: str, parts: list[str]) -> None:
    """It names the file and what is missing, before any worker starts."""
    (tmp_path / "mine.py").write_text(source)
    assert_usage_error(run_bench(tmp_path, "--framework", str(tmp_path / "mine.py")), "mine.py", *parts)


def test_two_of_one_name_are_a_usage_error(tmp_path: Path) -> None:
    """Results are told apart by names, so two workloads cannot share one."""
    copy = tmp_path / "copy.toml"
    copy.write_text(write_example(tmp_path).read_text(encoding="utf-8"), encoding="utf-8")
    run = run_bench(tmp_path, "--workload", f"{tmp_path / 'my_workload.toml'},{copy}")
    assert_usage_error(run, "--workload", "two of them are called 'my-workload'")

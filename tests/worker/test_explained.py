"""Real frameworks that are taken apart, in real processes, and what their libraries say."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.measuring.block_runner import BlockRunner
from fixtures.measuring.evidence import evidence
from fixtures.measuring.ledger_block import take_apart
from fixtures.measuring.progress import Progress
from fixtures.measuring.schedule import Effort
from fixtures.measuring.traces import TraceFolder
from fixtures.measuring.watched_process import WatchedProcess
from fixtures.plugin.display import PlainDisplay
from fixtures.sessions.comparisons import Comparison, PairedBlock
from models.prefixes import prefixes
from models.registry import FRAMEWORKS
from tests.stand_in_worker import SPEC, WORKLOAD, small_setting

PYTHON = Path(sys.executable)
HERE = [name for name, framework in FRAMEWORKS.items() if not (framework.requirements or framework.missing())]


def arm(name: str) -> Arm:
    """Of a small network."""
    return Arm(WORKLOAD, FRAMEWORKS[name], "cpu")


@pytest.mark.parametrize("name", [name for name in HERE if name not in ("pytorch-compile", "tensorflow-xla")])
def test_every_framework_trains_every_prefix(tmp_path: Path, name: str) -> None:
    """One network after the other in the same process, beside another framework that does the same."""
    if "pytorch" not in HERE:
        pytest.skip("PyTorch is not installed")
    other = arm("pytorch" if name != "pytorch" else next((each for each in HERE if each != "pytorch"), "pytorch"))
    short = Effort(bursts=2, maximum_warm_up_rounds=1)
    setting = small_setting(tmp_path, interpreter=PYTHON)
    runner = BlockRunner(setting, short, "alternating", Progress(PlainDisplay(print)))
    read, failures = take_apart(runner, (arm(name), other), prefixes(SPEC), 0)
    assert failures == {}
    values = [PairedBlock.of(block, Comparison(arm(name), other)).value(Measure.STEP) for block in read]
    assert len(values) == len(prefixes(SPEC))
    assert None not in values


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="oneDNN is certain to be used on x86 only")
@pytest.mark.parametrize(
    ("name", "library", "kinds"),
    [("pytorch", "oneDNN convolution", ["operators.json", "onednn.log"]), ("jax", "XLA ", ["xla.txt"])],
)
def test_libraries_tell_what_they_run(tmp_path: Path, name: str, library: str, kinds: list[str]) -> None:
    """In the worker's own log, in the files that it writes, and to a profiler; all of that can be kept."""
    if name not in HERE:
        pytest.skip(f"{name} is not installed")
    process = WatchedProcess(arm(name), small_setting(tmp_path, interpreter=PYTHON), "seen", noise_control=True)
    try:
        process.start_up()
        process.watch()
        files = process.conclude(TraceFolder(tmp_path, "here"))
    finally:
        process.close()
    assert [kernel for kernel in process.kernels if kernel.name.startswith(library)], process.kernels
    assert all(kernel.count > 0 for kernel in process.kernels)
    assert {f"{process.arm.identifier}-{kind}" for kind in kinds} <= set(files)
    assert all((tmp_path / file).stat().st_size for file in files)
    if name == "pytorch":
        assert process.operators[0]["aten::convolution_backward"].count == 1
        assert process.facts["PyTorch's allocations in a step"] > 0
        assert json.loads((tmp_path / files[0]).read_text())["traceEvents"]
    else:
        assert process.operators == []
        assert process.facts["programs that XLA compiled in the first step"] > 0
        assert process.facts["programs that XLA compiled in later steps"] == 0


def test_what_two_arms_run_is_held_against_each_other(tmp_path: Path) -> None:
    """In half precision, PyTorch converts what it multiplies."""
    if "pytorch" not in HERE:
        pytest.skip("PyTorch is not installed")
    arms = replace(arm("pytorch"), precision="bfloat16"), arm("pytorch")
    found = evidence(arms, small_setting(tmp_path, interpreter=PYTHON), None)
    assert all(found.operators_seen)
    copies = next(sides for name, *sides in found.operators if name == "aten::copy_")
    assert copies[0] is not None
    assert copies[1] is None or copies[0].count > copies[1].count
    assert (found.traces, found.folder) == ([], "")

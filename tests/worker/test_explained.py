"""Real frameworks that are taken apart, in real processes, and what their libraries say."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.measuring.block_runner import BlockRunner
from fixtures.measuring.kernels import kernels_of
from fixtures.measuring.ledger_block import take_apart
from fixtures.measuring.progress import Progress
from fixtures.measuring.schedule import Effort
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
@pytest.mark.parametrize(("name", "library"), [("pytorch", "oneDNN convolution"), ("jax", "XLA ")])
def test_libraries_tell_of_their_kernels(tmp_path: Path, name: str, library: str) -> None:
    """In the worker's own log, and in the files that it writes."""
    if name not in HERE:
        pytest.skip(f"{name} is not installed")
    found = kernels_of(arm(name), small_setting(tmp_path, interpreter=PYTHON))
    assert [kernel for kernel in found if kernel.name.startswith(library)], found
    assert all(kernel.count > 0 for kernel in found)

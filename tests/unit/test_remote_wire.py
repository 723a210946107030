"""fixtures.measuring.remote.wire: what travels, and that nothing that arrives can run anything here."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Changed, Interpreter, Revision
from fixtures.judging.measures import Measure
from fixtures.measuring.readings import ArmBlock, BlockReadings, ProcessReadings
from fixtures.measuring.remote.wire import WireError, pack, unpack
from fixtures.measuring.requests import BlockRequest
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

ARM = Arm(WORKLOADS["digits-resnet8"], FRAMEWORKS["pytorch"], "cpu", host="gpu1")


@dataclass
class Elsewhere:
    """Plain data, but not of this suite."""

    number: int = 1


def test_requests_and_readings_travel() -> None:
    """Whatever is in them, mappings that cannot be changed and NumPy's numbers included."""
    request = BlockRequest((ARM,), frozenset({Measure.STEP}))
    process = ProcessReadings(0.1, None, float(np.float64(0.5)), warm_up_step_seconds=[float(np.float64(0.25))])
    readings = BlockReadings({ARM: ArmBlock(process)}, 1.5, complete=True)
    found_request, found = unpack(pack((request, readings)))
    assert found_request == request
    assert found.arms[ARM].process == process
    assert isinstance(unpack(pack(Path("a/b"))), Path)
    assert unpack(pack(np.float64(0.5))) == 0.5
    assert unpack(pack({"a": (1, [2.5, None], {True})})) == {"a": (1, [2.5, None], {True})}
    assert math.isinf(unpack(pack(math.inf)))


def test_every_workload_and_framework_travels() -> None:
    """An arm of each, as it is; those of environments too."""
    sources = (Changed(("torch==2.13.0",)), Interpreter(Path("bin/python"), "x"), Revision(Path("a"), "main"))
    for workload in WORKLOADS.values():
        for framework in FRAMEWORKS.values():
            arm = Arm(workload, framework, "cpu", source=sources[0])
            assert unpack(pack(arm)) == arm
    assert unpack(pack(sources)) == sources


@pytest.mark.parametrize("value", [Elsewhere(), os.system, eval, Arm, np.arange(3), object()])
def test_nothing_else_is_sent(value: object) -> None:
    """It is told by its name."""
    with pytest.raises(TypeError, match="may not travel"):
        pack(value)


@pytest.mark.parametrize(
    "written",
    [
        ["data", "os:system", []],
        ["data", "fixtures.workers.parent:Worker", []],
        ["data", "fixtures.measuring.remote.wire:unpack", []],
        ["data", "fixtures.arms.arm:Source", []],
        ["data", "fixtures.arms.arm:Arm", [["framework", 1]]],
        ["data", "fixtures.measuring.readings:ArmBlock", [["figures", 1]]],
        ["data", "fixtures.measuring.nowhere:Thing", []],
        ["data", "models.adapters.pytorch:Adapter", []],
        ["enum", "fixtures.arms.arm:Arm", "STEP"],
        ["call", "os.system", "x"],
        ["mappingproxy"],
        [],
        {},
    ],
)
def test_nothing_else_is_read(written: object) -> None:
    """A host that was taken over runs nothing here, and changes nothing."""
    with pytest.raises(WireError):
        unpack(json.dumps(written).encode())


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x80\x04", b"[" * 100_000, pack([1, 2, 3])[:-3]])
def test_damaged_bytes_are_named(data: bytes) -> None:
    """They end in one line."""
    with pytest.raises(WireError, match="damaged"):
        unpack(data)


def test_what_was_not_loaded_yet_is_read_too() -> None:
    """An agent has loaded what it runs, and not what it is told about."""
    script = (
        "import sys; from fixtures.measuring.remote.wire import unpack; print(unpack(sys.stdin.buffer.read()).host)"
    )
    told = subprocess.run([sys.executable, "-c", script], input=pack(ARM), capture_output=True, check=True)
    assert told.stdout.decode().strip() == "gpu1"

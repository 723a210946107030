"""fixtures.measuring.remote.wire: what travels, and that nothing that arrives can run anything here."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fixtures.arms.arm import Arm
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


class Evil:
    """Runs a command as soon as it is read by pickle."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """As pickle allows."""
        return os.system, ("touch /tmp/evil",)


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
    assert unpack(pack(np.arange(3))).tolist() == [0, 1, 2]


@pytest.mark.parametrize("value", [Evil(), Elsewhere(), os.system, eval, Arm.__init__, pytest.raises])
def test_nothing_else_is_read(value: object) -> None:
    """A host that was taken over runs nothing here."""
    with pytest.raises(WireError, match="may not travel"):
        unpack(pickle.dumps(value, protocol=4))


@pytest.mark.parametrize("data", [b"", b"nonsense", pickle.dumps([1, 2, 3])[:-3]])
def test_damaged_bytes_are_named(data: bytes) -> None:
    """They end in one line, not in a traceback of pickle."""
    with pytest.raises(WireError, match="damaged"):
        unpack(data)

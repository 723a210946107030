"""With ``--calibrate``: does the gate keep its promise on this machine?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.reports.calibration import FEWEST_RUNS, contradicted_promises

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.step
def test_gate(calibrated: Mapping[str, Any]) -> None:
    """What was counted between equal arms does not contradict the promised rate of false alarms."""
    contradicted = contradicted_promises(calibrated)
    if contradicted is None:
        pytest.skip(f"untested: fewer than {FEWEST_RUNS} runs of equal arms; give more --calibrate-blocks")
    assert contradicted == []

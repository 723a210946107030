"""Which measures are left out of a workload that cannot tell them."""

from __future__ import annotations

from dataclasses import replace

from fixtures.judging.measures import Measure
from fixtures.plugin.collection import unreadable
from models.workloads import WORKLOADS


def test_noise_has_no_accuracy() -> None:
    """But a user's own workload whose threshold is 0 has: it asks to be told, and to be content with anything."""
    assert unreadable(WORKLOADS["resnet18-224"]) == {Measure.ACCURACY}
    assert unreadable(replace(WORKLOADS["digits"], accuracy_threshold=0.0)) == frozenset()

"""What a framework reaches at best, found out in a real worker beside its own model."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.workers import messages
from fixtures.workers.parent import Worker
from models.registry import FRAMEWORKS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_framework_reaches_something(tmp_path: Path, precision: str) -> None:
    """More than a thousand million operations a second; less than any processor has."""
    if FRAMEWORKS["pytorch"].missing():
        pytest.skip("PyTorch is not installed")
    with Worker("peak", shlex.quote(sys.executable), tmp_path) as worker:
        worker.ask(messages.ImportFramework("models.adapters.pytorch", "torch", (), ()), 120.0)
        reached = worker.ask(messages.ReachPeak("cpu", precision), 120.0)
    assert reached.failure == ""
    assert 1e9 < reached.operations_per_second < 1e15


def test_what_cannot_be_reached_is_said_and_ends_nothing(tmp_path: Path) -> None:
    """An adapter without dense layers, or a device without memory for them."""
    if FRAMEWORKS["pytorch"].missing():
        pytest.skip("PyTorch is not installed")
    with Worker("peak", shlex.quote(sys.executable), tmp_path) as worker:
        worker.ask(messages.ImportFramework("models.adapters.pytorch", "torch", (), ()), 120.0)
        reached = worker.ask(messages.ReachPeak("cpu", "float12"), 120.0)
        assert (reached.operations_per_second, reached.failure[:10]) == (0.0, "ValueError")
        assert worker.ask(messages.ReadMemory(), 60.0).resident_bytes

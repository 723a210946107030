"""Raises an exception of its own during a training step."""

from __future__ import annotations

from typing import Any

from models.adapters.pytorch import Adapter as PyTorch


class Adapter(PyTorch):
    """Fails with a message."""

    def training_step(self, batch: Any) -> Any:
        """Raise."""
        raise ArithmeticError(f"cannot train on {type(batch).__name__}")

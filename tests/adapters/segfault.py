"""Crashes in native code during a training step."""

from __future__ import annotations

import faulthandler
from typing import Any

from models.adapters.pytorch import Adapter as PyTorch


class Adapter(PyTorch):
    """Reads address 0."""

    def training_step(self, batch: Any) -> Any:
        """Crash."""
        faulthandler._sigsegv()  # type: ignore[attr-defined]
        return super().training_step(batch)

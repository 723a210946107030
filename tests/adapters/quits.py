"""Ends the program from within a training step, as a library without a licence does."""

from __future__ import annotations

import sys
from typing import Any

from models.adapters.pytorch import Adapter as PyTorch


class Adapter(PyTorch):
    """Calls ``sys.exit``."""

    def training_step(self, batch: Any) -> Any:
        """Quit."""
        sys.exit("the licence has expired")
        return super().training_step(batch)

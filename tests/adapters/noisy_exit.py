"""Writes a last word to standard error and ends the process."""

from __future__ import annotations

import os
import sys
from typing import Any

from models.adapters.pytorch import Adapter as PyTorch


class Adapter(PyTorch):
    """Leaves without a reply."""

    def training_step(self, batch: Any) -> Any:
        """Exit with status 3."""
        sys.stderr.write("the driver said goodbye\n")
        sys.stderr.flush()
        os._exit(3)
        return super().training_step(batch)

"""Is killed from outside, as the kernel does when memory runs out."""

from __future__ import annotations

import os
import signal
from typing import Any

from models.adapters.pytorch import Adapter as PyTorch


class Adapter(PyTorch):
    """Sends itself the signal that cannot be caught."""

    def training_step(self, batch: Any) -> Any:
        """Be killed."""
        os.kill(os.getpid(), signal.SIGKILL)
        return super().training_step(batch)

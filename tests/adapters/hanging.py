"""Never finishes its first training step."""

from __future__ import annotations

import threading
from typing import Any

from models.adapters.pytorch import Adapter as PyTorch


class Adapter(PyTorch):
    """Waits for an event that nobody sets."""

    def training_step(self, batch: Any) -> Any:
        """Hang."""
        threading.Event().wait()
        return super().training_step(batch)

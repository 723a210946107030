"""PyTorch that trains every batch twice, unless its worker was told to use another revision's ``models/``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from models.adapters import pytorch

if TYPE_CHECKING:
    from torch import Tensor


class Adapter(pytorch.Adapter):
    """One step is two forward passes."""

    def training_step(self, batch: pytorch.Batch) -> Tensor:
        """Train once, and classify the batch once more without learning from it."""
        if "CNN_DYNO_MODELS" not in os.environ:
            self.logits(batch[0].permute(0, 2, 3, 1).numpy())
        return super().training_step(batch)

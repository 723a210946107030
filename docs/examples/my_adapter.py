"""An adapter of your own: does PyTorch's fused Adam, one kernel for all weights, pay off on this network?

::

    pytest bench --framework pytorch --framework docs/examples/my_adapter.py

It changes one thing and inherits the rest. One from scratch fulfils all of ``models/contract.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from models.adapters.pytorch import Adapter as PyTorch
from models.spec import Adam

if TYPE_CHECKING:
    from models.contract import Device, Precision, Weights
    from models.spec import Spec


class Adapter(PyTorch):
    """PyTorch, eager, with ``fused=True``."""

    def __init__(self, spec: Spec, weights: Weights, device: Device, precision: Precision, seed: int) -> None:
        """Build the model as PyTorch's adapter does, and replace its optimiser."""
        super().__init__(spec, weights, device, precision, seed)
        rule = spec.optimizer
        if isinstance(rule, Adam):  # the proof of parity also takes a step of plain gradient descent
            self.optimizer = torch.optim.Adam(
                self.model.parameters(),
                lr=rule.learning_rate,
                betas=(rule.beta_1, rule.beta_2),
                eps=rule.epsilon,
                fused=True,
            )

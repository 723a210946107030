"""Trains with an epsilon that is not the workload's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models.adapters.pytorch import Adapter as PyTorch
from models.spec import Adam

if TYPE_CHECKING:
    from models.contract import Device, Precision, Weights
    from models.spec import Spec


class Adapter(PyTorch):
    """Forgets to pass epsilon on, as happens with a framework's own default."""

    def __init__(self, spec: Spec, weights: Weights, device: Device, precision: Precision, seed: int) -> None:
        if isinstance(spec.optimizer, Adam):
            spec = spec.with_optimizer(replace(spec.optimizer, epsilon=1e-7))
        super().__init__(spec, weights, device, precision, seed)

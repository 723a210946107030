"""PyTorch with ``torch.compile``: the program of :mod:`models.adapters.pytorch`, its network compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.adapters import pytorch

if TYPE_CHECKING:
    from models.contract import Device, Precision, Weights
    from models.spec import Spec


class Adapter(pytorch.Adapter):
    """One network trained by compiled PyTorch; the members are described in :class:`models.contract.Adapter`."""

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        super().__init__(spec, weights, device, precision, seed)
        # dynamic=False: else the smaller last batch replaces the program by a slower one for batches of any size.
        # fullgraph=True: else what cannot be compiled, or is refused after the eighth time (parity alone has models
        # and batch sizes enough for that), is silently run uncompiled.
        self.model.compile(dynamic=False, fullgraph=True, recompile_limit=64)

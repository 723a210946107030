"""PyTorch with ``torch.compile``: the program of :mod:`models.adapters.pytorch`, its network compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from models.adapters import pytorch

if TYPE_CHECKING:
    from models.contract import Device, Precision, Weights
    from models.spec import Spec


class Adapter(pytorch.Adapter):
    """One network trained by compiled PyTorch; the members are described in :class:`models.contract.Adapter`."""

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        super().__init__(spec, weights, device, precision, seed)
        # Models share a limit of programs, eight, and parity alone has batch sizes enough for that. An argument for it
        # came in 2026 (pull request 177936); this name is known to every release, since 143709 as another one's alias.
        torch._dynamo.config.cache_size_limit = 64  # noqa: SLF001 - where PyTorch documents it
        # dynamic=False: else the smaller last batch replaces the program by a slower one for batches of any size.
        # fullgraph=True: else what cannot be compiled, or exceeds the limit, is silently run uncompiled.
        # Not self.model.compile(): seen in 2.4 and 2.8, that silently compiles nothing of a Sequential of stock layers.
        self.model = torch.compile(self.model, dynamic=False, fullgraph=True)  # type: ignore[assignment]

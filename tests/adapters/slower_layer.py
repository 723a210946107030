"""PyTorch's adapter whose second convolution does two matrix products more: what a ledger must find."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from models.adapters.pytorch import Adapter as Plain

WORK = torch.ones(256, 256)


class Adapter(Plain):
    """The same network, with real work in one layer that changes no result."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        convolutions = [each for each in self.model.modules() if isinstance(each, nn.Conv2d)]
        if len(convolutions) > 1:
            convolutions[1].register_forward_hook(_more)


def _more(*_: Any) -> None:
    for _product in range(2):
        torch.mm(WORK, WORK)

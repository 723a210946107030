"""PyTorch adapters of mixed precision with one mistake each, of the kind that people make when they write one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.adapters import pytorch

if TYPE_CHECKING:
    from models.adapters.pytorch import Batch


class StaysInFloat32(pytorch.Adapter):
    """Forgets to enter the context that casts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arithmetic = contextlib.nullcontext()


class WeightsInBfloat16(pytorch.Adapter):
    """Keeps no weights in float32: an update below a 256th of a weight is lost."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.copy_(parameter.bfloat16())


class LossInBfloat16(pytorch.Adapter):
    """Computes the loss from rounded sums."""

    def training_step(self, batch: Batch) -> Tensor:
        """The loss as it is reported."""
        return super().training_step(batch).bfloat16().float() * 1.01


class UpdatesInBfloat16(pytorch.Adapter):
    """Rounds every weight after every step."""

    def training_step(self, batch: Batch) -> Tensor:
        """A step whose small changes are lost."""
        loss = super().training_step(batch)
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.copy_(parameter.bfloat16())
        return loss


class GradientLostInACast(pytorch.Adapter):
    """Copies a kernel to bfloat16 by hand, so that what is learned does not come back."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        second = [module for module in self.model.modules() if isinstance(module, torch.nn.Conv2d)][1]
        second.weight.register_hook(torch.zeros_like)


class GradientsScaledTwice(pytorch.Adapter):
    """Scales the loss, as float16 needs it, and never takes that back."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for parameter in self.model.parameters():
            parameter.register_hook(lambda gradient: 2.0 * gradient)

"""Prints how far networks are from torchvision's own, as JSON: python -m tests.worker.observe_torchvision.

The same weights in both: outputs in evaluation mode, loss and gradients in training mode, on pictures of 96 pixels.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import torch
import torchvision
from torch import nn

from models.adapters.pytorch import Adapter
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from torch import Tensor

NETWORKS = {"resnet18-224": torchvision.models.resnet18, "mobilenet-v2-224": torchvision.models.mobilenet_v2}


def main() -> None:
    """Print one JSON object: of each network the largest relative differences."""
    found = {name: compare(name) for name in NETWORKS}
    sys.stdout.write(json.dumps(found) + "\n")


def compare(name: str) -> dict[str, float]:
    """Copy torchvision's weights and running statistics, then do the same with both networks."""
    torch.manual_seed(0)
    theirs = NETWORKS[name]()
    ours = Adapter(WORKLOADS[name].spec.without_dropout(), None, "cpu", "float32", 0).model
    for module in theirs.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
    with torch.no_grad():
        for mine, own in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.copy_(own)
        for kept, own_kept in zip(ours.buffers(), theirs.buffers(), strict=True):
            kept.copy_(own_kept)
    images, labels = torch.rand(8, 3, 96, 96), torch.randint(0, 1000, (8,))
    outputs = [network.eval()(images) for network in (ours, theirs)]
    losses = [nn.functional.cross_entropy(network.train()(images), labels) for network in (ours, theirs)]
    for loss in losses:
        loss.backward()
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    return {
        "logits": _difference(*outputs),
        "loss": _difference(*losses),
        "gradients": max(_difference(mine.grad, own.grad) for mine, own in pairs),  # type: ignore[arg-type]
        "statistics": max(
            _difference(a.float(), b.float()) for a, b in zip(ours.buffers(), theirs.buffers(), strict=True)
        ),
    }


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().abs().max() / other.detach().abs().max())


if __name__ == "__main__":
    main()

"""How many floating-point operations a training step takes, as far as it is products of matrices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from models.layers import Convolution, Dense

if TYPE_CHECKING:
    from models.spec import Placed, Spec

TRAINING_OVER_FORWARD: Final = 3
"""Backward, each layer has one product for its kernel's gradient and one for its input's.

Of the first layer nobody needs the latter, and it is counted all the same: "three times forward" is what such figures
mean elsewhere. Of ``cifar10-32-16`` that is a fifth too many, of the other workloads 0.4 to 4 %.
"""


def training_operations(spec: Spec, batch_size: int) -> int:
    """Operations of one training step in convolutions and dense layers: three times the forward ones.

    Activations, pooling, normalisation and the optimiser are left out, as is usual for such figures (PaLM,
    arXiv 2204.02311, appendix B).

    Args:
        spec: the network.
        batch_size: examples in a step.
    """
    return TRAINING_OVER_FORWARD * 2 * batch_size * sum(map(_products, spec.every_layer()))


def _products(placed: Placed) -> int:
    """Pairs that are multiplied and added for one example."""
    layer = placed.layer
    if isinstance(layer, Convolution):
        return math.prod(placed.after) * layer.kernel**2 * placed.before[-1] // layer.groups
    if isinstance(layer, Dense):
        return math.prod(placed.before) * layer.units
    return 0

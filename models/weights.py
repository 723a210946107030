"""Initial weights, drawn once in NumPy and given to every framework."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.contract import Weights
    from models.spec import Spec


def initial_weights(spec: Spec, seed: int, *, zero_biases: bool = True) -> Weights:
    """Draw Glorot-uniform kernels (Glorot and Bengio, 2010), zero biases, and scales of one.

    Args:
        spec: the network.
        seed: same seed, same weights, on every machine.
        zero_biases: if False, biases are uniform in -0.1 to 0.1 and scales in 0.5 to 1.5, so that a parity check can
            see them.

    Returns:
        float32 arrays in canonical layout.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    weights: Weights = {}
    for name, shape in spec.parameter_shapes().items():
        middle = 0.0
        if name.endswith("/bias"):
            limit = 0.0 if zero_biases else 0.1
        elif name.endswith("/scale"):
            middle, limit = 1.0, 0.0 if zero_biases else 0.5
        else:
            receptive_field = math.prod(shape[:-2])
            limit = math.sqrt(6.0 / (receptive_field * (shape[-2] + shape[-1])))
        weights[name] = generator.uniform(middle - limit, middle + limit, shape).astype(np.float32)
    return weights


def epoch_order(examples: int, seed: int, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The order in which every framework visits the training examples in one epoch, shape (examples,)."""
    generator = np.random.Generator(np.random.PCG64([seed, epoch]))
    return generator.permutation(examples).astype(np.int64)

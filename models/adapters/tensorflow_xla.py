"""TensorFlow with XLA: the program of :mod:`models.adapters.tensorflow`, compiled with ``jit_compile=True``.

XLA compiles once for each batch size that it meets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import tensorflow as tf

from models.adapters import tensorflow

if TYPE_CHECKING:
    from models.contract import Device, Precision, Weights
    from models.spec import Spec


class Adapter(tensorflow.Adapter):
    """One network trained by TensorFlow and XLA; the members are described in :class:`models.contract.Adapter`."""

    jit_compile: ClassVar[bool] = True

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        super().__init__(spec, weights, device, precision, seed)
        with tf.device(self.device):
            self.generator = tf.random.Generator.from_seed(seed)

    def _dropout(self, values: tf.Tensor, rate: float) -> tf.Tensor:
        # XLA draws what tf.nn.dropout asks for from a source of its own, which no seed reaches.
        return tf.nn.experimental.general_dropout(values, rate, uniform_sampler=self.generator.uniform)

"""The network of ``digits`` and its training step, as somebody writes it who has never heard of this suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

SHAPES = [(3, 3, 1, 28), (28,), (3, 3, 28, 64), (64,), (3, 3, 64, 64), (64,), (576, 64), (64,), (64, 10), (10,)]


def burst(batches: list[tuple[NDArray[np.float32], NDArray[np.int64]]]) -> Callable[[int], None]:
    """A function that trains so many steps, cycling over ``batches``."""
    initial = tf.keras.initializers.GlorotUniform(seed=1)
    weights = [tf.Variable(initial(shape) if len(shape) > 1 else tf.zeros(shape)) for shape in SHAPES]
    means = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
    squares = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
    steps_taken = tf.Variable(0.0)

    def forward(images: Any) -> Any:
        w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = weights
        hidden = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, w1, 1, "VALID"), b1))
        hidden = tf.nn.max_pool2d(hidden, 2, 2, "VALID")
        hidden = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(hidden, w2, 1, "VALID"), b2))
        hidden = tf.nn.max_pool2d(hidden, 2, 2, "VALID")
        hidden = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(hidden, w3, 1, "VALID"), b3))
        hidden = tf.reshape(hidden, (-1, 576))
        hidden = tf.nn.relu(tf.nn.bias_add(hidden @ w4, b4))
        return tf.nn.bias_add(hidden @ w5, b5)

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec((None, 28, 28, 1), tf.float32), tf.TensorSpec((None,), tf.int64)]
    )
    def step(images: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, forward(images))
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, weights)
        steps_taken.assign_add(1.0)
        rate = 1e-3 * tf.sqrt(1.0 - 0.999**steps_taken) / (1.0 - 0.9**steps_taken)
        for weight, gradient, mean, square in zip(weights, gradients, means, squares, strict=True):
            mean.assign_add(0.1 * (gradient - mean))
            square.assign_add(0.001 * (tf.square(gradient) - square))
            weight.assign_sub(rate * mean / (tf.sqrt(square) + 1e-8))
        return loss

    tensors = [(tf.constant(x), tf.constant(y)) for x, y in batches]
    position = 0

    def train(steps: int) -> None:
        nonlocal position
        for _ in range(steps):
            loss = step(*tensors[position % len(tensors)])
            position += 1
        loss.numpy()

    return train

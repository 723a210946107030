"""Keras with ``train_on_batch``: ``pytest bench --program docs/examples/training_keras.py``."""

from collections.abc import Iterator

import keras
import numpy as np

batch_size = 64
environment = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}  # set before Keras is imported


def training(device: str, seed: int = 0) -> Iterator[float]:
    """Train a small network on random images, batch by batch."""
    keras.utils.set_random_seed(seed)
    generator = np.random.default_rng(seed)
    with keras.device("gpu:0" if device == "cuda" else "cpu:0"):
        model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        while True:
            images = generator.random((batch_size, 28, 28, 1), dtype=np.float32)
            yield model.train_on_batch(images, generator.integers(0, 10, batch_size))

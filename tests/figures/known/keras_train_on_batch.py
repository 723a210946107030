"""A training by ``train_on_batch``, which in Keras 3.6 on TensorFlow 2.16 traces anew in every call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

batch_size = 64
environment = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}


def training(seed: int) -> Iterator[float]:
    """One dense network on noise."""
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    images, labels = random.normal(size=(64, 64)).astype("float32"), random.integers(0, 10, size=64)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    while True:
        yield float(np.ravel(model.train_on_batch(images, labels))[0])

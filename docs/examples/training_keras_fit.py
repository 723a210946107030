"""Keras with ``fit``, which has no place for a ``yield``: a callback hands every step over from a thread of its own."""

import queue
import threading
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

batch_size = 64
environment = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}


class EveryStep(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
    """Puts each step's loss into a queue, and waits until the next step is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.wanted = threading.Semaphore(0)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras's
        """A step has ended. What ``fit`` reports is the mean loss of the epoch so far."""
        self.losses.put(logs["loss"] if logs else None)
        self.wanted.acquire()


def training(device: str, seed: int = 0) -> Iterator[float]:
    """Train with ``fit`` in a thread; whatever it raises is raised here."""
    keras.utils.set_random_seed(seed)
    generator = np.random.default_rng(seed)
    images, labels = generator.random((40 * batch_size, 28, 28, 1), dtype=np.float32), np.arange(40 * batch_size) % 10
    steps = EveryStep()

    def fit() -> None:
        try:
            with keras.device("gpu:0" if device == "cuda" else "cpu:0"):
                model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
                model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
                model.fit(images, labels, batch_size, epochs=10, verbose=0, callbacks=[steps])
                steps.losses.put(StopIteration())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where it is seen
            steps.losses.put(error)

    threading.Thread(target=fit, daemon=True).start()
    while not isinstance(loss := steps.losses.get(), BaseException):
        yield loss
        steps.wanted.release()
    if not isinstance(loss, StopIteration):
        raise loss

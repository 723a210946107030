"""The loops of ``docs/examples`` as they are without a generator: functions that train so many steps.

What each example does before its loop is done when the function is made. Frameworks are imported then, too.
"""

from __future__ import annotations

from itertools import chain, repeat
from pathlib import Path
from runpy import run_path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "examples"
SEED = 7


def pytorch() -> Callable[[int], None]:
    """The loop of ``training_pytorch.py``."""
    import torch  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415
    from torch.utils.data import DataLoader, TensorDataset  # noqa: PLC0415

    torch.manual_seed(SEED)
    images, labels = torch.rand(40 * 64, 1, 28, 28), torch.randint(10, (40 * 64,))
    loader = DataLoader(TensorDataset(images, labels), 64, shuffle=True)
    model = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2704, 10))
    optimizer = torch.optim.Adam(model.parameters())
    batches = chain.from_iterable(repeat(loader))

    def train(steps: int) -> None:
        for _ in range(steps):
            batch, classes = next(batches)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(batch), classes)
            loss.backward()
            optimizer.step()

    return train


def keras() -> Callable[[int], None]:
    """The loop of ``training_keras.py``."""
    import keras  # noqa: PLC0415

    keras.utils.set_random_seed(SEED)
    generator = np.random.default_rng(SEED)
    with keras.device("cpu:0"):
        model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def train(steps: int) -> None:
        with keras.device("cpu:0"):
            for _ in range(steps):
                images = generator.random((64, 28, 28, 1), dtype=np.float32)
                model.train_on_batch(images, generator.integers(0, 10, 64))

    return train


def flax() -> Callable[[int], None]:
    """The loop of ``training_flax.py``; at its end it waits for the last step, as who takes the time must."""
    import jax  # noqa: PLC0415
    import optax  # noqa: PLC0415
    from flax import nnx  # noqa: PLC0415

    example = run_path(str(FOLDER / "training_flax.py"))
    step, model = example["step"], example["Network"](nnx.Rngs(SEED))
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)
    keys = map(jax.random.key, range(SEED, SEED + 1_000_000))

    def train(steps: int) -> None:
        for _ in range(steps):
            key = next(keys)
            images = jax.random.uniform(key, (64, 28, 28, 1))
            labels = jax.random.randint(key, (64,), 0, 10)
            loss = step(model, optimizer, images, labels)
        loss.block_until_ready()

    return train


BARE = {"pytorch": pytorch, "keras-tensorflow": keras, "jax": flax}
"""Framework, by which the process is launched -> its loop."""
EXAMPLES = {"pytorch": "training_pytorch", "keras-tensorflow": "training_keras", "jax": "training_flax"}
"""Likewise -> the example in ``docs/examples``."""

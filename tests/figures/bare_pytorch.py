"""The network of ``digits`` and its training step, as somebody writes it who has never heard of this suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


def burst(batches: list[tuple[NDArray[np.float32], NDArray[np.int64]]]) -> Callable[[int], None]:
    """A function that trains so many steps, cycling over ``batches``."""
    model = nn.Sequential(
        nn.Conv2d(1, 28, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(28, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(576, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    tensors = [(torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(y)) for x, y in batches]
    position = 0

    def train(steps: int) -> None:
        nonlocal position
        for _ in range(steps):
            images, labels = tensors[position % len(tensors)]
            position += 1
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()

    return train

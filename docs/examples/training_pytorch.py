"""A plain PyTorch loop with one added line: ``pytest bench --program docs/examples/training_pytorch.py``."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

batch_size = 64
steps_per_epoch = 40


def training(device: str, seed: int = 0) -> Iterator[torch.Tensor]:
    """Train a small network on random images; a step ends with each ``yield``."""
    torch.manual_seed(seed)
    images, labels = torch.rand(40 * batch_size, 1, 28, 28), torch.randint(10, (40 * batch_size,))
    loader = DataLoader(TensorDataset(images, labels), batch_size, shuffle=True)
    model = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2704, 10)).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    for _epoch in range(10):
        for batch, classes in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(batch.to(device)), classes.to(device))
            loss.backward()
            optimizer.step()
            yield loss  # the added line

"""torchvision's ResNet-18 on synthetic images: ``pytest bench --program docs/examples/training_resnet18.py``."""

import os
from collections.abc import Iterator

import torch
from torch import nn
from torchvision.models import resnet18

batch_size = 16
SIZE = int(os.environ.get("IMAGE_SIZE", "224"))


def training(device: str, seed: int = 0) -> Iterator[torch.Tensor]:
    """Train from random weights on images that are made for each step."""
    torch.manual_seed(seed)
    model = resnet18(num_classes=10).to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    while True:
        images, labels = torch.rand(batch_size, 3, SIZE, SIZE), torch.randint(10, (batch_size,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
        loss.backward()
        optimizer.step()
        yield loss

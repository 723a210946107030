"""Networks that people train, as specifications: the residual networks of He et al., and MobileNet-V2.

Torchvision's own code gives the same outputs and gradients with the same weights (tests/worker/test_torchvision.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.spec import (
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Optimizer,
    Residual,
    Spec,
)

if TYPE_CHECKING:
    from models.spec import Activation

IMAGENET_SHAPE = (224, 224, 3)
IMAGENET_CLASSES = 1000

_MOBILE_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Of MobileNet-V2: expansion, channels, blocks, stride of the first block (arXiv 1801.04381, table 2)."""


def small_residual_network(name: str, input_shape: tuple[int, int, int], blocks: int, optimizer: Optimizer) -> Spec:
    """A residual network of the family for CIFAR, ``6 * blocks + 2`` layers deep (arXiv 1512.03385, section 4.2).

    Shortcuts that change the shape are convolutions (option B of the paper, whose own networks of this family pad with
    zeros), with 2,752 more parameters.
    """
    layers = _normalised(16, 3, activation="relu")
    for filters in (16, 32, 64):
        for block in range(blocks):
            layers += (_basic_block(filters, changes=filters > 16 and block == 0),)
    return Spec(name, input_shape, (*layers, GlobalAveragePool(), Dense(10)), optimizer)


def resnet18(optimizer: Optimizer) -> Spec:
    """ResNet-18 for ImageNet (arXiv 1512.03385, table 1), as torchvision's ``resnet18``."""
    layers = (*_normalised(64, 7, stride=2, activation="relu"), MaxPool(3, 2, 1))
    for filters in (64, 128, 256, 512):
        layers += (_basic_block(filters, changes=filters > 64), _basic_block(filters, changes=False))
    return Spec("resnet18", IMAGENET_SHAPE, (*layers, GlobalAveragePool(), Dense(IMAGENET_CLASSES)), optimizer)


def mobilenet_v2(optimizer: Optimizer) -> Spec:
    """MobileNet-V2 for ImageNet (arXiv 1801.04381), as torchvision's ``mobilenet_v2``."""
    layers, channels = _normalised(32, 3, stride=2, activation="relu6"), 32
    for expansion, filters, blocks, first_stride in _MOBILE_STAGES:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            body = _inverted_block(channels, expansion, filters, stride)
            layers += (Residual(body, activation="none"),) if stride == 1 and channels == filters else body
            channels = filters
    layers += _normalised(1280, 1, activation="relu6")
    head = (GlobalAveragePool(), Dropout(0.2), Dense(IMAGENET_CLASSES))
    return Spec("mobilenet-v2", IMAGENET_SHAPE, (*layers, *head), optimizer)


def _basic_block(filters: int, *, changes: bool) -> Residual:
    """Two convolutions beside a shortcut; one that changes the shape halves the map."""
    stride = 2 if changes else 1
    body = (*_normalised(filters, 3, stride=stride, activation="relu"), *_normalised(filters, 3))
    return Residual(body, _normalised(filters, 1, stride=stride) if changes else ())


def _inverted_block(channels: int, expansion: int, filters: int, stride: int) -> tuple[Layer, ...]:
    """Widen, convolve each channel for itself, narrow without an activation."""
    wide = channels * expansion
    widened = _normalised(wide, 1, activation="relu6") if expansion > 1 else ()
    return (*widened, *_normalised(wide, 3, stride=stride, groups=wide, activation="relu6"), *_normalised(filters, 1))


def _normalised(
    filters: int, kernel: int, *, stride: int = 1, groups: int = 1, activation: Activation = "none"
) -> tuple[Layer, ...]:
    """A convolution that keeps the size but for its stride, and its batch normalisation."""
    convolution = Convolution(filters, kernel, kernel // 2, stride, groups, bias=False, activation="none")
    return (convolution, BatchNorm(momentum=0.9, epsilon=1e-5, activation=activation))

"""A convolutional network as plain data: layers, optimiser, and the shapes that follow from them.

Layouts are canonical everywhere outside an adapter: images NHWC, convolution kernels
``(kernel_height, kernel_width, in, out)``, dense kernels ``(in, out)``, flattening in NHWC order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Shape = tuple[int, ...]
Padding = Literal["valid", "same"]


class SpecError(ValueError):
    """A specification that no network can have; the message names the layer."""


@dataclass(frozen=True)
class Convolution:
    """2-D convolution, stride 1, bias, then ReLU."""

    filters: int
    kernel: int
    padding: Padding = "valid"


@dataclass(frozen=True)
class MaxPool:
    """Max-pooling over ``size`` x ``size`` windows, stride ``size``; an incomplete window is dropped."""

    size: int = 2


@dataclass(frozen=True)
class Flatten:
    """Height x width x channels to one axis, in NHWC order."""


@dataclass(frozen=True)
class Dense:
    """Fully connected layer with bias; ``relu`` says whether a ReLU follows."""

    units: int
    relu: bool = False


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout: during training, zero with probability ``rate``, else scale by ``1 / (1 - rate)``."""

    rate: float


Layer = Convolution | MaxPool | Flatten | Dense | Dropout


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba, arXiv 1412.6980), every constant explicit so that no framework's default applies."""

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8


@dataclass(frozen=True)
class SGD:
    """Plain gradient descent. With ``learning_rate`` 1 the change of the weights is the gradient itself."""

    learning_rate: float = 1.0


@dataclass(frozen=True)
class DefaultAdam:
    """Adam with the constants that the framework's own optimiser has by default; no reference can know them."""

    learning_rate: float = 1e-3


Optimizer = Adam | SGD | DefaultAdam


@dataclass(frozen=True)
class Spec:
    """A network and how it is trained. The loss is the mean softmax cross-entropy of integer labels.

    Args:
        name: identifies the network in messages.
        input_shape: height, width, channels of one image.
        layers: applied in order; the last one is a :class:`Dense` without ReLU, whose outputs are the logits.
        optimizer: update rule and its constants.

    Raises:
        SpecError: where a layer does not fit what comes before it.
    """

    name: str
    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    optimizer: Optimizer = Adam()

    def __post_init__(self) -> None:
        if len(self.input_shape) != 3 or any(size < 1 for size in self.input_shape):
            raise SpecError(f"{self.name}: input_shape must be three positive sizes, got {self.input_shape}")
        if not self.layers or not isinstance(self.layers[-1], Dense) or self.layers[-1].relu:
            raise SpecError(f"{self.name}: the last layer must be a dense layer without ReLU (the logits)")
        self.shapes()

    @property
    def classes(self) -> int:
        """Number of classes: the units of the last layer."""
        return self.shapes()[-1][0]

    def shapes(self) -> tuple[Shape, ...]:
        """Shape of one example after each layer, without the batch axis."""
        shape: Shape = self.input_shape
        result = []
        for index, layer in enumerate(self.layers):
            try:
                shape = _after(layer, shape)
            except SpecError as error:
                raise SpecError(f"{self.name}: layer {index} ({type(layer).__name__}): {error}") from None
            result.append(shape)
        return tuple(result)

    def parameter_shapes(self) -> dict[str, Shape]:
        """Canonical shape of every trainable array, in order: ``<kind>_<n>/kernel`` and ``<kind>_<n>/bias``."""
        before: tuple[Shape, ...] = (self.input_shape, *self.shapes()[:-1])
        result: dict[str, Shape] = {}
        convolutions = dense = 0
        for layer, shape in zip(self.layers, before, strict=True):
            if isinstance(layer, Convolution):
                convolutions += 1
                name, out = f"convolution_{convolutions}", layer.filters
                result[f"{name}/kernel"] = (layer.kernel, layer.kernel, shape[-1], out)
            elif isinstance(layer, Dense):
                dense += 1
                name, out = f"dense_{dense}", layer.units
                result[f"{name}/kernel"] = (shape[0], out)
            else:
                continue
            result[f"{name}/bias"] = (out,)
        return result

    def parameter_count(self) -> int:
        """Number of trainable scalars."""
        total = 0
        for shape in self.parameter_shapes().values():
            size = 1
            for axis in shape:
                size *= axis
            total += size
        return total

    def with_optimizer(self, optimizer: Optimizer) -> Spec:
        """The same network trained by another optimiser."""
        return replace(self, optimizer=optimizer)

    def without_dropout(self) -> Spec:
        """The same network with every dropout rate 0: dropout is random, so parity is proven without it."""
        layers = tuple(Dropout(0.0) if isinstance(layer, Dropout) else layer for layer in self.layers)
        return replace(self, layers=layers)


def _after(layer: Layer, shape: Shape) -> Shape:
    """Shape of one example after ``layer``, given the ``shape`` before it."""
    if isinstance(layer, Dense):
        return _after_dense(layer, shape)
    if isinstance(layer, Dropout):
        if not 0.0 <= layer.rate < 1.0:
            raise SpecError(f"rate must be at least 0 and below 1, got {layer.rate}")
        return shape
    if len(shape) != 3:
        raise SpecError(f"needs height x width x channels, but what comes before gives {shape}")
    height, width, channels = shape
    if isinstance(layer, Flatten):
        return (height * width * channels,)
    if isinstance(layer, MaxPool):
        if layer.size < 1 or height < layer.size or width < layer.size:
            raise SpecError(f"pooling by {layer.size} leaves nothing of {height}x{width}")
        return (height // layer.size, width // layer.size, channels)
    return _after_convolution(layer, height, width)


def _after_convolution(layer: Convolution, height: int, width: int) -> Shape:
    if layer.filters < 1 or layer.kernel < 1:
        raise SpecError(f"filters and kernel must be positive, got {layer.filters} and {layer.kernel}")
    if layer.padding not in ("valid", "same"):
        raise SpecError(f"padding must be 'valid' or 'same', got {layer.padding!r}")
    if layer.padding == "same":
        return (height, width, layer.filters)
    if min(height, width) < layer.kernel:
        raise SpecError(f"a {layer.kernel}x{layer.kernel} kernel does not fit into {height}x{width}")
    return (height - layer.kernel + 1, width - layer.kernel + 1, layer.filters)


def _after_dense(layer: Dense, shape: Shape) -> Shape:
    if len(shape) != 1:
        raise SpecError(f"needs a flat input, but what comes before gives {shape}: put a flatten layer in between")
    if layer.units < 1:
        raise SpecError(f"units must be positive, got {layer.units}")
    return (layer.units,)

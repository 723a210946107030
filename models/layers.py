"""The kinds of layers, as plain data, and the shape that each makes of what comes before it.

Everything is symmetric and explicit: what is padded by a number gets so many zeros on each of its four sides, since
TensorFlow's own ``same`` pads one side more than the other where the stride is 2, and PyTorch's does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = tuple[int, ...]
Padding = Literal["valid", "same"]
Activation = Literal["relu", "relu6", "gelu", "none"]
"""What follows a layer. ``gelu`` is the exact one, ``x * Phi(x)`` (Hendrycks and Gimpel, arXiv 1606.08415)."""


class SpecError(ValueError):
    """A specification that no network can have; the message names the layer."""


@dataclass(frozen=True)
class Convolution:
    """2-D convolution with a square kernel.

    Args:
        filters: channels that it makes.
        kernel: height and width of its kernel.
        padding: ``"valid"``: none; ``"same"``: what keeps the size, at stride 1 only; or zeros on each side.
        stride: of both axes; an incomplete window is dropped.
        groups: into so many equal parts the channels are divided, each convolved for itself; as many as there are
            channels make it depthwise.
        bias: whether one is added.
        activation: what follows.
    """

    filters: int
    kernel: int
    padding: Padding | int = "valid"
    stride: int = 1
    groups: int = 1
    bias: bool = True
    activation: Activation = "relu"

    @property
    def margins(self) -> tuple[int, int]:
        """Zeros before and after each spatial axis; an even kernel has the odd one after, as all frameworks do."""
        if not isinstance(self.padding, str):
            return self.padding, self.padding
        total = self.kernel - 1 if self.padding == "same" else 0
        return total // 2, total - total // 2


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation over all axes but the last (Ioffe and Szegedy, arXiv 1502.03167), with scale and bias.

    Args:
        momentum: share of the running statistics that each training step keeps; PyTorch calls the rest momentum.
        epsilon: added to the variance.
        activation: what follows.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    activation: Activation = "none"


@dataclass(frozen=True)
class _Pool:
    """Over ``size`` x ``size`` windows.

    Args:
        size: of the window.
        stride: of both axes; 0: as large as the window. An incomplete window is dropped.
        padding: pixels on each side.
    """

    size: int = 2
    stride: int = 0
    padding: int = 0

    @property
    def step(self) -> int:
        """The stride as a number of pixels."""
        return self.stride or self.size


@dataclass(frozen=True)
class MaxPool(_Pool):
    """Max-pooling; what pads never is the largest."""


@dataclass(frozen=True)
class AveragePool(_Pool):
    """Average-pooling; zeros that pad count."""


@dataclass(frozen=True)
class GlobalAveragePool:
    """The mean of each channel: height x width x channels to channels."""


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


@dataclass(frozen=True)
class Residual:
    """The sum of two branches, then an activation (He et al., arXiv 1512.03385).

    Args:
        body: layers of the one, in order.
        shortcut: of the other; none: what comes before, as it is.
        activation: what follows the sum.
    """

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()
    activation: Activation = "relu"


Layer = Convolution | BatchNorm | MaxPool | AveragePool | GlobalAveragePool | Flatten | Dense | Dropout | Residual


def activation_of(layer: Layer) -> Activation:
    """What follows a layer."""
    if isinstance(layer, Dense):
        return "relu" if layer.relu else "none"
    return layer.activation if isinstance(layer, Convolution | BatchNorm | Residual) else "none"


def shape_after(layer: Layer, shape: Shape) -> Shape:
    """Shape of one example after a layer that holds no others.

    Args:
        layer: any but a :class:`Residual`.
        shape: of one example before it.

    Raises:
        SpecError: if it does not fit; the message does not name the layer.
    """
    if isinstance(layer, Dense):
        return _after_dense(layer, shape)
    if isinstance(layer, Dropout):
        if not 0.0 <= layer.rate < 1.0:
            raise SpecError(f"rate must be at least 0 and below 1, got {layer.rate}")
        return shape
    if isinstance(layer, BatchNorm):
        return _after_batch_norm(layer, shape)
    if len(shape) != 3:
        raise SpecError(f"needs height x width x channels, but what comes before gives {shape}")
    height, width, channels = shape
    if isinstance(layer, Convolution):
        return _after_convolution(layer, height, width, channels)
    if isinstance(layer, MaxPool | AveragePool):
        return _after_pool(layer, height, width, channels)
    return (channels,) if isinstance(layer, GlobalAveragePool) else (height * width * channels,)


def _after_pool(layer: MaxPool | AveragePool, height: int, width: int, channels: int) -> Shape:
    if layer.stride < 0 or layer.padding < 0:
        raise SpecError(f"stride and padding must not be negative, got {layer.stride} and {layer.padding}")
    if layer.size >= 1 and layer.padding > layer.size // 2:
        raise SpecError(f"padding may be at most half of size {layer.size}, got {layer.padding}")
    if layer.size < 1 or min(height, width) + 2 * layer.padding < layer.size:
        raise SpecError(f"pooling by {layer.size} leaves nothing of {height}x{width}")
    rows, columns = ((size + 2 * layer.padding - layer.size) // layer.step + 1 for size in (height, width))
    return (rows, columns, channels)


def _after_convolution(layer: Convolution, height: int, width: int, channels: int) -> Shape:
    if layer.filters < 1 or layer.kernel < 1:
        raise SpecError(f"filters and kernel must be positive, got {layer.filters} and {layer.kernel}")
    if isinstance(layer.padding, str) and layer.padding not in ("valid", "same"):
        raise SpecError(f"padding must be 'valid', 'same' or a number, got {layer.padding!r}")
    if layer.stride < 1 or min(layer.margins) < 0:
        raise SpecError(f"stride must be positive and padding not negative, got {layer.stride} and {layer.padding}")
    if layer.padding == "same" and layer.stride > 1:
        raise SpecError(f"padding 'same' is for stride 1; for stride {layer.stride} give a number of zeros")
    if layer.groups < 1 or channels % layer.groups or layer.filters % layer.groups:
        raise SpecError(
            f"groups must divide the {channels} channels before it and its {layer.filters} filters, got {layer.groups}"
        )
    total = sum(layer.margins)
    if min(height, width) + total < layer.kernel:
        raise SpecError(f"a {layer.kernel}x{layer.kernel} kernel does not fit into {height}x{width}")
    rows, columns = ((size + total - layer.kernel) // layer.stride + 1 for size in (height, width))
    return (rows, columns, layer.filters)


def _after_batch_norm(layer: BatchNorm, shape: Shape) -> Shape:
    if not 0.0 <= layer.momentum < 1.0:
        raise SpecError(f"momentum must be at least 0 and below 1, got {layer.momentum}")
    if layer.epsilon <= 0.0:
        raise SpecError(f"epsilon must be above 0, got {layer.epsilon}")
    return shape


def _after_dense(layer: Dense, shape: Shape) -> Shape:
    if len(shape) != 1:
        raise SpecError(f"needs a flat input, but what comes before gives {shape}: put a flatten layer in between")
    if layer.units < 1:
        raise SpecError(f"units must be positive, got {layer.units}")
    return (layer.units,)

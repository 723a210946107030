"""What each kind of layer computes, and its derivative, in NumPy float64. Images are NHWC.

A convolution is a sum over the places of its kernel, each one a matrix product: strides, groups and padding then cost
nothing, and no more memory is needed than for one more copy of the images.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.layers import AveragePool, MaxPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.layers import Activation

Array = NDArray[np.float64]


def activate(values: Array, activation: Activation) -> Array:
    """The activation of each value."""
    if activation == "relu":
        return np.maximum(values, 0.0)
    if activation == "relu6":
        return np.clip(values, 0.0, 6.0)
    return values * _normal_share(values) if activation == "gelu" else values


def slope(values: Array, activation: Activation) -> Array | float:
    """Derivative of :func:`activate`; at a kink, that of the flat side."""
    if activation == "relu":
        return (values > 0.0).astype(np.float64)
    if activation == "relu6":
        return ((values > 0.0) & (values < 6.0)).astype(np.float64)
    if activation == "gelu":
        return _normal_share(values) + values * np.exp(-0.5 * values**2) / math.sqrt(2.0 * math.pi)
    return 1.0


def kinks(activation: Activation) -> tuple[float, ...]:
    """Where the derivative of :func:`activate` jumps."""
    return {"relu": (0.0,), "relu6": (0.0, 6.0)}.get(activation, ())


def convolve(images: Array, kernel: Array, margins: tuple[int, int], stride: int = 1, groups: int = 1) -> Array:
    """Cross-correlation after padding both spatial axes by ``margins`` (before, after) zeros.

    Args:
        images: shape (examples, height, width, in).
        kernel: shape (size, size, in / groups, out).
        margins: zeros before and after each spatial axis.
        stride: of both axes.
        groups: equal parts of the channels, each convolved for itself.
    """
    size, padded = kernel.shape[0], _padded(images, margins)
    rows, columns = _count(padded, size, stride)
    result = np.zeros((len(images), rows, columns, kernel.shape[-1]))
    for row, column in _places(size):
        seen = padded[:, _reach(row, rows, stride), _reach(column, columns, stride)]
        result += _mixed(seen, kernel[row, column], groups)
    return result


def kernel_gradient(
    images: Array, upstream: Array, size: int, margins: tuple[int, int], stride: int = 1, groups: int = 1
) -> Array:
    """Derivative of :func:`convolve` by its kernel, shape (size, size, in / groups, out)."""
    padded = _padded(images, margins)
    _, rows, columns, outputs = upstream.shape
    inputs = images.shape[-1] // groups
    result = np.empty((size, size, inputs, outputs))
    gathered = _grouped(upstream, groups)
    for row, column in _places(size):
        seen = padded[:, _reach(row, rows, stride), _reach(column, columns, stride)]
        parts = _grouped(seen, groups).transpose(0, 2, 1) @ gathered  # (groups, in / groups, out / groups)
        result[row, column] = parts.transpose(1, 0, 2).reshape(inputs, outputs)
    return result


def input_gradient(
    shape: tuple[int, ...], upstream: Array, kernel: Array, margins: tuple[int, int], stride: int = 1, groups: int = 1
) -> Array:
    """Derivative of :func:`convolve` by its images, which had this ``shape``."""
    examples, height, width, channels = shape
    _, rows, columns, _ = upstream.shape
    padded = np.zeros((examples, height + sum(margins), width + sum(margins), channels))
    for row, column in _places(kernel.shape[0]):
        turned = _split(kernel[row, column], groups).transpose(0, 2, 1)
        spread = (_grouped(upstream, groups) @ turned).transpose(1, 0, 2).reshape(examples, rows, columns, channels)
        padded[:, _reach(row, rows, stride), _reach(column, columns, stride)] += spread
    return padded[:, margins[0] : margins[0] + height, margins[0] : margins[0] + width]


def pool(images: Array, layer: MaxPool | AveragePool) -> Array:
    """What a pooling layer makes of images."""
    windows = pooling_windows(images, layer)
    result: Array = windows.max(axis=-1) if isinstance(layer, MaxPool) else windows.mean(axis=-1)
    return result


def pool_gradient(images: Array, layer: MaxPool | AveragePool, upstream: Array) -> Array:
    """Derivative of :func:`pool` by its images; a maximum's goes to the first place that has it."""
    _, rows, columns, _ = upstream.shape
    padded = np.zeros_like(_padded(images, (layer.padding, layer.padding)))
    chosen = pooling_windows(images, layer).argmax(axis=-1) if isinstance(layer, MaxPool) else None
    for place, (row, column) in enumerate(_places(layer.size)):
        part = upstream / layer.size**2 if chosen is None else np.where(chosen == place, upstream, 0.0)
        padded[:, _reach(row, rows, layer.step), _reach(column, columns, layer.step)] += part
    margin, (_, height, width, _) = layer.padding, images.shape
    return padded[:, margin : margin + height, margin : margin + width]


def pooling_windows(images: Array, layer: MaxPool | AveragePool) -> Array:
    """Whole pooling windows, shape (examples, rows, columns, channels, size * size); a maximum never is a margin."""
    filler = -math.inf if isinstance(layer, MaxPool) else 0.0
    padded = _padded(images, (layer.padding, layer.padding), filler)
    rows, columns = _count(padded, layer.size, layer.step)
    places = [
        padded[:, _reach(row, rows, layer.step), _reach(column, columns, layer.step)]
        for row, column in _places(layer.size)
    ]
    return np.stack(places, axis=-1)


def moments(values: Array) -> tuple[Array, Array]:
    """Mean and biased variance of each channel over all other axes."""
    axes = tuple(range(values.ndim - 1))
    return values.mean(axis=axes), values.var(axis=axes)


def normalise(values: Array, mean: Array, variance: Array, epsilon: float) -> Array:
    """Each channel less its mean, over its deviation."""
    result: Array = (values - mean) / np.sqrt(variance + epsilon)
    return result


def normalise_gradient(values: Array, epsilon: float, upstream: Array) -> Array:
    """Derivative of normalising ``values`` by their own moments, shaped as they are."""
    mean, variance = moments(values)
    normal = normalise(values, mean, variance, epsilon)
    axes = tuple(range(values.ndim - 1))
    centred = upstream - upstream.mean(axis=axes) - normal * (upstream * normal).mean(axis=axes)
    result: Array = centred / np.sqrt(variance + epsilon)
    return result


def _normal_share(values: Array) -> Array:
    """The normal distribution function, which NumPy does not have: by cubic interpolation, right to 1e-14."""
    places, heights, slopes = _normal_table()
    spacing = (places[-1] - places[0]) / (len(places) - 1)  # not that of two neighbours, whose digits cancel
    position = (np.clip(values, places[0], places[-2]) - places[0]) / spacing
    index = position.astype(np.intp)
    t = position - index
    rise = heights[index + 1] - heights[index]
    first, second = slopes[index] * spacing - rise, rise - slopes[index + 1] * spacing
    # Hermite's form of the cubic with these heights and slopes at both ends.
    result: Array = heights[index] + t * rise + t * (1.0 - t) * (first * (1.0 - t) + second * t)
    return result


@cache
def _normal_table() -> tuple[Array, Array, Array]:
    """Places, and there the normal distribution function and its density."""
    places = np.linspace(-9.0, 9.0, 18_001)
    heights = np.array([0.5 * math.erfc(-place / math.sqrt(2.0)) for place in places])
    return places, heights, np.exp(-0.5 * places**2) / math.sqrt(2.0 * math.pi)


def _padded(images: Array, margins: tuple[int, int], filler: float = 0.0) -> Array:
    if not any(margins):
        return images
    return np.pad(images, ((0, 0), margins, margins, (0, 0)), constant_values=filler)


def _count(padded: Array, size: int, stride: int) -> tuple[int, int]:
    """Windows along height and width."""
    return (padded.shape[1] - size) // stride + 1, (padded.shape[2] - size) // stride + 1


def _places(size: int) -> Iterator[tuple[int, int]]:
    return ((row, column) for row in range(size) for column in range(size))


def _reach(first: int, count: int, stride: int) -> slice:
    """What one place of a window sees along one axis."""
    return slice(first, first + (count - 1) * stride + 1, stride)


def _mixed(seen: Array, kernel: Array, groups: int) -> Array:
    """One place of a kernel, shape (in / groups, out), applied to what it sees."""
    if groups == 1:
        return seen @ kernel
    result: Array = _grouped(seen, groups) @ _split(kernel, groups)  # (groups, pixels, out / groups)
    return result.transpose(1, 0, 2).reshape(*seen.shape[:-1], kernel.shape[-1])


def _grouped(values: Array, groups: int) -> Array:
    """Shape (groups, examples * height * width, channels / groups)."""
    return values.reshape(-1, groups, values.shape[-1] // groups).transpose(1, 0, 2)


def _split(kernel: Array, groups: int) -> Array:
    """From (in / groups, out) to (groups, in / groups, out / groups)."""
    return kernel.reshape(kernel.shape[0], groups, -1).transpose(1, 0, 2)

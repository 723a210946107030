"""The specification in NumPy float64: what every framework must agree with. A judge, not a contestant.

It is written to be checked by eye and by finite differences, and is fast enough for a few dozen batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.spec import SGD, Adam, Convolution, DefaultAdam, Dense, Dropout, Flatten, Layer, MaxPool, Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.contract import AdamForm, Images, Labels

Array = NDArray[np.float64]
Arrays = dict[str, Array]


class Reference:
    """One network, its weights and its optimiser, in float64, with the members of an adapter that parity needs.

    Args:
        spec: the network; dropout of any rate but 0 is refused, since it has no reproducible answer.
        weights: canonical layout, copied.
        adam_form: which of the two published forms of Adam updates the weights.

    Raises:
        ValueError: if ``spec`` has dropout or a ``DefaultAdam``, or the weights are not those that it needs.
    """

    def __init__(
        self, spec: Spec, weights: Mapping[str, NDArray[np.floating]], adam_form: AdamForm = "bias-corrected"
    ) -> None:
        if any(isinstance(layer, Dropout) and layer.rate for layer in spec.layers):
            raise ValueError(f"{spec.name}: dropout is random; use spec.without_dropout()")
        if isinstance(spec.optimizer, DefaultAdam):
            raise ValueError(  # noqa: TRY004 - it is a value of a specification that does not fit here
                f"{spec.name}: DefaultAdam's constants are each framework's own; use spec.with_optimizer(Adam())"
            )
        shapes = {name: array.shape for name, array in weights.items()}
        if shapes != spec.parameter_shapes():
            raise ValueError(f"{spec.name}: needs weights {spec.parameter_shapes()}, got {shapes}")
        self.spec = spec
        self._weights: Arrays = {name: array.astype(np.float64) for name, array in weights.items()}
        self._update = OptimizerState(spec.optimizer, adam_form)

    def to_device(self, images: Images, labels: Labels) -> tuple[Images, Labels]:
        """The batch as it is: the reference's device is the CPU."""
        return images, labels

    def training_step(self, batch: tuple[Images, Labels]) -> float:
        """One update of the weights; returns the batch's mean loss before it."""
        loss, gradients = self.loss_and_gradients(*batch)
        self._weights = self._update(self._weights, gradients)
        return loss

    def train_epoch(self, images: Images, labels: Labels, order: NDArray[np.int64], batch_size: int) -> float:
        """One pass in ``order``; returns the mean of the batches' losses, weighted by batch size."""
        total = 0.0
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            total += self.training_step((images[chosen], labels[chosen])) * len(chosen)
        return total / len(order)

    def logits(self, images: Images) -> Array:
        """Outputs of the last layer, shape (examples, classes)."""
        return self.trace(images)[-1].linear

    def weights(self) -> Arrays:
        """The current weights, in canonical layout."""
        return dict(self._weights)

    def loss_and_gradients(self, images: Images, labels: Labels) -> tuple[float, Arrays]:
        """Mean softmax cross-entropy of one batch, and its derivative by every weight."""
        trace = self.trace(images)
        loss, upstream = cross_entropy(trace[-1].linear, labels)
        gradients: Arrays = {}
        for passed in reversed(trace):
            upstream = self._backward(passed, upstream, gradients)
        return loss, {name: gradients[name] for name in self._weights}

    def trace(self, images: Images) -> tuple[Passed, ...]:
        """What each layer was given and made of it, in order."""
        values: Array = images.astype(np.float64)
        result = []
        for name, layer in _named(self.spec):
            passed = Passed(name, layer, values, self._linear(name, layer, values))
            relu = isinstance(layer, Convolution) or (isinstance(layer, Dense) and layer.relu)
            values = np.maximum(passed.linear, 0.0) if relu else passed.linear
            result.append(passed)
        return tuple(result)

    def _linear(self, name: str, layer: Layer, before: Array) -> Array:
        """What ``layer`` makes of ``before``, short of its ReLU."""
        if isinstance(layer, Convolution):
            kernel = self._weights[f"{name}/kernel"]
            return convolve(before, kernel, _margins(layer)) + self._weights[f"{name}/bias"]
        if isinstance(layer, Dense):
            return before @ self._weights[f"{name}/kernel"] + self._weights[f"{name}/bias"]
        if isinstance(layer, MaxPool):
            largest: Array = pooling_windows(before, layer.size).max(axis=-1)
            return largest
        return before.reshape(len(before), -1) if isinstance(layer, Flatten) else before

    def _backward(self, passed: Passed, upstream: Array, gradients: Arrays) -> Array:
        """Derivative by what the layer was given, from that by what it gave; adds its weights' to ``gradients``."""
        name, layer, before = passed.name, passed.layer, passed.before
        if isinstance(layer, Convolution):
            upstream = upstream * (passed.linear > 0.0)
            gradients[f"{name}/bias"] = upstream.sum(axis=(0, 1, 2))
            gradients[f"{name}/kernel"] = kernel_gradient(before, upstream, layer.kernel, _margins(layer))
            return input_gradient(upstream, self._weights[f"{name}/kernel"], _margins(layer))
        if isinstance(layer, Dense):
            upstream = upstream * (passed.linear > 0.0) if layer.relu else upstream
            gradients[f"{name}/bias"] = upstream.sum(axis=0)
            gradients[f"{name}/kernel"] = before.T @ upstream
            return upstream @ self._weights[f"{name}/kernel"].T
        if isinstance(layer, MaxPool):
            return _unpool(before, layer.size, upstream)
        return upstream.reshape(before.shape)


@dataclass(frozen=True)
class Passed:
    """One layer in a forward pass: what it was given, and what it made of it before its ReLU."""

    name: str
    layer: Layer
    before: Array
    linear: Array


@dataclass
class OptimizerState:
    """An update rule and what it remembers; called with weights and gradients, it returns the new weights."""

    optimizer: Adam | SGD
    form: AdamForm
    step: int = 0
    first: Arrays = field(default_factory=dict)
    second: Arrays = field(default_factory=dict)

    def __call__(self, weights: Arrays, gradients: Arrays) -> Arrays:
        """The weights after one more step."""
        self.step += 1
        if isinstance(self.optimizer, SGD):
            rate = self.optimizer.learning_rate
            return {name: array - rate * gradients[name] for name, array in weights.items()}
        return {name: array - self._adam(self.optimizer, name, gradients[name]) for name, array in weights.items()}

    def _adam(self, adam: Adam, name: str, gradient: Array) -> Array:
        """What is subtracted from the weight ``name``."""
        first = adam.beta_1 * self.first.get(name, 0.0) + (1.0 - adam.beta_1) * gradient
        second = adam.beta_2 * self.second.get(name, 0.0) + (1.0 - adam.beta_2) * gradient**2
        self.first[name], self.second[name] = first, second
        first_correction = 1.0 - adam.beta_1**self.step
        second_correction = 1.0 - adam.beta_2**self.step
        if self.form == "bias-corrected":
            root: Array = np.sqrt(second / second_correction)
            return adam.learning_rate * (first / first_correction) / (root + adam.epsilon)
        root = np.sqrt(second)
        rate = adam.learning_rate * math.sqrt(second_correction) / first_correction
        return rate * first / (root + adam.epsilon)


def cross_entropy(logits: Array, labels: Labels) -> tuple[float, Array]:
    """Mean softmax cross-entropy, and its derivative by the logits."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(labels))
    derivative = np.exp(log_probabilities)
    derivative[rows, labels] -= 1.0
    return float(-log_probabilities[rows, labels].mean()), derivative / len(labels)


def convolve(images: Array, kernel: Array, margins: tuple[int, int]) -> Array:
    """Cross-correlation with stride 1 after padding both spatial axes by ``margins`` (before, after) zeros."""
    return np.tensordot(_patches(images, kernel.shape[0], margins), kernel.transpose(2, 0, 1, 3), axes=3)


def kernel_gradient(images: Array, upstream: Array, size: int, margins: tuple[int, int]) -> Array:
    """Derivative of :func:`convolve` by its kernel, shape (size, size, in, out)."""
    summed = np.tensordot(_patches(images, size, margins), upstream, axes=([0, 1, 2], [0, 1, 2]))
    return summed.transpose(1, 2, 0, 3)


def input_gradient(upstream: Array, kernel: Array, margins: tuple[int, int]) -> Array:
    """Derivative of :func:`convolve` by its images: a convolution with the kernel turned round."""
    reach = kernel.shape[0] - 1
    return convolve(upstream, kernel[::-1, ::-1].swapaxes(2, 3), (reach - margins[0], reach - margins[1]))


def _patches(images: Array, size: int, margins: tuple[int, int]) -> Array:
    """Every window of the padded images, shape (examples, height, width, channels, size, size)."""
    padded = np.pad(images, ((0, 0), margins, margins, (0, 0)))
    return sliding_window_view(padded, (size, size), axis=(1, 2))


def _margins(layer: Convolution) -> tuple[int, int]:
    """Zeros before and after each spatial axis; an even kernel has the odd one after, as all frameworks do."""
    total = layer.kernel - 1 if layer.padding == "same" else 0
    return total // 2, total - total // 2


def pooling_windows(images: Array, size: int) -> Array:
    """Whole pooling windows, shape (examples, height // size, width // size, channels, size * size)."""
    examples, height, width, channels = images.shape
    rows, columns = height // size, width // size
    cut = images[:, : rows * size, : columns * size].reshape(examples, rows, size, columns, size, channels)
    return cut.transpose(0, 1, 3, 5, 2, 4).reshape(examples, rows, columns, channels, size * size)


def _unpool(before: Array, size: int, upstream: Array) -> Array:
    """Give each window's derivative to its first maximum; dropped rows and columns get zero."""
    windows = pooling_windows(before, size)
    routed = np.zeros_like(windows)
    np.put_along_axis(routed, windows.argmax(axis=-1)[..., None], upstream[..., None], axis=-1)
    examples, rows, columns, channels, _ = windows.shape
    whole = routed.reshape(examples, rows, columns, channels, size, size).transpose(0, 1, 4, 2, 5, 3)
    result = np.zeros_like(before)
    result[:, : rows * size, : columns * size] = whole.reshape(examples, rows * size, columns * size, channels)
    return result


def _named(spec: Spec) -> tuple[tuple[str, Layer], ...]:
    """Each layer with the name that its weights have in ``spec.parameter_shapes()``; empty if it has none."""
    names = iter(dict.fromkeys(name.split("/")[0] for name in spec.parameter_shapes()))
    return tuple((next(names) if isinstance(layer, Convolution | Dense) else "", layer) for layer in spec.layers)

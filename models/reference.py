"""The specification in NumPy float64: what every framework must agree with. A judge, not a contestant.

It is written to be checked by eye and by finite differences, and is fast enough for a few dozen batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.forms import Forms
from models.reference_layers import (
    Array,
    activate,
    convolve,
    input_gradient,
    kernel_gradient,
    moments,
    normalise,
    normalise_gradient,
    pool,
    pool_gradient,
    slope,
)
from models.reference_updates import OptimizerState, cross_entropy
from models.spec import (
    AveragePool,
    BatchNorm,
    Convolution,
    DefaultAdam,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Placed,
    Residual,
    Spec,
    activation_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from models.contract import Images, Labels

Arrays = dict[str, Array]


@dataclass(frozen=True)
class Passed:
    """One layer in a forward pass.

    Args:
        placed: the layer.
        before: what it was given.
        linear: what it made of it, before its activation.
        body: of a residual block, its body in the same pass.
        shortcut: likewise, its shortcut.
    """

    placed: Placed
    before: Array
    linear: Array
    body: tuple[Passed, ...] = ()
    shortcut: tuple[Passed, ...] = ()

    @property
    def after(self) -> Array:
        """What the next layer is given."""
        return activate(self.linear, activation_of(self.placed.layer))


class Reference:
    """One network, its weights and its optimiser, in float64, with the members of an adapter that parity needs.

    Args:
        spec: the network; dropout of any rate but 0 is refused, since it has no reproducible answer.
        weights: canonical layout, copied.
        forms: in which of the published forms it trains.

    Raises:
        ValueError: if ``spec`` has dropout or a ``DefaultAdam``, or the weights are not those that it needs.
    """

    def __init__(self, spec: Spec, weights: Mapping[str, NDArray[np.floating]], forms: Forms = Forms()) -> None:  # noqa: B008 - it is frozen
        layers = [placed.layer for placed in spec.every_layer()]
        if any(isinstance(layer, Dropout) and layer.rate for layer in layers):
            raise ValueError(f"{spec.name}: dropout is random; use spec.without_dropout()")
        if isinstance(spec.optimizer, DefaultAdam):
            raise ValueError(  # noqa: TRY004 - it is a value of a specification that does not fit here
                f"{spec.name}: DefaultAdam's constants are each framework's own; use spec.with_optimizer(Adam())"
            )
        shapes = {name: array.shape for name, array in weights.items()}
        if shapes != spec.parameter_shapes():
            raise ValueError(f"{spec.name}: needs weights {spec.parameter_shapes()}, got {shapes}")
        self.spec = spec
        self._placed = spec.placed()
        self._forms = forms
        self._weights: Arrays = {name: array.astype(np.float64) for name, array in weights.items()}
        self._state: Arrays = {
            name: np.ones(shape) if name.endswith("/variance") else np.zeros(shape)
            for name, shape in spec.state_shapes().items()
        }
        self._update = OptimizerState(spec.optimizer, forms)

    def to_device(self, images: Images, labels: Labels) -> tuple[Images, Labels]:
        """The batch as it is: the reference's device is the CPU."""
        return images, labels

    def training_step(self, batch: tuple[Images, Labels]) -> float:
        """One update of the weights; returns the batch's mean loss before it."""
        images, labels = batch
        trace = self.trace(images, training=True)
        loss, gradients = self._loss_and_gradients(trace, labels)
        for passed in every_pass(trace):
            self._keep_statistics(passed)
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
        """Outputs of the last layer in evaluation mode, shape (examples, classes)."""
        return self.trace(images)[-1].linear

    def weights(self) -> Arrays:
        """The current weights, in canonical layout."""
        return dict(self._weights)

    def running_statistics(self) -> Arrays:
        """The current running statistics."""
        return dict(self._state)

    def loss_and_gradients(self, images: Images, labels: Labels) -> tuple[float, Arrays]:
        """Mean softmax cross-entropy of one batch in training mode, and its derivative by every weight."""
        return self._loss_and_gradients(self.trace(images, training=True), labels)

    def trace(self, images: Images, *, training: bool = False) -> tuple[Passed, ...]:
        """What each layer was given and made of it, in order; batch normalisation knows two modes."""
        return self._trace(self._placed, images.astype(np.float64), training=training)

    def _trace(self, placed: tuple[Placed, ...], values: Array, *, training: bool) -> tuple[Passed, ...]:
        result = []
        for each in placed:
            if isinstance(each.layer, Residual):
                body = self._trace(each.body, values, training=training)
                shortcut = self._trace(each.shortcut, values, training=training)
                beside = shortcut[-1].after if shortcut else values
                passed = Passed(each, values, body[-1].after + beside, body, shortcut)
            else:
                passed = Passed(each, values, self._linear(each, values, training=training))
            values = passed.after
            result.append(passed)
        return tuple(result)

    def _linear(self, placed: Placed, before: Array, *, training: bool) -> Array:
        """What a layer makes of ``before``, short of its activation."""
        layer, name = placed.layer, placed.name
        if isinstance(layer, Convolution):
            kernel = self._weights[f"{name}/kernel"]
            mixed = convolve(before, kernel, layer.margins, layer.stride, layer.groups)
            return mixed + self._weights[f"{name}/bias"] if layer.bias else mixed
        if isinstance(layer, Dense):
            return before @ self._weights[f"{name}/kernel"] + self._weights[f"{name}/bias"]
        if isinstance(layer, BatchNorm):
            kept = self._state[f"{name}/mean"], self._state[f"{name}/variance"]
            normal = normalise(before, *(moments(before) if training else kept), layer.epsilon)
            return normal * self._weights[f"{name}/scale"] + self._weights[f"{name}/bias"]
        if isinstance(layer, MaxPool | AveragePool):
            return pool(before, layer)
        if isinstance(layer, GlobalAveragePool):
            means: Array = before.mean(axis=(1, 2))
            return means
        return before.reshape(len(before), -1) if isinstance(layer, Flatten) else before

    def _loss_and_gradients(self, trace: tuple[Passed, ...], labels: Labels) -> tuple[float, Arrays]:
        loss, upstream = cross_entropy(trace[-1].linear, labels, self.spec.label_smoothing)
        gradients: Arrays = {}
        self._backward_through(trace, upstream, gradients)
        return loss, {name: gradients[name] for name in self._weights}

    def _backward_through(self, trace: tuple[Passed, ...], upstream: Array, gradients: Arrays) -> Array:
        for passed in reversed(trace):
            upstream = upstream * slope(passed.linear, activation_of(passed.placed.layer))
            if isinstance(passed.placed.layer, Residual):
                through = self._backward_through(passed.body, upstream, gradients)
                upstream = through + self._backward_through(passed.shortcut, upstream, gradients)
            else:
                upstream = self._backward(passed, upstream, gradients)
        return upstream

    def _backward(self, passed: Passed, upstream: Array, gradients: Arrays) -> Array:
        """Derivative by what the layer was given, from that by what it gave; adds its weights' to ``gradients``."""
        name, layer, before = passed.placed.name, passed.placed.layer, passed.before
        if name:
            gradients[f"{name}/bias"] = upstream.sum(axis=tuple(range(upstream.ndim - 1)))
        if isinstance(layer, Convolution):
            how = layer.margins, layer.stride, layer.groups
            gradients[f"{name}/kernel"] = kernel_gradient(before, upstream, layer.kernel, *how)
            return input_gradient(before.shape, upstream, self._weights[f"{name}/kernel"], *how)
        if isinstance(layer, Dense):
            gradients[f"{name}/kernel"] = before.T @ upstream
            return upstream @ self._weights[f"{name}/kernel"].T
        if isinstance(layer, BatchNorm):
            normal = normalise(before, *moments(before), layer.epsilon)
            gradients[f"{name}/scale"] = (upstream * normal).sum(axis=tuple(range(upstream.ndim - 1)))
            return normalise_gradient(before, layer.epsilon, upstream * self._weights[f"{name}/scale"])
        if isinstance(layer, MaxPool | AveragePool):
            return pool_gradient(before, layer, upstream)
        if isinstance(layer, GlobalAveragePool):
            _, height, width, _ = before.shape
            return np.broadcast_to(upstream[:, None, None] / (height * width), before.shape)
        return upstream.reshape(before.shape)

    def _keep_statistics(self, passed: Passed) -> None:
        """Move the running statistics of batch normalisation towards those of the batch."""
        layer, name = passed.placed.layer, passed.placed.name
        if not isinstance(layer, BatchNorm):
            return
        mean, variance = moments(passed.before)
        count = passed.before.size // passed.before.shape[-1]
        if self._forms.variance == "unbiased":
            variance = variance * count / max(1, count - 1)
        for what, found in (("mean", mean), ("variance", variance)):
            kept = self._state[f"{name}/{what}"]
            self._state[f"{name}/{what}"] = layer.momentum * kept + (1.0 - layer.momentum) * found


def every_pass(trace: tuple[Passed, ...]) -> Iterator[Passed]:
    """Every layer of a pass, and right after each residual block those of its body, then of its shortcut."""
    for passed in trace:
        yield passed
        yield from every_pass(passed.body)
        yield from every_pass(passed.shortcut)

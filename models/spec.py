"""A convolutional network as plain data: layers, optimiser, and the shapes that follow from them.

Layouts are canonical everywhere outside an adapter: images NHWC, convolution kernels
``(kernel_height, kernel_width, in / groups, out)``, dense kernels ``(in, out)``, flattening in NHWC order.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.layers import (
    Activation,
    AveragePool,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Padding,
    Residual,
    Shape,
    SpecError,
    activation_of,
    shape_after,
)
from models.optimizers import SGD, Adam, AdamW, DefaultAdam, Optimizer, Schedule, Steps, WarmupCosine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "AveragePool",
    "BatchNorm",
    "Convolution",
    "DefaultAdam",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "Layer",
    "MaxPool",
    "Optimizer",
    "Padding",
    "Placed",
    "Residual",
    "Schedule",
    "Shape",
    "Spec",
    "SpecError",
    "Steps",
    "WarmupCosine",
    "activation_of",
]

_NAMES: dict[type[Layer], str] = {Convolution: "convolution", BatchNorm: "batch_norm", Dense: "dense"}
"""Of the layers that have arrays; each is counted by its kind, from 1."""


_DEFAULT_RULE = Adam()


@dataclass(frozen=True)
class Placed:
    """A layer where it stands in a network.

    Args:
        name: of its arrays, as in ``convolution_1``; empty if it has none.
        layer: what it is.
        before: shape of one example before it.
        after: shape of one example after it.
        body: of a residual block, the layers of its body, placed.
        shortcut: likewise, of its shortcut.
    """

    name: str
    layer: Layer
    before: Shape
    after: Shape
    body: tuple[Placed, ...] = ()
    shortcut: tuple[Placed, ...] = ()


@dataclass(frozen=True)
class Spec:
    """A network and how it is trained. The loss is the mean softmax cross-entropy of integer labels.

    Args:
        name: identifies the network in messages.
        input_shape: height, width, channels of one image.
        layers: applied in order; the last one is a :class:`Dense` without ReLU, whose outputs are the logits.
        optimizer: update rule and its constants.
        label_smoothing: share of each label that is spread evenly over all classes (Szegedy et al., arXiv 1512.00567).

    Raises:
        SpecError: where a layer does not fit what comes before it.
    """

    name: str
    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    optimizer: Optimizer = _DEFAULT_RULE
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if len(self.input_shape) != 3 or any(size < 1 for size in self.input_shape):
            raise SpecError(f"{self.name}: input_shape must be three positive sizes, got {self.input_shape}")
        if not self.layers or not isinstance(self.layers[-1], Dense) or self.layers[-1].relu:
            raise SpecError(f"{self.name}: the last layer must be a dense layer without ReLU (the logits)")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise SpecError(f"{self.name}: label_smoothing must be at least 0 and below 1, got {self.label_smoothing}")
        self.placed()

    @property
    def classes(self) -> int:
        """Number of classes: the units of the last layer."""
        return self.shapes()[-1][0]

    def placed(self) -> tuple[Placed, ...]:
        """Every layer with its name and the shapes around it, in order."""
        try:
            return tuple(_place(self.layers, self.input_shape, Counter(), ""))
        except SpecError as error:
            raise SpecError(f"{self.name}: {error}") from None

    def every_layer(self) -> tuple[Placed, ...]:
        """Those of :meth:`placed`, and right after each residual block those of its body, then of its shortcut."""
        return tuple(_flat(self.placed()))

    def shapes(self) -> tuple[Shape, ...]:
        """Shape of one example after each layer, without the batch axis."""
        return tuple(placed.after for placed in self.placed())

    def parameter_shapes(self) -> dict[str, Shape]:
        """Canonical shape of every trainable array, in order: ``<kind>_<n>/kernel`` or ``/scale``, and ``/bias``."""
        result: dict[str, Shape] = {}
        for placed in self.every_layer():
            layer, name = placed.layer, placed.name
            if isinstance(layer, Convolution):
                inputs = placed.before[-1] // layer.groups
                result[f"{name}/kernel"] = (layer.kernel, layer.kernel, inputs, layer.filters)
            elif isinstance(layer, Dense):
                result[f"{name}/kernel"] = (placed.before[0], layer.units)
            elif isinstance(layer, BatchNorm):
                result[f"{name}/scale"] = placed.after[-1:]
            if name and not (isinstance(layer, Convolution) and not layer.bias):
                result[f"{name}/bias"] = placed.after[-1:]
        return result

    def state_shapes(self) -> dict[str, Shape]:
        """Shape of every array that training changes and no gradient: ``batch_norm_<n>/mean`` and ``/variance``."""
        normalised = [placed for placed in self.every_layer() if isinstance(placed.layer, BatchNorm)]
        return {f"{placed.name}/{what}": placed.after[-1:] for placed in normalised for what in ("mean", "variance")}

    def parameter_count(self) -> int:
        """Number of trainable scalars."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    def with_optimizer(self, optimizer: Optimizer) -> Spec:
        """The same network trained by another optimiser."""
        return replace(self, optimizer=optimizer)

    def without_dropout(self) -> Spec:
        """The same network with every dropout rate 0: dropout is random, so parity is proven without it."""
        return replace(self, layers=_changed(self.layers, _undropped))

    def smooth(self) -> Spec:
        """The same arrays with a GELU for each ReLU and averages for maxima: no derivative jumps."""
        return replace(self, layers=_changed(self.layers, _smoothed))


def _smoothed(layer: Layer) -> Layer:
    if isinstance(layer, Convolution | BatchNorm | Residual) and layer.activation != "none":
        return replace(layer, activation="gelu")
    return AveragePool(layer.size, layer.stride, layer.padding) if isinstance(layer, MaxPool) else layer


def _undropped(layer: Layer) -> Layer:
    return Dropout(0.0) if isinstance(layer, Dropout) else layer


def _changed(layers: tuple[Layer, ...], change: Callable[[Layer], Layer]) -> tuple[Layer, ...]:
    """Every layer changed, those of residual blocks too."""
    return tuple(
        change(replace(layer, body=_changed(layer.body, change), shortcut=_changed(layer.shortcut, change)))
        if isinstance(layer, Residual)
        else change(layer)
        for layer in layers
    )


def _flat(placed: tuple[Placed, ...]) -> Iterator[Placed]:
    for each in placed:
        yield each
        yield from _flat(each.body)
        yield from _flat(each.shortcut)


def _place(layers: tuple[Layer, ...], shape: Shape, counted: Counter[str], where: str) -> Iterator[Placed]:
    """Each layer in order; ``where`` leads to them in messages."""
    previous: list[Layer] = []
    for index, layer in enumerate(layers):
        here = f"{where}layer {index} ({type(layer).__name__})"
        if isinstance(layer, Residual):
            placed = _placed_residual(layer, shape, counted, here)
        else:
            try:
                _check_neighbours(layer, previous)
                after = shape_after(layer, shape)
            except SpecError as error:
                raise SpecError(f"{here}: {error}") from None
            kind = _NAMES.get(type(layer), "")
            counted[kind] += 1
            placed = Placed(f"{kind}_{counted[kind]}" if kind else "", layer, shape, after)
        yield placed
        previous.append(layer)
        shape = placed.after


def _placed_residual(layer: Residual, shape: Shape, counted: Counter[str], here: str) -> Placed:
    if not layer.body:
        raise SpecError(f"{here}: its body has no layers")
    body = tuple(_place(layer.body, shape, counted, f"{here}: body: "))
    shortcut = tuple(_place(layer.shortcut, shape, counted, f"{here}: shortcut: "))
    after, beside = body[-1].after, shortcut[-1].after if shortcut else shape
    if after != beside:
        what = "its shortcut" if shortcut else "what comes before it, which has no shortcut,"
        raise SpecError(f"{here}: its body gives {after}, but {what} gives {beside}; they must be alike to be added")
    return Placed("", layer, shape, after, body, shortcut)


def _check_neighbours(layer: Layer, previous: list[Layer]) -> None:
    """No bias may come right before batch normalisation, which takes it away: no gradient would ever reach it."""
    if not isinstance(layer, BatchNorm):
        return
    for before in reversed(previous):
        if isinstance(before, MaxPool | AveragePool | GlobalAveragePool | Flatten):
            continue
        if isinstance(before, Residual) and before.activation == "none":
            for branch in (before.body, before.shortcut):
                _check_neighbours(layer, list(branch))
        if isinstance(before, Dense) and not before.relu:
            raise SpecError("a dense layer's bias right before it has no effect; let an activation come between")
        if isinstance(before, Convolution) and before.bias and before.activation == "none":
            raise SpecError("the bias of the convolution right before it has no effect: give that bias = false")
        return

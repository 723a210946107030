"""Networks that hold the first layers of another one: by how much the next one takes longer, a layer is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.spec import Dense, Flatten, GlobalAveragePool, Residual, Spec

if TYPE_CHECKING:
    from models.spec import Layer, Placed, Shape

REST = "the rest"
"""Loss, optimiser, Python, and a head on the bare input: the network that is left without any layer."""
_MOST = 16
"""Networks besides the bare head."""
_HARDLY = 1e-6
"""Learning rate of a network that is only timed: without normalisation in between, the real one might diverge."""


@dataclass(frozen=True)
class Prefix:
    """A network of the first layers.

    Args:
        title: what it has and the one before it has not, for example ``convolution_1, max_pool``.
        spec: with a dense layer at its end, and before it the mean over space if there still is space.
    """

    title: str
    spec: Spec


def prefixes(spec: Spec) -> tuple[Prefix, ...]:
    """The bare head, then one network for each layer that has arrays, up to the whole network.

    Of a network with more than 16 such layers, neighbours are taken together. What has no arrays (pooling, flattening,
    dropout) comes with the layer before it; a residual block is one layer. The last dense layer is everybody's head, so
    it belongs to the first of them.
    """
    titles, ends = [REST], [0]
    blocks = 0
    for place, placed in enumerate(spec.placed()[:-1]):
        blocks += isinstance(placed.layer, Residual)
        title = f"residual_{blocks}" if isinstance(placed.layer, Residual) else placed.name
        if title:
            titles.append(title)
            ends.append(place + 1)
        else:
            ends[-1] = place + 1
            titles[-1] += f", {_plain(placed)}" if len(ends) > 1 else ""
    titles, ends = _grouped(titles, ends)
    networks = [_network(spec, end, number) for number, end in enumerate(ends[:-1])]
    return tuple(Prefix(title, each) for title, each in zip(titles, [*networks, _slow(spec)], strict=True))


def _grouped(titles: list[str], ends: list[int]) -> tuple[list[str], list[int]]:
    """Neighbours taken together where there are many: each network is built and warmed up in every block."""
    size = max(1, -(-(len(titles) - 1) // _MOST))
    groups = [titles[start : start + size] for start in range(1, len(titles), size)]
    names = [group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}" for group in groups]
    last = [ends[min(start + size, len(ends)) - 1] for start in range(1, len(ends), size)]
    return [titles[0], *names], [ends[0], *last]


def _network(spec: Spec, end: int, number: int) -> Spec:
    shape = spec.placed()[end].before
    layers = (*spec.layers[:end], *_head(shape, spec.classes))
    return _slow(replace(spec, name=f"{spec.name}-prefix{number}", layers=layers))


def _head(shape: Shape, classes: int) -> tuple[Layer, ...]:
    return (Dense(classes),) if len(shape) == 1 else (GlobalAveragePool(), Dense(classes))


def _slow(spec: Spec) -> Spec:
    return spec.with_optimizer(replace(spec.optimizer, learning_rate=_HARDLY))


def _plain(placed: Placed) -> str:
    """``max_pool`` of ``MaxPool``."""
    if isinstance(placed.layer, Flatten):
        return "flatten"
    name = type(placed.layer).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")

"""A specification as plain dictionaries and back: how it travels to a worker and lies in a file."""

from __future__ import annotations

import dataclasses
from typing import Any

from models.spec import SGD, Adam, Convolution, Dense, Dropout, Flatten, Layer, MaxPool, Spec, SpecError

_LAYERS: dict[str, type[Layer]] = {
    "convolution": Convolution,
    "max_pool": MaxPool,
    "flatten": Flatten,
    "dense": Dense,
    "dropout": Dropout,
}
_OPTIMIZERS: dict[str, type[Adam | SGD]] = {"adam": Adam, "sgd": SGD}


def to_plain(spec: Spec) -> dict[str, Any]:
    """The specification as dictionaries, lists, strings and numbers."""
    return {
        "name": spec.name,
        "input_shape": list(spec.input_shape),
        "layers": [_tagged(layer, _LAYERS) for layer in spec.layers],
        "optimizer": _tagged(spec.optimizer, _OPTIMIZERS),
    }


def from_plain(plain: dict[str, Any]) -> Spec:
    """The specification that ``to_plain`` was given.

    Raises:
        SpecError: for an unknown kind, an unknown or missing field, or layers that do not fit.
    """
    try:
        return Spec(
            name=str(plain["name"]),
            input_shape=tuple(plain["input_shape"]),
            layers=tuple(_untagged(layer, _LAYERS, f"layer {index}") for index, layer in enumerate(plain["layers"])),
            optimizer=_untagged(plain["optimizer"], _OPTIMIZERS, "optimizer"),
        )
    except KeyError as error:
        raise SpecError(f"field {error} is missing") from None


def _tagged(value: Any, kinds: dict[str, Any]) -> dict[str, Any]:
    kind = next(name for name, candidate in kinds.items() if type(value) is candidate)
    return {"kind": kind, **dataclasses.asdict(value)}


def _untagged(plain: dict[str, Any], kinds: dict[str, Any], where: str) -> Any:
    fields = dict(plain)
    kind = fields.pop("kind", None)
    if kind not in kinds:
        raise SpecError(f"{where}: unknown kind {kind!r}; known: {', '.join(kinds)}")
    try:
        return kinds[kind](**fields)
    except TypeError as error:
        raise SpecError(f"{where} ({kind}): {error}") from None

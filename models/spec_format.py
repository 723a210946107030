"""A specification as plain dictionaries and back: how it travels to a worker and lies in a file.

A file is written by hand, so whatever it may hold, the error names the field and says what belongs there.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from typing import Any

from models.spec import (
    SGD,
    Adam,
    Convolution,
    DefaultAdam,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    Optimizer,
    Spec,
    SpecError,
)

_LAYERS: dict[str, type[Layer]] = {
    "convolution": Convolution,
    "max_pool": MaxPool,
    "flatten": Flatten,
    "dense": Dense,
    "dropout": Dropout,
}
_OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam, "sgd": SGD, "default_adam": DefaultAdam}
_FIELDS = ("name", "input_shape", "layers", "optimizer")


def to_plain(spec: Spec) -> dict[str, Any]:
    """The specification as dictionaries, lists, strings and numbers."""
    return {
        "name": spec.name,
        "input_shape": list(spec.input_shape),
        "layers": [_tagged(layer, _LAYERS) for layer in spec.layers],
        "optimizer": _tagged(spec.optimizer, _OPTIMIZERS),
    }


def from_plain(plain: Any) -> Spec:
    """The specification that ``to_plain`` was given, or that somebody wrote in its form.

    Raises:
        SpecError: for an unknown kind, an unknown or missing field, a value of the wrong type or out of its range,
            or layers that do not fit; the message names the field.
    """
    if not isinstance(plain, dict):
        raise SpecError(f"must be a table of {', '.join(_FIELDS)}, got {plain!r}")
    missing, unknown = [name for name in _FIELDS if name not in plain], sorted(map(str, plain.keys() - set(_FIELDS)))
    if missing or unknown:
        raise SpecError(f"field {missing[0]!r} is missing" if missing else f"unknown field {unknown[0]!r}")
    if not isinstance(plain["name"], str):
        raise SpecError(f"name must be text, got {plain['name']!r}")
    if not isinstance(plain["layers"], list | tuple):
        raise SpecError(f"layers must be a list of layers, got {plain['layers']!r}")
    return Spec(
        name=plain["name"],
        input_shape=_input_shape(plain["input_shape"]),
        layers=tuple(_untagged(layer, _LAYERS, f"layer {index}") for index, layer in enumerate(plain["layers"])),
        optimizer=_optimizer(plain["optimizer"]),
    )


def _input_shape(value: Any) -> tuple[int, int, int]:
    if not isinstance(value, list | tuple) or len(value) != 3 or any(type(size) is not int for size in value):
        raise SpecError(f"input_shape must be three whole numbers, height, width and channels, got {value!r}")
    return (value[0], value[1], value[2])


def _optimizer(plain: Any) -> Optimizer:
    rule: Optimizer = _untagged(plain, _OPTIMIZERS, "optimizer")
    if rule.learning_rate <= 0:
        raise SpecError(f"optimizer: learning_rate must be above 0, got {rule.learning_rate}")
    if isinstance(rule, Adam):
        for name, beta in (("beta_1", rule.beta_1), ("beta_2", rule.beta_2)):
            if not 0 <= beta < 1:
                raise SpecError(f"optimizer (adam): {name} must be at least 0 and below 1, got {beta}")
        if rule.epsilon <= 0:
            raise SpecError(f"optimizer (adam): epsilon must be above 0, got {rule.epsilon}")
    return rule


def _tagged(value: Any, kinds: dict[str, Any]) -> dict[str, Any]:
    kind = next(name for name, candidate in kinds.items() if type(value) is candidate)
    return {"kind": kind, **dataclasses.asdict(value)}


def _untagged(plain: Any, kinds: dict[str, Any], where: str) -> Any:
    """The dataclass that ``plain["kind"]`` names, with every other field held against the type it declares."""
    if not isinstance(plain, dict):
        raise SpecError(f"{where}: must be a table with a field 'kind', got {plain!r}")
    given = dict(plain)
    kind = given.pop("kind", None)
    if not isinstance(kind, str) or kind not in kinds:
        raise SpecError(f"{where}: unknown kind {kind!r}; known: {', '.join(kinds)}")
    where = f"{where} ({kind})"
    hints = typing.get_type_hints(kinds[kind])
    unknown = sorted(map(str, given.keys() - hints.keys()))
    if unknown:
        raise SpecError(f"{where}: unknown field {unknown[0]!r}; known: {', '.join(hints) or 'none'}")
    for field in dataclasses.fields(kinds[kind]):
        if field.name not in given and field.default is dataclasses.MISSING:
            raise SpecError(f"{where}: field {field.name!r} is missing")
    return kinds[kind](**{name: _typed(value, hints[name], f"{where}: {name}") for name, value in given.items()})


def _typed(value: Any, hint: Any, where: str) -> Any:
    """The value as the type that a field declares; a whole number may stand for a fractional one, nothing else."""
    # ``type(...) is``, since true and false are whole numbers to ``isinstance``.
    if hint is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if hint in (int, bool) and type(value) is hint:
        return value
    if typing.get_origin(hint) is typing.Literal and value in typing.get_args(hint):
        return value
    wanted = {int: "a whole number", float: "a finite number", bool: "true or false"}
    choices = " or ".join(repr(choice) for choice in typing.get_args(hint))
    raise SpecError(f"{where} must be {wanted.get(hint, choices)}, got {value!r}")

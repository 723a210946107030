"""A specification as plain dictionaries and back: how it travels to a worker and lies in a file.

A file is written by hand, so whatever it may hold, the error names the field and says what belongs there.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from itertools import pairwise
from typing import Any

from models.spec import (
    SGD,
    Adam,
    AdamW,
    AveragePool,
    BatchNorm,
    Convolution,
    DefaultAdam,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Optimizer,
    Residual,
    Schedule,
    Spec,
    SpecError,
    Steps,
    WarmupCosine,
)

_LAYERS: dict[str, type[Layer]] = {
    "convolution": Convolution,
    "max_pool": MaxPool,
    "flatten": Flatten,
    "dense": Dense,
    "dropout": Dropout,
    "batch_norm": BatchNorm,
    "average_pool": AveragePool,
    "global_average_pool": GlobalAveragePool,
    "residual": Residual,
}
_OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam, "sgd": SGD, "default_adam": DefaultAdam, "adamw": AdamW}
_SCHEDULES: dict[str, type[Schedule]] = {"steps": Steps, "warmup_cosine": WarmupCosine}
_KINDS: dict[str, type[Any]] = {**_LAYERS, **_OPTIMIZERS, **_SCHEDULES}
_FIELDS = ("name", "input_shape", "layers", "optimizer")
_OPTIONAL = ("label_smoothing",)
_DEEPEST = 10
"""Residual blocks in one another: more than anybody means, fewer than Python's stack holds."""


def to_plain(spec: Spec) -> dict[str, Any]:
    """The specification as dictionaries, lists, strings and numbers.

    Fields that hold their default are left out, so that an earlier revision of the suite, which may not know them, can
    read every network that it can train.
    """
    return {
        "name": spec.name,
        "input_shape": list(spec.input_shape),
        "layers": [_tagged(layer) for layer in spec.layers],
        "optimizer": _tagged(spec.optimizer),
        **({"label_smoothing": spec.label_smoothing} if spec.label_smoothing else {}),
    }


def from_plain(plain: Any) -> Spec:
    """The specification that ``to_plain`` was given, or that somebody wrote in its form.

    Raises:
        SpecError: for an unknown kind, an unknown or missing field, a value of the wrong type or out of its range,
            or layers that do not fit; the message names the field.
    """
    if not isinstance(plain, dict):
        raise SpecError(f"must be a table of {', '.join(_FIELDS)}, got {plain!r}")
    missing = [name for name in _FIELDS if name not in plain]
    unknown = sorted(map(str, plain.keys() - {*_FIELDS, *_OPTIONAL}))
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
        label_smoothing=_typed(plain.get("label_smoothing", 0.0), float, "label_smoothing"),
    )


def _input_shape(value: Any) -> tuple[int, int, int]:
    if not isinstance(value, list | tuple) or len(value) != 3 or any(type(size) is not int for size in value):
        raise SpecError(f"input_shape must be three whole numbers, height, width and channels, got {value!r}")
    return (value[0], value[1], value[2])


def _optimizer(plain: Any) -> Optimizer:
    rule: Optimizer = _untagged(plain, _OPTIMIZERS, "optimizer")
    where = "optimizer" if isinstance(rule, DefaultAdam) else f"optimizer ({plain['kind']})"
    if rule.learning_rate <= 0:
        raise SpecError(f"optimizer: learning_rate must be above 0, got {rule.learning_rate}")
    for name in ("beta_1", "beta_2", "momentum"):
        share = getattr(rule, name, 0.0)
        if not 0 <= share < 1:
            raise SpecError(f"{where}: {name} must be at least 0 and below 1, got {share}")
    if getattr(rule, "epsilon", 1.0) <= 0:
        raise SpecError(f"{where}: epsilon must be above 0, got {getattr(rule, 'epsilon', 1.0)}")
    if getattr(rule, "weight_decay", 0.0) < 0:
        raise SpecError(f"{where}: weight_decay must not be negative, got {getattr(rule, 'weight_decay', 0.0)}")
    if isinstance(rule, SGD) and rule.nesterov and not rule.momentum:
        raise SpecError(f"{where}: nesterov needs a momentum above 0")
    if not isinstance(rule, DefaultAdam):
        _check_schedule(rule.schedule, f"{where}: schedule")
    return rule


def _check_schedule(schedule: Schedule | None, where: str) -> None:
    if isinstance(schedule, Steps):
        bounds = (0, *schedule.boundaries)
        if len(bounds) == 1 or any(later <= earlier for earlier, later in pairwise(bounds)):
            raise SpecError(f"{where}: boundaries must be rising numbers of steps, got {list(schedule.boundaries)}")
        if schedule.factor <= 0:
            raise SpecError(f"{where}: factor must be above 0, got {schedule.factor}")
    elif schedule is not None:
        if schedule.warmup_steps < 0 or schedule.decay_steps < 1:
            got = f"{schedule.warmup_steps} and {schedule.decay_steps}"
            raise SpecError(f"{where}: warmup_steps must not be negative and decay_steps be positive, got {got}")
        if not 0 < schedule.start <= 1 or not 0 <= schedule.end <= 1:
            got = f"{schedule.start} and {schedule.end}"
            raise SpecError(f"{where}: start must be above 0, end not below it, both at most 1, got {got}")


def _tagged(value: Any) -> dict[str, Any]:
    """A layer, rule or schedule with its kind, without the fields that hold their default."""
    kind = next(name for name, candidate in _KINDS.items() if type(value) is candidate)
    result = {"kind": kind}
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        if content != field.default:
            result[field.name] = _plain(content)
    return result


def _plain(content: Any) -> Any:
    if isinstance(content, tuple):
        return [_plain(each) for each in content]
    return _tagged(content) if dataclasses.is_dataclass(content) else content


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
    if typing.get_origin(hint) is typing.Literal and type(value) is str and value in typing.get_args(hint):
        return value
    if hint == Schedule | None:
        return _untagged(value, _SCHEDULES, where)
    if typing.get_origin(hint) is tuple:
        return _listed(value, typing.get_args(hint)[0], where)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for each in typing.get_args(hint):
            try:
                return _typed(value, each, where)
            except SpecError:
                continue
    raise SpecError(f"{where} must be {_wanted(hint)}, got {value!r}")


def _listed(value: Any, kind: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise SpecError(f"{where} must be a list, got {value!r}")
    if where.count("layer ") > _DEEPEST:
        raise SpecError(f"{where}: residual blocks lie more than {_DEEPEST} deep in one another")
    if kind is int:
        return tuple(_typed(each, int, f"{where}: each") for each in value)
    return tuple(_untagged(each, _LAYERS, f"{where}: layer {index}") for index, each in enumerate(value))


def _wanted(hint: Any) -> str:
    if hint in (int, float, bool):
        return {int: "a whole number", float: "a finite number", bool: "true or false"}[hint]
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(repr(choice) for choice in typing.get_args(hint))
    return " or ".join(_wanted(each) for each in typing.get_args(hint))

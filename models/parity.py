"""Proof that an adapter trains the same network: what it did is compared with what the reference did."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.observation import Observation, expect, observe
from models.probe import ParityCase, parity_case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "TOLERANCES",
    "Observation",
    "ParityCase",
    "ParityReport",
    "errors_of_arrays",
    "expect",
    "judge",
    "observe",
    "parity_case",
]

Array = NDArray[Any]

# Measured with PyTorch, TensorFlow and Keras on CPUs, over several seeds, MNIST, digits and CIFAR-10: logits at most
# 7e-7, gradients 2e-6, adam_1 5e-5, adam_10 8e-6, epoch 1.1e-5, losses 2e-7. So each of these
# tolerances is at least 14 times what was seen. The mildest mistakes made on purpose, 1 % of learning rate or one beta,
# give 1e-2 or more. Of residual and mobile networks, in all frameworks but TF Estimator: kinked_gradients at most 2e-2,
# twin_gradients 1.1e-4, sgd_2 4e-4, losses 2e-6, statistics 2e-5, evaluation 7e-6; ten steps and the epoch 7e-4, nearly
# all of it float32's rounding of stored weights, and measured when _RESOLVED was half as large.
TOLERANCES: Mapping[str, float] = MappingProxyType(
    {
        "initial": 0.0,
        "logits": 1e-5,
        "gradients": 1e-4,
        "kinked_gradients": 0.1,
        "twin_gradients": 1e-3,
        "adam_1": 1e-3,
        "adam_10": 1e-3,
        "sgd_2": 5e-3,
        "sgd_10": 1e-3,
        "epoch": 1e-3,
        "losses": 1e-5,
        "statistics": 1e-4,
        "evaluation": 1e-4,
    }
)

_NEGLIGIBLE = 1e-3
"""A layer that changes less than this share of the most changed layer is measured against that share of it."""

_RESOLVED = 8e3 * 2.0**-24
"""A change of less than this share of a weight is measured against that share: float32 rounds off each of its steps,
and a dozen roundings come to half a thousandth of it."""
_NONE = np.zeros(1)


@dataclass(frozen=True)
class ParityReport:
    """Whether a program trains the network that it was asked to.

    Args:
        passed: True if nothing differs.
        errors: for each stage the worst layer's error; infinite where something is missing or not finite.
        tolerances: for each stage, the largest error that passes.
        differences: one line for each layer that differs, and one if there are more or fewer parameters: in the order
            of the stages, since a later one inherits what an earlier one got wrong, and worst first in each.
        unproven: arrays that rounding alone changes by as much as they are, "stage: array"; only their size is proven.
    """

    passed: bool
    errors: Mapping[str, float]
    tolerances: Mapping[str, float]
    differences: tuple[str, ...]
    unproven: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line."""
        if not self.passed:
            more = f" (and {len(self.differences) - 1} more)" if len(self.differences) > 1 else ""
            return f"parity failed: {self.differences[0]}{more}"
        closest = max((stage for stage in self.errors if self.tolerances[stage]), key=self._share)
        error, tolerance = self.errors[closest], self.tolerances[closest]
        return f"parity proven: closest to its tolerance is {closest}, {error:.2g} of {tolerance:g}"

    def _share(self, stage: str) -> float:
        return self.errors[stage] / self.tolerances[stage]

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON, which has no infinity: such an error is None."""
        return {
            "passed": self.passed,
            "errors": {stage: error if math.isfinite(error) else None for stage, error in self.errors.items()},
            "tolerances": dict(self.tolerances),
            "differences": list(self.differences),
            "unproven": list(self.unproven),
        }


def judge(
    expected: Observation,
    observed: Observation,
    tolerances: Mapping[str, float] = TOLERANCES,
    own: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
) -> ParityReport:
    """Compare what an adapter did with what the reference did. Reports whatever is wrong; raises nothing.

    Args:
        expected: of the reference.
        observed: of the adapter.
        tolerances: the largest error of each stage that passes; those of float32 unless given.
        own: in their place, those of single arrays of a stage.
    """
    errors: dict[str, float] = {}
    passing: dict[str, float] = {}
    differences: list[str] = []
    with np.errstate(all="ignore"):
        stages = _compare(expected, observed)
    for stage, compared in stages.items():
        limits = {item.what: tolerances[stage] for item in compared} | dict(own.get(stage, {}))
        closest = max(compared, key=lambda item: item.error / (limits[item.what] or 1.0))
        errors[stage], passing[stage] = closest.error, limits[closest.what]
        wrong = [item for item in compared if item.error > limits[item.what]]
        differences += [
            f"{stage}: {item.what} {item.fault or _amount(item.error, limits[item.what])}"
            for item in sorted(wrong, key=lambda item: item.error, reverse=True)
        ]
    return ParityReport(not differences, errors, passing, tuple(differences))


def errors_of_arrays(expected: Observation, observed: Observation) -> dict[str, dict[str, float]]:
    """The error of every array of every stage, infinite where it cannot be compared."""
    with np.errstate(all="ignore"):
        stages = _compare(expected, observed)
    return {stage: {item.what: item.error for item in compared} for stage, compared in stages.items()}


@dataclass(frozen=True)
class _Compared:
    """One array against another. ``fault`` says what keeps them from being compared, with an infinite error."""

    what: str
    error: float
    fault: str = ""


def _compare(expected: Observation, observed: Observation) -> dict[str, list[_Compared]]:
    """Every stage's comparisons, in the order in which a mistake travels, without stages that the case does not have.

    Gradients are judged by their largest difference. What an update rule changes is judged by its root mean square:
    where a gradient is within rounding of zero, Adam makes a whole step of it either way, so single weights prove
    nothing; and a value beside a kink moves single gradients of a large network by per cents.
    """
    stages = {
        "initial": [*_by_layer(expected.initial, observed.initial, _largest), _count(expected, observed)],
        "logits": [_one("outputs", expected.logits, observed.logits, _largest(expected.logits), _largest)],
    }
    for stage, size in (("gradients", _largest), ("kinked_gradients", _root_mean_square), ("twin_gradients", _largest)):
        if getattr(expected, stage):
            stages[stage] = _by_layer(getattr(expected, stage), getattr(observed, stage), size)
    for stage in ("adam_1", "adam_10", "sgd_2", "sgd_10", "epoch"):
        if getattr(expected, stage):
            changes = getattr(expected, stage), getattr(observed, stage)
            stages[stage] = _by_layer(*changes, _root_mean_square, expected.initial)
    stages["losses"] = [_one("means", expected.losses, observed.losses, _largest(expected.losses), _largest)]
    if expected.statistics:
        stages["statistics"] = _by_layer(expected.statistics, observed.statistics, _largest)
        scale = _largest(expected.evaluation)
        stages["evaluation"] = [_one("outputs", expected.evaluation, observed.evaluation, scale, _largest)]
    return stages


def _by_layer(
    expected: Mapping[str, Array],
    observed: Mapping[str, Array],
    size: Callable[[Array], float],
    stored: Mapping[str, Array] = MappingProxyType({}),
) -> list[_Compared]:
    """Each layer's array; ``stored`` are the weights, of whose rounding a change of them cannot be free."""
    floor = _NEGLIGIBLE * max(size(array) for array in expected.values())
    result = [
        _one(layer, array, observed[layer], max(size(array), floor, _RESOLVED * size(stored.get(layer, _NONE))), size)
        if layer in observed
        else _Compared(layer, math.inf, "is missing")
        for layer, array in expected.items()
    ]
    return result + [_Compared(layer, math.inf, "should not exist") for layer in observed if layer not in expected]


def _count(expected: Observation, observed: Observation) -> _Compared:
    wanted, found = expected.parameter_count, observed.parameter_count
    return _Compared("parameter count", 0.0 if found == wanted else math.inf, f"{found}, expected {wanted}")


def _one(what: str, expected: Array, observed: Array, scale: float, size: Callable[[Array], float]) -> _Compared:
    if observed.shape != expected.shape:
        return _Compared(what, math.inf, f"has shape {observed.shape} instead of {expected.shape}")
    if not np.isfinite(observed).all():
        return _Compared(what, math.inf, f"has {np.count_nonzero(~np.isfinite(observed))} values that are not finite")
    difference = size(observed.astype(np.float64) - expected)
    return _Compared(what, difference / scale if difference else 0.0)


def _largest(array: Array) -> float:
    return float(np.abs(array).max(initial=0.0))


def _root_mean_square(array: Array) -> float:
    return float(np.sqrt(np.mean(np.square(array))))


def _amount(error: float, tolerance: float) -> str:
    return f"differs by {error:.2g} (tolerance {tolerance:g})"

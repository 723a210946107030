"""Parity in fewer bits than float32's: how far right programs then differ, and whether the bits were fewer at all.

An adapter that trains in a lower precision is proven twice. In float32, strictly, which excludes mistakes in layers,
update rules and input pipeline; and as it is measured, against tolerances that follow from the format. Weights and
images are rounded to the format once, and the reference says in float64 what that alone does to each stage: little to
the outputs, a good deal to the gradients of a deep network with batch normalisation, nearly everything to those of
MobileNet-V2. A right program rounds at every layer, so it may differ by a few times as much.

Where a few times as much is as much as the whole array, a tolerance would pass an array of zeros. Such an array is
judged by the length and the direction that it has as a vector. If one rounding alone turns it far, only its length is,
loosely, and the report names it: that it is right, the proof in float32 says alone.

A program that leaves everything in float32 has outputs that no rounding has touched. It fails.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from models.parity import TOLERANCES, ParityReport, errors_of_arrays, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models.contract import Precision
    from models.observation import Observation
    from models.probe import ParityCase

    _Vector = NDArray[np.float64]

SIGNIFICAND_BITS: Final[Mapping[Precision, int]] = MappingProxyType({"float32": 24, "bfloat16": 8, "tf32": 11})
"""With the leading one, which is not stored."""

# Measured with all frameworks but TF Estimator on a CPU with AVX512_BF16 (python -m tests.figures.parity_errors). In
# multiples of what one rounding to bfloat16 does: at most 3 for outputs, 2 for losses, 5 for updates. JAX adds up
# gradients of biases in bfloat16, which costs it up to 0.33 of the largest one whatever the rounding does.
_TIMES_ROUNDED = 4.0
_UNITS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "logits": 8.0,
        "kinked_gradients": 192.0,
        "twin_gradients": 192.0,
        "adam_1": 128.0,
        "adam_10": 160.0,
        "sgd_2": 96.0,
        "sgd_10": 96.0,
        "epoch": 160.0,
        "losses": 2.0,
        "statistics": 8.0,
        "evaluation": 8.0,
    }
)
"""Tolerances in unit roundoffs of the format, where one rounding does less than that."""

_LOOSEST = 0.9
"""An array of zeros has an error of 1, and so has one that is twice what it should be."""
_MOST_TURNED = math.radians(75.0)
"""Two arrays that have nothing to do with each other are at right angles."""
_TURNED_BY_ROUNDING = math.radians(25.0)
"""An array that one rounding turns by more may be turned by anything. PyTorch turns those of ``cifar10-resnet20`` 1.3
times as far as one rounding does, and at most 2.3 times."""
_TIMES_AS_LONG, _OF_SOME_LENGTH = 1.9, 8.0
"""Lengths that pass, over the reference's and below it: with a known direction, and without."""
_NOTHING = np.empty(0)

_UNUSED = 0.05
"""Outputs that differ by less than this share of what one rounding does were computed in more bits."""


def unit_roundoff(precision: Precision) -> float:
    """The largest relative error of rounding to the format: 2**-8 for bfloat16."""
    return 2.0 ** -SIGNIFICAND_BITS[precision]


def rounded(array: NDArray[np.float32], precision: Precision) -> NDArray[np.float32]:
    """The nearest values that the format has, ties to even; of finite values, in the same shape."""
    dropped = 24 - SIGNIFICAND_BITS[precision]
    if not dropped:
        return array
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32).astype(np.uint64)
    half = (1 << (dropped - 1)) - 1
    kept = (bits + half + ((bits >> dropped) & 1)) >> dropped << dropped
    return kept.astype(np.uint32).view(np.float32).reshape(array.shape)


def rounded_case(case: ParityCase, precision: Precision) -> ParityCase:
    """The case with weights and images rounded to the format."""
    return replace(
        case,
        weights={name: rounded(array, precision) for name, array in case.weights.items()},
        images=rounded(case.images, precision),
        epoch_images=rounded(case.epoch_images, precision),
    )


def judge_lower(
    expected: Observation, of_rounded: Observation, observed: Observation, precision: Precision
) -> ParityReport:
    """Compare what an adapter did in a lower precision with what the reference did.

    Args:
        expected: of the reference, on the case.
        of_rounded: of the reference, on :func:`rounded_case`.
        observed: of the adapter, on the case.
        precision: of the adapter.
    """
    effects = errors_of_arrays(expected, of_rounded)
    effect = {stage: max(of_arrays.values()) for stage, of_arrays in effects.items()}
    unit = unit_roundoff(precision)
    units = {stage: unit * _UNITS.get(stage, 0.0) for stage in effect}
    tolerances = {stage: max(least, _TIMES_ROUNDED * effect[stage]) for stage, least in units.items()}
    tolerances["initial"] = 0.0  # weights are kept in float32
    own = {
        stage: {name: max(_LOOSEST, _TIMES_ROUNDED * error) for name, error in effects[stage].items()}
        for stage, tolerance in tolerances.items()
        if tolerance > _LOOSEST
    }
    report = judge(expected, observed, tolerances, own)
    faults, unproven = [], []
    for stage, limits in own.items():
        for name in (name for name, tolerance in limits.items() if tolerance > _LOOSEST):
            exact, once, found = (_vector(each, stage, name) for each in (expected, of_rounded, observed))
            lost = _angle(exact, once) > _TURNED_BY_ROUNDING
            unproven += [f"{stage}: {name}"] if lost else []
            fault = _fault(exact, once, found, math.pi if lost else _MOST_TURNED)
            faults += [f"{stage}: {name} {fault}"] if fault else []
    report = replace(
        report,
        passed=report.passed and not faults,
        differences=(*report.differences, *faults),
        unproven=tuple(unproven),
    )
    least = max(TOLERANCES["logits"], _UNUSED * effect["logits"])
    if report.errors["logits"] >= least:
        return report
    fault = f"precision: outputs are those of float32 to {report.errors['logits']:.2g}: {precision} was not used"
    return replace(report, passed=False, differences=(fault, *report.differences))


def _vector(observation: Observation, stage: str, name: str) -> _Vector:
    """An array as one vector; empty where it is missing."""
    found = getattr(observation, stage)
    return np.ravel(found if isinstance(found, np.ndarray) else found.get(name, _NOTHING)).astype(np.float64)


def _fault(exact: _Vector, once: _Vector, found: _Vector, most_turned: float) -> str:
    """What is wrong with the length or the direction of an array, beside the reference's two; empty if nothing is."""
    if found.shape != exact.shape or not np.isfinite(found).all():
        return ""  # judged already
    times = _OF_SOME_LENGTH if most_turned == math.pi else _TIMES_AS_LONG
    lengths = sorted(float(np.linalg.norm(array)) for array in (exact, once))
    length = float(np.linalg.norm(found))
    if not lengths[0] / times <= length <= lengths[1] * times:
        return f"is of length {length:.2g}, expected {lengths[0]:.2g} to {lengths[1]:.2g}"
    turned = _angle(exact, found)
    if turned > most_turned:
        return f"is turned by {math.degrees(turned):.0f}° (tolerance {math.degrees(most_turned):.0f}°)"
    return ""


def _angle(one: _Vector, other: _Vector) -> float:
    """Between two vectors, in radians; a right angle if one is zero."""
    product, lengths = float(one @ other), float(np.linalg.norm(one) * np.linalg.norm(other))
    return math.acos(max(-1.0, min(1.0, product / lengths))) if lengths else math.pi / 2.0

"""Parity in fewer bits than float32's: how far right programs then differ, and whether the bits were fewer at all.

An adapter that trains in a lower precision is proven twice. In float32, strictly, which excludes mistakes in layers,
update rules and input pipeline; and as it is measured, against tolerances that follow from the format. Weights and
images are rounded to the format once, and the reference says in float64 what that alone does to each stage: little to
the outputs, a good deal to the gradients of a deep network with batch normalisation, nearly everything to those of
MobileNet-V2. A right program rounds at every layer, so it may differ by a few times as much.

A program that leaves everything in float32 has outputs that no rounding has touched. It fails.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from models.parity import TOLERANCES, ParityReport, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models.contract import Precision
    from models.observation import Observation
    from models.probe import ParityCase

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
    effect = judge(expected, of_rounded).errors
    unit = unit_roundoff(precision)
    units = {stage: unit * _UNITS.get(stage, 0.0) for stage in effect}
    tolerances = {stage: max(least, _TIMES_ROUNDED * effect[stage]) for stage, least in units.items()}
    tolerances["initial"] = 0.0  # weights are kept in float32
    report = judge(expected, observed, tolerances)
    least = max(TOLERANCES["logits"], _UNUSED * effect["logits"])
    if report.errors["logits"] >= least:
        return report
    fault = f"precision: outputs are those of float32 to {report.errors['logits']:.2g}: {precision} was not used"
    return replace(report, passed=False, differences=(fault, *report.differences))

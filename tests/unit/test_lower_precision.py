"""models.lower_precision: rounding to fewer bits, and what is right within it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.forms import Forms
from models.lower_precision import judge_lower, rounded, rounded_case, unit_roundoff
from models.parity import Observation, expect, parity_case
from models.spec import SGD, Convolution, Dense, Flatten, Spec

if TYPE_CHECKING:
    from models.probe import ParityCase

SPEC = Spec("small", (8, 8, 1), (Convolution(4, 3), Flatten(), Dense(5)), SGD(0.1, 0.9))


@pytest.fixture(scope="module")
def case() -> ParityCase:
    """A small network on noise."""
    generator = np.random.default_rng(0)
    return parity_case(SPEC, generator.random((200, 8, 8, 1), dtype=np.float32), generator.integers(0, 5, 200), 1)


@pytest.mark.parametrize(
    ("value", "nearest"),
    [
        (1.0, 1.0),
        (-2.5, -2.5),
        (1.0 + 2.0**-8, 1.0),  # half-way: to the even neighbour
        (1.0 + 3 * 2.0**-8, 1.0 + 2.0**-6),
        (1.0 + 2.0**-8 + 2.0**-20, 1.0 + 2.0**-7),
        (3.0e38, 226 * 2.0**120),
        (0.0, 0.0),
    ],
)
def test_bfloat16_has_eight_bits(value: float, nearest: float) -> None:
    """The nearest of its values, ties to even, over float32's whole range."""
    (found,) = rounded(np.array([value], np.float32), "bfloat16")
    assert found == np.float32(nearest)


@pytest.mark.parametrize("precision", ["bfloat16", "tf32"])
def test_rounding_errs_by_the_unit_roundoff_at_most(precision: str) -> None:
    """And comes near it; what is rounded already stays."""
    values = np.random.default_rng(1).normal(size=(50, 40)).astype(np.float32)
    once = rounded(values, precision)  # type: ignore[arg-type]
    error = np.abs(once - values) / np.abs(values)
    unit = unit_roundoff(precision)  # type: ignore[arg-type]
    assert 0.9 * unit < error.max() <= unit
    assert (rounded(once, precision) == once).all()  # type: ignore[arg-type]
    assert (rounded(values, "float32") == values).all()


def observed_in_bfloat16(case: ParityCase) -> Observation:
    """What a right program sees: it rounds what it computes with, and keeps float32 weights."""
    once = expect(rounded_case(case, "bfloat16"), Forms(), "bfloat16")
    exact = expect(case, Forms(), "bfloat16")
    return replace(once, initial=exact.initial)


def judged(case: ParityCase, observed: Observation) -> tuple[bool, tuple[str, ...]]:
    """Whether it passes, and what differs."""
    exact, once = (expect(each, Forms(), "bfloat16") for each in (case, rounded_case(case, "bfloat16")))
    report = judge_lower(exact, once, observed, "bfloat16")
    return report.passed, report.differences


def test_what_rounds_as_the_format_does_is_right(case: ParityCase) -> None:
    """Even where float32's tolerances are exceeded a hundred times."""
    assert judged(case, observed_in_bfloat16(case)) == (True, ())


def test_what_stays_in_float32_is_named(case: ParityCase) -> None:
    """An exact program is no proof of a lower precision."""
    passed, differences = judged(case, expect(case, Forms(), "bfloat16"))
    assert not passed
    assert differences[0].startswith("precision: outputs are those of float32 to 0: bfloat16 was not used")


def deep(near: float, far: float, turned: float = 0.0) -> Observation:
    """Gradients near the loss and far from it, times what the reference computes; the latter turned by degrees."""
    generator = np.random.default_rng(0)
    last, first, aside = (generator.normal(size=400).astype(np.float32) for _ in range(3))
    aside -= first * (first @ aside) / (first @ first)
    aside *= np.linalg.norm(first) / np.linalg.norm(aside)
    angle = math.radians(turned)
    first = first * np.float32(math.cos(angle)) + aside * np.float32(math.sin(angle))
    noise = generator.normal(size=10) * 1e-3
    return Observation(
        {"dense_1/kernel": last},
        np.ones(10) + noise * near,
        twin_gradients={"convolution_1/kernel": first * np.float32(far), "dense_1/kernel": last * np.float32(near)},
        losses=np.ones(3),
    )


@pytest.mark.parametrize(
    ("near", "far", "turned", "begin"),
    [
        (1.02, 1.0, 0.0, ""),
        (1.02, 1.1, 40.0, ""),
        (0.0, 1.0, 0.0, "twin_gradients: dense_1/kernel differs by 1 (tolerance 0.9)"),
        (2.0, 1.0, 0.0, "twin_gradients: dense_1/kernel differs by 1 (tolerance 0.9)"),
        (1.02, 0.0, 0.0, "twin_gradients: convolution_1/kernel is of length 0, expected "),
        (1.02, 2.0, 0.0, "twin_gradients: convolution_1/kernel is of length "),
        (1.02, 1.0, 80.0, "twin_gradients: convolution_1/kernel is turned by 80° (tolerance 75°)"),
        (1.02, 1.0, 180.0, "twin_gradients: convolution_1/kernel "),
        (1.02, float("nan"), 0.0, "twin_gradients: convolution_1/kernel has 400 values that are not finite"),
    ],
)
def test_where_a_tolerance_would_pass_zeros_length_and_direction_are_judged(
    near: float, far: float, turned: float, begin: str
) -> None:
    """Of an array that one rounding turns by 20 degrees; the others are judged by their own rounding."""
    report = judge_lower(deep(1.0, 1.0), deep(1.01, 1.0, 20.0), deep(near, far, turned), "bfloat16")
    assert report.unproven == ()
    assert report.passed is (not begin), report
    assert not begin or report.differences[0].startswith(begin)


@pytest.mark.parametrize(
    ("far", "turned", "begin"),
    [
        (1.0, 70.0, ""),
        (3.0, 20.0, ""),
        (0.0, 0.0, "twin_gradients: convolution_1/kernel is of length 0, expected "),
        (20.0, 0.0, "twin_gradients: convolution_1/kernel differs by 19 "),
    ],
)
def test_what_is_not_proven_is_named(far: float, turned: float, begin: str) -> None:
    """One rounding turns it by 50 degrees: then it has some length at least."""
    report = judge_lower(deep(1.0, 1.0), deep(1.01, 1.0, 50.0), deep(1.02, far, turned), "bfloat16")
    assert report.unproven == ("twin_gradients: convolution_1/kernel",)
    assert report.as_dict()["unproven"] == list(report.unproven)
    assert report.passed is (not begin), report
    assert not begin or report.differences[0].startswith(begin)


@pytest.mark.parametrize("stage", ["logits", "losses", "twin_gradients", "sgd_2", "sgd_10", "epoch"])
def test_mistakes_are_seen_through_the_rounding(case: ParityCase, stage: str) -> None:
    """Twice as much in any stage."""
    right = observed_in_bfloat16(case)
    value: Any = getattr(right, stage)
    wrong: Any = value * 2.0 if isinstance(value, np.ndarray) else {name: array * 2.0 for name, array in value.items()}
    passed, differences = judged(case, replace(right, **{stage: wrong}))
    assert not passed
    assert all(line.startswith(stage) for line in differences)

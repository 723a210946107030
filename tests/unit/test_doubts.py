"""What is said of an estimate that its own blocks make doubtful; the verdict stands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fixtures.reports.doubts import doubts

if TYPE_CHECKING:
    from collections.abc import Sequence

NOISE = np.random.default_rng(1).normal(0.0, 0.01, 60).tolist()


def judged(values: Sequence[float], measure: str = "first_step", verdict: str = "regression", **more: Any) -> list[str]:
    """Doubts about a benchmark with these block values."""
    info = {
        "measure": measure,
        "framework_title": "PyTorch",
        "verdict": verdict,
        "blocks": len(values),
        "level": 0.002,
        "margins": {"margin": 0.02, "floor": 0.0025, "minimum_effect": 0.005},
        "raw": [{"value": value, "disturbed": ""} for value in values],
    }
    return doubts(info | more)


def test_values_that_agree_leave_no_doubt() -> None:
    """Noise around a change is what verdicts are made for."""
    assert judged([0.05 + noise for noise in NOISE]) == []


def test_a_mean_that_few_blocks_pull_is_shown_beside_the_median() -> None:
    """Sixty blocks, every fifth of which is far off."""
    (doubt, *_others) = judged([0.05 + noise + (0.6 if number % 5 == 0 else 0.0) for number, noise in enumerate(NOISE)])
    assert doubt.startswith("Few blocks pull the mean of PyTorch's first step, which is 18.")
    assert "their median is 5." in doubt


def test_halves_that_differ_are_shown_apart() -> None:
    """What is true of one half need not be of the next run."""
    doubt = " ".join(judged([(0.02 if number < 30 else 0.08) + noise for number, noise in enumerate(NOISE)]))
    assert "Something changed while PyTorch's first step was measured" in doubt
    assert "over the second 8." in doubt
    assert "Something changed" not in " ".join(judged([0.0, 0.5, 0.0, 0.0, 0.5, 0.5], verdict="inconclusive"))


@pytest.mark.parametrize(("verdict", "sign"), [("regression", 1.0), ("improvement", -1.0)])
def test_a_verdict_that_only_normality_supports_is_doubted(verdict: str, sign: float) -> None:
    """Ten blocks are enough to tell, eight are not."""
    values = [sign * value for value in (0.05, 0.04, -0.03, 0.05, 0.02, -0.02, 0.05, 0.04, 0.01, 0.03)]
    doubt = " ".join(judged(values, verdict=verdict))
    assert "by their signs alone, chance does as much with a probability of" in doubt
    assert "signs" not in " ".join(judged(values[:8], verdict=verdict))
    assert "signs" not in " ".join(judged([sign * abs(value) for value in values], verdict=verdict))


@pytest.mark.parametrize(("measure", "thing"), [("accuracy", "trainings"), ("memory", "processes")])
def test_what_so_few_cannot_show_is_said(measure: str, thing: str) -> None:
    """The binomial: four that are all well leave a fault in half of them possible."""
    (doubt,) = judged([0.0, 0.001, 0.0, -0.001], measure, "no regression")
    assert f"in 4 {thing} of each: a fault that befalls fewer than 53 % of them" in doubt
    assert judged([0.0] * 4, "epoch", "no regression") == []


def test_void_blocks_and_too_few_leave_nothing_to_doubt() -> None:
    """They are no part of the estimate."""
    raw = [{"value": math.nan, "disturbed": "stolen"}, *[{"value": 0.5, "disturbed": ""}] * 3]
    assert judged([], raw=raw) == []

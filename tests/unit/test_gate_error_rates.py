"""How often the gate is wrong, by simulation: normal noise, outliers, skew, drift, effects of processes, lattices."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fixtures.judging.looks import plan_looks
from fixtures.judging.sign_flips import sign_flip_p
from fixtures.judging.verdicts import Judgement, Margins, Verdict, judge

MARGINS = Margins(margin=0.02, floor=0.002, minimum_effect=0.005)


def _noise(
    kind: str, generator: np.random.Generator, shape: tuple[int, int]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if kind == "normal":
        return generator.normal(0.0, 0.015, shape)
    if kind == "outliers":
        return generator.normal(0.0, 0.015, shape) + (generator.random(shape) < 0.05) * generator.normal(
            0.0, 0.1, shape
        )
    if kind == "skew":
        return 0.015 * (generator.exponential(1.0, shape) - 1.0)
    if kind == "processes":  # some processes get a memory layout of their own
        return generator.normal(0.0, 0.008, shape) + 0.03 * (generator.integers(0, 3, shape) - 1)
    return _drifting(generator, shape, memory=0.5)


def _drifting(
    generator: np.random.Generator, shape: tuple[int, int], memory: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """What pairing has left of the machine's drift: a part of each block's value stays for the next."""
    shared = np.zeros(shape)
    shared[:, 0] = generator.normal(0.0, 0.009, shape[0])
    for block in range(1, shape[1]):
        fresh = generator.normal(0.0, 0.009 * math.sqrt(1 - memory**2), shape[0])
        shared[:, block] = memory * shared[:, block - 1] + fresh
    return np.asarray(generator.normal(0.0, 0.012, shape) + shared)


KINDS = ("normal", "outliers", "skew", "drift", "processes")
LEVEL_MARGINS = Margins(margin=0.02, floor=0.002, minimum_effect=0.0)


def alarms(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], margins: Margins, direction: Verdict) -> float:
    """Share of runs that get this verdict at any of the looks, if every look is taken."""
    looks = plan_looks(values.shape[1], 0.01)
    found = 0
    for run in values:
        judged = (judge({0: list(run[: look.blocks])}, {0: margins}, look.level)[0] for look in looks)
        found += any(one.verdict is direction for one in judged)
    return found / len(values)


@pytest.mark.parametrize("kind", KINDS)
def test_sequential_looks_hold_their_level(kind: str) -> None:
    """Arms of equal code, 2,000 simulated runs of up to 30 blocks, every look taken: 1 %, and what 2,000 may be off."""
    values = _noise(kind, np.random.default_rng(11), (2000, 30))
    assert alarms(values, MARGINS, Verdict.REGRESSION) <= 0.01 + 3 * math.sqrt(0.01 / 2000)


@pytest.mark.parametrize(("kind", "most"), [("normal", 0.01), ("outliers", 0.01), ("processes", 0.01), ("drift", 0.03)])
def test_the_level_holds_at_the_floor_itself(kind: str, most: float) -> None:
    """The hardest truth that is no regression, with no minimum effect to help: 1 %, and what 3,000 runs may be off.

    Blocks that drift are not independent, which the gate takes them to be: up to three times as many alarms.
    """
    values = _noise(kind, np.random.default_rng(21), (3000, 30)) + LEVEL_MARGINS.floor
    assert alarms(values, LEVEL_MARGINS, Verdict.REGRESSION) <= most + 3 * math.sqrt(most / 3000)


def test_the_level_is_used() -> None:
    """A gate that never alarms would hold its level too: of normal noise at the floor, it spends some of it."""
    values = _noise("normal", np.random.default_rng(22), (3000, 30)) + LEVEL_MARGINS.floor
    assert alarms(values, LEVEL_MARGINS, Verdict.REGRESSION) >= 0.003


def test_blocks_that_remember_are_the_limit() -> None:
    """A drift that outlasts blocks gives false alarms of either kind: known, and what ``--calibrate`` looks for."""
    slow = _drifting(np.random.default_rng(24), (3000, 30), memory=0.9)
    assert 0.05 <= alarms(slow + LEVEL_MARGINS.floor, LEVEL_MARGINS, Verdict.REGRESSION) <= 0.2
    assert 0.05 <= alarms(slow + LEVEL_MARGINS.margin, LEVEL_MARGINS, Verdict.NO_REGRESSION) <= 0.2


@pytest.mark.parametrize("kind", ["normal", "outliers", "processes"])
def test_what_is_slower_by_the_margin_is_hardly_ever_called_no_slower(kind: str) -> None:
    """The other error: 1 %, and what 2,000 runs may be off."""
    values = _noise(kind, np.random.default_rng(25), (2000, 30)) + MARGINS.margin
    assert alarms(values, MARGINS, Verdict.NO_REGRESSION) <= 0.01 + 3 * math.sqrt(0.01 / 2000)


@pytest.mark.parametrize("kind", ["normal", "outliers", "processes"])
def test_equal_arms_are_hardly_ever_called_faster(kind: str) -> None:
    """Nor that."""
    values = _noise(kind, np.random.default_rng(26), (2000, 30))
    assert alarms(values, MARGINS, Verdict.IMPROVEMENT) <= 0.01 + 3 * math.sqrt(0.01 / 2000)


def test_skewed_noise_is_the_limit_of_student() -> None:
    """Values with a long tail to one side make Student's t too bold on the other side: known, and bounded.

    Ratios of equal arms have no such tail: exchanging the arms exchanges the sides.
    """
    values = _noise("skew", np.random.default_rng(23), (3000, 30))
    assert alarms(values + LEVEL_MARGINS.floor, LEVEL_MARGINS, Verdict.REGRESSION) <= 0.01
    assert alarms(LEVEL_MARGINS.floor - values, LEVEL_MARGINS, Verdict.REGRESSION) <= 0.12


def test_the_level_holds_over_many_comparisons() -> None:
    """Twelve comparisons of equal code in each of 1,000 runs: a run raises any false alarm in at most 1 %."""
    generator = np.random.default_rng(12)
    margins = {str(index): LEVEL_MARGINS for index in range(12)}
    found = 0
    for run in generator.normal(LEVEL_MARGINS.floor, 0.015, (1000, 12, 10)):
        judged = judge({str(index): list(values) for index, values in enumerate(run)}, margins, 0.01)
        found += any(one.verdict is Verdict.REGRESSION for one in judged.values())
    assert found / 1000 <= 0.01 + 3 * math.sqrt(0.01 / 1000)


@pytest.mark.parametrize(
    ("kind", "most"), [("normal", 0.06), ("outliers", 0.06), ("drift", 0.12), ("processes", 0.06), ("skew", 0.12)]
)
def test_intervals_cover_the_truth(kind: str, most: float) -> None:
    """The bounds of 4,000 comparisons miss the truth as often as their level says; more often with skew or drift."""
    missed = 0
    for values in 0.01 + _noise(kind, np.random.default_rng(13), (4000, 8)):
        judged = judge({"step": list(values)}, {"step": MARGINS}, 0.025)["step"]
        missed += not judged.lower <= 0.01 <= judged.upper
    assert missed / 4000 <= most


def test_intervals_are_no_wider_than_they_must_be() -> None:
    """Of normal values, 5 % miss the truth; fewer would mean that the gate wastes blocks."""
    missed = 0
    for values in np.random.default_rng(13).normal(0.01, 0.02, (4000, 8)):
        judged = judge({"step": list(values)}, {"step": MARGINS}, 0.025)["step"]
        missed += not judged.lower <= 0.01 <= judged.upper
    assert missed / 4000 >= 0.04


STEP = 1 / 360
ACCURACY = Margins(margin=0.01, floor=0.00125, minimum_effect=0.0025)


def of_lattice(values: list[float]) -> Judgement:
    """Values that are multiples of one test example."""
    return judge({"accuracy": values}, {"accuracy": ACCURACY}, 0.01, family=5, resolutions={"accuracy": STEP})[
        "accuracy"
    ]


@pytest.mark.parametrize("examples", [1, 2])
def test_equal_values_of_few_test_examples_are_no_certainty(examples: int) -> None:
    """Four seeds that all lost the same one or two of 360 examples: the spread is zero, the doubt is not."""
    judged = of_lattice([examples * STEP] * 4)
    assert judged.upper - judged.estimate >= STEP
    assert judged.verdict is not Verdict.REGRESSION


def test_values_on_a_lattice_hold_the_level() -> None:
    """Accuracies of equal arms, whole numbers of 360 examples: at most 1 % false alarms in 4,000 runs."""
    generator = np.random.default_rng(16)
    for spread in (0.2, 0.5, 1.0):
        examples = np.round(generator.normal(0.0, spread, (4000, 6)))
        found = sum(of_lattice(list(run * STEP)).verdict is Verdict.REGRESSION for run in examples)
        assert found / 4000 <= 0.01


def test_more_equal_values_become_certain() -> None:
    """Twenty seeds without any difference are within a point."""
    assert of_lattice([0.0] * 20).verdict is Verdict.NO_REGRESSION


def test_sign_flips_of_equal_arms_are_uniform() -> None:
    """Below 5 % in at most 5 % of 1,000 simulated comparisons, also with outliers."""
    generator = np.random.default_rng(15)
    found = [sign_flip_p(list(values)) for values in _noise("outliers", generator, (1000, 8))]
    assert np.mean(np.array(found) <= 0.05) <= 0.065

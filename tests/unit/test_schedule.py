"""How much a block measures, the order of turns and the end of warm-up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fixtures.measuring.schedule import (
    BURST_SECONDS,
    FEWEST_BURSTS,
    MINIMUM_WARM_UP_ROUNDS,
    NORMAL,
    PAIRED,
    QUICK,
    SLICE_SECONDS,
    THOROUGH,
    Effort,
    bursts_per_block,
    lead_in_steps,
    restless,
    settled,
    slice_batches,
    slices_per_block,
    steps_per_burst,
    turn_order,
)

NOISE = np.random.default_rng(5).lognormal(0.0, 1.0, (2, 80))
ARMS = st.lists(st.integers(), unique=True, min_size=1, max_size=9)
STEP_SECONDS = st.floats(1e-5, 100.0)
EFFORTS = st.builds(
    Effort,
    bursts=st.integers(1, 100),
    steps_per_burst=st.integers(1, 20),
    lead_in_steps=st.integers(0, 5),
    step_seconds=st.floats(0.1, 20.0),
)


@given(STEP_SECONDS, EFFORTS)
def test_a_burst_is_short_however_slow_a_step_is(step: float, effort: Effort) -> None:
    """One step at least, as many as the effort has at most, and no longer than a burst may take if there are two."""
    steps = steps_per_burst(step, effort)
    assert 1 <= steps <= effort.steps_per_burst
    assert steps == 1 or steps * step <= BURST_SECONDS
    assert steps == effort.steps_per_burst or (steps + 1) * step > BURST_SECONDS * (1 - 1e-9)


@pytest.mark.parametrize(("step", "steps"), [(0.001, 10), (0.013, 9), (0.03, 4), (0.07, 1), (3.0, 1)])
def test_slow_steps_give_short_bursts(step: float, steps: int) -> None:
    """Those of a fast framework have as many steps as pairs need."""
    assert steps_per_burst(step, NORMAL) == steps


@given(STEP_SECONDS, EFFORTS)
@example(100.0, Effort(bursts=1))
def test_bursts_form_pairs(step: float, effort: Effort) -> None:
    """An even number of them, two at least; beyond those never more than the effort has."""
    bursts = bursts_per_block(step, effort)
    assert bursts % 2 == 0
    assert 2 <= bursts <= max(2, effort.bursts)


@given(STEP_SECONDS, EFFORTS)
def test_the_bursts_of_a_process_take_the_time_that_is_meant_for_them(step: float, effort: Effort) -> None:
    """Slow steps are not measured for longer, unless fewer bursts than a block needs would be left."""
    bursts = bursts_per_block(step, effort)
    each = (steps_per_burst(step, effort) + lead_in_steps(step, effort)) * step
    assert bursts <= FEWEST_BURSTS or bursts * each <= effort.step_seconds * (1 + 1e-9)


@given(STEP_SECONDS, st.floats(1.0, 10.0), EFFORTS)
def test_slower_steps_never_mean_more_of_anything(step: float, factor: float, effort: Effort) -> None:
    """Neither steps of a burst nor batches of a slice."""
    assert steps_per_burst(step * factor, effort) <= steps_per_burst(step, effort)
    assert slice_batches(step * factor, 1000) <= slice_batches(step, 1000)


@pytest.mark.parametrize(
    ("effort", "step", "bursts"),
    [
        (NORMAL, 0.005, 16),
        (NORMAL, 0.05, 12),
        (NORMAL, 0.2, 4),
        (NORMAL, 5.0, 4),
        (QUICK, 0.005, 6),
        (QUICK, 5.0, 4),
        (THOROUGH, 0.005, 40),
        (PAIRED, 0.005, 80),
        (PAIRED, 0.06, 32),
        (replace(NORMAL, bursts=7), 0.005, 6),
    ],
)
def test_what_a_run_measures(effort: Effort, step: float, bursts: int) -> None:
    """Fast steps and slow ones, in each kind of run."""
    assert bursts_per_block(step, effort) == bursts


@given(STEP_SECONDS, st.integers(1, 5000))
def test_a_slice_is_about_as_long_as_it_is_meant_to_be(step: float, whole: int) -> None:
    """Of an epoch's whole batches, a few at least and all at most."""
    batches = slice_batches(step, whole)
    assert 1 <= batches <= whole
    if 1 < batches < whole:
        assert batches * step == pytest.approx(SLICE_SECONDS, abs=step)


@pytest.mark.parametrize(
    ("step", "whole", "batches"), [(0.01, 937, 50), (0.01, 22, 22), (0.3, 937, 2), (5.0, 937, 1), (5.0, 3, 1)]
)
def test_slices_of_fast_and_slow_epochs(step: float, whole: int, batches: int) -> None:
    """Half a second of a fast one, a batch of a slow one, all of a small one."""
    assert slice_batches(step, whole) == batches


@given(st.floats(0.25, 1.5))
def test_slow_steps_do_not_make_a_block_long(step: float) -> None:
    """Warm-up, steps and slices of two arms side by side, with steps of up to a second and a half."""
    bursts = bursts_per_block(step, PAIRED) * (steps_per_burst(step, PAIRED) + lead_in_steps(step, PAIRED))
    batches = slice_batches(step, 1000)
    slices = (slices_per_block(batches * step, PAIRED) + 1) * batches
    assert (MINIMUM_WARM_UP_ROUNDS + bursts + slices) * step < 15.5


@given(ARMS, st.integers(0, 100), st.integers(0, 100))
def test_every_arm_takes_one_turn_in_every_round(arms: list[int], turn: int, seed: int) -> None:
    """No arm is left out of a round or takes two turns in it."""
    assert sorted(turn_order(arms, turn, seed)) == sorted(arms)


@given(ARMS, st.integers(0, 100), st.integers(0, 100))
def test_the_second_round_of_a_pair_mirrors_the_first(arms: list[int], pair: int, seed: int) -> None:
    """A drift that is linear over two rounds weighs on every arm alike: A B is followed by B A."""
    assert turn_order(arms, 2 * pair, seed) == turn_order(arms, 2 * pair + 1, seed)[::-1]


def test_orders_differ_between_pairs_of_rounds_and_between_blocks() -> None:
    """Nobody always follows the same neighbour."""
    orders = {tuple(turn_order("abcd", turn, seed)) for turn in range(0, 20, 2) for seed in range(5)}
    assert len(orders) > 12


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], False),
        ([3.0, 1.0], False),
        ([3.0, 2.0, 1.0], False),
        ([3.0, 1.0, 0.99], True),
        ([3.0, 1.0, 1.2], True),
        ([1.0, 1.0, 1.0], True),
    ],
)
def test_an_arm_is_warm_once_it_no_longer_gets_faster(history: list[float], expected: bool) -> None:  # noqa: FBT001
    """Three rounds at least, and a last one that gains less than five per cent on the best before it."""
    assert settled(history) is expected


@pytest.mark.parametrize(("spread", "answer"), [(0.0, False), (0.01, False), (0.15, True)])
def test_bursts_that_differ_much_are_restless(spread: float, *, answer: bool) -> None:
    """Those of this machine's quiet hours are not, whose pairs differ by about a per cent; its restless ones' are."""
    sides = [[float(value) for value in 0.01 * side**spread] for side in NOISE[:, :40]]
    assert restless(sides) is answer
    assert restless([[2.0 * value for value in sides[0]], sides[1]]) is answer


def test_of_other_than_two_whole_arms_no_burst_is_restless() -> None:
    """A table of many arms has its own rules, and an arm that failed has no pairs."""
    one, other = NOISE.tolist()
    assert restless([one, other])
    assert not restless([one])
    assert not restless([one, other, other])
    assert not restless([one, other[:-1]])
    assert not restless([[], []])

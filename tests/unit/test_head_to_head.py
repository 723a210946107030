"""The gate and other tools' rules, on blocks whose truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fixtures.judging import head_to_head
from fixtures.judging.head_to_head import Gate, Share, alarms
from fixtures.judging.known_blocks import KnownBlock
from fixtures.judging.rules import RULES
from fixtures.judging.verdicts import Margins

MARGINS = Margins(margin=0.02, floor=0.0025, minimum_effect=0.005)
SLOWDOWNS = (0.0, 0.02, 0.3)


def blocks(count: int, offset: float = 0.0, processes: float = 0.06) -> list[KnownBlock]:
    """Blocks whose processes differ, and whose pairs differ much less."""
    generator = random.Random(5)  # noqa: S311 - simulation, not secrecy
    made = []
    for _ in range(count):
        value, process = generator.gauss(offset, 0.008), math.exp(generator.gauss(0.0, processes))
        baseline = tuple(0.01 * process * math.exp(generator.gauss(0.0, 0.01)) for _ in range(20))
        made.append(KnownBlock(value, tuple(one * math.exp(value) for one in baseline), baseline, 15.0))
    return made


HeldAgainst = Callable[..., dict[str, list[Share]]]
MEDIAN, PYPERF = "pytest-benchmark, median 5 %", "pyperf, Student's t 95 %"


@pytest.fixture
def held_against(monkeypatch: pytest.MonkeyPatch) -> HeldAgainst:
    """The gate of twenty blocks, and some rules or all, in fewer runs."""
    monkeypatch.setattr(head_to_head, "RUNS", 200)

    def shares(known: list[KnownBlock], *rules: str) -> dict[str, list[Share]]:
        monkeypatch.setattr(head_to_head, "RULES", {name: RULES[name] for name in rules or RULES})
        gates = {"gate": Gate(np.array([block.value for block in known]), 20, MARGINS, 0.01)}
        return alarms(known, SLOWDOWNS, gates, resamples=40)

    return shares


def test_all_see_the_same_slowdowns(held_against: HeldAgainst) -> None:
    """A slowdown of 30 % is seen by all that look at it; every share lies within its interval."""
    found = held_against(blocks(50))
    assert list(found) == ["gate", *RULES]
    for name, shares in found.items():
        assert len(shares) == len(SLOWDOWNS)
        assert all(0.0 <= low <= estimate <= high <= 1.0 for estimate, low, high in shares)
        assert shares[-1][0] > 0.9, name
    assert found["gate"][0][0] < 0.01
    assert found["gate"][1][0] > 0.99


@pytest.mark.parametrize("offset", [0.04, -0.04])
def test_an_offset_of_the_equal_arms_is_nobodys_alarm(held_against: HeldAgainst, offset: float) -> None:
    """It is taken out of the readings as out of the values: else it would be found, or hide what is to be found."""
    found, expected = held_against(blocks(50, offset)), held_against(blocks(50))
    for name in found:
        assert found[name] == [pytest.approx(share, abs=0.03) for share in expected[name]], name


def test_thresholds_on_single_processes_are_often_wrong(held_against: HeldAgainst) -> None:
    """With 6 % between processes of equal code, "5 %" alarms in about a quarter of the runs; so it was published."""
    found = held_against(blocks(60), MEDIAN, "TorchBench, 7 %")
    assert 0.15 < found[MEDIAN][0][0] < 0.4
    assert found["TorchBench, 7 %"][0][0] < found[MEDIAN][0][0]


def test_a_threshold_sees_every_pair_of_different_blocks_once(held_against: HeldAgainst) -> None:
    """Four processes of 10, 10, 10.2 and 11 ms are twelve pairs, of which three are more than 5 % slower."""
    known = [KnownBlock(0.0, (step,) * 10, (step,) * 10, 15.0) for step in (0.010, 0.010, 0.0102, 0.011)]
    assert held_against(known, MEDIAN)[MEDIAN][0][0] == pytest.approx(3 / 12)


def test_the_fewest_blocks_have_shares_too(held_against: HeldAgainst) -> None:
    """Of four, a resampled set may be one block four times, which is no pair of different ones."""
    for shares in held_against(blocks(4)).values():
        assert all(0.0 <= low <= estimate <= high <= 1.0 for estimate, low, high in shares)


def test_few_blocks_leave_the_shares_uncertain(held_against: HeldAgainst) -> None:
    """More blocks narrow the interval."""
    widths = []
    for count in (8, 80):
        _, low, high = held_against(blocks(count), MEDIAN)[MEDIAN][1]
        widths.append(high - low)
    assert widths[1] < widths[0]


def test_blocks_that_ended_early_have_as_many_readings_as_are_asked_for(held_against: HeldAgainst) -> None:
    """Three of each process for the t-test, however many there are."""
    known = [replace(block, candidate=block.candidate[:5], baseline=block.baseline[:5]) for block in blocks(50)]
    assert held_against(known, PYPERF) == held_against(blocks(50), PYPERF)

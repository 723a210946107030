"""``--check-machine``: what equal arms mean, and how it is said."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fixtures.judging.fitness import MARGINS, Findable, decided_on_enough, findable, told_apart
from fixtures.judging.verdicts import Judgement, Verdict
from fixtures.reports.fitness import Fitness, fitness_report

EQUAL = Judgement(Verdict.NO_REGRESSION, 0.0, -0.01, 0.01, 8, 0.002, 1e-3, 7.0)
FOUND = Fitness(
    processor="A processor",
    cores=(2, 4),
    quota=None,
    foreign=0.02,
    steal=0.0,
    kernel_spread=0.012,
    who="PyTorch on digits",
    blocks=8,
    void=[],
    deviation=0.0057,
    changes=[Findable(0.02, 70.0), Findable(0.05, 25.0)],
    settings={"transparent huge pages": "madvise", "frequency governor": ""},
    advice=[],
)


def test_a_larger_change_takes_less_and_a_noisier_machine_more() -> None:
    """In seconds of measuring, from the spread alone: what equal arms came to does not count."""
    two, five = findable(EQUAL, 10.0)
    assert (two.share, five.share) == (0.02, 0.05)
    assert two.seconds is not None
    assert five.seconds is not None
    assert 0 < five.seconds < two.seconds
    assert findable(replace(EQUAL, estimate=0.01), 10.0) == [two, five]
    noisy, _ = findable(replace(EQUAL, standard_error=0.01), 10.0)
    assert noisy.seconds is not None
    assert noisy.seconds > two.seconds
    hopeless, _ = findable(replace(EQUAL, standard_error=100.0), 10.0)
    assert hopeless.seconds is None


def test_the_report_says_what_it_means_here() -> None:
    """Facts first; what a machine does not tell is said."""
    text = fitness_report(FOUND)
    assert "2 of 4 usable, no quota" in text
    assert "frequency governor      cannot be read here" in text
    assert "Fit to measure on: at a margin of 2 %, a step that is 2% longer takes about 70 s of measuring" in text
    assert "\n- " not in text


def test_the_report_says_what_to_do_first_things_first() -> None:
    """Other work, the hypervisor, the quota, then settings."""
    bad = replace(FOUND, foreign=1.0, steal=0.4, quota=1.5, advice=["set the governor"], changes=[Findable(0.02, None)])
    assert not bad.fit
    advice = [line for line in fitness_report(bad).splitlines() if line.startswith("- ")]
    assert [line.split()[1] for line in advice] == ["Stop", "Other", "Give", "Set"]
    assert "Not fit for changes of 2 %" in fitness_report(bad)


def test_a_machine_on_which_no_block_counts_decides_nothing() -> None:
    """Whatever the figures would be."""
    busy = replace(FOUND, blocks=0, deviation=math.inf, changes=[], void=["other processes used 70% of a core"])
    assert not busy.fit
    text = fitness_report(busy)
    assert "no block counts; 1 void (other processes used 70% of a core)" in text
    assert "Nothing can be decided here now" in text
    assert "inf" not in text


@pytest.mark.parametrize(
    ("verdict", "estimate", "words"),
    [(Verdict.REGRESSION, 0.03, "3.05% longer"), (Verdict.IMPROVEMENT, -0.03, "2.96% shorter")],
)
def test_a_machine_that_tells_equal_arms_apart_is_not_fit(verdict: Verdict, estimate: float, words: str) -> None:
    """However soon it would find a change."""
    found = replace(FOUND, told_apart=told_apart(replace(EQUAL, verdict=verdict, estimate=estimate)))
    assert not found.fit
    text = fitness_report(found)
    assert f"Not fit to measure on: of two equal arms, one was told to take {words}" in text
    assert "Fit to" not in text


@pytest.mark.parametrize("verdict", [Verdict.NO_REGRESSION, Verdict.INCONCLUSIVE])
def test_a_machine_that_does_not_is_as_fit_as_it_is_fast(verdict: Verdict) -> None:
    """No regression, and nothing decided, are both true of equal arms."""
    assert replace(FOUND, told_apart=told_apart(replace(EQUAL, verdict=verdict, estimate=0.01))).fit


def test_the_duet_goes_on_until_its_spread_is_known() -> None:
    """A verdict of two blocks ends a comparison, but says little of how far blocks differ."""
    assert [decided_on_enough(replace(EQUAL, blocks=blocks), MARGINS) for blocks in (2, 3)] == ["", ""]
    assert decided_on_enough(replace(EQUAL, blocks=4), MARGINS) == "no regression"
    assert decided_on_enough(replace(EQUAL, verdict=Verdict.INCONCLUSIVE), MARGINS) == ""


def test_a_plan_from_few_blocks_says_on_how_few_it_rests() -> None:
    """The gate itself believes no spread of fewer than four."""
    assert "s of measuring. This rests on 3 blocks alone." in fitness_report(replace(FOUND, blocks=3))
    assert "This rests on 1 block alone." in fitness_report(replace(FOUND, blocks=1))
    assert "rests on" not in fitness_report(replace(FOUND, blocks=4))

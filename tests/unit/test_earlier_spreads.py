"""How much earlier runs on a machine differed from block to block: kept, lent, and never believed too far."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fixtures.baselines.spreads import FILE, KEPT, Spreads, spread_of_run
from fixtures.judging.looks import FEWEST_ALONE
from fixtures.judging.moderation import UNKNOWN, SeenSpread, believed, borrowed, noise_within
from fixtures.judging.verdicts import Margins, Verdict, judge
from fixtures.plugin.earlier_spreads import EarlierSpreads
from fixtures.sessions.comparisons import ComparisonReadings, Contrast
from tests.asked_upgrades import MEMORY, ONE, OTHER, STEP

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.judging.measures import Measure

MARGINS = Margins(0.02, 0.0025, 0.005)
BOTH = dict.fromkeys((STEP, MEMORY), MARGINS)
QUIET = SeenSpread(variance=0.008**2, freedom=9, noise=0.002**2)


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    """In another process, for the same kind alone; of many runs, the newest."""
    spreads = Spreads(tmp_path)
    for index in range(KEPT + 3):
        spreads.add("digits", replace(QUIET, freedom=index + 1))
    spreads.save()
    assert [each.freedom for each in Spreads(tmp_path).of("digits")] == list(range(4, KEPT + 4))
    assert Spreads(tmp_path).of("mnist") == []
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"schema": 2, "spreads": {}}',
        '{"schema": 1, "spreads": {"a": [{}]}}',
        '{"schema": 1, "spreads": {"a": [{"variance": NaN, "freedom": 3, "noise": 0.1}]}}',
        '{"schema": 1, "spreads": {"a": [{"variance": 0.1, "freedom": 0, "noise": 0.1}]}}',
    ],
)
def test_a_damaged_file_lends_nothing(tmp_path: Path, text: str) -> None:
    """Then runs stand alone, as if there were none; the next one writes it anew."""
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    spreads = Spreads(tmp_path)
    assert spreads.of("a") == []
    spreads.add("a", QUIET)
    spreads.save()
    assert Spreads(tmp_path).of("a") == [QUIET]


def test_a_run_leaves_the_spread_of_its_values() -> None:
    """Variance, degrees of freedom, and how restless the bursts were; nothing from two blocks or from single pairs."""
    pairs = [[value - 0.002, value - 0.001, value, value + 0.001, value + 0.002] for value in (0.01, 0.03, 0.02)]
    left = spread_of_run([0.01, 0.03, 0.02], pairs)
    assert left is not None
    assert left.variance == pytest.approx(0.0001)
    assert left.freedom == 2
    assert left.noise == pytest.approx(0.001**2 / 5)
    assert spread_of_run([0.01, 0.03], pairs[:2]) is None
    assert spread_of_run([0.01, 0.03, 0.02], [[0.01]] * 3) is None


def test_one_disturbed_block_says_nothing_of_the_machine() -> None:
    """The median counts."""
    calm = [0.0, 0.001, -0.001, 0.002, -0.002, 0.0]
    assert noise_within([calm, calm, [100 * pair for pair in calm]]) == noise_within([calm])


def test_half_of_the_degrees_of_freedom_are_lent_and_eight_at_most() -> None:
    """However many runs there were."""
    one, many = borrowed([replace(QUIET, freedom=5)], QUIET.noise), borrowed([QUIET] * 9, QUIET.noise)
    assert one is not None
    assert many is not None
    assert (one.freedom, many.freedom) == (2.5, 8.0)
    assert one.variance == pytest.approx(QUIET.variance) == many.variance


def test_a_more_restless_machine_is_seen_at_once() -> None:
    """Where bursts differ twice as much as in earlier runs, values are taken to do so too; never less than then."""
    restless, calm = borrowed([QUIET], 4 * QUIET.noise), borrowed([QUIET], QUIET.noise / 4)
    assert restless is not None
    assert calm is not None
    assert restless.variance == pytest.approx(4 * QUIET.variance)
    assert calm.variance == pytest.approx(QUIET.variance)


@pytest.mark.parametrize(("seen", "noise"), [([], 1e-6), ([QUIET], 0.0)])
def test_nothing_is_lent_where_nothing_is_known(seen: list[SeenSpread], noise: float) -> None:
    """No earlier run, or nothing that tells the state of the machine."""
    assert borrowed(seen, noise) is None


def test_few_blocks_are_judged_by_a_guess_and_more_by_themselves() -> None:
    """Unless earlier runs have told."""
    known = borrowed([QUIET], QUIET.noise)
    assert [believed(blocks, None) for blocks in (2, FEWEST_ALONE - 1, FEWEST_ALONE)] == [UNKNOWN, UNKNOWN, None]
    assert believed(2, known) is believed(FEWEST_ALONE, known) is known


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([math.log(0.17), math.log(0.16)], Verdict.IMPROVEMENT),
        ([math.log(1.4), math.log(1.42)], Verdict.REGRESSION),
        ([math.log(1.05), math.log(1.05)], Verdict.INCONCLUSIVE),
    ],
    ids=["a-sixth", "40%", "5%"],
)
def test_a_change_of_many_per_cent_is_no_matter_of_blocks(values: list[float], verdict: Verdict) -> None:
    """Two of them say so, at the level of a first look of a run of five; of a small one they do not."""
    said = judge({STEP: values}, {STEP: MARGINS}, 0.01 * 2 / 50, 5, usual={STEP: believed(2, None)})
    assert said[STEP].verdict is verdict


def test_what_is_lent_makes_bounds_narrower() -> None:
    """Five per cent are found after two blocks, where they alone would say nothing."""
    known = borrowed([QUIET, QUIET], QUIET.noise)
    values = {STEP: [0.047, 0.052]}
    alone = judge(values, {STEP: MARGINS}, 4e-4, usual={STEP: believed(2, None)})[STEP]
    lent = judge(values, {STEP: MARGINS}, 4e-4, usual={STEP: known})[STEP]
    assert (alone.verdict, lent.verdict) == (Verdict.INCONCLUSIVE, Verdict.REGRESSION)
    assert lent.freedom == 1 + 8


def test_a_restless_run_is_never_made_quiet() -> None:
    """Its own variance counts where it is larger."""
    values = {STEP: [0.2, -0.1, 0.1, -0.2]}
    alone = judge(values, {STEP: MARGINS}, 4e-4)[STEP]
    lent = judge(values, {STEP: MARGINS}, 4e-4, usual={STEP: borrowed([QUIET], QUIET.noise)})[STEP]
    assert lent.standard_error == pytest.approx(alone.standard_error)


@pytest.mark.parametrize("moods", [0.0, 0.6])
def test_false_statements_stay_rare(moods: float) -> None:
    """Of 2,000 runs of equal arms that borrow from one earlier run, also of a machine that was in another state."""
    generator, wrong, runs = np.random.default_rng(3), 0, 2000
    for _ in range(runs):
        then, now = np.exp(moods * generator.normal(size=2))
        seen = SeenSpread(float(np.var(then * generator.normal(0.0, 0.01, 8), ddof=1)), 7, float(then**2))
        values = [float(value) for value in now * generator.normal(0.0, 0.01, 11)]
        for blocks, level in ((2, 4e-4), (3, 2e-4), (4, 2e-4), (6, 4e-4), (8, 4e-4), (11, 8.4e-3)):
            usual = {STEP: believed(blocks, borrowed([seen], float(now**2)))}
            said = judge({STEP: values[:blocks]}, {STEP: MARGINS}, level, usual=usual)[STEP]
            if said.verdict is not Verdict.INCONCLUSIVE:
                wrong += said.verdict is not Verdict.NO_REGRESSION
                break
    assert wrong / runs <= 0.01 + 3 * math.sqrt(0.01 / runs)


class Measured(ComparisonReadings):
    """Three blocks of five pairs each."""

    def values(self, measure: Measure) -> list[float]:
        """As many of each."""
        return [0.01, 0.03, 0.02] if measure in (STEP, MEMORY) else []

    def pairs(self, measure: Measure) -> list[list[float]]:
        """Of steps; memory has none."""
        return [[0.0, 0.001, 0.002, 0.003, 0.004]] * 3 if measure is STEP else []


def test_a_run_lends_to_those_that_measure_the_same_in_the_same_way(tmp_path: Path) -> None:
    """Whatever it was held against; other frameworks, measures, threads or launch settings are another matter."""
    one = EarlierSpreads(tmp_path, 2, None, noise_control=True)
    one.keep([Measured(ONE, judgements=judge({STEP: [0.0] * 4, MEMORY: [0.0] * 4}, BOTH, 0.01))], print)
    again = EarlierSpreads(tmp_path, 2, "duet", noise_control=True)
    elsewhere = replace(ONE, baseline=OTHER.baseline)
    assert len(again.of(Contrast(elsewhere, STEP))) == 1
    assert again.of(Contrast(OTHER, STEP)) == []
    for other in (
        EarlierSpreads(tmp_path, 1, None, noise_control=True),
        EarlierSpreads(tmp_path, 2, "alternating", noise_control=True),
        EarlierSpreads(tmp_path, 2, None, noise_control=False),
    ):
        assert other.of(Contrast(ONE, STEP)) == []


def test_a_folder_that_cannot_be_written_costs_the_run_nothing(tmp_path: Path) -> None:
    """It is told in a line."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    told: list[str] = []
    EarlierSpreads(tmp_path / "file", 2, None, noise_control=True).keep([], told.append)
    assert told == ["WARNING the spread of this run cannot be kept for later ones (File exists)"]

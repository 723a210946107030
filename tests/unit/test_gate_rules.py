"""Other tools' rules, on readings where their answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fixtures.judging.rules import RULES, tango_paired, tango_paired_earlier

BASELINE = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99]


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_alarms_at_equal_readings(rule: str) -> None:
    """Nor at faster ones."""
    assert not RULES[rule].says(BASELINE, BASELINE)
    assert not RULES[rule].says(BASELINE, [reading * 0.8 for reading in BASELINE])


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_alarms_at_twenty_per_cent(rule: str) -> None:
    """On eight readings with a spread of 1 %."""
    assert RULES[rule].says(BASELINE, [reading * 1.2 for reading in BASELINE])


@pytest.mark.parametrize(
    ("factor", "alarmed"),
    [
        (1.06, {"pytest-benchmark, median 5 %"}),
        (1.08, {"pytest-benchmark, median 5 %", "TorchBench, 7 %"}),
    ],
)
def test_thresholds_are_where_they_are_published(factor: float, alarmed: set[str]) -> None:
    """Between 5 and 7 % only one of the two thresholds alarms."""
    thresholds = ("pytest-benchmark, median 5 %", "TorchBench, 7 %")
    slower = [reading * factor for reading in BASELINE]
    assert {rule for rule in thresholds if RULES[rule].says(BASELINE, slower)} == alarmed


def test_asv_demands_a_factor_besides() -> None:
    """Eight per cent are certain to its test, and no regression to it."""
    slower = [reading * 1.08 for reading in BASELINE]
    assert RULES["asv without its factor"].says(BASELINE, slower)
    assert not RULES["asv, Mann-Whitney p < 0.002 and a factor of 1.1"].says(BASELINE, slower)


def test_tango_ignores_what_is_below_its_floor() -> None:
    """However certain it is: below 1 % today, below half of that before."""
    assert not tango_paired_earlier(BASELINE, [reading * 1.004 for reading in BASELINE])
    assert tango_paired_earlier(BASELINE, [reading * 1.006 for reading in BASELINE])
    assert not tango_paired(BASELINE, [reading * 1.009 for reading in BASELINE])
    assert tango_paired(BASELINE, [reading * 1.011 for reading in BASELINE])


def test_every_rule_names_the_version_of_its_tool() -> None:
    """So that a reader can look it up where it was read."""
    assert all(rule.version for rule in RULES.values())


def test_few_readings_decide_nothing_for_the_tests() -> None:
    """One reading on either side has no spread; with three, Mann-Whitney cannot reach its level."""
    assert not RULES["pyperf, Student's t 95 %"].says([1.0], [2.0])
    assert not RULES["tango, z 2.6 and 0.5 %"].says([1.0], [2.0])
    assert not RULES["asv without its factor"].says([1.0, 1.1, 1.2], [2.0, 2.1, 2.2])


def test_pairs_need_both_sides() -> None:
    """Tango's rule is a paired one."""
    with pytest.raises(ValueError, match="as many readings"):
        tango_paired([1.0, 1.0], [1.0])


@pytest.mark.parametrize("rule", RULES)
def test_many_runs_are_judged_as_each_would_be(rule: str) -> None:
    """A row for each run."""
    generator = np.random.default_rng(4)
    baseline, candidate = (generator.normal(mean, 0.05, (40, 10)) for mean in (1.0, 1.05))
    each = [bool(RULES[rule].says(one, other)) for one, other in zip(baseline, candidate, strict=True)]
    assert RULES[rule].says(baseline, candidate).tolist() == each


def test_asv_takes_the_exact_distribution_of_few_readings() -> None:
    """Ten against ten with U = 10: p is 0.0015 exactly, and 0.0028 by the normal approximation."""
    baseline = [float(reading) for reading in range(10)]
    assert RULES["asv without its factor"].says(baseline, [reading + 5.5 for reading in baseline])
    assert not RULES["asv without its factor"].says(baseline, [reading + 4.9 for reading in baseline])


@pytest.mark.parametrize("page", ["explanation/gate.md", "results/calibrations.md"])
def test_the_documents_show_every_rule(page: str) -> None:
    """A rule that is compared, and the version that it is of, stands in the tables that are published."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    for name, rule in RULES.items():
        assert f"\n| {name} " in text
        assert rule.version.removeprefix("commit ") in text

"""Which times stage two of ``--benchmark-compare`` measures, and why others stay with their saved figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Pinned, Revision
from fixtures.baselines.findings import Finding
from fixtures.baselines.recreation import Recreation
from fixtures.baselines.runs import run_from_plain
from fixtures.judging.measures import Measure
from fixtures.judging.verdicts import margins_of
from fixtures.plugin.open_times import OpenTimes, open_times
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS
from tests.saved_runs import saved_run

PLAN = Recreation("0123456789abcdef0123456789abcdef01234567", changes=("torch==2.15.0",))
ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")
NAME = "test_training_step[digits-pytorch-cpu]"
OPEN = Finding(NAME, "step", "PyTorch", "digits on cpu", "inconclusive", margins=margins_of(0.02))


def asked(*findings: Finding, arm: Arm = ARM) -> OpenTimes:
    """Of these findings, all of one arm."""
    margins = {finding.benchmark: finding.margins for finding in findings if finding.margins}
    names = dict.fromkeys((finding.benchmark for finding in findings), arm)
    return open_times(findings, names, margins, run_from_plain(saved_run(), "before"), PLAN)


def test_an_open_time_is_compared_with_the_arm_as_it_was() -> None:
    """The same but for its code and packages."""
    found = asked(OPEN)
    ((comparison, measures),) = found.wanted.items()
    assert measures == {Measure.STEP}
    assert comparison.candidate == ARM
    assert isinstance(comparison.baseline.source, Revision)
    assert (comparison.baseline.source.reference, comparison.baseline.source.changes) == (
        "0123456789ab",
        ("torch==2.15.0",),
    )
    assert replace(comparison.baseline, source=ARM.source, tag="") == ARM
    assert found.margins == {Measure.STEP: margins_of(0.02)}


@pytest.mark.parametrize("changed", [{"verdict": "regression"}, {"verdict": "missing"}, {"measure": "memory"}])
def test_what_is_decided_or_no_time_is_not_measured_again(changed: dict[str, str]) -> None:
    """Nor is there anything to say of it."""
    found = asked(replace(OPEN, **changed))  # type: ignore[arg-type]
    assert (found.wanted, found.left) == ({}, {})


@pytest.mark.parametrize(
    ("finding", "who", "reason"),
    [
        (replace(OPEN, benchmark="test_training_step[digits-jax-cpu]"), ARM, "the newest saved run has it not"),
        (OPEN, replace(ARM, source=Pinned(Path("some.txt"), "3.11")), "a pinned environment of its own"),
        (OPEN, replace(ARM, framework=replace(ARM.framework, module="mine.py")), "lies outside of models/"),
        (replace(OPEN, forced=True), ARM, "its conditions differ"),
    ],
    ids=["new", "pinned", "adapter", "forced"],
)
def test_what_is_not_made_again_stays_and_says_why(finding: Finding, who: Arm, reason: str) -> None:
    """By name."""
    found = asked(finding, arm=who)
    assert found.wanted == {}
    assert reason in found.left[finding.benchmark]


def test_one_measure_has_one_margin() -> None:
    """Which the first benchmark sets."""
    run = saved_run()
    other = replace(OPEN, benchmark="test_training_step[digits-pytorch-native-cpu]", margins=margins_of(0.05))
    run["benchmarks"].append(run["benchmarks"][0] | {"name": other.benchmark})
    run["benchmarks"][-1]["extra_info"] = run["benchmarks"][0]["extra_info"] | {"defaults": "native"}
    native = replace(ARM, defaults="native")
    margins = {NAME: margins_of(0.02), other.benchmark: margins_of(0.05)}
    before = run_from_plain(run, "before")
    found = open_times([OPEN, other], {NAME: ARM, other.benchmark: native}, margins, before, PLAN)
    assert list(found.names.values()) == [NAME]
    assert "its margin is another" in found.left[other.benchmark]

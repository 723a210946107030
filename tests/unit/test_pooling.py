"""Hosts that agree are judged together, hosts that differ each by itself; and how often that goes wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Copied
from fixtures.judging.measures import Measure
from fixtures.judging.pooling import DIFFER_LEVEL, p_value_of_agreement, poolable, says_itself
from fixtures.judging.verdicts import Verdict, judge, margins_of
from fixtures.sessions.budget import Budget
from fixtures.sessions.comparisons import Comparison
from fixtures.sessions.upgrade_on_hosts import UpgradeOnHosts
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS
from tests.scripted_runner import Script

if TYPE_CHECKING:
    from collections.abc import Callable

MARGINS = margins_of(math.log1p(0.02))


def comparison_on(host: str) -> Comparison:
    """PyTorch against a copy of its environment, on a host."""
    arm = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu", host=host)
    return Comparison(arm, replace(arm, source=Copied(), tag="copy"))


HOSTS = [comparison_on("left"), comparison_on("right")]


def asked(change: Callable[[str, int], float], seconds: float | None = 3000.0) -> tuple[UpgradeOnHosts, list[str]]:
    """What a session comes to in which a host's candidate takes longer by this log ratio, in each block."""

    def reading(arm: Arm, block: int, _: Measure) -> float:
        return math.exp(change(arm.host, block)) if not arm.tag else 1.0

    notes: list[str] = []
    script = Script(reading)
    questions = UpgradeOnHosts(
        {comparison: {Measure.STEP} for comparison in HOSTS}, {Measure.STEP: MARGINS}, notes.append, endless=False
    )
    script.session(questions, Budget(seconds, 0.01))
    return questions, notes


def jitter(block: int, size: float) -> float:
    """Alternates, and is 0 in the mean."""
    return -size if block % 2 else size


def test_hosts_that_agree_are_judged_together() -> None:
    """Both get the verdict of all blocks, and it is said that it is theirs together."""
    questions, notes = asked(lambda _, block: jitter(block, 0.012))
    for comparison in HOSTS:
        readings = questions.readings[comparison]
        assert readings.judgements[Measure.STEP].verdict is Verdict.NO_REGRESSION
        pooled = readings.pooled[Measure.STEP]
        assert pooled.agree
        assert set(pooled.hosts) == {"left", "right"}
        assert pooled.judgement is not None
        assert pooled.judgement.blocks == sum(pooled.hosts.values())
    (said,) = [note for note in notes if "together" in note]
    assert said.startswith("digits-pytorch-cpu@copy: step: no regression, on 2 hosts together; closed: ")


def test_hosts_that_differ_are_judged_each_by_itself() -> None:
    """A mean of both would hide that one is slower."""
    questions, _ = asked(lambda host, block: (0.04 if host == "left" else -0.04) + jitter(block, 0.004))
    left, right = (questions.readings[comparison] for comparison in HOSTS)
    assert left.judgements[Measure.STEP].verdict is Verdict.REGRESSION
    # Of two threads, the clock tells which look comes when: how sure it is differs from run to run.
    assert right.judgements[Measure.STEP].verdict in (Verdict.IMPROVEMENT, Verdict.NO_REGRESSION)
    assert right.judgements[Measure.STEP].estimate < -0.03
    assert not (left.pooled and left.pooled[Measure.STEP].agree)


def test_one_host_alone_is_no_set() -> None:
    """The family is as large as without hosts."""
    alone = UpgradeOnHosts({HOSTS[0]: {Measure.STEP}}, {Measure.STEP: MARGINS}, print, endless=False)
    both = UpgradeOnHosts({one: {Measure.STEP} for one in HOSTS}, {Measure.STEP: MARGINS}, print, endless=False)
    assert alone.family == 1
    assert both.family == 3
    assert both.state() == "0 of 2 decided, open: step"


@pytest.mark.parametrize(("kind", "family"), [("DeviceUnavailableError", 1), ("parity", 2)])
def test_what_a_host_has_no_device_for_takes_nothing_from_the_others(kind: str, family: int) -> None:
    """``-m step`` without a device asks for the GPU of every host; most have none."""
    script = Script(lambda *_: 1.0, unproven={HOSTS[1].candidate: WorkerError("not here", kind)})
    questions = UpgradeOnHosts({one: {Measure.STEP} for one in HOSTS}, {Measure.STEP: MARGINS}, print, endless=False)
    script.session(questions, Budget(100.0, 0.01))
    assert questions.family == family
    assert questions.readings[HOSTS[0]].judgements[Measure.STEP].verdict is Verdict.NO_REGRESSION


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([[0.0, 0.0], [0.0, 0.0]], 1.0),
        ([[0.0, 0.0], [0.1, 0.1]], 0.0),
        ([[0.0, 0.0], [0.1, 0.2]], 0.0),
    ],
)
def test_values_that_never_vary(samples: list[list[float]], expected: float) -> None:
    """As those of memory, which comes in pages."""
    assert p_value_of_agreement(samples) == expected


def test_so_few_blocks_tell_nothing() -> None:
    """Of whether hosts differ."""
    assert not poolable({"left": [0.0, 0.1], "right": [0.0]})
    assert not poolable({"left": [0.0, 0.1]})
    assert poolable({"left": [0.0, 0.1], "right": [0.0, 0.1]})


@pytest.mark.parametrize(("slower", "blocks"), [(0.03, (9, 9, 3)), (0.03, (6, 6, 6)), (0.024, (12, 12, 12))])
def test_a_host_that_is_slower_is_hidden_by_no_other(slower: float, blocks: tuple[int, int, int]) -> None:
    """Of 2000 looks at hosts of which the last is slower than the margin, hardly any calls it "no regression"."""
    generator, hidden, level = np.random.default_rng(blocks[0]), 0, 0.005
    for _ in range(2000):
        means = (0.0, 0.0, slower)
        samples = [generator.normal(mean, 0.02, each).tolist() for mean, each in zip(means, blocks, strict=True)]
        if p_value_of_agreement(samples) >= DIFFER_LEVEL:
            judged = judge({"all": [value for each in samples for value in each]}, {"all": MARGINS}, level, 4)
            own = says_itself(samples[-1], samples, MARGINS, level, 0.0)
            hidden += judged["all"].verdict is own is Verdict.NO_REGRESSION
    assert hidden <= 2000 * 2 * level


def test_the_spread_of_all_makes_few_blocks_say_more() -> None:
    """Three of one host alone could not say it; a host that varies more than the others is judged by its own."""
    quiet = [0.001, -0.001] * 6
    few = [0.002, -0.001, 0.001]
    assert says_itself(few, [few, quiet, quiet], MARGINS, 0.001, 0.0) is Verdict.NO_REGRESSION
    assert judge({"few": few}, {"few": MARGINS}, 0.001)["few"].verdict is Verdict.INCONCLUSIVE
    wild = [0.03, -0.03, 0.0]
    assert says_itself(wild, [wild, quiet, quiet], MARGINS, 0.001, 0.0) is Verdict.INCONCLUSIVE

"""What stage two of ``--benchmark-compare`` says where measuring ends early, or where there is nothing to measure."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.baselines.findings import Finding
from fixtures.baselines.recreation import Recreation
from fixtures.baselines.runs import run_from_plain
from fixtures.plugin import second_stage
from fixtures.plugin.second_stage import SecondStage, ended_early
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS
from tests.saved_runs import saved_benchmark, saved_run

if TYPE_CHECKING:
    from fixtures.baselines.runs import SavedRun

NAME = "test_training_step[digits-pytorch-cpu]"
SLOWER = Finding(NAME, "step", "PyTorch", "digits on cpu", "regression")
MACHINES = "neither models/ nor packages changed: the difference is the machine's"
MINE = Arm(WORKLOADS["digits"], replace(FRAMEWORKS["pytorch"], module="mine.py"), "cpu")
ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")


def run(environment: str = "current", **packages: str) -> SavedRun:
    """A saved step that was measured in an environment with these packages."""
    plain = saved_run(saved_benchmark(environment=environment))
    plain["cnn_dyno"]["environments"] = {"current": {"torch": "2.15.0"}} | {environment: packages}
    return run_from_plain(plain, "run")


def explained(
    monkeypatch: pytest.MonkeyPatch,
    before: SavedRun,
    now: SavedRun,
    arm: Arm = ARM,
    finding: Finding = SLOWER,
    **plan: Any,
) -> str:
    """What is said of a step that saved figures call slower."""
    monkeypatch.setattr(second_stage, "planned", lambda *_: Recreation(**plan))
    item = cast("pytest.Item", SimpleNamespace(name=NAME, callspec=SimpleNamespace(params={"arm": arm})))
    (found,) = SecondStage(before, now).decide(cast("pytest.Config", None), [item], [finding])
    return found.remark


def test_a_difference_is_the_machines_only_if_nothing_else_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of times alone, and where there is a difference."""
    here = run(torch="2.15.0")
    assert explained(monkeypatch, here, here) == MACHINES
    undecided = replace(SLOWER, verdict="inconclusive")
    assert explained(monkeypatch, here, here, finding=undecided) == ""
    pinned = run("tf.txt", tensorflow="2.15.0")
    # A new package beside pytest is none of a pinned environment's.
    assert explained(monkeypatch, pinned, pinned, added=("rich",)) == MACHINES


@pytest.mark.parametrize(
    ("before", "now", "plan", "who", "words"),
    [
        (run(), run(), {"added": ("rich",)}, ARM, "new packages, rich"),
        (run(), run(), {"passed_over": ("fixtures/workers is another",)}, ARM, "fixtures/workers is another"),
        (run(), run(), {}, MINE, "its adapter lies outside of models/, and may have changed"),
        (run("tf.txt", tensorflow="1"), run("tf.txt", tensorflow="2"), {}, ARM, "in tf.txt tensorflow 1 → 2"),
        (run(), run("tf.txt", tensorflow="2"), {}, ARM, "the packages of tf.txt are not known of both runs"),
    ],
    ids=["package", "code", "adapter", "pinned", "unknown"],
)
def test_what_else_differs_is_named_and_the_machine_is_not_blamed(
    monkeypatch: pytest.MonkeyPatch, before: SavedRun, now: SavedRun, plan: dict[str, Any], who: Arm, words: str
) -> None:
    """Nothing of it was measured again."""
    said = explained(monkeypatch, before, now, who, **plan)
    assert said == f"the difference may be the machine's, or come from what is not made again ({words})"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("the worker died.\nIts words follow"), "the worker died"),
        (RuntimeError(), "RuntimeError"),
        (MemoryError("\n \n"), "MemoryError"),
        (ValueError("\nit is 3\n"), "it is 3"),
    ],
)
def test_what_ended_measuring_is_one_sentence(error: BaseException, words: str) -> None:
    """Also of an exception that says nothing."""
    assert ended_early(error) == f"Measuring ended early: {words}."

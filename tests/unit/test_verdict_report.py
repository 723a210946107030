"""What a comparison came to, in one line and a table, made from what is saved."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.reports.verdicts import main, verdict_report

if TYPE_CHECKING:
    from pathlib import Path


def benchmark(measure: str, verdict: str, estimate: float, **extra: Any) -> dict[str, Any]:
    """A saved benchmark of PyTorch against its older version."""
    usual = {
        "comparison": "digits-pytorch-cpu@torch==2.13.0",
        "against": "torch==2.13.0",
        "measure": measure,
        "framework_title": "PyTorch",
        "workload": "digits",
        "device": "cpu",
        "threads": 1,
        "versions": ["2.15.0", "2.13.0"],
        "verdict": verdict,
        "estimate": estimate,
        "lower": estimate - 0.01,
        "upper": estimate + 0.01,
        "margins": {"margin": math.log1p(0.02), "floor": 0.0, "minimum_effect": 0.0},
        "blocks": 8,
        "budget_needed_seconds": None,
        "family": 3,
        "unanswered": [],
        "raw": [],
        "changed_packages": {"torch": ["2.15.0", "2.13.0"]},
        "schedule": "duet",
        "measured_seconds": 300.0,
        "interrupted": False,
    }
    return {"name": measure, "extra_info": usual | extra}


def test_a_regression_comes_first_whatever_else_there_is() -> None:
    """With its size, in words that say which way; what is undecided is still said."""
    text = verdict_report(
        [
            benchmark("memory", "no regression", 0.0),
            benchmark("step", "regression", math.log(1.031)),
            benchmark("first_step", "inconclusive", 0.0),
            benchmark("epoch", "improvement", math.log(0.9)),
        ]
    )
    assert (
        "**REGRESSION**: PyTorch's training step 3.10 % longer; 1 of 4 undecided (PyTorch's first step). "
        "Better: PyTorch's epoch 10.00 % shorter."
    ) in text


def test_what_was_decided_early_is_held_against_later_blocks() -> None:
    """The verdict stands; the estimate that ended the comparison is shown beside that of all blocks that count."""
    values = [*[math.log(0.8)] * 8, *[math.log(0.95)] * 8]
    raw = [{"value": value, "disturbed": ""} for value in values] + [{"value": 9.0, "disturbed": "stolen"}]
    text = verdict_report([benchmark("first_step", "improvement", math.log(0.8), raw=raw)])
    assert "PyTorch's first step was decided after 8 blocks, when estimates tend to overstate: over all 16" in text
    assert "it is 12.82 % shorter" in text
    assert "overstate" not in verdict_report([benchmark("first_step", "improvement", -0.2, raw=raw[:8])])


def test_accuracy_that_was_gained_is_no_quiet_success() -> None:
    """Who learns better may train by another recipe; faster training needs no such remark."""
    gained = benchmark("accuracy", "improvement", -0.03)
    assert "PyTorch's final accuracy 3.00 points gained: unless that was the aim, see whether" in verdict_report(
        [gained]
    )
    assert "recipe" not in verdict_report([benchmark("step", "improvement", -0.03)])


def test_what_has_no_verdict_keeps_a_run_from_being_green() -> None:
    """Failed and skipped ones are counted with their reasons; those of another pair are not."""
    lost = {
        "framework_title": "PyTorch",
        "measure": "epoch",
        "against": "torch==2.13.0",
        "workload": "digits",
        "device": "cpu",
        "outcome": "failed",
        "reason": "the worker died",
    }
    skipped = lost | {"outcome": "skipped", "measure": "memory", "reason": "not installed"}
    text = verdict_report(
        [benchmark("step", "no regression", 0.0, unanswered=[lost, skipped, lost | {"against": "another"}])]
    )
    assert (
        "**NOT COMPLETE**: 1 of 3 failed (PyTorch's epoch: the worker died); "
        "1 of 3 skipped (PyTorch's peak memory: not installed)."
    ) in text
    assert "NO REGRESSION" not in text


def test_doubt_says_what_it_would_take() -> None:
    """Which benchmarks, and about how long."""
    text = verdict_report([benchmark("step", "inconclusive", 0.01, budget_needed_seconds=1441.0)])
    assert "**INCONCLUSIVE**: 1 of 1 undecided (PyTorch's training step); give --budget 25m to decide." in text
    assert "--budget 25m" in text.split("\n\n")[2]


def test_doubt_that_no_time_would_remove_is_said_to_be_so() -> None:
    """At the margin itself, nothing can be decided."""
    text = verdict_report([benchmark("step", "inconclusive", 0.02)])
    assert "give --budget" not in text
    assert "no time would" in text


def test_only_when_everything_is_decided_is_there_no_regression() -> None:
    """The versions, the margin and the range are in the table."""
    text = verdict_report([benchmark("step", "no regression", 0.001), benchmark("accuracy", "no regression", 0.001)])
    assert "**NO REGRESSION**" in text
    row = next(line for line in text.splitlines() if "training step" in line)
    assert "2.13.0 → 2.15.0" in row
    assert "+2.00 %" in row
    assert "+0.10 pp" in next(line for line in text.splitlines() if "final accuracy" in line)


def test_accuracy_is_lost_in_points() -> None:
    """Not in per cent of itself."""
    text = verdict_report([benchmark("accuracy", "regression", 0.021)])
    assert "final accuracy 2.10 points lost" in text


def test_what_disturbed_and_what_differs_is_said() -> None:
    """Void blocks with their reason, packages with both versions."""
    busy: dict[str, Any] = {"value": 0.1, "disturbed": "other processes used 90% of a core"}
    quiet = {"value": 0.0, "disturbed": ""}
    one = benchmark("step", "no regression", 0.0, raw=[quiet, busy])
    text = verdict_report([one])
    assert "1 block was void: other processes used 90% of a core." in text
    assert "Packages that differ: torch 2.13.0 → 2.15.0." in text
    assert "corrected for 3 benchmarks of the run" in text
    # A measure that was decided earlier has fewer blocks; what is void is void for all of them, and counted once.
    more = benchmark("epoch", "no regression", 0.0, raw=[quiet, busy, busy])
    elsewhere = benchmark("step", "no regression", 0.0, raw=[busy], comparison="digits-jax-cpu@torch==2.13.0")
    assert "3 blocks were void: other processes used 90% of a core." in verdict_report([one, more, elsewhere])


def test_a_bound_that_is_not_known_is_a_dash() -> None:
    """From too few blocks."""
    text = verdict_report([benchmark("step", "inconclusive", 0.0, lower=None, upper=None)])
    assert "– to –" in text  # noqa: RUF001 - the dash that stands for nothing


def test_a_saved_run_prints_the_same_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From pytest-benchmark's JSON."""
    benchmarks = [benchmark("step", "no regression", 0.0)]
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"benchmarks": benchmarks}), encoding="utf-8")
    assert main([str(file)]) == 0
    assert capsys.readouterr().out.strip() == verdict_report(benchmarks)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"benchmarks": 3}', '{"benchmarks": []}'], ids=lambda text: text or "empty"
)
def test_other_files_are_refused_in_one_line(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also a run without comparisons, and a file that is not there."""
    file = tmp_path / "run.json"
    file.write_text(content, encoding="utf-8")
    for path in (file, tmp_path / "missing.json"):
        assert main([str(path)]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1

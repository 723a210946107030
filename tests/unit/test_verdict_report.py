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
        "blocks_needed": None,
        "family": 3,
        "level": 0.002,
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


def test_a_regression_names_the_options_that_say_more() -> None:
    """Which layer, which package, which release: what can be asked of this one, and only then."""
    packages = {"torch": ["2.2", "2.1"], "numpy": ["2.4", "2.3"]}
    text = verdict_report([benchmark("step", "regression", 0.1, changed_packages=packages)])
    assert "with --explain; which of the packages: with --blame; since which release: --bisect." in text
    assert "--explain" not in verdict_report([benchmark("memory", "regression", 0.1, changed_packages=packages)])
    taken_apart = benchmark("step", "regression", 0.1, changed_packages={}, ledger={"rows": []})
    assert "To see more" not in verdict_report([taken_apart])
    program = benchmark("step", "regression", 0.1, changed_packages={}, parity=None)
    assert "To see more, what in the step carries it: the same command with --explain." in verdict_report([program])
    assert "To see more" not in verdict_report([benchmark("step", "no regression", 0.0, changed_packages=packages)])


def test_what_was_decided_early_is_held_against_later_blocks() -> None:
    """The verdict stands; the estimate that ended the comparison is shown beside that of all blocks that count."""
    values = [*[math.log(0.8)] * 8, *[math.log(0.95)] * 8]
    raw = [{"value": value, "disturbed": ""} for value in values] + [{"value": 9.0, "disturbed": "stolen"}]
    text = verdict_report([benchmark("first_step", "improvement", math.log(0.8), raw=raw)])
    assert "PyTorch's first step was decided after 8 blocks, when estimates tend to overstate: over all 16" in text
    assert "it is 12.82 % shorter" in text
    assert "overstate" not in verdict_report([benchmark("first_step", "improvement", -0.2, raw=raw[:8])])


def test_packages_without_bytecode_are_said() -> None:
    """They alone can make a difference; older records do not tell."""
    without = benchmark("step", "regression", 0.01, uncompiled_modules=[0, 1432])
    assert "1432 of the other one: every start compiled them anew" in verdict_report([without])
    for nothing in ({}, {"uncompiled_modules": [0, 0]}):
        assert "bytecode" not in verdict_report([benchmark("step", "regression", 0.01, **nothing)])


def test_a_program_that_ends_early_is_said_to_have_been_started_again() -> None:
    """Its start is then in its steps; older records do not tell."""
    block = {"value": 0.0, "disturbed": ""}
    raw = [block | {"restarts": restarts} for restarts in (0, 3, 2)]
    assert "started again up to 3 times in a process" in verdict_report([benchmark("step", "improvement", 0, raw=raw)])
    for nothing in (block, block | {"restarts": 0}):
        assert "started again" not in verdict_report([benchmark("step", "improvement", 0, raw=[nothing])])


def test_accuracy_that_was_gained_is_no_quiet_success() -> None:
    """Who learns better may train by another recipe; faster training needs no such remark."""
    gained = benchmark("accuracy", "improvement", -0.03)
    assert "PyTorch's final accuracy 3.00 points gained: unless that was the aim, see whether" in verdict_report(
        [gained]
    )
    assert "recipe" not in verdict_report([benchmark("step", "improvement", -0.03)])


LOST = {
    "framework_title": "PyTorch",
    "measure": "epoch",
    "against": "torch==2.13.0",
    "workload": "digits",
    "device": "cpu",
    "outcome": "failed",
    "reason": "the worker died",
}
SKIPPED = LOST | {"outcome": "skipped", "measure": "memory", "reason": "the time was up"}


def test_what_has_no_verdict_keeps_a_run_from_being_green() -> None:
    """Failed and skipped ones are counted with their reasons."""
    text = verdict_report([benchmark("step", "no regression", 0.0, unanswered=[LOST, SKIPPED])])
    assert (
        "**NOT COMPLETE**: 1 of 3 failed (PyTorch's epoch: the worker died); "
        "1 of 3 skipped (PyTorch's peak memory: the time was up)."
    ) in text
    assert "NO REGRESSION" not in text


def test_only_a_failure_makes_a_run_incomplete() -> None:
    """What was not measured for want of time leaves the run inconclusive, as its exit status says."""
    text = verdict_report([benchmark("step", "no regression", 0.0, unanswered=[SKIPPED])])
    assert "**INCONCLUSIVE**: 1 of 2 skipped (PyTorch's peak memory: the time was up)." in text


def test_a_pair_of_which_everything_failed_is_not_forgotten() -> None:
    """It has a conclusion of its own, though nothing of it was saved; so has a run of which nothing was."""
    elsewhere = LOST | {"against": "another"}
    saved = [benchmark(measure, "no regression", 0.0, unanswered=[elsewhere]) for measure in ("step", "epoch")]
    text = verdict_report(saved)
    first, second = text.split("## ")[1:]
    assert "**NO REGRESSION**" in first
    expected = "against another\n\n**NOT COMPLETE**: 1 of 1 failed (PyTorch's epoch: the worker died)."
    assert second.endswith(expected)
    assert verdict_report([], [elsewhere]).endswith(expected)


def test_what_was_read_before_a_failure_is_shown_beside_it() -> None:
    """In the table, and as no verdict."""
    failed = benchmark("epoch", "no regression", 0.01, failure="the worker died", unanswered=[LOST])
    text = verdict_report([failed])
    assert "**NOT COMPLETE**: 1 of 1 failed (PyTorch's epoch: the worker died)." in text
    row = next(line for line in text.splitlines() if "PyTorch, epoch" in line)
    assert "failed; until then no regression" in row
    assert "+1.01 %" in row


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


def test_a_machine_that_is_too_busy_needs_no_more_time() -> None:
    """Where every block was void, and where it is not known how long a block takes."""
    void = {"value": 0.1, "disturbed": "other processes used 90% of a core"}
    text = verdict_report([benchmark("step", "inconclusive", 0.01, raw=[void, void], blocks=0, blocks_needed=4)])
    assert "undecided (PyTorch's training step); the machine is too busy for PyTorch's training step" in text
    assert "a quieter machine" in text
    unknown = verdict_report([benchmark("step", "inconclusive", 0.01, blocks_needed=4)])
    assert "give --budget" not in text + unknown
    assert "no time would" not in text + unknown


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


def with_stalls(stalls: list[int], factor: float) -> list[dict[str, Any]]:
    """Blocks of 80 bursts; of the candidate, so many in each block took longer by a factor."""
    return [
        {
            "value": 0.0,
            "disturbed": "",
            "candidate": [factor] * number + [1.0] * (80 - number),
            "baseline": [1.0] * 80,
        }
        for number in stalls
    ]


@pytest.mark.parametrize(
    ("stalls", "factor", "said"),
    [
        ([4, 5, 3, 4, 4, 5, 3, 4], 2.0, "the mean of all bursts is 5.00 % longer; the verdict is on the typical step"),
        ([4, 5, 3, 4, 4, 5, 3, 4], 0.5, "the mean of all bursts is 2.50 % shorter; the verdict is on the typical step"),
        ([4, 5, 3], 2.0, ""),
        ([16, 0, 0, 0, 0, 0, 0, 0], 2.0, ""),
        ([4, 5, 3, 4, 4, 5, 3, 4], 1.05, ""),
    ],
    ids=["slower", "quicker", "few blocks", "one block", "below the minimum effect"],
)
def test_rare_slow_steps_are_told(stalls: list[int], factor: float, said: str) -> None:
    """The verdict's trimmed means are blind to them; what may be chance, or would not count, is left out."""
    margins = {"margin": 0.02, "floor": 0.0025, "minimum_effect": 0.005}
    text = verdict_report([benchmark("step", "no regression", 0.0, raw=with_stalls(stalls, factor), margins=margins)])
    assert ("Rare slow steps" in text) is bool(said)
    assert said in text
    epochs = benchmark("epoch", "no regression", 0.0, raw=with_stalls(stalls, factor), margins=margins)
    assert "Rare slow steps" not in verdict_report([epochs])


def test_steps_that_were_timed_too_early_are_told() -> None:
    """Blocks in which warm-up had not ended; of another measure, or of an older record, nothing is known."""
    raw = [{"value": 0.0, "disturbed": "", "settled": settled} for settled in (False, True, None)]
    text = verdict_report([benchmark("step", "no regression", 0.0, raw=raw)])
    assert "1 block was measured although warm-up had not ended" in text
    assert "warm-up" not in verdict_report([benchmark("step", "no regression", 0.0, raw=raw[1:])])

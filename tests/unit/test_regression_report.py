"""What is said of a run that was held against saved ones, and the exit status it ends with."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.baselines.findings import Finding
from fixtures.judging.measures import Measure
from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from fixtures.plugin.saved_runs import exit_status
from fixtures.reports.regression import main, regression_report, report_of
from tests.judged_runs import benchmark, judged, run

if TYPE_CHECKING:
    from pathlib import Path


readings = st.lists(st.floats(1e-9, 1e6), min_size=1, max_size=4).map(tuple)


@given(st.lists(readings, min_size=1, max_size=4), readings, st.sampled_from([Measure.STEP, Measure.MEMORY]))
def test_whatever_was_read_there_is_a_finding_that_can_be_saved(
    before: list[tuple[float, ...]], now: tuple[float, ...], measure: Measure
) -> None:
    """And one report of it, without a figure that JSON does not have."""
    candidate = run(benchmark(measure, *now))
    baselines = [run(benchmark(measure, *each), day=day + 1) for day, each in enumerate(before)]
    (found,) = judged(candidate, *baselines).values()
    plain = json.loads(json.dumps(found.as_plain(), allow_nan=False))
    assert "**" in report_of([plain], ABOUT)


@pytest.mark.parametrize(
    ("status", "verdicts", "expected"),
    [
        (0, ["no regression", "improvement"], 0),
        (0, ["no regression", "missing"], EXIT_INCONCLUSIVE),
        (0, ["no regression", "not comparable"], EXIT_INCONCLUSIVE),
        (0, ["no regression", "inconclusive"], EXIT_INCONCLUSIVE),
        (0, ["new"], EXIT_INCONCLUSIVE),
        (0, [], EXIT_INCONCLUSIVE),
        (1, ["no regression"], 1),
        (1, ["missing", "regression"], EXIT_REGRESSION),
    ],
)
def test_the_exit_status_is_the_worst_that_was_found(status: int, verdicts: list[str], expected: int) -> None:
    """Nothing judged is never a pass."""
    assert exit_status(status, [finding("step", verdict) for verdict in verdicts]) == expected


@pytest.mark.parametrize(
    ("measures", "expected", "said"),
    [
        # Verdicts of each measure's benchmarks.
        ({"memory": ["no regression"], "step": ["new"]}, EXIT_INCONCLUSIVE, "**NOT COMPLETE**: 1 of 2 new"),
        ({"step": ["no regression", "new", "new"]}, EXIT_INCONCLUSIVE, "**NOT COMPLETE**: 2 of 3 new"),
        ({"step": ["no regression", "no regression", "new"]}, 0, "**NO REGRESSION**: nothing judged is worse by"),
        ({"step": ["inconclusive", "no regression", "new"]}, EXIT_INCONCLUSIVE, "1 of 3 new and not judged"),
    ],
)
def test_what_is_new_is_always_said_and_much_of_it_is_no_pass(
    measures: dict[str, list[str]], expected: int, said: str
) -> None:
    """A baseline of memory alone says nothing of steps."""
    findings = [
        finding(measure, verdict, 0.0 if verdict != "new" else None)
        for measure, verdicts in measures.items()
        for verdict in verdicts
    ]
    assert exit_status(0, findings) == expected
    line = report_of(findings, ABOUT).splitlines()[2]
    assert said in line
    assert "new and not judged (PyTorch's" in line


ABOUT = {
    "name": "baselines/main",
    "baselines": [{"label": "a", "recorded": "2026-01-01T10:11:12+00:00", "commit": "0123456789"}],
    "versions": {"torch": ["2.13.0", "2.15.0"]},
    "family": 2,
    "alpha": 0.01,
    "unasked": 1,
}


def finding(measure: str, verdict: str, estimate: float | None = None, **other: Any) -> dict[str, Any]:
    """A saved finding."""
    bounds: dict[str, Any] = (
        {} if estimate is None else {"estimate": estimate, "lower": estimate - 0.01, "upper": estimate + 0.01}
    )
    return Finding(f"test[{measure}]", measure, "PyTorch", "digits on cpu", verdict, **bounds, **other).as_plain()


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        (
            [finding("step", "regression", math.log(1.1)), finding("epoch", "inconclusive", 0.0)],
            "**REGRESSION**: PyTorch's training step 10.00 % longer; 1 of 2 undecided (PyTorch's epoch).",
        ),
        ([finding("step", "missing", remark="gone")], "**NOT COMPLETE**: 1 of 1 missing (PyTorch's training step)."),
        ([finding("step", "not comparable")], "**NOT COMPLETE**: 1 of 1 not comparable (PyTorch's training step)."),
        ([finding("memory", "inconclusive", 0.0)], "**INCONCLUSIVE**: 1 of 1 undecided (PyTorch's peak memory)"),
        ([finding("memory", "new")], "**NOT COMPLETE**: 1 of 1 new and not judged (PyTorch's peak memory)."),
        (
            [finding("memory", "no regression", 0.0)],
            "**NO REGRESSION**: nothing judged is worse by as much as its margin.",
        ),
        ([finding("memory", "regression", 800.0)], "**REGRESSION**: PyTorch's peak memory over 1e6 % more."),
        ([finding("step", "improvement", -800.0)], "Better: PyTorch's training step 100.00 % shorter."),
        ([finding("accuracy", "improvement", -0.02)], "Better: PyTorch's final accuracy 2.00 points gained."),
    ],
)
def test_the_first_line_says_what_to_conclude(findings: list[dict[str, Any]], said: str) -> None:
    """The worst first, and always what is open."""
    lines = report_of(findings, ABOUT).splitlines()
    assert lines[0] == "## This run against baselines/main (saved 2026-01-01 10:11, commit 01234567)"
    assert said in lines[2]


def test_the_report_of_a_saved_run_can_be_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was missing; a run that was held against nothing has none."""
    about = ABOUT | {"missing": [finding("epoch", "missing", remark="the worker died")]}
    info = finding("step", "regression", 0.1, forced=True, differing={"cpu": "a there, b here"}) | {"run": about}
    file, other = tmp_path / "saved.json", tmp_path / "other.json"
    file.write_text(json.dumps({"benchmarks": [{"extra_info": {"regression": info}}]}), encoding="utf-8")
    other.write_text(json.dumps({"benchmarks": [{"extra_info": {}}]}), encoding="utf-8")
    assert main([str(file)]) == 0
    text = capsys.readouterr().out
    assert "regression (CONDITIONS DIFFER: cpu)" in text
    assert "PyTorch's epoch: the worker died." in text
    assert "Not selected in this run: 1 benchmark of the baseline." in text
    assert "torch 2.13.0 → 2.15.0" in text
    assert main([str(other)]) == 2
    assert "without --benchmark-compare" in capsys.readouterr().err
    assert regression_report([]) == ""


def test_remarks_end_with_one_full_stop_and_one_day_is_said() -> None:
    """Whatever pytest says of a benchmark that it skipped; and runs of one day show less than those of several."""
    about = ABOUT | {"baselines": [{"recorded": f"2026-01-01T{hour}:00:00", "commit": ""} for hour in (10, 11)]}
    text = report_of([finding("step", "missing", remark="Benchmarks are skipped.")], about)
    assert "Benchmarks are skipped.\n" in text
    assert "skipped.." not in text
    assert "All runs of the baseline are of one day, 2026-01-01" in text
    assert "of one day" not in report_of([finding("step", "missing")], ABOUT)

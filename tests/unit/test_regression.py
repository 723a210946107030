"""Holding a run against saved ones: which of them count, what is refused, and what is said."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.baselines.runs import SavedBenchmark, SavedRun
from fixtures.gate.verdicts import Verdict
from fixtures.margins import MarginSettings, margins_by_measure, on_its_scale
from fixtures.measurement.arms import Measure
from fixtures.regression.findings import Finding, Unjudged
from fixtures.regression.judging import judge_against, missing
from fixtures.regression.plugin import exit_status
from fixtures.reports.regression import main, regression_report, report_of
from fixtures.verdict_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION

if TYPE_CHECKING:
    from pathlib import Path

TESTS = {
    Measure.STEP: "test_training_step",
    Measure.EPOCH: "test_epoch",
    Measure.FIRST_STEP: "test_first_step",
    Measure.MEMORY: "test_peak_memory",
    Measure.ACCURACY: "test_final_accuracy",
}
USUAL = {Measure.STEP: 0.01, Measure.EPOCH: 0.3, Measure.FIRST_STEP: 0.5, Measure.MEMORY: 5e8, Measure.ACCURACY: 0.96}
STEP, MEMORY, ACCURACY = (f"{TESTS[measure]}[a]" for measure in (Measure.STEP, Measure.MEMORY, Measure.ACCURACY))


def benchmark(measure: Measure, *readings: float, **other: Any) -> SavedBenchmark:
    """PyTorch on a CPU; usual readings unless others are given."""
    return replace(
        SavedBenchmark(
            name=f"{TESTS[measure]}[a]",
            measure=measure,
            framework="pytorch",
            framework_title="PyTorch",
            framework_version="2.15.0",
            workload="digits",
            device="cpu",
            defaults="equal",
            environment="current",
            readings=readings or (USUAL[measure],),
            reference_seconds=(),
            reference_kernel="",
            batch_size=64,
            epochs=10,
            allocator="default",
            precision="float32",
            threads=2,
            interrupted=False,
            seeds=tuple(range(42, 42 + max(1, len(readings)))) if measure is Measure.ACCURACY else (),
        ),
        **other,
    )


def run(*benchmarks: SavedBenchmark, day: int = 1, **conditions: str) -> SavedRun:
    """A run of these."""
    return SavedRun(
        label=f"run {day}",
        recorded=f"2026-01-{day:02}T00:00:00+00:00",
        commit="abc",
        conditions={"cpu": "Abacus 1", "GPU": None, "GPU driver": None, **conditions},
        versions={"torch": "2.15.0"},
        schema=1,
        benchmarks={each.name: each for each in benchmarks},
    )


def judged(candidate: SavedRun, *baselines: SavedRun, anyway: bool = False, margin: float = 0.03) -> dict[str, Finding]:
    """Findings by name, with one margin for all."""
    margins = {name: on_its_scale(each.measure, margin) for name, each in candidate.benchmarks.items()}
    return {each.benchmark: each for each in judge_against(candidate, baselines, margins, anyway=anyway)}


def test_times_need_the_same_conditions_and_memory_does_not() -> None:
    """What differs is named with both values."""
    before = run(benchmark(Measure.STEP), benchmark(Measure.MEMORY))
    now = run(benchmark(Measure.STEP), benchmark(Measure.MEMORY, 1e9), cpu="Abacus 2")
    found = judged(now, before)
    assert found[STEP].verdict == Unjudged.NOT_COMPARABLE
    assert found[STEP].estimate is None
    assert "cpu: Abacus 1 there, Abacus 2 here" in found[STEP].remark
    assert found[MEMORY].verdict == Verdict.REGRESSION


@pytest.mark.parametrize("other", [{"threads": 4}, {"allocator": "huge pages"}, {"precision": "bfloat16"}], ids=str)
def test_launched_otherwise_a_time_is_another_and_memory_says_so(other: dict[str, Any]) -> None:
    """Threads, allocator and precision: refused for times, a remark beside memory."""
    before = run(benchmark(Measure.STEP), benchmark(Measure.MEMORY))
    found = judged(run(benchmark(Measure.STEP, **other), benchmark(Measure.MEMORY, **other)), before)
    assert found[STEP].verdict == Unjudged.NOT_COMPARABLE
    assert next(iter(other)) in found[STEP].remark
    assert found[MEMORY].estimate == 0.0
    assert next(iter(other)) in found[MEMORY].remark


@pytest.mark.parametrize("measure", Measure)
@pytest.mark.parametrize("other", [{"batch_size": 32}, {"epochs": 1}, {"workload": "b"}], ids=str)
def test_another_recipe_of_the_same_name_is_never_compared(measure: Measure, other: dict[str, Any]) -> None:
    """Not even when times are to be compared anyway."""
    (found,) = judged(run(benchmark(measure)), run(benchmark(measure, **other)), anyway=True).values()
    assert found.verdict == Unjudged.NOT_COMPARABLE
    assert "another recipe" in found.remark


def test_compared_anyway_is_said_of_each_time() -> None:
    """And of nothing else."""
    names = [benchmark(measure) for measure in Measure]
    found = judged(run(*names, cpu="Abacus 2"), run(*names), anyway=True)
    forced = {Measure(each.measure) for each in found.values() if each.forced}
    assert forced == {Measure.STEP, Measure.EPOCH, Measure.FIRST_STEP}
    assert all("although not alike" in each.remark for each in found.values() if each.forced)


def test_a_gpu_that_does_not_train_does_not_matter() -> None:
    """Another GPU is no reason to refuse times of a CPU; of the GPU's own, it is."""
    for device, verdict in (("cpu", Verdict.INCONCLUSIVE), ("cuda", Unjudged.NOT_COMPARABLE)):
        one = benchmark(Measure.STEP, device=device)
        (found,) = judged(run(one, GPU="1"), run(one, GPU="2")).values()
        assert found.verdict == verdict


def test_of_several_baselines_only_those_of_this_machine_count() -> None:
    """However many there are of another one."""
    here = [run(benchmark(Measure.STEP, 0.01), day=day) for day in (1, 2)]
    there = [run(benchmark(Measure.STEP, 0.05), day=day, cpu="Abacus 2") for day in (3, 4, 5)]
    found = judged(run(benchmark(Measure.STEP, 0.01)), *there, *here)[STEP]
    assert found.baselines == 2
    assert found.baseline == pytest.approx(0.01)


def test_the_reference_kernel_tells_a_slow_machine_from_slow_code() -> None:
    """Where all runs have the same kernel; with another one, or none, times are judged as they are."""
    before = benchmark(Measure.STEP, 0.01, reference_seconds=(0.02,), reference_kernel="a product")
    slow = benchmark(Measure.STEP, 0.02, reference_seconds=(0.04,), reference_kernel="a product")
    other = replace(slow, reference_kernel="another")
    none = replace(slow, reference_seconds=(), reference_kernel="")
    assert judged(run(slow), run(before))[STEP].estimate == pytest.approx(0.0)
    for one, said in ((other, "a product there, another here"), (none, "a product there, none here")):
        found = judged(run(one), run(before))[STEP]
        assert found.estimate == pytest.approx(math.log(2.0))
        assert not found.normalised
        assert f"not normalised, reference kernel: {said}" in found.remark


def test_one_old_file_does_not_undo_the_kernel_of_the_others() -> None:
    """It is left out, and that is said; without the kernel, or on another machine, the certain range is wider."""
    beside = benchmark(Measure.STEP, 0.02, reference_seconds=(0.04,), reference_kernel="a product")
    old = benchmark(Measure.STEP, 0.01)
    found = judged(run(beside), run(old, day=1), run(beside, day=2), run(beside, day=3))[STEP]
    assert (found.normalised, found.baselines, found.estimate) == (True, 2, 0.0)
    assert "1 run of the baseline left out, without the same reference kernel" in found.remark
    normalised, raw, forced = (
        judged(run(one, cpu=cpu), run(one), anyway=True)[STEP].upper or 0.0
        for one, cpu in ((beside, "Abacus 1"), (old, "Abacus 1"), (beside, "Abacus 2"))
    )
    assert raw == pytest.approx(2.0 * normalised)
    assert forced == pytest.approx(2.0 * normalised)


def test_a_gpus_step_has_no_kernel_and_nothing_is_missed() -> None:
    """The reference kernel works on the processor."""
    one = benchmark(Measure.STEP, device="cuda")
    found = judged(run(one), run(one))[STEP]
    assert found.remark == ""
    assert found.upper == pytest.approx(judged(run(kernel_of(one)), run(kernel_of(one)))[STEP].upper)


def kernel_of(one: SavedBenchmark) -> SavedBenchmark:
    """The same on a processor, with a reference kernel beside it."""
    return replace(one, device="cpu", reference_seconds=(1.0,), reference_kernel="a product")


def test_copies_of_a_run_are_one_run() -> None:
    """However often it was copied: they say nothing about how far runs differ."""
    one = run(benchmark(Measure.STEP))
    found = judged(run(benchmark(Measure.STEP)), *[replace(one, label=str(copy)) for copy in range(10)])[STEP]
    assert found.baselines == 1
    assert found.upper == judged(run(benchmark(Measure.STEP)), one)[STEP].upper


def test_an_interrupted_baseline_is_no_baseline() -> None:
    """Left out beside others, and refused alone."""
    cut = benchmark(Measure.STEP, 0.1, interrupted=True)
    alone = judged(run(benchmark(Measure.STEP)), run(cut))[STEP]
    assert (alone.verdict, alone.estimate) == (Unjudged.NOT_COMPARABLE, None)
    assert "interrupted" in alone.remark
    beside = judged(run(benchmark(Measure.STEP)), run(benchmark(Measure.STEP)), run(cut, day=2))[STEP]
    assert (beside.baselines, beside.estimate) == (1, 0.0)
    assert "1 run of the baseline left out, interrupted" in beside.remark


def test_all_versions_of_the_baseline_are_named() -> None:
    """Its mean is made of all of them."""
    before = [run(benchmark(Measure.STEP, framework_version=version), day=day) for day, version in ((1, "1"), (2, "2"))]
    found = judged(run(benchmark(Measure.STEP, framework_version="3")), *before)[STEP]
    assert found.versions == ("1, 2", "3")


def test_a_changed_network_of_the_same_name_is_another_recipe() -> None:
    """An older file does not tell, and that is said instead."""
    one, other = (benchmark(Measure.MEMORY, recipe=digest) for digest in ("aa", "bb"))
    found = judged(run(one), run(other))[MEMORY]
    assert found.verdict == Unjudged.NOT_COMPARABLE
    assert "another recipe: network, optimiser or data: digest bb there, aa here" in found.remark
    assert judged(run(one), run(one))[MEMORY].remark == ""
    older = judged(run(one), run(benchmark(Measure.MEMORY)))[MEMORY]
    assert older.estimate == 0.0
    assert "does not tell the network" in older.remark


def test_another_environment_is_said() -> None:
    """Its packages may be why something changed."""
    found = judged(run(benchmark(Measure.MEMORY)), run(benchmark(Measure.MEMORY, environment="pinned")))[MEMORY]
    assert found.remark == "environment: pinned there, current here"


def test_accuracy_of_other_seeds_is_not_compared() -> None:
    """Like is held against like by the seed, not by the place in a list."""
    now = benchmark(Measure.ACCURACY, 0.9, 0.8, seeds=(1, 2))
    found = judged(run(now), run(benchmark(Measure.ACCURACY, 0.8, 0.7, seeds=(2, 3))))[ACCURACY]
    assert found.estimate == 0.0
    assert "over the seeds in common, 2" in found.remark
    other = judged(run(now), run(benchmark(Measure.ACCURACY, 0.9, 0.8, seeds=(3, 4))))[ACCURACY]
    assert other.verdict == Unjudged.NOT_COMPARABLE
    assert "no seed in common: seeds: 3, 4 there, 1, 2 here" in other.remark


def test_accuracy_is_judged_over_the_seeds_that_both_have() -> None:
    """More seeds in one of the runs are no change."""
    found = judged(run(benchmark(Measure.ACCURACY, 0.9)), run(benchmark(Measure.ACCURACY, 0.9, 0.99, 0.99)))[ACCURACY]
    assert found.estimate == 0.0
    assert found.baseline == pytest.approx(0.9)


def test_learning_much_better_is_an_improvement_with_a_question() -> None:
    """A recipe that changed may look like one."""
    found = judged(run(benchmark(Measure.ACCURACY, 0.99)), run(benchmark(Measure.ACCURACY, 0.60)))[ACCURACY]
    assert found.verdict == Verdict.IMPROVEMENT
    assert "a changed recipe?" in found.remark


def test_new_and_missing() -> None:
    """Asked for and not measured is missing, if a baseline has it; what no baseline has is new."""
    before = run(benchmark(Measure.STEP), benchmark(Measure.MEMORY))
    now = run(benchmark(Measure.ACCURACY), benchmark(Measure.STEP))
    assert judged(now, before)[ACCURACY].verdict == Unjudged.NEW
    (found,) = missing({STEP: "", MEMORY: "the worker died", "test_epoch[a]": ""}, now, [before])
    assert (found.benchmark, found.verdict, found.remark) == (MEMORY, Unjudged.MISSING, "the worker died")


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


def item(measure: str, *marked: object, name: str = "test_it") -> pytest.Item:
    """A benchmark with the marker of its measure, and perhaps one of its margin."""
    markers: dict[str, object] = {measure: SimpleNamespace(args=(), kwargs={})}
    if marked:
        markers["margin"] = SimpleNamespace(args=marked, kwargs={})
    return cast("pytest.Item", SimpleNamespace(nodeid=name, get_closest_marker=markers.get))


@pytest.mark.parametrize(
    ("ini", "marker", "command_line", "expected"),
    [
        ({}, (), {}, 0.02),
        ({Measure.STEP: 0.03}, (), {}, 0.03),
        ({Measure.STEP: 0.03}, ("4%",), {}, 0.04),
        ({Measure.STEP: 0.03}, ("4%",), {Measure.STEP: 0.05}, 0.05),
    ],
)
def test_the_command_line_counts_more_than_a_marker_and_that_more_than_the_ini_file(
    ini: dict[Measure, float], marker: tuple[str, ...], command_line: dict[Measure, float], expected: float
) -> None:
    """And all of them more than the default."""
    found = MarginSettings(ini, command_line).of(item("step", *marker))
    assert found.margin == pytest.approx(math.log1p(expected))


@pytest.mark.parametrize(
    ("measure", "marker"), [("step", ("3pp",)), ("step", (3,)), ("accuracy", ("1%",)), ("step", ("1%", "2%"))]
)
def test_a_marker_that_is_not_understood_is_a_usage_error(measure: str, marker: tuple[object, ...]) -> None:
    """The benchmark is named."""
    with pytest.raises(pytest.UsageError, match=r"test_it: .*write"):
        MarginSettings({}, {}).of(item(measure, *marker))


def test_benchmarks_that_are_judged_as_one_measure_have_one_margin() -> None:
    """With --against, two markers for one measure contradict each other."""
    settings = MarginSettings({}, {})
    found = margins_by_measure(settings, [item("step", "4%"), item("memory")])
    assert found[Measure.STEP].margin == pytest.approx(math.log1p(0.04))
    with pytest.raises(pytest.UsageError, match="different margins"):
        margins_by_measure(settings, [item("step", "4%"), item("step", name="test_other")])

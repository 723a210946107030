"""Holding a run against saved ones: which of them count, what is refused, and what is found."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.baselines.findings import Unjudged
from fixtures.baselines.runs import BaselineError
from fixtures.baselines.verdicts import missing
from fixtures.judging.measures import Measure
from fixtures.judging.priors import UNKNOWN_STATE_FACTOR
from fixtures.judging.verdicts import Verdict
from tests.judged_runs import ACCURACY, MEMORY, STEP, benchmark, judged, run

if TYPE_CHECKING:
    from fixtures.baselines.runs import SavedBenchmark


def test_times_need_the_same_conditions_and_memory_does_not() -> None:
    """What differs is named with both values."""
    before = run(benchmark(Measure.STEP), benchmark(Measure.MEMORY))
    now = run(benchmark(Measure.STEP), benchmark(Measure.MEMORY, 1e9), cpu="Abacus 2")
    found = judged(now, before)
    assert found[STEP].verdict == Unjudged.NOT_COMPARABLE
    assert found[STEP].estimate is None
    assert "cpu: Abacus 1 there, Abacus 2 here" in found[STEP].remark
    assert found[MEMORY].verdict == Verdict.REGRESSION


def test_a_precision_that_nobody_knows_forbids_nothing() -> None:
    """Of a program that was told none; files from before say float32 of it."""
    before = run(benchmark(Measure.STEP), precision="float32")
    found = judged(run(benchmark(Measure.STEP, precision=None)), before)[STEP]
    assert found.verdict != Unjudged.NOT_COMPARABLE
    assert "None" not in found.where


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
    assert raw == pytest.approx(UNKNOWN_STATE_FACTOR * normalised)
    assert forced == pytest.approx(UNKNOWN_STATE_FACTOR * normalised)


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


def test_an_edited_copy_of_a_run_is_refused() -> None:
    """It would replace the true one, or hide behind it, by chance."""
    one, edited = run(benchmark(Measure.MEMORY, 5e8)), replace(run(benchmark(Measure.MEMORY, 9e8)), where="edited.json")
    with pytest.raises(BaselineError, match=r"^edited\.json: of the same moment and commit as run 1\.json, but"):
        judged(run(benchmark(Measure.MEMORY)), one, edited)


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


@pytest.mark.parametrize(("field", "words"), [("recipe", "network or optimiser"), ("dataset_digest", "data")])
def test_a_changed_network_or_changed_data_of_the_same_name_are_another_recipe(field: str, words: str) -> None:
    """An older file does not tell, and that is said instead."""
    one, other = (
        benchmark(Measure.MEMORY, **{"recipe": "cc", "dataset_digest": "cc", field: digest}) for digest in ("aa", "bb")
    )
    found = judged(run(one), run(other))[MEMORY]
    assert found.verdict == Unjudged.NOT_COMPARABLE
    assert f"another recipe: {words}: digest bb there, aa here" in found.remark
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


@pytest.mark.parametrize("measure", [measure for measure in Measure if measure is not Measure.ACCURACY])
def test_better_by_more_than_any_change_makes_it_is_not_comparable(measure: Measure) -> None:
    """A baseline that somebody edited would let any regression pass; what is worse by as much stays a regression."""
    usual = benchmark(measure, reference_seconds=(0.02,), reference_kernel="a product")
    edited = replace(usual, readings=(10.1 * usual.readings[0],))
    (found,) = judged(run(usual), run(edited)).values()
    assert (found.verdict, found.estimate) == (Unjudged.NOT_COMPARABLE, None)
    assert "better than the baseline by more than a factor of 10; is the file what it says?" in found.remark
    near = replace(usual, readings=(9.9 * usual.readings[0],))
    assert judged(run(usual), run(near))[usual.name].verdict != Unjudged.NOT_COMPARABLE
    worse = replace(usual, readings=(1000.0 * usual.readings[0],))
    assert judged(run(worse), run(usual))[usual.name].verdict == Verdict.REGRESSION


def test_a_baseline_that_has_learnt_next_to_nothing_is_not_comparable() -> None:
    """Also where this run has learnt nothing either; a worse run stays a regression, however much it lost."""
    for before, now in ((0.0, 0.96), (0.48, 0.96), (0.0, 0.0)):
        found = judged(run(benchmark(Measure.ACCURACY, now)), run(benchmark(Measure.ACCURACY, before)))[ACCURACY]
        assert found.verdict == Unjudged.NOT_COMPARABLE
        assert "2 times as accurate as the baseline, or more; is the file what it says?" in found.remark
    lost = judged(run(benchmark(Measure.ACCURACY, 0.0)), run(benchmark(Measure.ACCURACY, 0.96)))[ACCURACY]
    assert lost.verdict == Verdict.REGRESSION


def test_memory_of_the_host_is_not_held_against_memory_of_a_device() -> None:
    """A framework that no longer counts the device's would else have changed by as much as the two differ."""
    device, host = (benchmark(Measure.MEMORY, device="cuda", memory_of=kind) for kind in ("device", "host"))
    found = judged(run(host), run(device, day=1))[MEMORY]
    assert found.verdict == Unjudged.NOT_COMPARABLE
    assert found.remark == "memory of another kind: memory of: device there, host here"
    beside = judged(run(host), run(device, day=1), run(host, day=2))[MEMORY]
    assert (beside.baselines, beside.estimate) == (1, 0.0)


def test_new_and_missing() -> None:
    """Asked for and not measured is missing, if a baseline has it; what no baseline has is new."""
    before = run(benchmark(Measure.STEP), benchmark(Measure.MEMORY))
    now = run(benchmark(Measure.ACCURACY), benchmark(Measure.STEP))
    assert judged(now, before)[ACCURACY].verdict == Unjudged.NEW
    (found,) = missing({STEP: "", MEMORY: "the worker died", "test_epoch[a]": ""}, now, [before])
    assert (found.benchmark, found.verdict, found.remark) == (MEMORY, Unjudged.MISSING, "the worker died")

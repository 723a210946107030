"""The report of a study, from benchmarks made up so that what it must say is known."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.reports.lines_of_code import lines_of_code
from fixtures.reports.study import provenance, study_report
from models.registry import FRAMEWORKS
from models.studies import STUDIES
from models.workloads import WORKLOADS
from tests.saved_studies import accuracy, benchmark, cells, pair, paragraph


@pytest.mark.parametrize(
    ("pytorch", "keras", "said"),
    [
        pytest.param(100.0, 150.0, "the same order as published", id="same"),
        pytest.param(150.0, 100.0, "reversed", id="reversed"),
        pytest.param(100.0, 109.0, "too close to call", id="close"),
        pytest.param(109.0, 100.0, "too close to call", id="close-the-other-way"),
    ],
)
def test_the_order_in_time_is_set_against_the_published_one(pytorch: float, keras: float, said: str) -> None:
    """Published, PyTorch was 1.44 times as fast as Keras; 16 % are not told apart."""
    words = paragraph(study_report(pair(pytorch, keras)), "Training time")
    assert words.startswith(f"- **Training time, Keras (TensorFlow) and PyTorch: {said}.**")
    assert "Published: 357 s and 248 s, PyTorch 1.44 times as fast." in words
    assert ("Not separable here" in words) == (said != "the same order as published")


@pytest.mark.parametrize(
    ("pytorch", "keras", "said"),
    [
        pytest.param(0.991, 0.981, "an order where the study shows none", id="beyond-chance"),
        pytest.param(0.991, 0.990, "no order beyond the margin, as published", id="within-chance"),
    ],
)
def test_accuracies_are_told_apart_only_beyond_chance(pytorch: float, keras: float, said: str) -> None:
    """The study's own 0.26 points are within the interval that 10,000 test examples allow."""
    words = paragraph(study_report(pair(100.0, 150.0, shares=(pytorch, keras))), "Accuracy")
    assert f"{said}.**" in words
    assert "Published: 98.67 % and 98.93 %, 0.26 points apart, within ±0.30." in words


@pytest.mark.parametrize(
    ("native", "said"),
    [
        pytest.param((0.96, 0.90), "towards the published one, and bring its ranking back", id="towards"),
        pytest.param((0.80, 0.96), "away from the published one", id="away"),
        pytest.param((0.95, 0.952), "by no more than the margin", id="stays"),
    ],
)
def test_native_defaults_say_what_defaults_explain(native: tuple[float, float], said: str) -> None:
    """Where the measured order is not the published one, the native figures show what defaults do to the gap."""
    recipe: dict[str, Any] = {"workload": "cats-vs-dogs", "batch_size": 100, "epochs": 10}
    names = ("pytorch", "keras-tensorflow")
    equal = [accuracy(name, [50.0], [0.95], **recipe) for name in names]
    own = [accuracy(name, [50.0], [share], "native", **recipe) for name, share in zip(names, native, strict=True)]
    words = paragraph(study_report([*equal, *own]), "Accuracy, Keras (TensorFlow) and PyTorch")
    assert f"Native defaults move the gap {said}" in words
    assert "initial weights and Adam's epsilon" in words


def test_defaults_are_no_cause_of_what_they_cannot_change() -> None:
    """Initial weights and epsilon take no time, whatever the native column shows."""
    words = paragraph(study_report([*pair(100.0, 100.0), *pair(100.0, 150.0, defaults="native")]), "Training time")
    assert "Nothing that native defaults let stand between these two should change it." in words
    assert "initial weights" not in words


def test_memory_is_ranked_where_it_was_published() -> None:
    """As published, Keras needed half of PyTorch's; here it is the other way round."""
    measured = {"pytorch": 9e8, "keras-tensorflow": 1.3e9}
    benchmarks = [
        benchmark(name, "memory", "mnist-dense64", peak_memory_bytes=size, batch_size=32)
        for name, size in measured.items()
    ]
    words = paragraph(study_report(benchmarks), "Memory")
    assert "reversed.**" in words
    assert "Published: 1.70 GB and 3.50 GB, Keras (TensorFlow) needing 1/2.06 as much." in words


def test_without_native_figures_no_cause_is_claimed() -> None:
    """What was not measured is said to be missing, and explains nothing."""
    report = study_report(pair(150.0, 100.0))
    assert "Native defaults" not in paragraph(report, "Training time")
    assert "- Nothing was measured with native defaults: --defaults both measures either column" in report
    assert "- PyTorch: no figures of memory with equal settings\n" in report


def test_native_figures_alone_are_compared_too() -> None:
    """The headline is then theirs, and ratios are to the best among them."""
    report = study_report(pair(150.0, 100.0, defaults="native"))
    assert "reversed.**" in paragraph(report, "Training time")
    assert cells(report, "time", "Keras (TensorFlow) / PyTorch") == [["1.44", "–", "0.67"]]  # noqa: RUF001


def test_published_figures_stand_beside_measured_ones() -> None:
    """A row for each figure, with published, equal and native; a figure that is missing is a dash."""
    memory = benchmark("pytorch", "memory", peak_memory_bytes=7.5e8, defaults="native")
    report = study_report([*pair(100.0, 150.0), *pair(120.0, 150.0, "native"), memory])
    assert cells(report, "PyTorch 1.0", "accuracy") == [["98.93", "99.00", "99.00"]]
    assert ["248", "100", "120"] in cells(report, "training, s")
    assert cells(report, "memory, GB") == [["–", "–", "0.75"]]  # noqa: RUF001 - the dash of the tables
    assert cells(report, "time", "Keras (TensorFlow) / PyTorch") == [["1.44", "1.50", "1.25"]]
    assert cells(report, "accuracy, points", "Keras (TensorFlow) - PyTorch") == [["-0.26", "+0.00", "+0.00"]]


def test_several_seeds_are_a_mean_and_a_deviation() -> None:
    """Also of the time to accuracy, which says how many seeds got there."""
    report = study_report([accuracy("pytorch", [100.0, 120.0], [0.98, 0.99])])
    assert cells(report, "PyTorch 1.0", "accuracy")[0][1] == "98.50 ± 0.71"
    assert cells(report, "training, s")[1][1] == "110 ± 14.1"
    assert cells(report, "to 98.5 % accuracy, s")[0][1] == "1 of 2 seeds"
    assert "- PyTorch, equal: trained 2 times, where the study trained once" in report


def test_a_framework_that_the_study_lacks_comes_last_without_published_figures() -> None:
    """Every framework may be measured; a study is still about its own."""
    report = study_report([accuracy("tensorflow", [90.0], [0.99]), *pair(100.0, 150.0)])
    assert report.index("| PyTorch 1.0") < report.index("| TensorFlow 1.0")
    assert cells(report, "TensorFlow 1.0", "accuracy")[-1][0] == "–"  # noqa: RUF001
    assert cells(report, "time", "TensorFlow / PyTorch")[-1] == ["–", "0.90", "–"]  # noqa: RUF001
    assert "Training time, Keras (TensorFlow) and TensorFlow" not in report


def test_a_study_in_words_is_compared_in_words() -> None:
    """The chart without numbers: TensorFlow and PyTorch about as fast, Keras slower."""
    arms = [("tensorflow", 50.0), ("keras-tensorflow", 48.0), ("pytorch", 20.0)]
    native = [("tensorflow", 50.0), ("keras-tensorflow", 70.0), ("pytorch", 49.0)]
    report = study_report(
        [accuracy(name, [time], [0.55], workload="cifar10-32-16", batch_size=64) for name, time in arms]
        + [accuracy(name, [time], [0.55], "native", workload="cifar10-32-16", batch_size=64) for name, time in native]
    )
    assert "published no numbers" in report
    assert "an order where the study shows none.**" in paragraph(report, "Training time, TensorFlow and PyTorch")
    assert "Published: in words, about as fast." in paragraph(report, "Training time, TensorFlow and PyTorch")
    keras = paragraph(report, "Training time, TensorFlow and Keras")
    assert "too close to call.** Published: in words, TensorFlow the faster." in keras
    assert "Nothing that native defaults let stand between these two should change it." in keras


def test_classes_are_shown_where_the_study_has_them() -> None:
    """The confusion matrix and the figures of each class, to be unfolded."""
    report = study_report(pair(100.0, 150.0))
    assert report.count("<details>") == report.count("</details>") == 2
    assert [line.split() for line in report.splitlines() if line.startswith("| zero ")][1] == (
        ["|", "zero", "|", "0.9000", "|", "0.8000", "|", "0.8500", "|", "5,000", "|"]
    )
    other = [accuracy("pytorch", [9.0], [0.99], workload="mnist-dense64", batch_size=32)]
    assert "<details>" not in study_report(other)


@pytest.mark.parametrize("workload", STUDIES)
@pytest.mark.parametrize("measured", [0, 1, 3], ids=["memory-only", "one-framework", "all"])
def test_every_study_renders_whatever_was_measured(workload: str, measured: int) -> None:
    """Also one whose frameworks all failed but for their memory; every table is a rectangle."""
    recipe: dict[str, Any] = {
        "workload": workload,
        "batch_size": WORKLOADS[workload].batch_size,
        "epochs": WORKLOADS[workload].epochs,
    }
    frameworks = [each.framework for each in STUDIES[workload].published]
    benchmarks = [accuracy(name, [50.0], [0.9], **recipe) for name in frameworks[:measured]]
    report = study_report([*benchmarks, benchmark(frameworks[0], "memory", workload, peak_memory_bytes=10**9)])
    assert f"## {workload}: {STUDIES[workload].source}" in report
    tables = [block.splitlines() for block in report.split("\n\n") if block.startswith("|")]
    assert tables
    assert all(len(set(map(len, table))) == 1 for table in tables)


def test_what_the_study_says_and_leaves_open_is_told() -> None:
    """Its repetitions, what it does not give, and notes to its figures; how many seeds stand behind ours."""
    recipe: dict[str, Any] = {"workload": "cats-vs-dogs", "batch_size": 100, "epochs": 10}
    report = study_report([accuracy("pytorch", [50.0] * 3, [0.9] * 3, **recipe)])
    assert "trained each framework 3 times" in report
    assert "does not give: network (here: three convolutions" in report
    assert "±: standard deviation over 3 seeds" in report
    other = study_report([accuracy("tensorflow", [50.0], [0.9], workload="mnist-dense1024")])
    assert "- TensorFlow, published: all about; 5 hours to write" in other
    assert "±:" not in other


def test_lines_of_code_are_counted_from_the_adapter() -> None:
    """Of the model and its training, and in brackets of the whole; beside what the study printed."""
    counted = lines_of_code(FRAMEWORKS["tensorflow"])
    report = study_report([accuracy("tensorflow", [50.0], [0.9], workload="mnist-dense1024")])
    expected = ["154", f"{counted.training} ({counted.adapter})"]
    assert expected in [row[:2] for row in cells(report, "lines of code")]


def test_ratios_are_to_the_best_framework_that_was_measured_too() -> None:
    """The study's fastest was the Estimator; where that failed, the next one is what all are set against."""
    arms = [("tensorflow", 50.0), ("keras-tensorflow", 60.0)]
    report = study_report([accuracy(name, [time], [0.9], workload="mnist-dense1024") for name, time in arms])
    assert ["1.83", "1.20"] in [row[:2] for row in cells(report, "time", "Keras (TensorFlow) / TensorFlow")]


def test_what_does_not_repeat_the_study_is_named() -> None:
    """Another recipe, a run cut short, and figures without proof of parity."""
    report = study_report([accuracy("pytorch", [50.0], [0.9], epochs=1, parity=None, interrupted=True)])
    assert "PyTorch, equal: batch size 64 and epochs 1, where the study's workload has 64 and 5" in report
    assert "PyTorch, equal: the run was interrupted before it was complete" in report
    assert "PyTorch: not proven to compute what the others compute" in report


def test_other_benchmarks_are_no_study() -> None:
    """Steps, workloads that no study is about, and comparisons of versions."""
    compared = benchmark("pytorch", "accuracy", comparison="mnist-3conv-pytorch-cpu@torch==2.13.0")
    assert study_report([compared]) == ""
    step = benchmark("pytorch", "step", seconds=0.1)
    assert study_report([step, accuracy("pytorch", [1.0], [0.9], workload="digits"), {"extra_info": {}}]) == ""


def test_another_environment_is_named() -> None:
    """TF Estimator's figures are of another TensorFlow and NumPy than the suite's own."""
    report = study_report(
        [accuracy("tf-estimator", [50.0], [0.9], workload="mnist-dense1024", environment="tf-estimator")]
    )
    assert "| tf-estimator 1.0, environment tf-estimator |" in report


def test_the_machine_the_versions_and_the_time_are_one_line() -> None:
    """As far as the saved run knows them."""
    facts: dict[str, Any] = {
        "cpu": {"name": "Some CPU"},
        "usable_cores": [0, 1],
        "memory_bytes": 8e9,
        "versions": {"torch": "2.15"},
    }
    run = {"machine_info": {"cnn_dyno": facts}, "datetime": "2026-01-02", "commit_info": {"id": "abc", "dirty": True}}
    expected = "Measured on Some CPU, 2 cores, 8.0 GB of memory, torch 2.15, at 2026-01-02, commit abc and changes."
    assert provenance(run) == expected
    assert "\n- Measured on Some CPU, 2 cores, 8.0 GB of memory, torch 2.15.\n" in study_report(pair(1.0, 2.0), facts)
    assert provenance({}) == "Measured on a machine that the run does not name."

"""The table at the end, made from what is saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.reports.summary import main, tables

if TYPE_CHECKING:
    from pathlib import Path


def benchmark(framework: str, measure: str, **extra: Any) -> dict[str, Any]:
    """A saved benchmark of the suite."""
    identity = {
        "framework": framework,
        "framework_title": framework.title(),
        "framework_version": "1.0",
        "workload": "digits",
        "device": "cpu",
        "threads": 2,
        "precision": "float32",
        "measure": measure,
    }
    return {"name": f"test_{measure}", "extra_info": identity | extra}


def step(framework: str, seconds: float, **extra: Any) -> dict[str, Any]:
    """A saved benchmark of training steps."""
    usual = {
        "seconds": seconds,
        "relative_half_width": 0.034,
        "images_per_second": 64 / seconds,
        "process_medians_seconds": [seconds] * 3,
        "settled": True,
        "steal_seconds": 0.0,
        "foreign_cpu_seconds": 0.0,
        "measured_seconds": 10.0,
    }
    return benchmark(framework, "step", **usual | extra)


def row(text: str, framework: str) -> list[str]:
    """The cells of a framework's row."""
    return next(line.split() for line in text.splitlines() if line.lstrip().startswith(framework))


def test_a_precision_that_nobody_knows_is_not_in_the_title() -> None:
    """A program with autocast of its own is not one of float32."""
    text = tables([step("train.py", 0.02, workload="program", precision=None)])
    assert "program on cpu, 2 threads" in text
    assert "None" not in text
    assert "float32" not in text


def test_every_figure_stands_beside_the_best_one() -> None:
    """Fastest first; ratios of times, and accuracy as points behind the best; images a second say no more."""
    text = tables(
        [
            step("slow", 0.03),
            step("fast", 0.02),
            benchmark("slow", "accuracy", accuracy=0.99),
            benchmark("fast", "accuracy", accuracy=0.97),
        ]
    )
    assert text.index("Fast") < text.index("Slow")
    assert row(text, "Fast") == ["Fast", "1.0", "20", "3.4%", "1.00", "3,200", "97.00", "-2.00"]
    assert row(text, "Slow") == ["Slow", "1.0", "30", "3.4%", "1.50", "2,133", "99.00", "+0.00"]


def test_the_memory_of_a_gpu_has_a_column_and_the_sentence_is_of_it() -> None:
    """Pairs are of the memory that is scarce: a table of the host's alone contradicts what is said above it."""
    beside = {"arm": "a", "times": 1.6, "at_least": 1.59, "at_most": 1.61, "blocks": 3, "equal": False, "certain": True}
    first = {"arm": "a", "peak_memory_bytes": 2**31, "peak_device_memory_bytes": 2**30, "standing": {"first": "a"}}
    other = {"arm": "b", "peak_memory_bytes": 2**30, "peak_device_memory_bytes": 1717986918}
    found = [
        benchmark("one", "memory", **first),
        benchmark("two", "memory", **other, standing={"first": "a", "beside_first": beside}),
    ]
    text = tables(found)
    assert "By peak GPU memory: One 1.0 needs least memory; Two 1.0 needs 1.60 times as much (1.59 to 1.61)." in text
    assert row(text, "One") == ["One", "1.0", "1,024", "1", "2,048", "2.00"]
    assert row(text, "Two") == ["Two", "1.0", "1,638", "1.60", "±0.63%", "1,024", "1.00"]
    assert "GPU" in text.splitlines()[2]
    assert "host" in text.splitlines()[2]


def test_memory_that_nobody_counts_is_no_column() -> None:
    """Saved as 0, which the host's is not divided by."""
    found = [benchmark(name, "memory", peak_memory_bytes=2**30, peak_device_memory_bytes=0) for name in ("one", "two")]
    assert row(tables(found), "One") == ["One", "1.0", "1,024", "1.00"]


def test_nothing_is_ever_cut() -> None:
    """However long a name is, and however many measures stand beside it."""
    name = "Keras with a very long name" * 10
    memory = benchmark("one", "memory", peak_memory_bytes=2**30)
    accuracy = benchmark("one", "accuracy", accuracy=0.5, seconds_to_accuracy=3.0)
    text = tables([step("one", 0.02, framework_title=name), memory, accuracy])
    assert f"{name} 1.0" in text
    assert "…" not in text


def test_a_figure_that_is_missing_is_a_dash() -> None:
    """An arm whose memory run failed still has a row."""
    text = tables([step("one", 0.02), benchmark("one", "memory", peak_memory_bytes=2**30), step("two", 0.02)])
    assert row(text, "One")[-2:] == ["1,024", "1.00"]
    assert row(text, "Two")[-2:] == ["-", "-"]


def test_a_reader_is_told_what_makes_a_figure_doubtful() -> None:
    """Warm-up that never ended, a hypervisor or other processes that took the cores."""
    text = tables([step("one", 0.02, settled=False, steal_seconds=2.0, foreign_cpu_seconds=3.0)])
    assert "One was still getting faster" in text
    assert "withheld 20% of a core" in text
    assert "other processes used 30% of a core" in text


def test_a_share_of_a_peak_names_the_peaks_that_differ() -> None:
    """The faster one may show the smaller share: each is held against its own products."""
    one = step("one", 0.02, share_of_peak=0.2, peak_operations_per_second=110e9)
    two = step("two", 0.03, share_of_peak=0.4, peak_operations_per_second=40e9)
    assert "each one's own peak, in GFLOP/s: One 1.0 110, Two 1.0 40." in tables([one, two])
    assert "in large dense layers alone." in tables([one, step("three", 0.04)])


def test_a_reader_is_told_what_a_lower_precision_does_not_prove() -> None:
    """Once for each framework, with the first of the arrays."""
    proof = {"unproven": ["kinked_gradients: batch_norm_1/scale", "epoch: batch_norm_2/bias"]}
    text = tables([step("one", 0.02, precision="bfloat16", parity=proof), step("two", 0.03, parity={"passed": True})])
    assert text.count("only the size is proven") == 1
    assert "of 2 arrays of gradients or updates" in text
    assert "(kinked_gradients: batch_norm_1/scale, …). In float32 all are." in text


def test_a_reader_is_told_how_many_blocks_do_not_count() -> None:
    """Of the framework that had most of them, and why; nothing where all count, or a file does not say."""
    busy = "other processes used 60% of a core"
    text = tables(
        [step("one", 0.02, void_blocks=[busy]), step("two", 0.02, void_blocks=["heat", busy]), step("old", 0.02)]
    )
    assert f"x leaves out 2 blocks in which the machine was too busy ({busy})." in text
    assert "leaves out 1 block in" in tables([step("one", 0.02, void_blocks=[busy])])
    assert "leaves out" not in tables([step("one", 0.02, void_blocks=[]), step("old", 0.02)])


def test_a_reader_is_told_with_how_much_data_memory_was_read() -> None:
    """Where that was not all of it."""
    peak = {"peak_memory_bytes": 2**30, "examples_in_all": 60_000}
    assert "memory: with 4,096 training examples in memory." in tables(
        [benchmark("one", "memory", **peak, examples=4096)]
    )
    assert "memory: with" not in tables([benchmark("one", "memory", **peak, examples=60_000)])


def test_a_file_of_an_older_version_has_its_table() -> None:
    """Plain ratios, and no sentence above it: there is no standing in it."""
    text = tables([step("slow", 0.03), step("fast", 0.02)])
    assert text.startswith("digits on cpu")
    assert row(text, "Slow")[4] == "1.50"


def test_one_process_has_no_uncertainty() -> None:
    """A dash, and a word about why."""
    text = tables([step("one", 0.02, process_medians_seconds=[0.02], relative_half_width=None)])
    assert row(text, "One")[3] == "-"
    assert "one process shows no spread" in text


def test_benchmarks_of_others_are_left_alone() -> None:
    """A file may hold benchmarks that are not the suite's."""
    assert tables([{"name": "other", "extra_info": {}}, {"name": "bare"}]) == ""


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "not json", '{"benchmarks": 3}', '{"benchmarks": [{"extra_info": 1}]}']
)
def test_a_file_that_is_no_saved_run_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """Exit status 2, the file named, no traceback."""
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf-8")
    assert main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "it cannot be read: No such file or directory"), ('{"machine_info": {}}', "'benchmarks' is missing")],
)
def test_why_it_is_none_is_said_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    """Not in those of a programmer."""
    path = tmp_path / "file.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert main([str(path)]) == 2
    assert capsys.readouterr().err == f"{path} is not a saved run of this suite: {said}\n"


def test_no_file_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Silence would look like an empty result."""
    assert main([]) == 2
    assert "usage:" in capsys.readouterr().err


def test_a_saved_run_gives_its_table_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report is made from the JSON alone."""
    path = tmp_path / "file.json"
    path.write_text(json.dumps({"benchmarks": [step("one", 0.02)]}), encoding="utf-8")
    assert main([str(path)]) == 0
    assert "One 1.0" in capsys.readouterr().out

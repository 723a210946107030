"""Saved runs that are refused, and with which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.baselines.runs import BaselineError, read_run, run_from_plain
from fixtures.baselines.validation import schema
from tests.one_line import one_line
from tests.saved_runs import TESTS, saved_benchmark, saved_run


def message(content: bytes, folder: Path) -> str:
    """Why a file of this content is refused."""
    file = folder / "run.json"
    file.write_bytes(content)
    with pytest.raises(BaselineError) as refused:
        read_run(file)
    text = str(refused.value)
    assert text.startswith(f"{file}: ")
    assert one_line(text)
    return text.removeprefix(f"{file}: ")


def test_a_newer_version_is_refused_with_both_numbers(tmp_path: Path) -> None:
    """Nothing else is said of a format that nobody here knows."""
    text = message(json.dumps({"cnn_dyno": {"schema": 7}, "benchmarks": "?"}).encode(), tmp_path)
    assert text.startswith("$.cnn_dyno.schema: version 7 of the format is newer than 1")
    assert "update the checkout" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b" \n", "the file is empty", id="blank"),
        pytest.param(b'{"benchmarks": [', "not JSON, or cut off", id="cut-off"),
        pytest.param(b"not json", "not JSON", id="no-json"),
        pytest.param(b"\xff\xfe\x00", "not text in UTF-8 (byte 0)", id="no-text"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep"),
        pytest.param(b'{"a": NaN}', "holds NaN", id="nan"),
        pytest.param(b'{"a": -Infinity}', "holds -Infinity", id="infinity"),
        pytest.param(b'{"a": 1e999}', "holds 1e999", id="overflow"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", "", id="endless-number"),
        pytest.param(b'{"a": 1, "a": 2}', "the key 'a' twice", id="twice"),
        pytest.param(b"[]", "$: [] is not what it must be", id="list"),
        pytest.param(b"null", "$: None is not what it must be", id="null"),
        pytest.param(b"{}", "$: machine_info, benchmarks, datetime, version is missing", id="nothing"),
    ],
)
def test_what_is_no_json_of_a_run_is_refused_in_one_line(content: bytes, words: str, tmp_path: Path) -> None:
    """The line names the file, what is wrong, and what to do."""
    text = message(content, tmp_path)
    assert words in text
    assert "save the run again" in text


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("extra_info", "process_medians_seconds"), [], "extra_info.process_medians_seconds"),
        (("extra_info", "process_medians_seconds"), [0.1, -0.1], "extra_info.process_medians_seconds[1]"),
        (("extra_info", "process_medians_seconds"), [0.1, 0], "extra_info.process_medians_seconds[1]"),
        (("extra_info", "process_medians_seconds"), ["0.1"], "extra_info.process_medians_seconds[0]"),
        (("extra_info", "process_medians_seconds"), [True], "extra_info.process_medians_seconds[0]"),
        (("extra_info", "process_medians_seconds"), [None], "extra_info.process_medians_seconds[0]"),
        (("extra_info", "process_medians_seconds"), [1e300], "extra_info.process_medians_seconds[0]"),
        (("extra_info", "process_medians_seconds"), [1e-320], "extra_info.process_medians_seconds[0]"),
        (("extra_info", "process_medians_seconds"), [2e6], "extra_info.process_medians_seconds[0]"),
        (("extra_info", "process_medians_seconds"), [0.1], "extra_info.process_medians_seconds[0]"),
        (("extra_info", "process_medians_seconds"), [0.010, 0.011, 0.1], "extra_info.process_medians_seconds[2]"),
        (("stats", "min"), 0.0115, "extra_info.process_medians_seconds[0]"),
        (("extra_info", "recipe"), 5, "extra_info.recipe"),
        (("extra_info", "reference_copy_seconds"), [0.1], "extra_info.reference_copy_seconds"),
        (("extra_info", "process_medians_seconds"), 10**400, "extra_info.process_medians_seconds"),
        (("extra_info", "reference_seconds"), [0.1], "extra_info.reference_seconds"),
        (("extra_info", "reference_seconds"), [0.1, 0.1, 0.1], "extra_info.reference_kernel"),
        (("extra_info", "measure"), "epoch", "extra_info.measure"),
        (("extra_info", "measure"), "speed", "extra_info.measure"),
        (("extra_info", "workload"), "mnist", "name"),
        (("extra_info", "framework"), "py\ntorch", "extra_info.framework"),
        (("extra_info", "framework_title"), "\ud800", "extra_info.framework_title"),
        (("extra_info", "threads"), 0, "extra_info.threads"),
        (("extra_info", "batch_size"), 1.5, "extra_info.batch_size"),
        (("extra_info", "interrupted"), "no", "extra_info.interrupted"),
        (("stats", "median"), None, "stats.median"),
        (("name",), "", "name"),
    ],
)
def test_nonsense_is_refused_where_it_stands(path: tuple[str, ...], value: Any, place: str, tmp_path: Path) -> None:
    """Negative, zero, text, and what contradicts itself; the message holds the place."""
    benchmark: Any = saved_benchmark()
    inner = benchmark
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    text = message(json.dumps(saved_run(benchmark)).encode(), tmp_path)
    assert text.startswith(f"$.benchmarks[0].{place}: ")


@pytest.mark.parametrize("text", ["\u202egnp", "a\u200bb", "\U00013430"])
def test_text_that_shows_as_something_else_is_refused(text: str, tmp_path: Path) -> None:
    """In names, and in what a machine is called; the message shows the marks by their numbers."""
    benchmark = saved_benchmark()
    benchmark["name"] = f"test_own[{text}]"
    for run in (saved_run(benchmark), saved_run(cpu={"name": text}), saved_run(saved_benchmark(framework_title=text))):
        assert "holds a mark that cannot be shown" in message(json.dumps(run).encode(), tmp_path)


def test_a_strange_key_stays_in_one_line(tmp_path: Path) -> None:
    """Keys of a file stand in the message as the place."""
    text = message(json.dumps(saved_run(versions={"a\nb": 5})).encode(), tmp_path)
    assert text.startswith("$.machine_info.cnn_dyno.versions")


@pytest.mark.parametrize("share", [-0.1, 1.01, 96])
def test_an_accuracy_is_a_share(share: float, tmp_path: Path) -> None:
    """From 0 to 1, not per cent."""
    text = message(json.dumps(saved_run(saved_benchmark("accuracy", [share]))).encode(), tmp_path)
    assert text.startswith(
        f"$.benchmarks[0].extra_info.accuracies[0]: {share} is not what it must be: a share from 0 to 1"
    )


@pytest.mark.parametrize("seeds", [[42], [42, 42], [], None])
def test_each_accuracy_has_a_seed_of_its_own(seeds: Any, tmp_path: Path) -> None:
    """By the seed, like is held against like."""
    text = message(json.dumps(saved_run(saved_benchmark("accuracy", [0.9, 0.8], seeds=seeds))).encode(), tmp_path)
    assert text.startswith("$.benchmarks[0].extra_info.seeds: ")


@pytest.mark.parametrize("size", [1, 2**46 + 1])
@pytest.mark.parametrize("key", ["peak_memory_bytes", "peak_device_memory_bytes"])
def test_nothing_trains_in_less_than_a_mebibyte_or_more_than_there_is(key: str, size: int, tmp_path: Path) -> None:
    """Neither on the host nor on a device that counts; as much as there may be is read."""
    benchmark = saved_benchmark("memory", device="cuda")
    benchmark["extra_info"][key] = size
    assert message(json.dumps(saved_run(benchmark)).encode(), tmp_path).startswith(
        f"$.benchmarks[0].extra_info.{key}: "
    )
    for allowed in (2**20, 2**46):
        benchmark["extra_info"][key] = allowed
        assert run_from_plain(saved_run(benchmark), "x").benchmarks


def test_a_processor_has_no_memory_of_a_device(tmp_path: Path) -> None:
    """A figure there would stand for the host's, which is not looked at then; 0 is what nobody counted."""
    benchmark = saved_benchmark("memory", peak_device_memory_bytes=2**33)
    text = message(json.dumps(saved_run(benchmark)).encode(), tmp_path)
    assert text.startswith("$.benchmarks[0].extra_info.peak_device_memory_bytes: 8589934592 was counted, but")
    assert run_from_plain(saved_run(saved_benchmark("memory", peak_device_memory_bytes=0)), "x").benchmarks


def test_the_kernels_time_fits_that_of_its_parts(tmp_path: Path) -> None:
    """Who changes it changes every time beside it. As medians, all three, it is their geometric mean only about."""
    parts: dict[str, Any] = {"reference_product_seconds": [0.04] * 3, "reference_copy_seconds": [0.01] * 3}
    whole = saved_benchmark(reference_seconds=[0.02, 0.023, 0.02], **parts)
    assert run_from_plain(saved_run(whole), "x").benchmarks
    edited = saved_benchmark(reference_seconds=[0.02, 0.002, 0.02], **parts)
    text = message(json.dumps(saved_run(edited)).encode(), tmp_path)
    assert text.startswith("$.benchmarks[0].extra_info.reference_seconds[1]: 0.002 s is not about 0.02 s, ")
    older = saved_benchmark(reference_seconds=[0.02] * 3, reference_product_seconds=[], reference_copy_seconds=[])
    assert run_from_plain(saved_run(older), "x").benchmarks


READINGS_OF_REAL_RUNS = Path(__file__).parents[2] / "docs" / "readings" / "repeated-runs"


def test_real_runs_are_read() -> None:
    """Made-up ones would not show that a rule refuses what the suite itself saves."""
    files = sorted(READINGS_OF_REAL_RUNS.rglob("*.json"))
    assert len(files) > 60
    assert all(read_run(file).benchmarks for file in files)


@pytest.mark.parametrize("moment", ["", "yesterday", "2026-03-01T10:00:00", "0001-01-01T00:00:00+14:00"])
def test_a_run_was_saved_at_a_moment(moment: str, tmp_path: Path) -> None:
    """Runs are put in order by it, so it must name its offset."""
    assert message(json.dumps(saved_run(recorded=moment)).encode(), tmp_path).startswith("$.datetime: ")


def test_two_benchmarks_of_one_name_are_refused(tmp_path: Path) -> None:
    """It would be chance which of them a later run is judged against."""
    text = message(json.dumps(saved_run(saved_benchmark(), saved_benchmark())).encode(), tmp_path)
    assert text.startswith("$.benchmarks[1].name: test_training_step[digits-pytorch-cpu] occurs twice")


@pytest.mark.parametrize(("key", "option"), [("comparison", "--against"), ("calibration", "--calibrate")])
def test_a_comparison_is_no_run(key: str, option: str, tmp_path: Path) -> None:
    """It is said which option made the file."""
    benchmark = saved_benchmark()
    benchmark["extra_info"][key] = "digits-pytorch-cpu"
    text = message(json.dumps(saved_run(benchmark)).encode(), tmp_path)
    assert text.startswith(f"saved by {option}")


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """As is a folder in its place."""
    for path, words in ((tmp_path / "none.json", "there is no such file"), (tmp_path, "cannot be read")):
        with pytest.raises(BaselineError, match=words) as refused:
            read_run(path)
        assert one_line(str(refused.value))


def test_every_message_has_words_for_what_is_wanted() -> None:
    """The schema describes each of its parts, since its descriptions are what a person is told."""
    assert [place for place, part in parts(schema(), "$") if "description" not in part] == []


def parts(description: dict[str, Any], place: str) -> list[tuple[str, dict[str, Any]]]:
    """Every part of the schema that describes a value, with its place."""
    found = [(place, description)]
    for key, inner in [*description.get("properties", {}).items(), *description.get("$defs", {}).items()]:
        found += parts(inner, f"{place}.{key}")
    return found + (parts(description["items"], f"{place}[]") if "items" in description else [])


@pytest.mark.parametrize("measure", TESTS)
def test_every_required_key_is_demanded(measure: str) -> None:
    """A benchmark without one of them is refused, never skipped in silence."""
    whole = saved_benchmark(measure)
    demanded = schema()["properties"]["benchmarks"]["items"]["properties"]["extra_info"]["required"]
    for key in demanded:
        benchmark = whole | {"extra_info": {name: value for name, value in whole["extra_info"].items() if name != key}}
        with pytest.raises(BaselineError, match=rf"\$\.benchmarks\[0\]\.extra_info: {key} is missing"):
            run_from_plain(saved_run(benchmark), "x")

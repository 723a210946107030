"""Saved runs: what is read from them, and what is refused, with which words."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.baselines.runs import BaselineError, SavedRun, read_run, run_from_plain
from fixtures.baselines.validation import SCHEMA, parsed, schema
from fixtures.margins import on_its_scale
from fixtures.measurement.arms import Measure
from fixtures.regression.judging import judge_against
from fixtures.reports.regression import report_of
from tests.saved_runs import KERNEL, READINGS, TESTS, first_run, saved_benchmark, saved_run, write_run

if TYPE_CHECKING:
    from pathlib import Path


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


def one_line(text: str) -> bool:
    """Whether a message is a single line that any terminal can show."""
    return len(text.splitlines()) == 1 and text.isprintable() and bool(text.encode())


def test_a_run_of_every_measure_is_read(tmp_path: Path) -> None:
    """Readings are seconds for each process, bytes, or shares for each seed."""
    run = read_run(write_run(tmp_path / "0001_first.json", saved_run()))
    assert (run.label, run.schema, run.recorded) == ("0001_first", SCHEMA, "2026-03-01T10:00:00+00:00")
    assert {each.measure.value: each.readings for each in run.benchmarks.values()} == dict(READINGS)
    assert list(run.benchmarks) == [f"{test}[digits-pytorch-cpu]" for test in TESTS.values()]


def test_the_reference_kernel_stands_beside_each_reading() -> None:
    """Where it was measured; in other files there is none."""
    run = run_from_plain(saved_run(saved_benchmark(reference_seconds=[0.5, 0.6, 0.7]), saved_benchmark("epoch")), "x")
    step, epoch = run.benchmarks.values()
    assert (step.reference_seconds, step.reference_kernel) == ((0.5, 0.6, 0.7), KERNEL)
    assert (epoch.reference_seconds, epoch.reference_kernel) == ((), "")


def test_a_file_without_a_version_is_version_0() -> None:
    """Files that were saved before there were versions are read."""
    assert run_from_plain(saved_run(schema=None), "old").schema == 0


def test_files_of_the_first_version_are_read() -> None:
    """What was then the same for all is added, and what the file tells elsewhere; nothing is made up."""
    run = run_from_plain(first_run(), "old")
    assert run.schema == 0
    assert {each.measure.value: each.readings for each in run.benchmarks.values()} == {**READINGS, "accuracy": (0.965,)}
    assert {(each.batch_size, each.epochs, each.defaults, each.environment) for each in run.benchmarks.values()} == {
        (64, 10, "equal", "current")
    }
    assert run.benchmarks["test_final_accuracy[digits-pytorch-cpu]"].seeds == (42,)
    assert {each.recipe for each in run.benchmarks.values()} == {""}
    with pytest.raises(BaselineError, match="batch_size, epochs is missing"):
        run_from_plain(first_run("memory"), "old")


def test_a_file_with_a_version_is_not_completed() -> None:
    """It must say all that its version demands."""
    with pytest.raises(BaselineError, match="is missing"):
        run_from_plain(first_run() | {"cnn_dyno": {"schema": 1}}, "x")


def test_memory_is_the_devices_where_it_is_counted() -> None:
    """As in a paired comparison."""
    plain = saved_run(saved_benchmark("memory", device="cuda", peak_device_memory_bytes=2**20))
    (memory,) = run_from_plain(plain, "x").benchmarks.values()
    assert memory.readings == (2**20,)


def test_conditions_are_what_times_depend_on() -> None:
    """They differ if the machine, its cores, threads, GPU, driver or the allocator's setting do, and only then."""
    here = run_from_plain(saved_run(), "x").conditions
    later = saved_run(
        saved_benchmark(framework_version="3.0"), recorded="2027-01-01T00:00:00+00:00", versions={"a": "1"}
    )
    assert run_from_plain(later, "y").conditions == here
    for name, fact, found in (
        ("cpu", {"cpu": {"name": "Other"}}, "Other"),
        ("usable cores", {"usable_cores": [0, 1, 2]}, 3),
        ("CPU quota", {"cgroup": {"cpu_quota": 1.5}}, 1.5),
        ("threads", {"threads": 1}, 1),
        ("GPU", {"gpus": [{"name": "H100"}, {"name": "H100"}]}, "H100, H100"),
        ("allocator", {"allocator": "other"}, "other"),
        ("huge pages", {"system": {"transparent_huge_pages": "never"}}, "never"),
    ):
        other = run_from_plain(saved_run(**fact), "x").conditions
        assert {key for key in here if here[key] != other[key]} == {name}
        assert other[name] == found
    gpu = run_from_plain(saved_run(gpus=[{"name": "H100", "driver": "570.1"}]), "x").conditions
    assert gpu["GPU driver"] == "570.1"


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
        (("extra_info", "process_medians_seconds"), [0.1], "extra_info.process_medians_seconds"),
        (("stats", "min"), 0.0115, "extra_info.process_medians_seconds"),
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


@pytest.mark.parametrize("text", ["\u202egnp", "a\u200bb", "\U0001342f"])
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


@pytest.mark.parametrize("extra", [{"peak_memory_bytes": 1}, {"peak_device_memory_bytes": 2}])
def test_nothing_trains_in_less_than_a_mebibyte(extra: dict[str, Any], tmp_path: Path) -> None:
    """Neither on the host nor on a device that counts."""
    text = message(json.dumps(saved_run(saved_benchmark("memory", **extra))).encode(), tmp_path)
    assert text.startswith(f"$.benchmarks[0].extra_info.{next(iter(extra))}: ")


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


def assert_sound(run: SavedRun) -> None:
    """Whatever a file held, a run that came of it can be judged."""
    assert run.benchmarks
    assert run.schema in (0, SCHEMA)
    assert run.moment.tzinfo is not None
    for name, each in run.benchmarks.items():
        assert name == each.name
        assert one_line(name)
        assert isinstance(each.measure, Measure)
        assert each.readings
        assert all(isinstance(reading, float) and math.isfinite(reading) for reading in each.readings)
        if each.measure is Measure.ACCURACY:
            assert all(0 <= reading <= 1 for reading in each.readings)
        else:
            assert all(reading > 0 for reading in each.readings)
        assert len(each.reference_seconds) in (0, len(each.readings))
        assert all(0 < seconds < math.inf for seconds in each.reference_seconds)
        assert bool(each.reference_kernel) or not each.reference_seconds
        assert min(each.batch_size, each.epochs, each.threads) >= 1


WHOLE = json.dumps(saved_run(*(saved_benchmark(measure) for measure in TESTS), saved_benchmark(framework="jax")))


def places(value: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where something stands in parsed JSON, the whole left out."""
    keys: list[Any] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    return [found for key in keys for found in [(*place, key), *places(value[key], (*place, key))]]


PLACES = places(json.loads(WHOLE))
NONSENSE = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, -0.5, 2.5, 1e18, 10**400, math.nan, math.inf, -math.inf]),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.one_of(st.none(), st.floats(), st.text()), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


SOUND = run_from_plain(json.loads(WHOLE), "sound")
MARGINS = {name: on_its_scale(each.measure, 0.05) for name, each in SOUND.benchmarks.items()}
RUN = {
    "name": "x",
    "baselines": [{"recorded": SOUND.recorded, "commit": ""}],
    "versions": {},
    "family": 1,
    "unasked": 0,
}


def assert_refused_or_sound(content: bytes) -> None:
    """Either one line, or a run that can be judged and reported; nothing else is raised."""
    refusal = "run.json: "
    try:
        run = run_from_plain(parsed(content, "run.json"), "run.json")
        assert_sound(run)
        findings = [each.as_plain() for each in judge_against(SOUND, [run], MARGINS, anyway=True)]
        assert "**" in report_of(json.loads(json.dumps(findings, allow_nan=False)), RUN)
    except BaselineError as error:
        refusal = str(error)
    assert refusal.startswith("run.json: ")
    assert one_line(refusal)


@given(st.sampled_from(PLACES), NONSENSE)
def test_no_value_put_anywhere_gets_through_unsound(place: tuple[str | int, ...], value: Any) -> None:
    """Whatever a hand puts into a file, it is refused in one line, or what is read of it is sound."""
    plain = json.loads(WHOLE)
    inner = plain
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert_refused_or_sound(json.dumps(plain).encode("utf-8", "surrogatepass"))


FIRST = json.dumps(first_run())


@given(st.sampled_from(places(json.loads(FIRST))), NONSENSE)
def test_no_value_put_into_a_file_of_the_first_version_gets_through_unsound(
    place: tuple[str | int, ...], value: Any
) -> None:
    """What is added to it is sound too, or it is refused in one line."""
    plain = json.loads(FIRST)
    inner = plain
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert_refused_or_sound(json.dumps(plain).encode("utf-8", "surrogatepass"))


@given(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3))
def test_nothing_taken_away_is_missed(gone: list[tuple[str | int, ...]]) -> None:
    """Keys removed and lists shortened."""
    plain = json.loads(WHOLE)
    for place in gone:
        inner: Any = plain
        try:
            for key in place[:-1]:
                inner = inner[key]
            del inner[place[-1]]
        except (LookupError, TypeError):
            continue  # it went with another
    assert_refused_or_sound(json.dumps(plain).encode())


@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_that_was_cut_off_is_refused(length: int) -> None:
    """At any byte, for a whole file ends with its last bracket."""
    with pytest.raises(BaselineError) as refused:
        parsed(WHOLE[:length].encode(), "run.json")
    assert one_line(str(refused.value))


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_bytes_that_flipped_do_no_harm(flips: list[tuple[int, int]]) -> None:
    """Any bytes in the place of some."""
    content = bytearray(WHOLE.encode())
    for index, byte in flips:
        content[index] = byte
    assert_refused_or_sound(bytes(content))


@pytest.mark.parametrize("measure", TESTS)
def test_every_required_key_is_demanded(measure: str) -> None:
    """A benchmark without one of them is refused, never skipped in silence."""
    whole = saved_benchmark(measure)
    demanded = schema()["properties"]["benchmarks"]["items"]["properties"]["extra_info"]["required"]
    for key in demanded:
        benchmark = whole | {"extra_info": {name: value for name, value in whole["extra_info"].items() if name != key}}
        with pytest.raises(BaselineError, match=rf"\$\.benchmarks\[0\]\.extra_info: {key} is missing"):
            run_from_plain(saved_run(benchmark), "x")

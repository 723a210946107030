"""Saved runs that were changed anywhere, in any way: refused in one line, or sound, and no silent pass of a worse run.

A worse run is one whose every figure is a regression by the unchanged file. Held against a changed one it may only come
out as anything else than that, or undecided, where what was changed is that very figure, and by no more than a change
of code might.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.baselines.runs import BaselineError, SavedRun, run_from_plain
from fixtures.baselines.validation import SCHEMA, parsed
from fixtures.baselines.verdicts import judge_against
from fixtures.judging.measures import Measure
from fixtures.judging.verdicts import Verdict
from fixtures.reports.regression import report_of
from tests.one_line import one_line
from tests.saved_runs import first_run, saved_benchmark, saved_run
from tests.worse_runs import assert_no_silent_pass, margins, worse


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


def whole_run() -> dict[str, Any]:
    """A benchmark of each measure, times beside the reference kernel; another framework's, and a GPU's memory."""
    times = (saved_benchmark(measure, reference_seconds=[0.02] * 3) for measure in ("step", "epoch", "first_step"))
    gpu = saved_benchmark("memory", device="cuda", peak_device_memory_bytes=2**28)
    rest = (saved_benchmark("memory"), saved_benchmark("accuracy"), saved_benchmark(framework="jax"))
    return saved_run(*times, *rest, gpu)


WHOLE = json.dumps(whole_run())


Place = tuple[str | int, ...]
"""Keys and indices that lead somewhere in parsed JSON."""


def places(value: Any, place: Place = ()) -> list[Place]:
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
RUN = {
    "name": "x",
    "baselines": [{"recorded": SOUND.recorded, "commit": ""}],
    "versions": {},
    "family": 1,
    "unasked": 0,
}


def assert_refused_or_sound(content: bytes, sound: SavedRun = SOUND, *, anyway: bool = True) -> None:
    """Either one line, or a run that can be judged and reported and lets nothing pass; nothing else is raised."""
    refusal = "run.json: "
    try:
        run = run_from_plain(parsed(content, "run.json"), "run.json")
        assert_sound(run)
        findings = [each.as_plain() for each in judge_against(sound, [run], margins(sound), anyway=anyway)]
        assert "**" in report_of(json.loads(json.dumps(findings, allow_nan=False)), RUN)
        assert_no_silent_pass(run, sound, anyway=anyway)
    except BaselineError as error:
        refusal = str(error)
    assert refusal.startswith("run.json: ")
    assert one_line(refusal)


def test_the_worse_run_is_a_regression_in_every_figure() -> None:
    """Against what nobody changed, also a file of the first version; else the tests below would show nothing."""
    for sound in (SOUND, FIRST_SOUND):
        findings = judge_against(worse(sound), [sound], margins(sound))
        undecided = {each.measure for each in findings if each.verdict != Verdict.REGRESSION}
        assert undecided <= ({"first_step"} if sound is FIRST_SOUND else set())


def put(plain: Any, place: Place, value: Any) -> bytes:
    """Parsed JSON, changed, as a file holds it."""
    inner = plain
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return json.dumps(plain).encode("utf-8", "surrogatepass")


def at(plain: Any, place: Place) -> Any:
    """What stands there."""
    for key in place:
        plain = plain[key]
    return plain


@given(place=st.sampled_from(PLACES), value=NONSENSE, anyway=st.booleans())
def test_no_value_put_anywhere_gets_through_unsound(place: Place, value: Any, *, anyway: bool) -> None:
    """Whatever a hand puts into a file, it is refused in one line, or what is read of it is sound."""
    assert_refused_or_sound(put(json.loads(WHOLE), place, value), anyway=anyway)


NUMBERS = [place for place in PLACES if type(at(json.loads(WHOLE), place)) in (int, float)]
FACTORS = st.one_of(st.floats(-9, 9).map(math.exp), st.sampled_from([0.1, 0.5, 2, 5, 9, 10, 11, 12, 100, 1000, 1e6]))


@given(changes=st.lists(st.tuples(st.sampled_from(NUMBERS), FACTORS), min_size=1, max_size=3), anyway=st.booleans())
def test_no_number_made_larger_or_smaller_lets_a_worse_run_pass(
    changes: list[tuple[Place, float]], *, anyway: bool
) -> None:
    """As a hand would that wants a regression to pass."""
    plain = json.loads(WHOLE)
    for place, factor in changes:
        number = at(plain, place)
        put(plain, place, round(number * factor) if isinstance(number, int) else number * factor)
    assert_refused_or_sound(json.dumps(plain).encode(), anyway=anyway)


KEYS = {
    "process_medians_seconds",
    "reference_seconds",
    "accuracies",
    "peak_memory_bytes",
    "peak_device_memory_bytes",
}
FIGURES = [place for place in PLACES if place[-1] in KEYS and at(json.loads(WHOLE), place) is not None]


@given(place=st.sampled_from(FIGURES), factor=FACTORS, statistics=st.booleans())
def test_no_figure_made_larger_or_smaller_lets_a_worse_run_pass(
    place: Place, factor: float, *, statistics: bool
) -> None:
    """With pytest-benchmark's statistics made to fit, or not; nothing else in the file shows it then."""
    plain = json.loads(WHOLE)
    found = at(plain, place)
    put(plain, place, [each * factor for each in found] if isinstance(found, list) else round(found * factor))
    if statistics:
        stats = at(plain, place[:2])["stats"]
        stats |= {key: stats[key] * factor for key in ("min", "max")}
    assert_refused_or_sound(json.dumps(plain).encode(), anyway=False)


FIRST = json.dumps(first_run())
FIRST_SOUND = run_from_plain(json.loads(FIRST), "first")


@given(st.sampled_from(places(json.loads(FIRST))), NONSENSE)
def test_no_value_put_into_a_file_of_the_first_version_gets_through_unsound(place: Place, value: Any) -> None:
    """What is added to it is sound too, or it is refused in one line."""
    assert_refused_or_sound(put(json.loads(FIRST), place, value), FIRST_SOUND)


@given(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3))
def test_nothing_taken_away_is_missed(gone: list[Place]) -> None:
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

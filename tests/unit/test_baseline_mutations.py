"""Saved runs that were changed anywhere, in any way: refused in one line, or what is read of them is sound."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.baselines.runs import BaselineError, SavedRun, run_from_plain
from fixtures.baselines.validation import SCHEMA, parsed
from fixtures.margins import on_its_scale
from fixtures.measurement.arms import Measure
from fixtures.regression.judging import judge_against
from fixtures.reports.regression import report_of
from tests.one_line import one_line
from tests.saved_runs import TESTS, first_run, saved_benchmark, saved_run


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

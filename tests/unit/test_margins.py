"""Margins: how a user writes them, what is refused, and which of several counts."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import cast

import pytest

from fixtures.judging.measures import Measure
from fixtures.plugin.margins import MarginSettings, margins_by_measure, parse_margin


def test_margins_are_per_cent_and_points() -> None:
    """Accuracy is counted in points: one per cent of 0.99 is not what anybody means."""
    assert parse_margin("step=3%") == (Measure.STEP, 0.03)
    assert parse_margin("accuracy=0.5pp") == (Measure.ACCURACY, 0.005)


@pytest.mark.parametrize(
    "text", ["step", "step=3", "step=0%", "step=-1%", "step=3pp", "accuracy=1%", "speed=3%", "=3%"]
)
def test_bad_margins_are_refused(text: str) -> None:
    """The message says what is wrong with it."""
    with pytest.raises(pytest.UsageError, match=r"--margin .*(must be one of|write)"):
        parse_margin(text)


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

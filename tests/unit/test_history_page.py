"""The history page: every run is a point that says which it is, and changes stand where they were found."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from fixtures.baselines.runs import run_from_plain
from fixtures.baselines.series import ChangePoint, Series, series_of
from fixtures.reports.page.document import PageError
from fixtures.reports.page.history import history_page
from tests.saved_runs import saved_benchmark, saved_run


def runs_of(count: int, **extra: Any) -> Series:
    """The step of so many runs, one each day, slower from the seventh on."""
    every = [
        run_from_plain(
            saved_run(
                saved_benchmark(readings=[0.01 if day < 6 else 0.012] * 2, **extra),
                recorded=f"2026-03-{day + 1:02}T10:00:00+00:00",
            ),
            f"run {day}",
        )
        for day in range(count)
    ]
    (series,) = series_of(every)
    return series


CHANGE = ChangePoint(6, 0.01, 0.012, 2e-7)


class Elements(HTMLParser):
    """Counts the elements of a page and keeps its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Of any kind."""
        assert not any(name.startswith("on") for name, _ in attrs)
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        """Of any element."""
        self.text += data


def test_a_change_is_named_at_the_top_and_in_the_picture_and_every_run_tells_itself() -> None:
    """By the title of its marker, which a pointer shows without any script."""
    page = history_page([(runs_of(12), [CHANGE])], [], "history")
    text = Elements(page).text
    assert (
        "1 of 1 benchmarks changed. Latest: test_training_step[digits-pytorch-cpu] +20.0 % at 2026-03-07 10:00" in text
    )
    titles = re.findall(r"<title>(2026-[^<]*)</title>", page)
    assert [title[:10] for title in titles] == [f"2026-03-{day + 1:02}" for day in range(12)]
    assert "0.012 s" in titles[-1]
    assert page.count("+20.0 %") >= 3


@pytest.mark.parametrize(
    ("points", "said"), [([], "Nothing changed, in 1 benchmarks over 12 runs."), (None, "There are too few runs")]
)
def test_what_did_not_change_and_what_was_not_looked_at_are_not_the_same(
    points: list[ChangePoint] | None, said: str
) -> None:
    """Both are drawn."""
    page = history_page([(runs_of(12), points)], ["x.json: broken"], "history")
    assert said in page
    assert page.count("<svg") == 1
    assert "x.json: broken" in page


def test_hostile_words_are_text() -> None:
    """In titles of markers too, which are made by hand."""
    series = runs_of(12, framework_version="<script>alert(1)</script>&\"'")
    page = history_page([(series, [CHANGE])], ["<img src=x onerror=alert(1)>\x1b[31m"], "<b>name</b>")
    elements = Elements(page)
    assert not {"script", "img", "b"} & set(elements.names)
    assert "\x1b" not in page
    assert "<script>alert(1)</script>" in elements.text


def test_nothing_saved_is_said() -> None:
    """A page of no run is a page nevertheless: a job may publish it before the first run."""
    assert "There are too few runs" in history_page([], [], "history")


def test_absurd_values_are_one_line() -> None:
    """No half page."""
    with pytest.raises(PageError, match="holds what no run of this suite does"):
        history_page([(runs_of(3), [ChangePoint(99, 0.0, 0.0, 1.0)])], [], "history")

"""In which order frameworks stand: the sentence above the table, and the ranges in it. Made from what is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.reports.standings import names_of, order_in_words, times_cell
from fixtures.reports.summary import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

CERTAIN, EQUAL, EQUAL_IN_ORDER, OPEN = (1.29, 1.25, 1.33), (1.01, 0.98, 1.04), (1.02, 1.01, 1.03), (1.08, 0.97, 1.2)


def beside(arm: str, times: float, at_least: float | None, at_most: float | None) -> dict[str, Any]:
    """As the recording saves what block values say."""
    bounded = at_least is not None and at_most is not None
    return {
        "arm": arm,
        "times": times,
        "at_least": at_least,
        "at_most": at_most,
        "blocks": 5 if bounded else 1,
        "equal": bounded and (at_least or 0.0) > 1 / 1.05 and (at_most or 2.0) < 1.05,
        "certain": bounded and ((at_least or 0.0) > 1.0 or (at_most or 2.0) < 1.0),
    }


def framework(
    arm: str,
    to_first: tuple[float, float | None, float | None] | None = None,
    to_before: tuple[str, tuple[float, float | None, float | None]] | None = None,
    measure: str = "step",
) -> dict[str, dict[str, Any]]:
    """The ``extra_info`` of a framework's only benchmark; that of the first, if nothing is said of it."""
    standing: dict[str, Any] = {"first": "a"}
    if to_first:
        standing["beside_first"] = beside("a", *to_first)
    if to_before:
        standing["beside_before"] = beside(to_before[0], *to_before[1])
    return {measure: {"arm": arm, "standing": standing}}


NAMES = {"a": "PyTorch 2", "b": "JAX 1", "c": "Keras 3"}


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        (
            [framework("b", CERTAIN)],
            "PyTorch 2 is fastest; JAX 1 takes 1.29 times as long (1.25 to 1.33).",
        ),
        (
            [framework("c", (1.8, 1.7, 1.9)), framework("b", CERTAIN)],
            "PyTorch 2 is fastest; JAX 1 takes 1.29 times as long (1.25 to 1.33), Keras 3 1.80 (1.70 to 1.90).",
        ),
        (
            [framework("b", EQUAL)],
            "PyTorch 2 comes first, but not certainly; JAX 1 takes as long within 5 % (0.98 to 1.04).",
        ),
        (
            [framework("b", EQUAL_IN_ORDER)],
            "PyTorch 2 is fastest; JAX 1 takes as long within 5 % (1.01 to 1.03).",
        ),
        (
            [framework("b", OPEN), framework("c", CERTAIN)],
            (
                "PyTorch 2 comes first, but not certainly; JAX 1 is not told apart from it (0.97 to 1.20), "
                "Keras 3 takes 1.29 times as long (1.25 to 1.33)."
            ),
        ),
    ],
    ids=["certain", "two-certain", "equal", "equal-in-order", "open"],
)
def test_the_order_is_told_as_far_as_it_is_certain(others: list[Mapping[str, Any]], sentence: str) -> None:
    """Who is first, how far behind the others are, who is as fast, and who is not told apart."""
    assert order_in_words([*others, framework("a")], NAMES) == f"By step time: {sentence}"


def test_neighbours_that_are_not_told_apart_are_named() -> None:
    """Where both are certainly behind the first; not where one of them is the first, or they are equal."""
    behind = framework("b", CERTAIN, ("a", CERTAIN))
    for to_before, remark in (
        (OPEN, " The order of JAX 1 and Keras 3 is not certain."),
        (EQUAL, ""),
        (CERTAIN, ""),
    ):
        text = order_in_words([framework("a"), behind, framework("c", (1.4, 1.3, 1.5), ("b", to_before))], NAMES)
        assert text.partition("(1.30 to 1.50).")[2] == remark
    unclear = order_in_words([framework("a"), framework("b", OPEN, ("a", OPEN))], NAMES)
    assert "The order of" not in unclear


def test_the_first_measure_that_has_an_order_is_told() -> None:
    """Steps before epochs, first steps and memory, which is needed and not taken."""
    memory = [framework("a", measure="memory"), framework("b", CERTAIN, measure="memory")]
    assert order_in_words(memory, NAMES) == (
        "By peak memory: PyTorch 2 needs least memory; JAX 1 needs 1.29 times as much (1.25 to 1.33)."
    )
    both = [one | other for one, other in zip(memory, [framework("a"), framework("b", OPEN)], strict=True)]
    assert order_in_words(both, NAMES).startswith("By step time: ")
    epochs = [framework("a", measure="epoch"), framework("b", CERTAIN, measure="epoch")]
    assert order_in_words(epochs, NAMES).startswith("By epoch time: PyTorch 2 is fastest; JAX 1 takes")
    equal = [framework("a", measure="memory"), framework("b", EQUAL, measure="memory")]
    assert "JAX 1 needs as much within 5 %" in order_in_words(equal, NAMES)


@pytest.mark.parametrize(
    "frameworks",
    [
        [],
        [{"step": {"seconds": 0.02}}, {"step": {"seconds": 0.03}}],
        [framework("a")],
        [framework("a"), framework("b", (1.3, None, None))],
    ],
    ids=["nothing", "older-file", "one", "one-process"],
)
def test_nothing_is_said_where_nothing_is_known(frameworks: list[Mapping[str, Any]]) -> None:
    """Nobody stands beside anybody, or one block alone shows no spread."""
    assert order_in_words(frameworks, NAMES) == ""


def test_a_name_that_is_not_known_is_the_arms() -> None:
    """Of a first one whose own benchmark is not in the file."""
    assert order_in_words([framework("b", CERTAIN)], {}) == (
        "By step time: a is fastest; b takes 1.29 times as long (1.25 to 1.33)."
    )
    assert names_of([("PyTorch 2", {"arm": "a"}), ("JAX 1", {})]) == {"a": "PyTorch 2"}


def test_a_cell_holds_its_range() -> None:
    """The first one's a plain 1; a single process has none; older files have their plain ratio."""
    assert times_cell(framework("b", CERTAIN)["step"], "1.30") == "1.29 ±3.2%"
    assert times_cell(framework("a")["step"], "1.00") == "1"
    assert times_cell(framework("b", (1.3, None, None))["step"], "1.31") == "1.30 ±?"
    assert times_cell({"seconds": 0.02}, "1.31") == "1.31"


SECOND = framework("b", CERTAIN)["step"]["standing"]


def saved(title: str, arm: str, **extra: Any) -> dict[str, Any]:
    """A saved benchmark of training steps."""
    info = {
        "framework": arm,
        "framework_title": title,
        "framework_version": "1.0",
        "arm": arm,
        "workload": "digits",
        "device": "cpu",
        "threads": 2,
        "precision": "float32",
        "measure": "step",
        "seconds": 0.02,
        "relative_half_width": 0.03,
        "images_per_second": 3200.0,
        "process_medians_seconds": [0.02] * 3,
        "settled": True,
        "steal_seconds": 0.0,
        "foreign_cpu_seconds": 0.0,
        "measured_seconds": 10.0,
    }
    return {"name": f"test_training_step[{arm}]", "extra_info": info | extra}


def test_the_sentence_stands_above_the_table() -> None:
    """And the ranges in it."""
    first, second = saved("Fast", "a", standing={"first": "a"}), saved("Slow", "b", standing=SECOND)
    lines = tables([second, first]).splitlines()
    assert lines[0] == "By step time: Fast 1.0 is fastest; Slow 1.0 takes 1.29 times as long (1.25 to 1.33)."
    assert lines[1].startswith("digits on cpu")
    row = next(line for line in lines if line.lstrip().startswith("Slow"))
    assert "1.29 ±3.2%" in row


@pytest.mark.parametrize(
    "title", ["a [/] b", "[red]x[/red]", ":smile:", "[link=http://there]here[/link]", "a|b", "{x}%s"]
)
def test_names_are_shown_as_they_are(title: str) -> None:
    """Whatever they hold, in the sentence and in the table: none is markup, and none breaks a report."""
    first, second = saved(title, "a", standing={"first": "a"}), saved("Slow", "b", standing=SECOND)
    lines = tables([first, second]).splitlines()
    assert lines[0].startswith(f"By step time: {title} 1.0 is fastest")
    assert sum(line.lstrip().startswith(f"{title} 1.0 ") for line in lines) == 1

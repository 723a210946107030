"""fixtures.reports.curves: throughput over batch size and threads, from what is saved."""

from __future__ import annotations

from typing import Any

from fixtures.reports.curves import Curve, Point, collected, crossings, curves


def info(framework: str, batch_size: int, rate: float, **changes: Any) -> dict[str, Any]:
    """Of a training step's benchmark."""
    return {
        "measure": "step",
        "framework_title": framework,
        "framework_version": "1.0",
        "workload": f"digits-batch{batch_size}",
        "batch_size": batch_size,
        "device": "cpu",
        "precision": "float32",
        "threads": 2,
        "images_per_second": rate,
        "relative_half_width": 0.02,
    } | changes


def curve(*rates: float, name: str = "one", half_width: float = 0.01) -> Curve:
    """Over 1, 2, 4, … examples."""
    return Curve(name, tuple(Point(2**index, rate, half_width) for index, rate in enumerate(rates)))


def test_a_curve_says_until_where_it_gains() -> None:
    """A tenth more is a gain; the last place says nothing of what comes after it."""
    assert curve(100, 150, 160, 161).gains_until == 2
    assert curve(100, 150, 200).gains_until is None
    assert curve(100, 90).gains_until == 1


def test_a_gain_is_for_each_doubling_however_far_the_next_place_is() -> None:
    """From 15 to 16 threads nothing can bring a tenth, and one disappointing place may lie before a better one."""
    assert Curve("one", (Point(15, 150.0, 0.01), Point(16, 160.0, 0.01))).gains_until is None
    assert Curve("one", (Point(15, 150.0, 0.01), Point(16, 150.5, 0.01))).gains_until == 15
    assert curve(1000, 1050, 1700).gains_until is None


def test_curves_cross_between_places_where_they_are_certainly_apart() -> None:
    """Where they are within their intervals, nothing is said of them."""
    one, other = curve(100, 200, 400), curve(150, 201, 300, name="other")
    assert crossings(one, other) == [(1, 4, one)]
    assert crossings(other, one) == [(1, 4, one)]
    assert crossings(curve(100, 200, half_width=0.5), other) == []
    assert crossings(curve(100, 200), curve(200, 300)) == []


def test_a_run_of_several_batch_sizes_has_a_table_and_sentences() -> None:
    """Also of a framework that has no figure for the largest."""
    found = [info("A", size, rate) for size, rate in ((16, 100.0), (64, 300.0), (256, 310.0))]
    found += [info("B", size, rate) for size, rate in ((16, 200.0), (64, 210.0))]
    (text,) = curves(found)
    assert "digits on cpu, 2 threads: images/s over batch size" in text
    assert [line.split()[2:] for line in text.splitlines() if line.lstrip().startswith(("A 1.0", "B 1.0"))][:2] == [
        ["100", "300", "310", "64"],
        ["200", "210", "-", "16"],
    ]
    assert "A 1.0 passes B 1.0 between 16 and 64." in text
    assert "B 1.0 has no figure at 256: if it failed there, that is said above." in text


def test_a_place_in_the_middle_that_is_missing_is_named() -> None:
    """Its failure must not look as if nobody had asked."""
    found = [info("A", size, rate) for size, rate in ((16, 100.0), (64, 300.0), (256, 310.0))]
    found += [info("B", size, rate) for size, rate in ((16, 200.0), (256, 210.0))]
    (text,) = curves(found)
    assert "B 1.0 has no figure at 64" in text


def test_numbers_of_threads_make_a_curve_too() -> None:
    """Of the same workload, in the order of the numbers."""
    changes = {"workload": "digits", "threads_chosen": True}
    found = [info("A", 64, rate, threads=threads, **changes) for threads, rate in ((4, 300.0), (1, 100.0))]
    assert list(collected(found)) == ["digits on cpu: images/s over threads"]
    (made,) = collected(found)["digits on cpu: images/s over threads"]
    assert [(point.at, point.images_per_second) for point in made.points] == [(1, 100.0), (4, 300.0)]


def test_one_size_is_no_curve() -> None:
    """Nor is a run without any: nothing is added to its table."""
    assert not list(curves([info("A", 64, 100.0)]))
    assert not list(curves([info("A", 64, 100.0, workload="digits")]))
    assert not list(curves([]))

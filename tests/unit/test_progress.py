"""The forecast of the time left, and how it is shown."""

from __future__ import annotations

import pytest

from fixtures.measuring.progress import Forecast, PlainDisplay, Progress, TimeLeft


def test_a_kind_of_task_never_seen_makes_the_forecast_a_lower_bound() -> None:
    """What is known is told, and that it is not all."""
    forecast = Forecast()
    forecast.plan([("burst", "a"), ("epoch", "a")])
    assert str(forecast.time_left()) == ""
    forecast.done(("burst", "a"), 30.0)
    forecast.plan([("burst", "a")])
    assert str(forecast.time_left()) == ", more than 30 s left"


def test_an_arm_not_seen_yet_is_expected_to_take_as_long_as_the_others() -> None:
    """The same kind of task of another arm is the best guess."""
    forecast = Forecast()
    forecast.plan([("burst", "a"), ("burst", "a"), ("burst", "b")])
    forecast.done(("burst", "a"), 2.0)
    assert forecast.time_left().seconds == pytest.approx(4.0)
    assert forecast.share_done() == pytest.approx(1 / 3)


def test_a_new_plan_replaces_the_old_one() -> None:
    """What was decided meanwhile is no longer waited for; what was learnt of its kind is kept."""
    forecast = Forecast()
    forecast.plan([("block", "a"), ("block", "b")])
    forecast.done(("block", "a"), 20.0)
    forecast.replan([("block", "a")])
    assert forecast.time_left() == TimeLeft(20.0, complete=True)
    forecast.replan([])
    assert str(forecast.time_left()) == ""


def test_a_failed_arm_is_no_longer_waited_for() -> None:
    """What was planned for it is forgotten."""
    forecast = Forecast()
    forecast.plan([("burst", "a"), ("burst", "b"), ("epoch", "b")])
    forecast.done(("burst", "a"), 2.0)
    forecast.drop("b")
    assert forecast.time_left() == TimeLeft(0.0, complete=True)


def test_a_log_gets_one_line_for_each_phase_and_every_note() -> None:
    """Not one for each burst."""
    lines: list[str] = []
    progress = Progress(PlainDisplay(lines.append))
    progress.phase("starting")
    for _ in range(3):
        with progress.doing("burst", "digits-pytorch-cpu"):
            pass
    progress.note("FAILED something")
    progress.phase("training steps")
    assert [line.partition(",")[0] for line in lines] == ["starting", "FAILED something", "training steps"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, ", about 1 s left"), (89, ", about 89 s left"), (170, ", about 3 min left")]
)
def test_time_left_reads_like_a_sentence(seconds: float, text: str) -> None:
    """Seconds while they are few, minutes after that."""
    assert str(TimeLeft(seconds, complete=True)) == text

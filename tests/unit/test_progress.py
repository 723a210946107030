"""What is shown while it runs: in a log, and at the bottom of a terminal."""

from __future__ import annotations

import io

import pytest
import rich.console

from fixtures.measuring.progress import Progress
from fixtures.plugin.display import PlainDisplay, TerminalDisplay

ODD = "digits-pytorch-cpu@[red]torch[all]==2.13.0[/x]"
"""A name as users may give it, with what rich would take for its own commands."""


class Shown:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.states: list[tuple[str, str, float]] = []
        self.notes: list[str] = []

    def show(self, phase: str, detail: str, share: float) -> None:
        """Keep it."""
        self.states.append((phase, detail, share))

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)

    def close(self) -> None:
        """Nothing to stop."""


def test_a_display_is_told_the_block_the_work_and_the_share_of_the_session() -> None:
    """What is done belongs to the block that was announced last; a new block begins with nothing done."""
    display = Shown()
    progress = Progress(display)
    with progress.doing("proof", "a"):
        pass
    progress.phase("block 1", 0.25)
    with progress.doing("burst", "a"), progress.doing("reading", "reference kernel"):
        progress.note("FAILED something")
    progress.phase("block 2", 0.5)
    assert display.states == [
        ("", "a: proof", 0.0),
        ("block 1", "", 0.25),
        ("block 1", "a: burst", 0.25),
        ("block 1", "reference kernel: reading", 0.25),
        ("block 2", "", 0.5),
    ]
    assert display.notes == ["FAILED something"]


def test_what_fails_is_still_shown_as_begun() -> None:
    """Telling what is done hides no error of it."""
    display = Shown()
    with pytest.raises(ValueError, match="no"), Progress(display).doing("burst", "a"):
        raise ValueError("no")
    assert display.states == [("", "a: burst", 0.0)]


def test_a_log_gets_one_line_for_each_phase_and_every_note() -> None:
    """Not one for each burst."""
    lines: list[str] = []
    display = PlainDisplay(lines.append)
    progress = Progress(display)
    progress.phase("starting")
    for _ in range(3):
        with progress.doing("burst", ODD):
            pass
    progress.note(f"FAILED {ODD}")
    progress.phase("training steps", 0.5)
    progress.phase("training steps", 0.6)
    display.close()
    assert lines == ["starting", f"FAILED {ODD}", "training steps"]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a wide terminal is sent."""
    sent = io.StringIO()
    console = rich.console.Console(file=sent, force_terminal=True, width=200, color_system=None)
    monkeypatch.setattr(rich.console, "Console", lambda: console)
    return sent


def test_a_terminal_shows_names_as_they_are(screen: io.StringIO) -> None:
    """Brackets in what a user has named are neither swallowed, nor colours, nor the end of the run."""
    display = TerminalDisplay()
    try:
        progress = Progress(display)
        progress.phase(f"block 1 of {ODD}", 0.5)
        with progress.doing("burst", ODD):
            pass
        progress.note(f"FAILED {ODD}")
    finally:
        display.close()
    shown = screen.getvalue()
    assert f"block 1 of {ODD}" in shown
    assert f"…{ODD}: burst"[-27:] in shown
    assert f"FAILED {ODD}\n" in shown

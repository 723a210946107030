"""What every refusal must be: one line that any terminal can show."""

from __future__ import annotations


def one_line(text: str) -> bool:
    """Whether a message is a single line that any terminal can show."""
    return len(text.splitlines()) == 1 and text.isprintable() and bool(text.encode())

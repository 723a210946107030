"""In which precisions networks are trained. Importing this needs nothing that is installed."""

from __future__ import annotations

from typing import Literal

Precision = Literal["float32", "bfloat16", "tf32"]
"""Of the arithmetic; weights, optimiser and loss stay in float32. ``bfloat16`` is what each framework's users write for
mixed precision; ``tf32`` is float32 whose products keep 10 bits of the mantissa, on NVIDIA GPUs only."""


PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "tf32")


def check_precision(precision: str) -> None:
    """Refuse what no adapter knows.

    Raises:
        ValueError: naming it, and those that there are.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"unknown precision {precision!r}; known: {', '.join(PRECISIONS)}")

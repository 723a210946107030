"""fixtures.measuring.evidence: what of that which two arms count is worth telling."""

from __future__ import annotations

import pytest

from fixtures.measuring.evidence import _telling


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ({"graph breaks in the first step": 2.0}, {"graph breaks in the first step": 0.0}, [(2.0, 0.0)]),
        ({"allocations": 7.0}, {"allocations": 7.0}, []),
        ({"programs in the first step": 7.0}, {}, []),
        ({"programs in later steps": 4.0}, {}, [(4.0, None)]),
        ({"programs in later steps": 4.0}, {"programs in later steps": 4.0}, [(4.0, 4.0)]),
        ({}, {"programs in later steps": 0.0}, []),
    ],
)
def test_what_differs_and_what_is_compiled_too_often_is_told(
    one: dict[str, float], other: dict[str, float], told: list[tuple[float | None, float | None]]
) -> None:
    """What only one framework has is no difference, unless it goes on in every step."""
    assert [tuple(sides) for _, *sides in _telling(one, other)] == told

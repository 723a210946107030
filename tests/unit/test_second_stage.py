"""What stage two of ``--benchmark-compare`` says where measuring ends early, or where there is nothing to measure."""

from __future__ import annotations

import pytest

from fixtures.plugin.second_stage import ended_early


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("the worker died.\nIts words follow"), "the worker died"),
        (RuntimeError(), "RuntimeError"),
        (MemoryError("\n \n"), "MemoryError"),
        (ValueError("\nit is 3\n"), "it is 3"),
    ],
)
def test_what_ended_measuring_is_one_sentence(error: BaseException, words: str) -> None:
    """Also of an exception that says nothing."""
    assert ended_early(error) == f"Measuring ended early: {words}."

"""fixtures.plugin.options: what the options are where the user says nothing, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from fixtures.plugin.options import default_threads, parse

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.parametrize(
    ("cores", "quota", "expected"),
    [(8, None, 8), (8, 2.0, 2), (8, 1.5, 2), (8, 0.2, 1), (2, 16.0, 2)],
    ids=["no-quota", "whole", "rounded-up", "less-than-a-core", "more-than-there-are"],
)
def test_threads_are_limited_by_the_containers_quota(cores: int, quota: float | None, expected: int) -> None:
    """As many as can run at once, and at least one."""
    assert default_threads(cores, quota) == expected


@pytest.mark.parametrize("given", [{"numprocesses": 2, "dist": "load"}, {"dist": "each"}], ids=["n", "dist"])
def test_measuring_in_several_processes_at_once_is_refused(given: Mapping[str, object]) -> None:
    """pytest-xdist is not among the requirements, so a user's own is imitated."""
    config = cast("pytest.Config", SimpleNamespace(getoption=given.get))
    with pytest.raises(pytest.UsageError, match=r"pytest-xdist .* leave -n and --dist away"):
        parse(config)

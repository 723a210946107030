"""Environments for tests: built like a user's, and skipped only where packages cannot be had at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.environments import Environment, EnvironmentBuildError, provide
from fixtures.arms.environments.__main__ import CACHE

if TYPE_CHECKING:
    from fixtures.arms.environments import Source

_UNREACHABLE = re.compile(
    r"failed to fetch|error sending request|dns error|network connectivity|connection|timed out|offline", re.IGNORECASE
)


def provided_or_skipped(source: Source) -> Environment:
    """The environment, kept for the next run of the tests; a build that fails for another reason fails the test."""
    try:
        return provide(source, CACHE, print)
    except EnvironmentBuildError as error:
        if unreachable(error):
            pytest.skip(str(error))
        raise


def unreachable(error: EnvironmentBuildError) -> bool:
    """Whether packages cannot be had at all."""
    return bool(_UNREACHABLE.search(str(error)))

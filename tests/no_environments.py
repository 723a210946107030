"""A plugin, ``-p tests.no_environments``: on this machine no environment can be built."""

from __future__ import annotations

from typing import Any

import fixtures.workbench
from fixtures.environments import Current, EnvironmentBuildError, provide


def _provide(source: Any, *arguments: Any) -> Any:
    if isinstance(source, Current):
        return provide(source, *arguments)
    raise EnvironmentBuildError(f"{source.label}: Python {source.python} was not found on this machine")


fixtures.workbench.provide = _provide  # type: ignore[assignment, attr-defined]

"""A plugin, ``-p tests.no_environments``: on this machine no environment can be built."""

from __future__ import annotations

from typing import Any


def pytest_configure() -> None:
    """Only now: the suite's modules must not be imported before its conftest names them as plugins."""
    import fixtures.plugin.resources  # noqa: PLC0415
    from fixtures.arms.environments import Current, EnvironmentBuildError, provide  # noqa: PLC0415

    def provide_current(source: Any, *arguments: Any) -> Any:
        if isinstance(source, Current):
            return provide(source, *arguments)
        raise EnvironmentBuildError(f"{source.label}: Python {source.python} was not found on this machine")

    fixtures.plugin.resources.provide = provide_current  # type: ignore[assignment, attr-defined]

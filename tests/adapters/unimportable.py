"""Cannot be imported."""

from __future__ import annotations

import a_framework_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401

"""Cannot be imported."""

from __future__ import annotations

import a_framework_that_nobody_has  # type: ignore[import-not-found]


class Adapter(a_framework_that_nobody_has.Module):  # type: ignore[misc]
    """Can be read, and so passes for an adapter until it is imported."""

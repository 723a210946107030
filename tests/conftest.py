"""Settings of the suite's own tests."""

from __future__ import annotations

from hypothesis import settings

# Nothing here asserts how long something takes, hypothesis included.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

"""Settings of the suite's own tests."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from hypothesis import settings

from fixtures.arms.git import LOCAL_VARIABLES

if TYPE_CHECKING:
    import pytest

# Nothing here asserts how long something takes, hypothesis included.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """A warning is an error here, but for those that ``pytest.ini`` names, which come later and count more."""
    config.getini("filterwarnings").insert(0, "error")


# In a git hook they name the developer's repository: what tests do in repositories of their own would be done there.
for name in LOCAL_VARIABLES:
    os.environ.pop(name, None)

# A shell starts what it is told to run in the background without Ctrl-C, and every process that a test interrupts would
# inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

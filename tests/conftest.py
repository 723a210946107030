"""Settings of the suite's own tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# Nothing here asserts how long something takes, hypothesis included.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# A shell starts what it is told to run in the background without Ctrl-C, and every process that a test interrupts would
# inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

"""Importing this imports all that ``pytest bench`` does, as pytest imports it: processes are forked from here."""

from __future__ import annotations

import contextlib
import io

import pytest

with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    pytest.main(["bench", "-p", "no:cacheprovider", "--collect-only", "--quiet"])

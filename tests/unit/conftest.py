"""What several tests of this folder ask for."""

from __future__ import annotations

import pytest

from fixtures.measuring import arm_process
from tests.stand_in_worker import Stage


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """On which all workers of arms are made up; nobody is bound to cores."""
    stage = Stage()
    monkeypatch.setattr(arm_process, "Worker", stage.worker)
    return stage

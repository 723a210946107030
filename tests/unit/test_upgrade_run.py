"""A run with ``--against``: measured once, when the first benchmark asks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.plugin.options import OPTIONS
from fixtures.plugin.upgrade_run import UpgradeRun
from fixtures.sessions.comparisons import Comparison
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")
COMPARISON = Comparison(ARM, replace(ARM, tag="other"))


def test_a_measuring_that_failed_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every further benchmark fails with the first one's reason, at once; none of them has a verdict."""
    begun = []

    def fails(_: UpgradeRun) -> None:
        begun.append(1)
        raise OSError("no space left")

    monkeypatch.setattr(UpgradeRun, "_measure", fails)
    config = cast("pytest.Config", SimpleNamespace(stash={OPTIONS: None}))
    run = UpgradeRun(config, [], [])
    run.wanted[COMPARISON] = {Measure.STEP}
    assert run.unanswered() == []
    with pytest.raises(OSError, match="no space left"):
        run.readings(COMPARISON)
    with pytest.raises(pytest.fail.Exception, match=r"failed already: .*no space left"):
        run.readings(COMPARISON)
    assert len(begun) == 1
    (unanswered,) = run.unanswered()
    assert "no space left" in unanswered["reason"]

"""With ``--against``: what must not get worse, of every framework that the change affects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.judging.verdicts import Verdict

if TYPE_CHECKING:
    from fixtures.judging.verdicts import Judgement


@pytest.mark.step
def test_training_step(judged: Judgement) -> None:
    """A training step does not take longer."""
    assert judged.verdict is not Verdict.REGRESSION


@pytest.mark.epoch
def test_epoch(judged: Judgement) -> None:
    """A pass over the training examples does not take longer."""
    assert judged.verdict is not Verdict.REGRESSION


@pytest.mark.first_step
def test_first_step(judged: Judgement) -> None:
    """The first step of a fresh process, compilation included, does not take longer."""
    assert judged.verdict is not Verdict.REGRESSION


@pytest.mark.memory
def test_peak_memory(judged: Judgement) -> None:
    """A process that trains does not need more memory."""
    assert judged.verdict is not Verdict.REGRESSION


@pytest.mark.accuracy
def test_final_accuracy(judged: Judgement) -> None:
    """The same training, seed by seed, does not end with less accuracy."""
    assert judged.verdict is not Verdict.REGRESSION

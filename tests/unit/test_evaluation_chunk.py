"""How many test examples are classified at once."""

from __future__ import annotations

import pytest

from fixtures.measuring.arm_process import evaluation_chunk
from models.spec import Convolution, Dense, Flatten, Residual, Spec
from models.workloads import WORKLOADS

LARGE = Spec("large", (160, 160, 3), (Residual((Convolution(3, 3, 1),)), Convolution(64, 3, 1), Flatten(), Dense(2)))


@pytest.mark.parametrize(("spec", "expected"), [(WORKLOADS["digits"].spec, 1000), (LARGE, 19)])
def test_few_large_images_at_once(spec: Spec, expected: int) -> None:
    """A thousand small ones; of large ones so many that the largest layer has 32 million values."""
    assert evaluation_chunk(spec) == expected


def test_one_at_least() -> None:
    """However large it is."""
    huge = Spec("huge", (9000, 9000, 1), (Convolution(1, 3), Flatten(), Dense(2)))
    assert evaluation_chunk(huge) == 1

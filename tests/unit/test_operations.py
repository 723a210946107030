"""models.operations: the products of a training step."""

from __future__ import annotations

import pytest

from models.operations import training_operations
from models.spec import SGD, BatchNorm, Convolution, Dense, Flatten, GlobalAveragePool, Residual, Spec
from models.workloads import WORKLOADS


def of(*layers: object) -> int:
    """Forward products of one example of 8x8 pixels in 4 channels."""
    operations = training_operations(Spec("any", (8, 8, 4), layers, SGD(0.1)), 1)  # type: ignore[arg-type]
    assert operations % 6 == 0
    return operations // 6


def test_products_are_counted_by_hand() -> None:
    """Kernels times the places that they are laid on; strides and groups save what they save."""
    head = (Flatten(), Dense(3))
    assert of(*head) == 256 * 3
    assert of(Convolution(5, 3, "same"), *head) == 8 * 8 * 9 * 4 * 5 + 8 * 8 * 5 * 3
    assert of(Convolution(6, 3, 1, stride=2), *head) == 4 * 4 * 9 * 4 * 6 + 4 * 4 * 6 * 3
    assert of(Convolution(8, 3, 1, groups=4), *head) == 8 * 8 * 9 * 1 * 8 + 8 * 8 * 8 * 3


def test_both_branches_of_a_residual_block_count() -> None:
    """Normalisation, sums and pools are no products."""
    body, shortcut = (Convolution(4, 3, 1), BatchNorm()), (Convolution(4, 1, 0),)
    found = of(Residual(body, shortcut), GlobalAveragePool(), Dense(3))
    assert found == 64 * 9 * 16 + 64 * 16 + 4 * 3


@pytest.mark.parametrize(("name", "forward"), [("resnet18-224", 1.814e9), ("mobilenet-v2-224", 0.301e9)])
def test_published_figures_are_met(name: str, forward: float) -> None:
    """Torchvision's tables say 1.81 and 0.30 GFLOPS for these, counting a multiplication with its addition once."""
    assert training_operations(WORKLOADS[name].spec, 2) / 12 == pytest.approx(forward, rel=0.005)

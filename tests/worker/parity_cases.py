"""The networks that adapters are proven on, with what is asked of them and what the reference answers, made once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.datasets import load_digits

from models.lower_precision import rounded_case
from models.parity import Observation, ParityCase, expect, parity_case
from models.spec import (
    SGD,
    AdamW,
    AveragePool,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Residual,
    Spec,
    Steps,
    WarmupCosine,
)
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from models.forms import Forms

ODD = Spec(
    "odd",
    (27, 20, 2),
    (
        Convolution(8, 5, "same"),
        MaxPool(),
        Convolution(12, 4, "same"),
        MaxPool(3),
        Flatten(),
        Dense(16, relu=True),
        Dropout(0.5),
        Dense(10),
    ),
)
"""All that the workload's network lacks: same padding, an even kernel, channels, sides that differ, dropped rows."""


def _plain(filters: int, kernel: int, padding: int, stride: int = 1, groups: int = 1) -> Convolution:
    """A convolution as it stands before batch normalisation."""
    return Convolution(filters, kernel, padding, stride, groups, bias=False, activation="none")


RESIDUAL = Spec(
    "residual",
    (27, 20, 2),
    (
        _plain(8, 3, 1, 2),
        BatchNorm(0.9, 1e-5, "relu"),
        MaxPool(3, 2, 1),
        Residual((_plain(8, 3, 1), BatchNorm(activation="relu"), _plain(8, 3, 1), BatchNorm())),
        Residual(
            (_plain(12, 3, 1, 2), BatchNorm(0.8, 1e-3, "relu"), _plain(12, 3, 1), BatchNorm()),
            (_plain(12, 1, 0, 2), BatchNorm()),
        ),
        GlobalAveragePool(),
        Dense(10),
    ),
    SGD(0.05, 0.9, nesterov=True, weight_decay=1e-3, schedule=Steps((20, 40), 0.1)),
    label_smoothing=0.1,
)
"""As residual networks are trained: stride, shortcuts with and without arrays, momentum, decay, a falling rate."""

DEPTHWISE = Spec(
    "depthwise",
    (27, 20, 2),
    (
        _plain(8, 3, 1),
        BatchNorm(activation="relu6"),
        AveragePool(3, 2, 1),
        _plain(16, 3, 1, 2, groups=8),
        BatchNorm(0.7, activation="gelu"),
        Convolution(8, 3, groups=4, activation="gelu"),
        Residual((_plain(24, 1, 0), BatchNorm(activation="relu6"), _plain(8, 1, 0), BatchNorm()), activation="none"),
        Dropout(0.2),
        Flatten(),
        Dense(16, relu=True),
        BatchNorm(),
        Dense(10),
    ),
    AdamW(1e-3, schedule=WarmupCosine(warmup_steps=5, decay_steps=50)),
)
"""As mobile networks are: depthwise and grouped convolutions, other activations, AdamW, a warm-up, a flat
normalisation."""

FLAT = Spec(
    "flat",
    (27, 20, 2),
    (
        Convolution(4, 3, stride=4),
        Residual((Flatten(), BatchNorm(activation="relu")), (Flatten(), Dense(140))),
        Residual((Dense(140, relu=True),)),
        Residual((Dense(16, relu=True),), (Dense(16),)),
        Dense(10),
    ),
)
"""Not always does a dense layer, whose kernel can be turned, follow a flattening: the order must be canonical."""

NETWORKS = {"odd": ODD, "residual": RESIDUAL, "depthwise": DEPTHWISE, "flat": FLAT}

CASES = ("digits", *NETWORKS)


def digits() -> tuple[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.int64]]]:
    """Real digits on a black background, 28x28, shape (1797, 28, 28, 1)."""
    images, labels = load_digits(return_X_y=True)
    small = (images.reshape(-1, 8, 8) / 16.0).astype(np.float32)
    large = np.pad(small.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    return large[..., None], labels.astype(np.int64)


def spec_of(name: str) -> Spec:
    """The network of a case."""
    return NETWORKS.get(name, WORKLOADS["digits"].spec)


@cache
def case_of(name: str) -> ParityCase:
    """What is asked about it: of pictures of digits, in two channels for all networks but the workload's."""
    images, labels = digits()
    two_channels = np.concatenate([images[:, :27, :20], images[:, 1:, 8:]], axis=-1)
    return parity_case(spec_of(name), images if name == "digits" else two_channels, labels, seed=42)


@cache
def expected(name: str, forms: Forms) -> Observation:
    """What the reference does."""
    return expect(case_of(name), forms)


@cache
def expected_in_bfloat16(name: str, forms: Forms) -> tuple[Observation, Observation]:
    """What it does where bfloat16 is asked for, from the numbers as they are and from rounded ones."""
    exact = case_of(name)
    first, second = (expect(each, forms, "bfloat16") for each in (exact, rounded_case(exact, "bfloat16")))
    return first, second

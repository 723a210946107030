"""The digest of what is trained: it changes with the network, and with nothing that does not train."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from fixtures.arms import recipe
from fixtures.arms.recipe import recipe_digest
from models.spec import Dense
from models.workloads import WORKLOADS

DIGITS = WORKLOADS["digits"]
WIDER = replace(DIGITS.spec, layers=(*DIGITS.spec.layers[:-2], Dense(units=65, relu=True), DIGITS.spec.layers[-1]))


@pytest.mark.parametrize(
    "other", [{"spec": WIDER}, {"dataset": "mnist"}, {"seed": 43}], ids=lambda value: next(iter(value))
)
def test_another_network_data_set_or_seed_has_another_digest(other: dict[str, Any]) -> None:
    """Whatever the workload is called."""
    assert recipe_digest(replace(DIGITS, **other)) != recipe_digest(DIGITS)


def test_what_trains_alike_has_the_same_digest() -> None:
    """Also under another name, and with another threshold."""
    assert recipe_digest(replace(DIGITS, identifier="x", accuracy_threshold=0.5)) == recipe_digest(DIGITS)
    assert len({recipe_digest(workload) for workload in WORKLOADS.values()}) > 1


def test_a_new_field_with_its_default_changes_no_digest() -> None:
    """Else every kept baseline would be another recipe as soon as layers can do more."""

    @dataclass(frozen=True)
    class Layer:
        units: int
        bias: bool = True

    @dataclass(frozen=True)
    class Other:
        units: int
        bias: bool = True
        scale: tuple[float, ...] = ()

    Other.__name__ = "Layer"
    assert recipe._described(Layer(3)) == recipe._described(Other(3))
    assert recipe._described(Layer(3)) != recipe._described(Layer(3, bias=False))

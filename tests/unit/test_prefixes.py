"""models.prefixes: networks of the first layers of another one."""

from __future__ import annotations

from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

import pytest

from models.prefixes import REST, prefixes
from models.spec import SGD, Convolution, Dense, Dropout, Flatten, MaxPool, Spec
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from models.spec import Layer


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_every_networks_prefixes_grow_up_to_itself(name: str) -> None:
    """The first is a bare head, each has all that the one before it has, and the last is the network."""
    spec = WORKLOADS[name].spec
    found = prefixes(spec)
    assert found[0].title == REST
    assert found[-1].spec.layers == spec.layers
    assert len({each.title for each in found}) == len(found) <= 17
    kept = [
        sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(each.spec.layers, spec.layers, strict=False)))
        for each in found
    ]
    assert all(smaller < larger for smaller, larger in pairwise(kept))
    assert all(len(each.spec.layers) - own <= 2 for each, own in zip(found, kept, strict=True))
    assert {each.spec.classes for each in found} == {spec.classes}


def test_what_has_no_arrays_comes_with_the_layer_before_it() -> None:
    """And with nobody, where there is none before it."""
    layers = (MaxPool(), Convolution(4, 3), MaxPool(), Flatten(), Dense(8, relu=True), Dropout(0.5), Dense(3))
    found = prefixes(Spec("small", (20, 20, 1), layers))
    assert [each.title for each in found] == [REST, "convolution_1, max_pool, flatten", "dense_1, dropout"]
    assert [len(each.spec.layers) for each in found] == [3, 5, 7]


def test_a_prefix_keeps_the_kind_of_optimiser_and_hardly_learns() -> None:
    """What is timed must not diverge, and an optimiser costs what it costs."""
    rule = SGD(0.1, 0.9, nesterov=True, weight_decay=1e-4)
    for each in prefixes(Spec("small", (8, 8, 1), (Flatten(), Dense(4, relu=True), Dense(3)), rule)):
        assert isinstance(each.spec.optimizer, SGD)
        assert (each.spec.optimizer.momentum, each.spec.optimizer.nesterov) == (0.9, True)
        assert each.spec.optimizer.learning_rate < 1e-5


def test_neighbours_are_taken_together_in_a_deep_network() -> None:
    """Each of them is built and warmed up in every block."""
    layers: tuple[Layer, ...] = (Flatten(), *(Dense(8, relu=True) for _ in range(40)), Dense(3))
    found = prefixes(Spec("deep", (4, 4, 1), layers))
    assert [each.title for each in found[:3]] == [REST, "dense_1 to dense_3", "dense_4 to dense_6"]
    assert [len(each.spec.layers) for each in found[:3]] == [2, 5, 8]
    assert found[-1].title == "dense_40"
    assert found[-1].spec.layers == layers


def test_a_network_that_is_only_a_head_is_all_rest() -> None:
    """There is nothing to take apart, and nothing fails."""
    (only,) = prefixes(Spec("linear", (8, 8, 1), (Flatten(), Dense(10))))
    assert only.title == REST
    assert len(only.spec.layers) == 2

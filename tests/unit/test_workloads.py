"""The workloads, against what the studies and the table of workloads say."""

from __future__ import annotations

import pytest

from models.studies import STUDIES
from models.workloads import DEFAULT_WORKLOAD, WORKLOADS

PARAMETERS = {
    "digits": 90_978,
    "mnist-3conv": 90_978,
    "fashion-mnist-3conv": 90_978,
    "mnist-dense1024": 3_274_634,
    "mnist-dense64": 118_346,
    "cifar10-32-16": 11_290,
    "cats-vs-dogs": 520_706,
    "digits-resnet8": 77_754,
    "cifar10-resnet20": 272_474,
    "resnet18-224": 11_689_512,
    "mobilenet-v2-224": 3_504_872,
}


@pytest.mark.parametrize("identifier", WORKLOADS)
def test_networks_have_the_stated_number_of_parameters(identifier: str) -> None:
    """Each network has as many trainable scalars as its study's network."""
    assert WORKLOADS[identifier].spec.parameter_count() == PARAMETERS[identifier]


@pytest.mark.parametrize("identifier", WORKLOADS)
def test_workloads_are_keyed_by_their_identifier(identifier: str) -> None:
    """What a user types is what the workload calls itself, and its recipe can be followed."""
    workload = WORKLOADS[identifier]
    assert workload.identifier == identifier
    assert workload.batch_size > 0
    assert workload.epochs > 0
    if not workload.synthetic:
        assert 1 / workload.spec.classes < workload.accuracy_threshold < 1
    else:
        assert workload.accuracy_threshold == 0.0


def test_the_default_workload_exists() -> None:
    """What runs without ``--workload`` is one of the workloads."""
    assert DEFAULT_WORKLOAD in WORKLOADS


@pytest.mark.parametrize("identifier", WORKLOADS)
def test_every_workload_says_where_it_comes_from(identifier: str) -> None:
    """From a study, which says so itself, or from a source of its own."""
    assert bool(WORKLOADS[identifier].source) != (identifier in STUDIES)

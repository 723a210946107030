"""Specifications as plain dictionaries: there and back, and what somebody may write wrongly."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spec import SGD, DefaultAdam, SpecError
from models.spec_format import from_plain, to_plain
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN: dict[str, Any] = {
    "name": "small",
    "input_shape": [8, 8, 1],
    "layers": [
        {"kind": "convolution", "filters": 4, "kernel": 3, "padding": "valid"},
        {"kind": "max_pool", "size": 2},
        {"kind": "flatten"},
        {"kind": "dense", "units": 8, "relu": True},
        {"kind": "dropout", "rate": 0.2},
        {"kind": "dense", "units": 2},
    ],
    "optimizer": {"kind": "adam", "learning_rate": 1e-3},
}


@pytest.mark.parametrize("identifier", WORKLOADS)
def test_a_specification_survives_its_journey(identifier: str) -> None:
    """What is written as JSON and read again is the same network with the same optimiser."""
    spec = WORKLOADS[identifier].spec
    assert from_plain(json.loads(json.dumps(to_plain(spec)))) == spec
    for rule in (SGD(0.5), DefaultAdam(0.01)):
        other = spec.with_optimizer(rule)
        assert from_plain(json.loads(json.dumps(to_plain(other)))) == other


def test_a_whole_number_may_stand_for_a_fraction() -> None:
    """A learning rate of 1 is what 1.0 is, and is kept as a fraction."""
    rate = from_plain(PLAIN | {"optimizer": {"kind": "sgd", "learning_rate": 1}}).optimizer.learning_rate
    assert (rate, type(rate)) == (1.0, float)


def layer(index: int, **fields: Any) -> Callable[[dict[str, Any]], None]:
    """A change of some fields of one layer."""
    return lambda plain: plain["layers"][index].update(fields)


def replaced(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """A change of one field of the specification."""
    return lambda plain: plain.update({name: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda plain: plain.pop("layers"), "field 'layers' is missing", id="no-layers"),
        pytest.param(replaced("extra", 1), "unknown field 'extra'", id="extra"),
        pytest.param(replaced("name", 5), "name must be text, got 5", id="name"),
        pytest.param(replaced("layers", "dense"), "layers must be a list", id="layers-text"),
        pytest.param(replaced("layers", ["dense"]), "layer 0: must be a table with a field 'kind'", id="layer-text"),
        pytest.param(replaced("input_shape", 8), "input_shape must be three whole numbers", id="shape-number"),
        pytest.param(replaced("input_shape", [8, 8]), "input_shape must be three whole numbers", id="two-sizes"),
        pytest.param(replaced("input_shape", [8.0, 8, 1]), "input_shape must be three whole numbers", id="fraction"),
        pytest.param(replaced("input_shape", [8, 0, 1]), "input_shape must be three positive", id="no-width"),
        pytest.param(layer(0, kind="lstm"), "layer 0: unknown kind 'lstm'; known: convolution, max_pool", id="kind"),
        pytest.param(layer(0, kind=["dense"]), r"layer 0: unknown kind \['dense'\]", id="kind-list"),
        pytest.param(layer(0, filters="many"), r"layer 0 \(convolution\): filters must be a whole number", id="text"),
        pytest.param(layer(0, filters=True), r"layer 0 \(convolution\): filters must be a whole number", id="truth"),
        pytest.param(layer(0, kernel=3.0), r"layer 0 \(convolution\): kernel must be a whole number", id="kernel"),
        pytest.param(layer(0, padding="full"), "padding must be 'valid' or 'same', got 'full'", id="padding"),
        pytest.param(
            layer(0, stride=2), r"layer 0 \(convolution\): unknown field 'stride'; known: filters", id="field"
        ),
        pytest.param(lambda plain: plain["layers"][0].pop("kernel"), "field 'kernel' is missing", id="no-kernel"),
        pytest.param(layer(2, size=1), r"layer 2 \(flatten\): unknown field 'size'; known: none", id="flatten"),
        pytest.param(layer(3, relu=1), r"layer 3 \(dense\): relu must be true or false, got 1", id="relu"),
        pytest.param(layer(4, rate=float("nan")), r"layer 4 \(dropout\): rate must be a finite number", id="nan"),
        pytest.param(layer(1, size=7), r"small: layer 1 \(MaxPool\): pooling by 7 leaves nothing of 6x6", id="pool"),
        pytest.param(replaced("optimizer", "adam"), "optimizer: must be a table", id="optimizer-text"),
        pytest.param(replaced("optimizer", {"kind": "lion"}), "unknown kind 'lion'; known: adam, sgd", id="optimizer"),
        pytest.param(
            replaced("optimizer", {"kind": "sgd", "learning_rate": 0}), "learning_rate must be above 0", id="no-rate"
        ),
        pytest.param(
            replaced("optimizer", {"kind": "default_adam", "epsilon": 1e-8}),
            r"optimizer \(default_adam\): unknown field 'epsilon'; known: learning_rate",
            id="default-epsilon",
        ),
        pytest.param(
            replaced("optimizer", {"kind": "default_adam", "learning_rate": -1}),
            "learning_rate must be above 0",
            id="default-rate",
        ),
        pytest.param(
            replaced("optimizer", {"kind": "adam", "beta_2": 1}), "beta_2 must be at least 0 and below 1", id="beta"
        ),
        pytest.param(replaced("optimizer", {"kind": "adam", "epsilon": 0}), "epsilon must be above 0", id="epsilon"),
    ],
)
def test_what_is_wrong_is_named(change: Callable[[dict[str, Any]], None], message: str) -> None:
    """Unknown and missing fields, wrong types, values out of range and layers that do not fit name the field."""
    plain = copy.deepcopy(PLAIN)
    change(plain)
    with pytest.raises(SpecError, match=message):
        from_plain(plain)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["kind", "filters", "kernel", "padding", "size", "units", "relu", "rate"]


@given(st.sampled_from([*PLAIN, "other", None]), st.integers(0, 5), st.sampled_from(FIELDS), VALUES)
def test_nothing_but_a_specification_error_comes_of_any_value(
    top: str | None, index: int, field: str, value: object
) -> None:
    """Whatever stands in any field, it is a specification or an error that says what is wrong."""
    plain = copy.deepcopy(PLAIN)
    if top is None:
        plain["layers"][index][field] = value
    else:
        plain[top] = value
    try:
        from_plain(plain)
    except SpecError as error:
        assert str(error)  # noqa: PT017 - either outcome is right

"""Specifications as plain dictionaries: there and back, and what somebody may write wrongly."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import spec_format
from models.spec import (
    SGD,
    AdamW,
    AveragePool,
    BatchNorm,
    Convolution,
    DefaultAdam,
    Dense,
    GlobalAveragePool,
    Residual,
    Spec,
    SpecError,
    Steps,
    WarmupCosine,
)
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
    for rule in (
        SGD(0.5),
        DefaultAdam(0.01),
        SGD(0.1, 0.9, nesterov=True, weight_decay=1e-4, schedule=Steps((10, 20))),
        AdamW(schedule=WarmupCosine(5, 50)),
    ):
        other = spec.with_optimizer(rule)
        assert from_plain(json.loads(json.dumps(to_plain(other)))) == other


def test_a_residual_network_survives_its_journey() -> None:
    """Blocks in blocks, with every field that has another value than by default."""
    plain = Convolution(4, 3, 1, 2, 2, bias=False, activation="none")
    inner = Residual((replace(plain, stride=1, groups=1), BatchNorm(0.5, 1e-3)), activation="none")
    block = Residual(
        (plain, BatchNorm(activation="gelu"), inner), (AveragePool(2), Convolution(4, 1, activation="none"))
    )
    spec = Spec("residual", (8, 8, 4), (block, GlobalAveragePool(), Dense(3)), label_smoothing=0.1)
    assert from_plain(json.loads(json.dumps(to_plain(spec)))) == spec


def test_what_is_by_default_is_left_out() -> None:
    """So that an earlier revision can read all that it can train."""
    assert to_plain(from_plain(PLAIN)) == {
        **PLAIN,
        "layers": [
            {"kind": "convolution", "filters": 4, "kernel": 3},
            {"kind": "max_pool"},
            {"kind": "flatten"},
            {"kind": "dense", "units": 8, "relu": True},
            {"kind": "dropout", "rate": 0.2},
            {"kind": "dense", "units": 2},
        ],
        "optimizer": {"kind": "adam"},
    }


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


CONVOLUTION = {"kind": "convolution", "filters": 2, "kernel": 1, "activation": "none"}


def residual(**fields: Any) -> Callable[[dict[str, Any]], None]:
    """The first layer replaced by a residual block."""
    return lambda plain: plain["layers"].__setitem__(0, {"kind": "residual", **fields})


def descent(**fields: Any) -> Callable[[dict[str, Any]], None]:
    """The optimiser replaced by gradient descent."""
    return replaced("optimizer", {"kind": "sgd", "learning_rate": 0.1, **fields})


def test_blocks_may_not_lie_in_one_another_without_end() -> None:
    """One line, where Python would run out of stack."""
    block: dict[str, Any] = {"kind": "dropout", "rate": 0.0}
    for _ in range(200):
        block = {"kind": "residual", "body": [block]}
    with pytest.raises(SpecError, match="residual blocks lie more than 10 deep in one another"):
        from_plain(PLAIN | {"layers": [block, {"kind": "dense", "units": 2}]})


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
        pytest.param(
            layer(0, padding="full"), "padding must be 'valid' or 'same' or a whole number, got 'full'", id="padding"
        ),
        pytest.param(
            layer(0, strides=2), r"layer 0 \(convolution\): unknown field 'strides'; known: filters", id="field"
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
        pytest.param(layer(0, stride=0), r"layer 0 \(Convolution\): stride must be positive", id="no-stride"),
        pytest.param(layer(0, padding=-1), "padding not negative, got 1 and -1", id="negative-padding"),
        pytest.param(
            layer(0, padding="same", stride=2), "'same' is for stride 1; for stride 2 give a number", id="same"
        ),
        pytest.param(layer(0, groups=3), "groups must divide the 1 channels before it and its 4 filters", id="groups"),
        pytest.param(layer(0, activation="tanh"), "activation must be 'relu' or 'relu6' or 'gelu'", id="activation"),
        pytest.param(layer(1, padding=2), r"layer 1 \(MaxPool\): padding may be at most half of size 2", id="pool-pad"),
        pytest.param(layer(4, kind="batch_norm", rate=0.5), "unknown field 'rate'; known: momentum", id="norm-rate"),
        pytest.param(replaced("label_smoothing", 1), "label_smoothing must be at least 0 and below 1", id="smoothing"),
        pytest.param(replaced("label_smoothing", "much"), "label_smoothing must be a finite number", id="smooth-text"),
        pytest.param(residual(body=3), r"layer 0 \(residual\): body must be a list, got 3", id="body"),
        pytest.param(residual(body=[]), r"layer 0 \(Residual\): its body has no layers", id="no-body"),
        pytest.param(
            residual(body=[{"kind": "convolution", "filters": 2, "kernel": 3}]),
            r"its body gives \(6, 6, 2\), but what comes before it, which has no shortcut, gives \(8, 8, 1\)",
            id="sum",
        ),
        pytest.param(
            residual(body=[{"kind": "convolution", "filters": 2}]),
            r"layer 0 \(residual\): body: layer 0 \(convolution\): field 'kernel' is missing",
            id="body-field",
        ),
        pytest.param(
            residual(body=[CONVOLUTION, {"kind": "batch_norm"}], shortcut=[CONVOLUTION]),
            r"layer 0 \(Residual\): body: layer 1 \(BatchNorm\): the bias of the convolution right before it",
            id="bias",
        ),
        pytest.param(descent(momentum=1), r"optimizer \(sgd\): momentum must be at least 0 and below 1", id="momentum"),
        pytest.param(descent(weight_decay=-1), "weight_decay must not be negative", id="decay"),
        pytest.param(descent(nesterov=True), "nesterov needs a momentum above 0", id="nesterov"),
        pytest.param(descent(schedule="cosine"), "schedule: must be a table with a field 'kind'", id="schedule-text"),
        pytest.param(
            descent(schedule={"kind": "linear"}), "schedule: unknown kind 'linear'; known: steps", id="linear"
        ),
        pytest.param(
            descent(schedule={"kind": "steps", "boundaries": [5, 5]}), "boundaries must be rising", id="boundaries"
        ),
        pytest.param(
            descent(schedule={"kind": "steps", "boundaries": [1.5]}), "each must be a whole number", id="half-a-step"
        ),
        pytest.param(
            descent(schedule={"kind": "warmup_cosine", "warmup_steps": 1, "decay_steps": 0}),
            "decay_steps be positive",
            id="no-decay-steps",
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
FIELDS = ["kind", "filters", "kernel", "padding", "size", "units", "relu", "rate", "stride", "groups", "activation"]


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


def test_every_kind_and_field_is_documented() -> None:
    """A user finds in one table what may stand in a file."""
    text = next((Path(__file__).parents[2] / "docs").rglob("networks.md")).read_text(encoding="utf-8")
    for kinds in (spec_format._LAYERS, spec_format._OPTIMIZERS, spec_format._SCHEDULES):
        for name, kind in kinds.items():
            if name == "default_adam":  # what --defaults native trains with; nobody writes it
                continue
            (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}`")]
            inherited = "the same" in row or "those of Adam" in row
            for field in fields(kind):
                assert inherited or f"`{field.name}" in row, (name, field.name)

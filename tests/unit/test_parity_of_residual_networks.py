"""Parity of networks with batch normalisation and of large ones: the smooth twin, small pictures, other rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from models.forms import Forms, forms_of
from models.observation import observe
from models.parity import Observation, ParityCase, expect, judge, parity_case
from models.probe import proven_size
from models.probe_rules import probe_rule
from models.reference import Reference
from models.spec import (
    SGD,
    Adam,
    AdamW,
    BatchNorm,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Residual,
    Spec,
    Steps,
    WarmupCosine,
    activation_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.contract import Adapter, Weights
    from models.optimizers import Optimizer

CONVOLUTION = Convolution(4, 3, 1, bias=False, activation="none")
LAYERS = (
    replace(CONVOLUTION, stride=2),
    BatchNorm(0.8, activation="relu"),
    Residual((CONVOLUTION, BatchNorm())),
    GlobalAveragePool(),
    Dense(4),
)
DESCENT = SGD(0.1, 0.9, nesterov=True, weight_decay=1e-3, schedule=Steps((30, 60)))
RULES: dict[str, Optimizer] = {
    "descent": DESCENT,
    "adamw": AdamW(schedule=WarmupCosine(10, 100)),
    "adam": Adam(schedule=Steps((5,))),
}
OTHER_FORMS = {
    "momentum": (DESCENT, Forms(momentum="rate-inside"), {"sgd_10", "epoch"}),
    "decay": (DESCENT, Forms(decay="decoupled"), {"sgd_2", "sgd_10", "epoch"}),
    "variance": (DESCENT, Forms(variance="biased"), {"statistics", "evaluation"}),
    "adam": (RULES["adamw"], Forms(adam="epsilon-hat"), {"adam_1", "adam_10", "epoch"}),
}
"""Of each pair of forms the rule that shows it, the other form, and the stages that differ."""


def pictures(shape: tuple[int, int, int] = (12, 12, 2)) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Random images and labels, enough for a case."""
    generator = np.random.default_rng(1)
    return generator.random((80, *shape), dtype=np.float32), generator.integers(0, 4, 80)


def case_of(rule: Optimizer) -> ParityCase:
    """One case of the small residual network."""
    return parity_case(Spec("residual", (12, 12, 2), LAYERS, rule, label_smoothing=0.1), *pictures(), seed=7)


def rounded(case: ParityCase, change: Callable[[Spec], Spec] = lambda spec: spec) -> Observation:
    """What a program in float32 would have sent, which keeps its weights in float32 after every step."""

    def program(spec: Spec, weights: Weights, *_: object, **__: object) -> Any:
        return _Rounding(change(spec), weights)

    vars(program)["running_statistics"] = None  # an adapter must have it
    return observe(cast("type[Adapter]", program), case, "cpu", "float32")


class _Rounding(Reference):
    """The reference with weights that are stored in float32."""

    def training_step(self, batch: Any) -> float:
        """One update, rounded."""
        loss = super().training_step(batch)
        self._weights = {name: array.astype(np.float32).astype(np.float64) for name, array in self._weights.items()}
        return loss


@pytest.mark.parametrize("rule", RULES)
def test_a_program_that_rounds_its_weights_passes(rule: str) -> None:
    """With every rule, and through all that has a stage of its own."""
    case = case_of(RULES[rule])
    report = judge(expect(case, Forms()), rounded(case))
    assert report.passed, report.differences
    ten = "sgd_10" if rule == "descent" else "adam_10"
    assert {"kinked_gradients", "twin_gradients", ten, "statistics", "evaluation"} <= set(report.errors)
    assert "gradients" not in report.errors
    assert set(report.tolerances) == set(report.errors)


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_another_form_than_the_declared_one_is_caught(name: str) -> None:
    """In the stages that it concerns."""
    rule, forms, stages = OTHER_FORMS[name]
    case = case_of(rule)
    blamed = {line.partition(":")[0] for line in judge(expect(case, Forms()), expect(case, forms)).differences}
    assert stages <= blamed
    assert not blamed & {"initial", "logits", "kinked_gradients", "twin_gradients"}


@pytest.mark.parametrize(
    ("change", "stage"),
    [
        pytest.param({"learning_rate": 0.102}, "sgd_2", id="rate"),
        pytest.param({"momentum": 0.8, "nesterov": False}, "sgd_2", id="momentum"),
        pytest.param({"weight_decay": 5e-4}, "sgd_2", id="decay"),
    ],
)
def test_constants_of_descent_that_are_not_the_workloads_are_caught(change: dict[str, Any], stage: str) -> None:
    """Even if the probe's own constants are passed on."""
    case = case_of(DESCENT)

    def wrong(spec: Spec) -> Spec:
        return spec.with_optimizer(replace(DESCENT, **change)) if spec.optimizer == DESCENT else spec

    blamed = {line.partition(":")[0] for line in judge(expect(case, Forms()), rounded(case, change=wrong)).differences}
    assert blamed == {stage}


def test_another_momentum_of_running_statistics_is_caught() -> None:
    """Training is the same, and only what is kept of it differs."""
    case = case_of(DESCENT)

    def swapped(spec: Spec) -> Spec:
        layers = tuple(replace(one, momentum=0.2) if isinstance(one, BatchNorm) else one for one in spec.layers)
        return replace(spec, layers=layers)

    report = judge(expect(case, Forms()), rounded(case, change=swapped))
    assert {line.partition(":")[0] for line in report.differences} == {"statistics", "evaluation"}


def test_an_adapter_without_running_statistics_is_told_so() -> None:
    """In one line that says where to look."""
    with pytest.raises(TypeError, match=r"no running_statistics\(\), which batch normalisation needs"):
        observe(cast("type[Adapter]", object), case_of(DESCENT), "cpu", "float32")


def test_the_twin_has_the_same_arrays_and_no_kink() -> None:
    """Every ReLU becomes a GELU, in residual blocks too, and nothing else changes."""
    spec = Spec("residual", (12, 12, 2), LAYERS)
    twin = spec.smooth()
    assert twin.parameter_shapes() == spec.parameter_shapes()
    assert {activation_of(placed.layer) for placed in twin.every_layer()} == {"gelu", "none"}
    assert twin.smooth() == twin


def test_large_pictures_are_proven_on_their_middle() -> None:
    """A network that ends in a global average takes any size; a batch of it has few enough values."""
    wide = replace(CONVOLUTION, filters=64)
    spec = Spec("wide", (224, 224, 3), (wide, BatchNorm(activation="relu"), GlobalAveragePool(), Dense(4)))
    smaller, size = proven_size(spec)
    assert smaller.input_shape == (56, 56, 3)
    assert size == 8
    assert smaller.parameter_shapes() == spec.parameter_shapes()
    case = parity_case(spec, *pictures((224, 224, 3)), seed=1)
    assert case.images.shape == (80, 56, 56, 3)
    assert ParityCase.from_arrays(spec, case.to_arrays()).spec.input_shape == (56, 56, 3)


def test_large_pictures_that_are_flattened_are_proven_on_few() -> None:
    """Two convolutions of 64 filters on photographs: two examples in a batch."""
    layers = (Convolution(64, 3), Convolution(64, 3), MaxPool(4), Flatten(), Dense(4))
    spec = Spec("large", (224, 224, 3), layers)
    assert proven_size(spec) == (spec, 2)


def test_the_probe_is_of_the_workloads_own_kind() -> None:
    """With what the workload's rule has, and nothing that it lacks."""
    plain = probe_rule(SGD(0.1, 0.9), small_steps=False)
    assert isinstance(plain, SGD)
    assert (plain.weight_decay, plain.nesterov, plain.schedule) == (0.0, False, None)
    assert plain.momentum not in (0.0, 0.9)
    assert isinstance(probe_rule(SGD(0.1), small_steps=False), Adam)
    decaying = probe_rule(RULES["adamw"], small_steps=True)
    assert isinstance(decaying, AdamW)
    assert isinstance(decaying.schedule, WarmupCosine)
    assert decaying.schedule != RULES["adamw"].schedule  # type: ignore[union-attr]


def test_forms_are_read_off_a_class() -> None:
    """What an adapter does not declare is as in PyTorch."""

    class Own:
        adam_form = "epsilon-hat"
        variance_form = "biased"
        another_form = 3

    assert Forms.declared(forms_of(Own)) == Forms("epsilon-hat", variance="biased")
    assert Forms.declared({**forms_of(Own), "another_form": "x"}) == Forms("epsilon-hat", variance="biased")

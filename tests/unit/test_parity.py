"""The judgement: what the reference agrees with itself about, and how each kind of difference is named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from models.forms import Forms
from models.kinks import kink_margins
from models.parity import TOLERANCES, Observation, ParityCase, expect, judge, observe, parity_case
from models.probe import BATCH_SIZE, EPOCH_BATCHES, STEPS
from models.reference import Reference
from models.spec import SGD, Adam, Convolution, Dense, Dropout, Flatten, MaxPool, Spec

if TYPE_CHECKING:
    from models.contract import Adapter, Weights

SPEC = Spec(
    "small",
    (8, 8, 1),
    (Convolution(3, 3), MaxPool(), Flatten(), Dense(6, relu=True), Dropout(0.5), Dense(4)),
)
EPOCH_EXAMPLES = EPOCH_BATCHES * BATCH_SIZE + BATCH_SIZE // 2
STAGES = ("initial", "logits", "gradients", "adam_1", "adam_10", "epoch", "losses")
LAYER_STAGES = ("initial", "gradients", "adam_1", "adam_10", "epoch")

Arrays = dict[str, NDArray[Any]]


def pictures() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Random images and labels, enough for a case."""
    generator = np.random.default_rng(1)
    return generator.random((80, 8, 8, 1), dtype=np.float32), generator.integers(0, 4, 80)


@pytest.fixture(scope="module")
def case() -> ParityCase:
    """One case of the small network."""
    return parity_case(SPEC, *pictures(), seed=7)


@pytest.fixture(scope="module")
def expected(case: ParityCase) -> Observation:
    """What the reference does with it."""
    return expect(case, Forms())


def rounded(observation: Observation) -> Arrays:
    """The observation as a float32 program would have sent it."""
    return {name: array.astype(np.float32) for name, array in observation.to_arrays().items()}


def test_the_reference_agrees_with_itself(expected: Observation) -> None:
    """An observation equal to what is expected passes with no error at all."""
    report = judge(expected, expected)
    assert report.passed
    assert set(report.errors.values()) == {0.0}
    assert report.differences == ()
    assert report.summary().startswith("parity proven")


def test_rounding_to_float32_passes(expected: Observation) -> None:
    """Weights that were only stored in float32 are within every tolerance."""
    report = judge(expected, Observation.from_arrays(rounded(expected)))
    assert report.passed, report.differences
    assert 0.0 < report.errors["logits"] < TOLERANCES["logits"]


@pytest.mark.parametrize("stage", LAYER_STAGES)
def test_a_difference_is_named_by_stage_and_layer(stage: str, expected: Observation) -> None:
    """One layer that is off in one stage is the first difference, with its error and the tolerance."""
    arrays = rounded(expected)
    arrays[f"{stage}/dense_1/kernel"] = arrays[f"{stage}/dense_1/kernel"] + np.float32(0.01)
    report = judge(expected, Observation.from_arrays(arrays))
    assert not report.passed
    assert report.differences[0].startswith(f"{stage}: dense_1/kernel differs by ")
    assert report.differences[0].endswith(f"(tolerance {TOLERANCES[stage]:g})")
    assert report.differences[0] in report.summary()


@pytest.mark.parametrize("stage", ["logits", "losses"])
def test_a_difference_outside_layers_is_named(stage: str, expected: Observation) -> None:
    """Logits and losses have no layer, and are named by their stage."""
    arrays = rounded(expected)
    arrays[stage] = arrays[stage] * np.float32(1.01)
    report = judge(expected, Observation.from_arrays(arrays))
    assert [line.partition(":")[0] for line in report.differences] == [stage]


@pytest.mark.parametrize("stage", LAYER_STAGES)
def test_a_missing_layer_is_a_difference(stage: str, expected: Observation) -> None:
    """A layer that was not observed is said to be missing, its error is infinite, and JSON says null."""
    arrays = rounded(expected)
    del arrays[f"{stage}/convolution_1/bias"]
    report = judge(expected, Observation.from_arrays(arrays))
    assert f"{stage}: convolution_1/bias is missing" in report.differences
    assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["errors"][stage] is None


def test_an_additional_layer_is_a_difference(expected: Observation) -> None:
    """A layer that the specification does not have is named, and the parameters are counted."""
    arrays = {**rounded(expected), "initial/dense_3/bias": np.zeros(3, np.float32)}
    report = judge(expected, Observation.from_arrays(arrays))
    count = SPEC.parameter_count()
    assert report.differences == (
        "initial: dense_3/bias should not exist",
        f"initial: parameter count {count + 3}, expected {count}",
    )


@pytest.mark.parametrize("stage", LAYER_STAGES)
def test_a_wrong_shape_is_a_difference(stage: str, expected: Observation) -> None:
    """A transposed kernel is named with both shapes."""
    arrays = rounded(expected)
    arrays[f"{stage}/dense_2/kernel"] = arrays[f"{stage}/dense_2/kernel"].T
    report = judge(expected, Observation.from_arrays(arrays))
    assert f"{stage}: dense_2/kernel has shape (4, 6) instead of (6, 4)" in report.differences


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("stage", LAYER_STAGES)
def test_a_value_that_is_not_finite_is_a_difference(stage: str, value: float, expected: Observation) -> None:
    """Training that diverged is reported, never raised."""
    arrays = rounded(expected)
    arrays[f"{stage}/dense_1/bias"] = np.full_like(arrays[f"{stage}/dense_1/bias"], value)
    report = judge(expected, Observation.from_arrays(arrays))
    assert f"{stage}: dense_1/bias has 6 values that are not finite" in report.differences


def test_nothing_observed_is_a_report(expected: Observation) -> None:
    """An empty observation misses everything, and is judged all the same."""
    report = judge(expected, Observation.from_arrays({}))
    assert not report.passed
    assert set(report.as_dict()["errors"].values()) == {None}


def test_the_worst_layer_comes_first(expected: Observation) -> None:
    """Within a stage, layers are listed by their error."""
    arrays = rounded(expected)
    arrays["gradients/dense_1/kernel"] = arrays["gradients/dense_1/kernel"] * np.float32(1.01)
    arrays["gradients/dense_2/kernel"] = arrays["gradients/dense_2/kernel"] * np.float32(1.5)
    report = judge(expected, Observation.from_arrays(arrays))
    assert [line.split()[1] for line in report.differences] == ["dense_2/kernel", "dense_1/kernel"]
    assert "(and 1 more)" in report.summary()


@pytest.mark.parametrize(
    ("constants", "stages"),
    [
        pytest.param({"epsilon": 1e-7}, {"adam_1", "adam_10", "epoch"}, id="epsilon-of-keras"),
        pytest.param({"epsilon": 1e-8}, {"adam_10", "epoch"}, id="epsilon-not-passed-on"),
        pytest.param({"beta_1": 0.9}, {"adam_10", "epoch"}, id="first-beta-not-passed-on"),
        pytest.param({"beta_2": 0.999}, {"adam_10", "epoch"}, id="second-beta-not-passed-on"),
        pytest.param({"learning_rate": 1.02e-3}, {"adam_1", "adam_10", "epoch"}, id="learning-rate"),
    ],
)
def test_wrong_constants_are_caught(
    constants: dict[str, Any], stages: set[str], case: ParityCase, expected: Observation
) -> None:
    """A program that keeps a constant of its own differs in every stage that Adam takes part in, and in no other."""

    def program(spec: Spec, weights: Weights, *_: object, **__: object) -> Reference:
        optimizer = spec.optimizer
        changed = replace(optimizer, **constants) if isinstance(optimizer, Adam) else optimizer
        return Reference(spec.with_optimizer(changed), weights)

    observed = observe(cast("type[Adapter]", program), case, "cpu", "float32")
    caught = {line.partition(":")[0] for line in judge(expected, observed).differences}
    assert caught - {"losses"} == stages


def test_the_other_form_of_adam_is_caught(case: ParityCase, expected: Observation) -> None:
    """Declaring one form and training with the other differs in every stage that Adam takes part in."""
    differences = judge(expected, expect(case, Forms("epsilon-hat"))).differences
    assert {line.partition(":")[0] for line in differences} == {"adam_1", "adam_10", "epoch", "losses"}


def test_another_order_is_caught(case: ParityCase, expected: Observation) -> None:
    """An epoch over the same examples in another order differs in the epoch and nowhere before."""
    observed = expect(replace(case, epoch_order=case.epoch_order[::-1].copy()), Forms())
    differences = judge(expected, observed).differences
    assert differences
    assert {line.partition(":")[0] for line in differences} <= {"epoch", "losses"}


def test_an_observation_travels_as_flat_arrays(expected: Observation) -> None:
    """Back from its arrays, an observation is what it was, and counts its parameters."""
    again = Observation.from_arrays(expected.to_arrays())
    assert judge(expected, again).errors == dict.fromkeys(STAGES, 0.0)
    assert again.parameter_count == SPEC.parameter_count()


def test_a_case_travels_as_flat_arrays(case: ParityCase) -> None:
    """Back from its arrays and the workload's specification, a case asks the same question."""
    again = ParityCase.from_arrays(SPEC, case.to_arrays())
    assert again.spec == case.spec
    assert again.batch_size == case.batch_size
    for name, array in case.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)


def test_a_case_is_ten_batches_and_a_shuffled_epoch(case: ParityCase) -> None:
    """There are ten different batches, an order that is a shuffled permutation, a last batch that is smaller."""
    batches = [images.tobytes() for images, _ in case.batches()]
    assert len(batches) == len(set(batches)) == STEPS
    assert sorted(case.epoch_order) == list(range(EPOCH_EXAMPLES))
    assert list(case.epoch_order) != sorted(case.epoch_order)
    assert 0 < EPOCH_EXAMPLES % BATCH_SIZE < BATCH_SIZE
    assert all(np.abs(array).max() > 0 for array in case.weights.values())
    assert not any(isinstance(layer, Dropout) and layer.rate for layer in case.spec.layers)


def test_a_case_is_reproducible() -> None:
    """The same images and seed give the same case; another seed gives another."""
    first, second, other = (parity_case(SPEC, *pictures(), seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.epoch_order, second.epoch_order)
    assert not np.array_equal(first.images, other.images)


def test_a_case_stays_away_from_kinks(case: ParityCase) -> None:
    """The first batch of a case is no nearer to a kink than the images that it was chosen from."""
    reference = Reference(case.spec, case.weights)
    chosen = kink_margins(reference, case.batches()[0][0])
    assert chosen.min() > np.median(kink_margins(reference, pictures()[0])) / 4
    assert chosen.min() > 1e-6


def test_equal_pixels_are_no_kink() -> None:
    """Windows over a uniform background tie exactly, and whichever maximum is taken, the gradient is the same."""
    flat = np.full((2, 8, 8, 1), 0.5, np.float32)
    reference = Reference(SPEC.without_dropout(), parity_case(SPEC, *pictures(), seed=7).weights)
    assert kink_margins(reference, flat).min() > 1e-6


def test_classes_in_equal_numbers_leave_gradients_to_judge() -> None:
    """Dark images of two classes would cancel in the gradients of biases, and Adam make steps of mere rounding."""
    spec = replace(SPEC, layers=(*SPEC.layers[:-1], Dense(2)))
    images, _ = pictures()
    alike = images[:1] + np.linspace(0.0, 0.1, 80, dtype=np.float32)[:, None, None, None]
    weights, dark, labels = parity_case(spec, alike, np.arange(80) % 2, seed=7).faint()
    trainee = Reference(spec.without_dropout().with_optimizer(SGD(1.0)), weights)
    trainee.training_step((dark, labels))
    gradient = weights["dense_1/bias"] - trainee.weights()["dense_1/bias"]
    assert np.abs(gradient).max() > 0.3  # 5e-6 with classes in turn, 0.09 with those of the images


@pytest.mark.parametrize("seed", range(6))
def test_the_dark_batch_leaves_no_bias_a_remainder_of_rounding(seed: int) -> None:
    """Its label is the one with which the smallest gradient of a bias is largest beside the others of its layer."""
    case = parity_case(SPEC, *pictures(), seed=seed)
    shares = {}
    for label in range(4):
        weights, dark, labels = replace(case, dark_label=label).faint()
        trainee = Reference(case.spec.with_optimizer(SGD(1.0)), weights)
        trainee.training_step((dark, labels))
        changes = [np.abs(array) for name, array in trainee.weights().items() if name.endswith("bias")]
        shares[label] = min(change[change > 0.0].min() / change.max() for change in changes)
    assert shares[case.dark_label] == max(shares.values())
    assert ParityCase.from_arrays(SPEC, case.to_arrays()).dark_label == case.dark_label


def test_too_few_images_are_refused() -> None:
    """A case needs images to choose from, and says how many."""
    images, labels = pictures()
    with pytest.raises(ValueError, match="at least 32 images, got 31"):
        parity_case(SPEC, images[:31], labels[:31], seed=0)


def test_a_workload_with_gradient_descent_has_a_case() -> None:
    """Where the workload's own optimiser is not Adam, Adam is still proven, with its published constants."""
    case = parity_case(SPEC.with_optimizer(SGD(0.1)), *pictures(), seed=7)
    stock = parity_case(SPEC, *pictures(), seed=7)
    assert judge(expect(stock, Forms("epsilon-hat")), expect(case, Forms("epsilon-hat"))).passed

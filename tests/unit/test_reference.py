"""The reference: checked by finite differences and by hand, since everything else is checked by it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.forms import Forms
from models.reference import Reference
from models.reference_layers import activate, convolve, pool, slope
from models.reference_updates import OptimizerState, cross_entropy
from models.spec import (
    SGD,
    Adam,
    AdamW,
    AveragePool,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Residual,
    Spec,
    Steps,
    WarmupCosine,
)
from models.weights import initial_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.contract import Images, Labels
    from models.forms import AdamForm, VarianceForm

PLAIN = Convolution(4, 3, 1, bias=False, activation="none")
NETWORKS: dict[str, tuple[Layer, ...]] = {
    "valid": (Convolution(3, 3), MaxPool(), Flatten(), Dense(5, relu=True), Dense(4)),
    "same": (Convolution(3, 3, "same"), MaxPool(), Convolution(2, 3, "same"), Flatten(), Dense(4)),
    "even-kernel": (Convolution(3, 4, "same"), MaxPool(3), Flatten(), Dropout(0.0), Dense(4)),
    "residual": (
        PLAIN,
        BatchNorm(activation="relu"),
        MaxPool(3, 2, 1),
        Residual((PLAIN, BatchNorm(epsilon=1e-3), Residual((PLAIN, BatchNorm())))),
        Residual(
            (Convolution(5, 3, 1, 2, bias=False, activation="none"), BatchNorm()),
            (Convolution(5, 1, 0, 2, bias=False, activation="none"), BatchNorm()),
        ),
        GlobalAveragePool(),
        Dense(4),
    ),
    "depthwise": (
        Convolution(4, 3, 1, 2, groups=2, bias=False, activation="none"),
        BatchNorm(activation="relu6"),
        Convolution(8, 3, 2, groups=4, activation="gelu"),
        AveragePool(3, 2, 1),
        Flatten(),
        Dense(5, relu=True),
        BatchNorm(activation="gelu"),
        Dense(4),
    ),
}


def network(name: str) -> Spec:
    """A small network on images of odd sizes, where pooling drops a row and a column."""
    return Spec(
        name, (9, 7, 2), NETWORKS[name], SGD(learning_rate=0.5), label_smoothing=0.2 if name == "residual" else 0.0
    )


def batch(examples: int = 6) -> tuple[Images, Labels]:
    """Random images and labels."""
    generator = np.random.default_rng(5)
    return generator.random((examples, 9, 7, 2), dtype=np.float32), generator.integers(0, 4, examples)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_the_slopes_of_the_loss(name: str) -> None:
    """Every weight's gradient is the central difference of the loss in training mode, whatever the layers."""
    spec, (images, labels) = network(name), batch()
    weights = {key: array.astype(np.float64) for key, array in initial_weights(spec, 3, zero_biases=False).items()}
    _, gradients = Reference(spec, weights).loss_and_gradients(images, labels)
    for key, array in weights.items():
        slopes = np.empty_like(array)
        for index in np.ndindex(array.shape):
            losses = []
            for change in (1e-6, -1e-6):
                moved = array.copy()
                moved[index] += change
                losses.append(Reference(spec, {**weights, key: moved}).loss_and_gradients(images, labels)[0])
            slopes[index] = (losses[0] - losses[1]) / 2e-6
        np.testing.assert_allclose(gradients[key], slopes, rtol=1e-5, atol=1e-8, err_msg=key)


def test_convolution_is_a_sum_over_the_window() -> None:
    """Same padding of an even kernel adds the odd zero after the image, and the kernel is not turned round."""
    image = np.arange(9.0).reshape(1, 3, 3, 1)
    kernel = np.array([[1.0, 10.0], [100.0, 1000.0]]).reshape(2, 2, 1, 1)
    assert convolve(image, kernel, (0, 0))[0, :, :, 0].tolist() == [[4310.0, 5421.0], [7643.0, 8754.0]]
    assert convolve(image, kernel, (0, 1))[0, 2, 2, 0] == 8.0


def test_cross_entropy_of_known_probabilities() -> None:
    """The loss is the mean of minus the logarithm of the right class's probability, also for huge logits."""
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])) + 1e4
    loss, derivative = cross_entropy(logits, np.array([0, 2]))
    assert loss == pytest.approx(-(math.log(0.5) + math.log(0.1)) / 2)
    np.testing.assert_allclose(derivative, np.array([[-0.5, 0.25, 0.25], [0.1, 0.8, -0.9]]) / 2, atol=1e-9)


def test_gradient_descent_subtracts_the_gradient() -> None:
    """One step of SGD moves each weight by the learning rate times its gradient, and returns the loss before."""
    spec, (images, labels) = network("valid"), batch()
    weights = initial_weights(spec, 3, zero_biases=False)
    reference = Reference(spec, weights)
    loss, gradients = reference.loss_and_gradients(images, labels)
    assert reference.training_step((images, labels)) == loss
    for key, array in reference.weights().items():
        np.testing.assert_array_equal(array, weights[key] - 0.5 * gradients[key])


def by_hand(form: AdamForm, gradients: tuple[float, float]) -> float:
    """Where two steps of Adam(0.1, 0.5, 0.75, 0.01) take a weight from 1, written out."""
    first_1, second_1 = 0.5 * gradients[0], 0.25 * gradients[0] ** 2
    first_2, second_2 = 0.5 * first_1 + 0.5 * gradients[1], 0.75 * second_1 + 0.25 * gradients[1] ** 2
    if form == "bias-corrected":
        step_1 = 0.1 * (first_1 / 0.5) / (math.sqrt(second_1 / 0.25) + 0.01)
        step_2 = 0.1 * (first_2 / 0.75) / (math.sqrt(second_2 / 0.4375) + 0.01)
    else:
        step_1 = 0.1 * math.sqrt(0.25) / 0.5 * first_1 / (math.sqrt(second_1) + 0.01)
        step_2 = 0.1 * math.sqrt(0.4375) / 0.75 * first_2 / (math.sqrt(second_2) + 0.01)
    return 1.0 - step_1 - step_2


@pytest.mark.parametrize("form", ["bias-corrected", "epsilon-hat"])
def test_adam_by_hand(form: AdamForm) -> None:
    """Two steps of either published form give what paper and pencil give."""
    update = OptimizerState(Adam(learning_rate=0.1, beta_1=0.5, beta_2=0.75, epsilon=0.01), Forms(form))
    weights: dict[str, NDArray[np.float64]] = {"w": np.array([1.0])}
    for gradient in (0.02, -0.05):
        weights = update(weights, {"w": np.array([gradient])})
    assert weights["w"][0] == pytest.approx(by_hand(form, (0.02, -0.05)), rel=1e-14)


def test_the_forms_of_adam_agree_without_epsilon() -> None:
    """What tells the two forms apart is epsilon alone."""
    ends = []
    for form in ("bias-corrected", "epsilon-hat"):
        update = OptimizerState(Adam(epsilon=0.0), Forms(form))
        weights: dict[str, NDArray[np.float64]] = {"w": np.array([1.0])}
        for gradient in (0.3, -0.1, 0.2):
            weights = update(weights, {"w": np.array([gradient])})
        ends.append(weights["w"][0])
    assert ends[0] == pytest.approx(ends[1], rel=1e-14)


def test_an_epoch_is_its_batches_in_order() -> None:
    """An epoch visits the examples in the order given, with a smaller last batch, and weights losses by size."""
    spec, (images, labels) = network("valid"), batch(7)
    weights = initial_weights(spec, 3, zero_biases=False)
    order = np.array([6, 2, 0, 5, 1, 3, 4])
    whole, steps = Reference(spec, weights), Reference(spec, weights)
    mean = whole.train_epoch(images, labels, order, 3)
    losses = [steps.training_step((images[part], labels[part])) for part in (order[:3], order[3:6], order[6:])]
    assert mean == pytest.approx((3 * losses[0] + 3 * losses[1] + losses[2]) / 7)
    for key, array in whole.weights().items():
        np.testing.assert_array_equal(array, steps.weights()[key])


def test_dropout_is_refused() -> None:
    """A network with dropout has no reproducible answer, and the message says what to do."""
    spec = Spec("dropped", (4, 4, 1), (Flatten(), Dropout(0.5), Dense(2)))
    with pytest.raises(ValueError, match=r"dropped: .*without_dropout"):
        Reference(spec, initial_weights(spec, 0))


def test_weights_that_do_not_fit_are_refused() -> None:
    """A missing weight is named by what is needed and what was given."""
    spec = network("valid")
    weights = initial_weights(spec, 0)
    del weights["dense_2/bias"]
    with pytest.raises(ValueError, match=r"needs weights .*dense_2/bias"):
        Reference(spec, weights)


def test_strides_groups_and_padding_are_sums_over_the_window_too() -> None:
    """By hand: every second window of a padded image, and channels that see only their own."""
    image = np.arange(1.0, 17.0).reshape(1, 4, 4, 1)
    kernel = np.ones((3, 3, 1, 1))
    assert convolve(image, kernel, (1, 1), stride=2)[0, :, :, 0].tolist() == [[14.0, 30.0], [57.0, 99.0]]
    pair = np.concatenate([image, 100.0 * image], axis=-1)
    apart = convolve(pair, np.array([[[[2.0, 3.0]]]]), (0, 0), groups=2)
    np.testing.assert_array_equal(apart, np.concatenate([2.0 * image, 300.0 * image], axis=-1))


def test_padding_of_pools() -> None:
    """What a maximum is padded with never wins, even over negative values; zeros count in an average."""
    image = -np.arange(1.0, 5.0).reshape(1, 2, 2, 1)
    assert pool(image, MaxPool(2, 2, 1))[0, :, :, 0].tolist() == [[-1.0, -2.0], [-3.0, -4.0]]
    assert pool(image, AveragePool(2, 2, 1))[0, :, :, 0].tolist() == [[-0.25, -0.5], [-0.75, -1.0]]


@pytest.mark.parametrize("variance", ["biased", "unbiased"])
def test_running_statistics_by_hand(variance: VarianceForm) -> None:
    """A share of the old, the rest of the batch's; evaluation is normalised by them and leaves them alone."""
    spec = Spec("flat", (1, 1, 1), (Flatten(), Dense(1, relu=True), BatchNorm(0.75, 0.5), Dense(2)), SGD(0.1))
    weights = {name: np.ones(shape, np.float32) for name, shape in spec.parameter_shapes().items()}
    reference = Reference(spec, weights, Forms(variance=variance))
    images = np.array([0.0, 1.0, 5.0], np.float32).reshape(3, 1, 1, 1)  # 1, 2 and 6 before normalisation
    before = reference.logits(images)
    assert before[2, 0] == pytest.approx(6.0 / math.sqrt(1.5) + 1.0 + 1.0)
    reference.training_step((images, np.array([0, 1, 0])))
    of_batch = 14.0 / (3 if variance == "biased" else 2)
    kept = reference.running_statistics()
    assert kept["batch_norm_1/mean"][0] == pytest.approx(0.25 * 3.0)
    assert kept["batch_norm_1/variance"][0] == pytest.approx(0.75 + 0.25 * of_batch)
    reference.logits(images)
    np.testing.assert_array_equal(reference.running_statistics()["batch_norm_1/mean"], kept["batch_norm_1/mean"])


def test_gelu_is_the_exact_one() -> None:
    """To the last digits, also far out; and its slope at zero is a half."""
    values = np.concatenate([np.linspace(-12.0, 12.0, 9_973), [0.0]])
    exact = [value * 0.5 * math.erfc(-value / math.sqrt(2.0)) for value in values]
    np.testing.assert_allclose(activate(values, "gelu"), exact, rtol=0, atol=1e-13)
    assert np.asarray(slope(values, "gelu"))[-1] == pytest.approx(0.5)


def test_smoothed_labels_by_hand() -> None:
    """A share of each label lies on every class."""
    logits = np.log(np.array([[0.5, 0.25, 0.25]]))
    loss, derivative = cross_entropy(logits, np.array([0]), 0.3)
    assert loss == pytest.approx(-(0.8 * math.log(0.5) + 0.2 * math.log(0.25)))
    np.testing.assert_allclose(derivative, [[0.5 - 0.8, 0.25 - 0.1, 0.25 - 0.1]], atol=1e-12)


@pytest.mark.parametrize(
    ("forms", "nesterov", "end"),
    [
        # Rates 0.1 and 0.05, momentum 0.5, decay 0.2; gradients 1 and 2, from a weight of 1.
        pytest.param(Forms(), False, 1 - 0.1 * 1.2 - 0.05 * (0.6 + 2 + 0.2 * 0.88), id="pytorch"),
        pytest.param(Forms(), True, 1 - 0.1 * 1.8 - 0.05 * (0.5 * (0.6 + 2.164) + 2.164), id="nesterov"),
        pytest.param(
            Forms(momentum="rate-inside", decay="decoupled"),
            False,
            (1 * 0.98 - 0.1) * 0.99 + (0.5 * -0.1 - 0.05 * 2),
            id="keras",
        ),
    ],
)
def test_descent_by_hand(forms: Forms, nesterov: bool, end: float) -> None:  # noqa: FBT001
    """Two steps of a falling rate; what is no kernel does not decay."""
    rule = SGD(0.1, 0.5, nesterov=nesterov, weight_decay=0.2, schedule=Steps((1,), 0.5))
    update = OptimizerState(rule, forms)
    weights: dict[str, NDArray[np.float64]] = {"a/kernel": np.array([1.0]), "a/bias": np.array([0.0])}
    for gradient in (1.0, 2.0):
        weights = update(weights, {"a/kernel": np.array([gradient]), "a/bias": np.array([0.0])})
    assert weights["a/kernel"][0] == pytest.approx(end)
    assert weights["a/bias"][0] == 0.0


def test_decay_of_adamw_is_a_share_of_the_weight() -> None:
    """Beside what Adam subtracts, and with the rate of the step; biases have none."""
    plain, decaying = (OptimizerState(rule) for rule in (Adam(0.1), AdamW(0.1, weight_decay=0.5)))
    names, gradient = ("a/kernel", "a/bias"), np.array([0.3])
    before = dict.fromkeys(names, np.array([2.0]))
    gradients = dict.fromkeys(names, gradient)
    one, other = plain(before, gradients), decaying(before, gradients)
    assert other["a/kernel"][0] == pytest.approx(one["a/kernel"][0] - 0.1 * 0.5 * 2.0)
    assert other["a/bias"][0] == one["a/bias"][0]


def test_schedules_by_hand() -> None:
    """A rate falls after so many steps; a warm-up rises in a line, then half a cosine falls, and stays."""
    assert [Steps((2, 3), 0.5).share(step) for step in range(5)] == [1.0, 1.0, 0.5, 0.25, 0.25]
    warmup = WarmupCosine(warmup_steps=2, decay_steps=4, start=0.5, end=0.2)
    assert [warmup.share(step) for step in (0, 1, 2, 4, 6, 99)] == pytest.approx([0.5, 0.75, 1.0, 0.6, 0.2, 0.2])
    assert WarmupCosine(0, 2).share(0) == 1.0

"""Specifications: the shapes that follow from them, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.spec import (
    SGD,
    Activation,
    Adam,
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
    SpecError,
)

LAYERS: tuple[Layer, ...] = (
    Convolution(filters=4, kernel=5, padding="same"),
    MaxPool(),
    Convolution(filters=6, kernel=3),
    MaxPool(3),
    Flatten(),
    Dense(units=8, relu=True),
    Dropout(0.2),
    Dense(units=10),
)


def spec(*layers: Layer, shape: tuple[int, int, int] = (13, 17, 3)) -> Spec:
    """A specification with a name to look for in messages."""
    return Spec("probe", shape, layers)


def test_shapes_follow_from_the_layers() -> None:
    """Same padding keeps the size, valid padding shrinks it, and pooling drops incomplete windows."""
    assert spec(*LAYERS).shapes() == (
        (13, 17, 4),
        (6, 8, 4),
        (4, 6, 6),
        (1, 2, 6),
        (12,),
        (8,),
        (8,),
        (10,),
    )


def test_parameters_are_named_and_ordered_by_layer() -> None:
    """Each layer with weights has a kernel and then a bias, counted by kind, in canonical layout."""
    assert list(spec(*LAYERS).parameter_shapes().items()) == [
        ("convolution_1/kernel", (5, 5, 3, 4)),
        ("convolution_1/bias", (4,)),
        ("convolution_2/kernel", (3, 3, 4, 6)),
        ("convolution_2/bias", (6,)),
        ("dense_1/kernel", (12, 8)),
        ("dense_1/bias", (8,)),
        ("dense_2/kernel", (8, 10)),
        ("dense_2/bias", (10,)),
    ]
    assert spec(*LAYERS).parameter_count() == 304 + 222 + 104 + 90
    assert spec(*LAYERS).classes == 10


def test_residual_blocks_are_counted_through() -> None:
    """Body first, then shortcut; strides halve, and running statistics have shapes of their own."""
    plain = Convolution(4, 3, 1, bias=False, activation="none")
    block = Residual((replace(plain, stride=2, groups=2), BatchNorm()), (Convolution(4, 1, 0, 2, activation="none"),))
    residual = spec(plain, BatchNorm(), block, MaxPool(3, 2, 1), GlobalAveragePool(), Dense(10))
    assert residual.shapes() == ((13, 17, 4), (13, 17, 4), (7, 9, 4), (4, 5, 4), (4,), (10,))
    assert residual.parameter_shapes() == {
        "convolution_1/kernel": (3, 3, 3, 4),
        "batch_norm_1/scale": (4,),
        "batch_norm_1/bias": (4,),
        "convolution_2/kernel": (3, 3, 2, 4),
        "batch_norm_2/scale": (4,),
        "batch_norm_2/bias": (4,),
        "convolution_3/kernel": (1, 1, 4, 4),
        "convolution_3/bias": (4,),
        "dense_1/kernel": (4, 10),
        "dense_1/bias": (10,),
    }
    assert list(residual.state_shapes()) == [f"batch_norm_{n}/{what}" for n in (1, 2) for what in ("mean", "variance")]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        pytest.param((), "last layer", id="no-layers"),
        pytest.param((Flatten(), Dense(10, relu=True)), "last layer", id="relu-on-logits"),
        pytest.param((Dense(10),), "layer 0 .*put a flatten layer", id="dense-on-an-image"),
        pytest.param((Flatten(), Flatten(), Dense(10)), "layer 1 .*height x width", id="flattened-twice"),
        pytest.param((MaxPool(14), Flatten(), Dense(10)), "layer 0 .*leaves nothing", id="pool-too-large"),
        pytest.param((Convolution(4, 14), Flatten(), Dense(10)), "layer 0 .*does not fit", id="kernel-too-large"),
        pytest.param((Convolution(0, 3), Flatten(), Dense(10)), "must be positive", id="no-filters"),
        pytest.param((Flatten(), Dropout(1.0), Dense(10)), "layer 1 .*below 1", id="dropout-of-everything"),
        pytest.param((Flatten(), Dense(0)), "units must be positive", id="no-units"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: tuple[Layer, ...], message: str) -> None:
    """The message names the specification, the layer and what is wrong with it."""
    with pytest.raises(SpecError, match=f"probe: .*{message}"):
        spec(*layers)


def test_an_image_has_three_sizes() -> None:
    """An input shape that is no height, width and channels is refused."""
    with pytest.raises(SpecError, match="input_shape"):
        spec(Flatten(), Dense(10), shape=(13, 0, 3))


def test_without_dropout_keeps_everything_else() -> None:
    """Every dropout rate becomes 0; layers, shapes and optimiser stay."""
    changed = spec(*LAYERS).with_optimizer(Adam(epsilon=1e-7)).without_dropout()
    assert [layer.rate for layer in changed.layers if isinstance(layer, Dropout)] == [0.0]
    assert changed.parameter_shapes() == spec(*LAYERS).parameter_shapes()
    assert changed.optimizer == Adam(epsilon=1e-7)


def test_with_optimizer_leaves_the_original_alone() -> None:
    """Specifications are values: changing one gives another."""
    original = spec(*LAYERS)
    assert original.with_optimizer(SGD()).optimizer == SGD(learning_rate=1.0)
    assert original.optimizer == Adam()


@pytest.mark.parametrize("branch", ["body", "shortcut"])
def test_a_bias_that_a_sum_hands_on_to_batch_normalisation_is_refused(branch: str) -> None:
    """It is taken away there as one right before it is; an activation after the sum keeps it."""
    biased = Convolution(4, 3, bias=True, activation="none")
    plain = Convolution(4, 3, bias=False, activation="none")
    branches = {"body": (plain,), "shortcut": (plain,)} | {branch: (biased,)}
    ends = (Flatten(), Dense(10))

    def network(activation: Activation) -> Spec:
        return Spec("any", (8, 8, 4), (Residual(**branches, activation=activation), BatchNorm(), *ends), SGD(0.1))

    with pytest.raises(SpecError, match="has no effect"):
        network("none")
    assert network("relu").parameter_shapes()

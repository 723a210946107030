"""Keras 3: a functional model with ``compile``, ``train_on_batch`` and ``fit``, whichever backend is chosen.

Where nothing branches, the model is a ``Sequential``.

Keras' layouts are the canonical ones, so nothing has to be turned round. Nothing is said about ``jit_compile``:
Keras decides, as it does for its users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from models.contract import Device, DeviceUnavailableError, Images, Labels, Precision, Weights, check_precision
from models.optimizers import decays, schedule_of
from models.spec import (
    SGD,
    Activation,
    Adam,
    AdamW,
    AveragePool,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Optimizer,
    Placed,
    Residual,
    Spec,
    Steps,
    activation_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models.forms import AdamForm, DecayForm, MomentumForm, VarianceForm

Batch = tuple[Any, Any]


class Adapter:
    """One network trained by Keras; the members are described in :class:`models.contract.Adapter`."""

    adam_form: ClassVar[AdamForm] = "epsilon-hat"
    momentum_form: ClassVar[MomentumForm] = "rate-inside"
    decay_form: ClassVar[DecayForm] = "decoupled"
    variance_form: ClassVar[VarianceForm] = "biased"

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        check_precision(precision)
        self.device = _device(device, precision)
        self.spec = spec
        keras.utils.set_random_seed(seed)
        with keras.device(self.device):
            builder = _Builder(precision, seed)
            self.model = builder.model(spec)
            self.variables = builder.variables()
            for name in spec.parameter_shapes() if weights is not None else ():
                variable = self.variables[name]
                variable.assign(np.reshape(weights[name], variable.shape))  # type: ignore[index]
            self.model.compile(optimizer=_optimizer(spec.optimizer, self.variables), loss=_loss(spec))

        # Before its pull request 22617, Keras returned the mean loss of all steps since metrics were last reset. A step
        # of such a version is charged with the reset, as one of a later version is.
        self.resets_itself = "reset_metrics" in type(self.model).train_on_batch.__code__.co_names

    def to_device(self, images: Images, labels: Labels) -> Batch:
        with keras.device(self.device):
            return keras.ops.convert_to_tensor(images), keras.ops.convert_to_tensor(labels)

    def training_step(self, batch: Batch) -> Any:
        with keras.device(self.device):
            if not self.resets_itself:
                self.model.reset_metrics()
            return self.model.train_on_batch(*batch)

    def train_epoch(self, images: Images, labels: Labels, order: NDArray[np.int64] | None, batch_size: int) -> float:
        shuffle = order is None
        if order is not None:
            images, labels = images[order], labels[order]
        with keras.device(self.device):
            history = self.model.fit(images, labels, batch_size=batch_size, shuffle=shuffle, verbose=0)
        return float(history.history["loss"][0])

    def logits(self, images: Images) -> NDArray[np.float32]:
        with keras.device(self.device):
            return np.asarray(self.model.predict_on_batch(images))

    def weights(self) -> Weights:
        return self._arrays(self.spec.parameter_shapes())

    def running_statistics(self) -> Weights:
        return self._arrays(self.spec.state_shapes())

    def _arrays(self, shapes: dict[str, tuple[int, ...]]) -> Weights:
        """Canonical arrays; a depthwise kernel has the same numbers in the same order."""
        kept = ((name, keras.ops.convert_to_numpy(self.variables[name].value)) for name in shapes)
        return {name: np.array(array).reshape(shapes[name]) for name, array in kept}

    def synchronize(self) -> None:
        # Whatever the backend, a variable can be read only when everything asked of it is done.
        keras.ops.convert_to_numpy(self.model.trainable_variables[-1])

    def peak_device_memory_bytes(self) -> int | None:
        return _peak_gpu_memory_bytes() if not self.device.startswith("cpu") else None


def _device(device: Device, precision: Precision) -> str:
    backend = keras.backend.backend()
    if device == "cpu":
        # On PyTorch, "cpu:0" gives variables that get no gradients; on JAX, Keras before 3.12 refuses a bare "cpu".
        return "cpu" if backend == "torch" else "cpu:0"
    name = "cuda" if backend == "torch" else "gpu:0"
    try:
        with keras.device(name):
            found = str(keras.ops.zeros(1).device).lower()
    except (RuntimeError, AssertionError, ValueError) as error:
        raise DeviceUnavailableError(f"Keras {keras.__version__} on {backend} cannot use a GPU: {error}") from error
    if "gpu" not in found and "cuda" not in found:
        raise DeviceUnavailableError(f"Keras {keras.__version__} on {backend} sees no GPU, only {found}")
    _set_tensorfloat(on=precision == "tf32")
    return name


class _Builder:
    """Makes the layers of a network, and remembers which of their variables is which."""

    def __init__(self, precision: Precision, seed: int) -> None:
        self._lower = precision == "bfloat16"
        # float32 is said, too: a user's keras.json could have another default.
        self._common: dict[str, Any] = {"dtype": "mixed_bfloat16" if self._lower else "float32"}
        self._seed = seed
        self._made: list[tuple[str, keras.Layer]] = []

    def model(self, spec: Spec) -> keras.Model:
        """The network, with its initial weights drawn."""
        images = keras.Input(spec.input_shape)
        if not any(isinstance(layer, Residual) for layer in spec.layers):
            return keras.Sequential([images, *self._layers(spec.placed()), *self._outputs()])
        values = self._through(spec.placed(), images)
        for layer in self._outputs():
            values = layer(values)
        return keras.Model(images, values)

    def _outputs(self) -> Iterator[keras.Layer]:
        """Keras' guide to mixed precision has a model give float32, for the loss to be exact."""
        if self._lower:
            yield keras.layers.Activation("linear", dtype="float32")

    def variables(self) -> dict[str, keras.Variable]:
        """Trainable ones and running statistics by their canonical names."""
        result: dict[str, keras.Variable] = {}
        for name, layer in self._made:
            if isinstance(layer, keras.layers.BatchNormalization):
                kept = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
                result |= dict(
                    zip((f"{name}/{what}" for what in ("scale", "bias", "mean", "variance")), kept, strict=True)
                )
            else:
                result |= {f"{name}/kernel": layer.kernel} | ({f"{name}/bias": layer.bias} if layer.use_bias else {})
        return result

    def _through(self, layers: tuple[Placed, ...], values: Any) -> Any:
        for placed in layers:
            if isinstance(placed.layer, Residual):
                values = keras.layers.Add(**self._common)(
                    [self._through(placed.body, values), self._through(placed.shortcut, values)]
                )
                after = self._activation(activation_of(placed.layer))
            else:
                after = self._layers((placed,))
            for layer in after:
                values = layer(values)
        return values

    def _layers(self, layers: tuple[Placed, ...]) -> Iterator[keras.Layer]:
        for placed in layers:
            layer = placed.layer
            if isinstance(layer, Convolution):
                yield from self._convolution(placed.name, layer, placed.before[-1])
            elif isinstance(layer, BatchNorm):
                made = keras.layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon, **self._common)
                yield self._named(placed.name, made)
                yield from self._activation(layer.activation)
            elif isinstance(layer, MaxPool | AveragePool):
                yield from self._pool(layer)
            elif isinstance(layer, GlobalAveragePool):
                yield keras.layers.GlobalAveragePooling2D(data_format="channels_last", **self._common)
            elif isinstance(layer, Flatten):
                yield keras.layers.Flatten(data_format="channels_last", **self._common)
            elif isinstance(layer, Dropout):
                yield keras.layers.Dropout(layer.rate, seed=self._seed, **self._common)
            elif isinstance(layer, Dense):
                activation = "relu" if layer.relu else None
                yield self._named(placed.name, keras.layers.Dense(layer.units, activation, **self._common))

    def _convolution(self, name: str, layer: Convolution, channels: int) -> Iterator[keras.Layer]:
        padding = layer.padding
        if not isinstance(padding, str) and layer.stride == 1 and 2 * padding == layer.kernel - 1:
            padding = "same"
        if not isinstance(padding, str):
            if padding:
                yield keras.layers.ZeroPadding2D(padding, data_format="channels_last", **self._common)
            padding = "valid"
        common: dict[str, Any] = {
            "strides": layer.stride,
            "padding": padding,
            "use_bias": layer.bias,
            "activation": None if layer.activation == "none" else layer.activation,
            "data_format": "channels_last",
            **self._common,
        }
        if layer.groups == channels > 1:
            made = keras.layers.DepthwiseConv2D(layer.kernel, depth_multiplier=layer.filters // channels, **common)
        else:
            made = keras.layers.Conv2D(layer.filters, layer.kernel, groups=layer.groups, **common)
        yield self._named(name, made)

    def _pool(self, layer: MaxPool | AveragePool) -> Iterator[keras.Layer]:
        kind = keras.layers.MaxPooling2D if isinstance(layer, MaxPool) else keras.layers.AveragePooling2D
        if layer.padding and isinstance(layer, MaxPool):
            yield _PaddedByNothing(layer.padding, **self._common)
        elif layer.padding:
            yield keras.layers.ZeroPadding2D(layer.padding, data_format="channels_last", **self._common)
        yield kind(layer.size, layer.step, data_format="channels_last", **self._common)

    def _activation(self, activation: Activation) -> Iterator[keras.Layer]:
        if activation != "none":
            yield keras.layers.Activation(activation, **self._common)

    def _named(self, name: str, layer: keras.Layer) -> keras.Layer:
        self._made.append((name, layer))
        return layer


class _PaddedByNothing(keras.layers.Layer):  # type: ignore[misc]
    """Padding that is never the largest; Keras pads with zeros, or on one side more than on the other."""

    def __init__(self, margin: int, **common: Any) -> None:
        super().__init__(**common)
        self.margin = margin

    def call(self, images: Any) -> Any:
        margins = ((0, 0), (self.margin, self.margin), (self.margin, self.margin), (0, 0))
        return keras.ops.pad(images, margins, constant_values=-np.inf)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        examples, height, width, channels = shape
        return (examples, height and height + 2 * self.margin, width and width + 2 * self.margin, channels)


def _loss(spec: Spec) -> Any:
    if not spec.label_smoothing:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    smoothed = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=spec.label_smoothing)

    def loss(labels: Any, logits: Any) -> Any:
        # Only the categorical loss smooths, and it takes one row for each label.
        return smoothed(keras.ops.one_hot(keras.ops.reshape(labels, (-1,)), spec.classes), logits)

    return loss


def _optimizer(rule: Optimizer, variables: dict[str, keras.Variable]) -> keras.optimizers.Optimizer:
    rate = _rate(rule)
    if isinstance(rule, SGD):
        made = keras.optimizers.SGD(rate, rule.momentum, rule.nesterov, weight_decay=rule.weight_decay or None)
    elif isinstance(rule, Adam | AdamW):
        constants = {"beta_1": rule.beta_1, "beta_2": rule.beta_2, "epsilon": rule.epsilon}
        if isinstance(rule, Adam):
            return keras.optimizers.Adam(rate, **constants)
        made = keras.optimizers.AdamW(rate, weight_decay=rule.weight_decay, **constants)
    else:
        return keras.optimizers.Adam(rate)
    if made.weight_decay:
        made.exclude_from_weight_decay([one for name, one in variables.items() if not decays(name)])
    return made


def _rate(rule: Optimizer) -> Any:
    """The learning rate, or the schedule that gives it."""
    schedule, rate = schedule_of(rule), rule.learning_rate
    if schedule is None:
        return rate
    if isinstance(schedule, Steps):
        # The new value is for steps after a boundary, counted from 0; ours is from the boundary on.
        bounds = [boundary - 1 for boundary in schedule.boundaries]
        values = [rate * schedule.factor**falls for falls in range(len(bounds) + 1)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(bounds, values)
    if not schedule.warmup_steps:
        return keras.optimizers.schedules.CosineDecay(rate, schedule.decay_steps, schedule.end)
    return keras.optimizers.schedules.CosineDecay(
        rate * schedule.start,
        schedule.decay_steps,
        schedule.end,
        warmup_target=rate,
        warmup_steps=schedule.warmup_steps,
    )


# Keras has no word for what follows, so its backend, the only one that may be imported, is asked.


def _set_tensorfloat(*, on: bool) -> None:
    """TensorFloat-32 keeps 10 bits of the mantissa: fast, but not float32."""
    if keras.backend.backend() == "torch":
        import torch  # noqa: PLC0415

        torch.backends.cuda.matmul.allow_tf32 = on
        torch.backends.cudnn.allow_tf32 = on
    elif keras.backend.backend() == "jax":
        import jax  # noqa: PLC0415

        jax.config.update("jax_default_matmul_precision", "tensorfloat32" if on else "highest")  # type: ignore[no-untyped-call]
    else:
        import tensorflow as tf  # noqa: PLC0415

        tf.config.experimental.enable_tensor_float_32_execution(on)


def _peak_gpu_memory_bytes() -> int | None:
    peak: int | None
    if keras.backend.backend() == "torch":
        import torch  # noqa: PLC0415

        return torch.cuda.max_memory_allocated()
    if keras.backend.backend() == "jax":
        import jax  # noqa: PLC0415

        statistics = jax.devices("gpu")[0].memory_stats()
        return statistics["peak_bytes_in_use"] if statistics else None
    import tensorflow as tf  # noqa: PLC0415

    peak = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return peak

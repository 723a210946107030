"""TensorFlow, low-level: variables, ``tf.nn`` operations, a gradient tape, and update rules written by hand.

TensorFlow's own layouts are the canonical ones, so nothing has to be turned round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import tensorflow as tf

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
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.forms import AdamForm, DecayForm, MomentumForm, VarianceForm

Batch = tuple[tf.Tensor, tf.Tensor]


class Adapter:
    """One network trained by TensorFlow; the members are described in :class:`models.contract.Adapter`."""

    adam_form: ClassVar[AdamForm] = "epsilon-hat"
    momentum_form: ClassVar[MomentumForm] = "rate-outside"
    decay_form: ClassVar[DecayForm] = "coupled"
    variance_form: ClassVar[VarianceForm] = "unbiased"
    jit_compile: ClassVar[bool] = False

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        check_precision(precision)
        self.device = _device(device, precision)
        # Variables stay in float32: what is computed with them is cast, as TensorFlow's guide does it.
        self.arithmetic = tf.bfloat16 if precision == "bfloat16" else tf.float32
        tf.random.set_seed(seed)
        self.spec = spec
        with tf.device(self.device):
            initial = _drawn(spec) if weights is None else weights
            self.model = {name: tf.Variable(initial[name], name=name) for name in spec.parameter_shapes()}
            self.statistics = {
                name: tf.Variable((tf.ones if name.endswith("/variance") else tf.zeros)(shape), name=name)
                for name, shape in spec.state_shapes().items()
            }
            self.optimizer = _optimizer(spec, self.model)
        # The batch axis is left open, so that a smaller last batch is not traced anew.
        images, labels = tf.TensorSpec((None, *spec.input_shape), tf.float32), tf.TensorSpec((None,), tf.int64)
        self._step = tf.function(self._train, input_signature=[images, labels], jit_compile=self.jit_compile)
        self._outputs = tf.function(self._forward, input_signature=[images], jit_compile=self.jit_compile)
        self._pipeline: _Pipeline | None = None

    def to_device(self, images: Images, labels: Labels) -> Batch:
        with tf.device(self.device):
            return tf.constant(images), tf.constant(labels)

    def training_step(self, batch: Batch) -> tf.Tensor:
        with tf.device(self.device):
            return self._step(*batch)

    def train_epoch(self, images: Images, labels: Labels, order: NDArray[np.int64] | None, batch_size: int) -> float:
        if self._pipeline is None or not self._pipeline.serves(images, labels, batch_size):
            self._pipeline = _Pipeline(images, labels, batch_size)
        # A random order of all examples, as Dataset.shuffle with a buffer for all of them gives.
        visited = tf.random.shuffle(tf.range(len(labels), dtype=tf.int64)) if order is None else order
        losses, sizes = [], []
        for batch in self._pipeline.batches(visited):
            losses.append(self.training_step(batch))
            sizes.append(len(batch[1]))
        return float(np.average(tf.stack(losses), weights=sizes))

    def logits(self, images: Images) -> NDArray[np.float32]:
        with tf.device(self.device):
            return np.asarray(self._outputs(tf.constant(images)))

    def weights(self) -> Weights:
        return {name: np.array(variable) for name, variable in self.model.items()}

    def running_statistics(self) -> Weights:
        return {name: np.array(variable) for name, variable in self.statistics.items()}

    def synchronize(self) -> None:
        tf.test.experimental.sync_devices()

    def peak_device_memory_bytes(self) -> int | None:
        return tf.config.experimental.get_memory_info(self.device)["peak"] if self.device.startswith("GPU") else None

    def _train(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = self._loss(self._forward(images, training=True), labels)
        self.optimizer.apply(tape.gradient(loss, self.optimizer.variables))
        return loss

    def _loss(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        smoothing = self.spec.label_smoothing
        if not smoothing:
            return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        smoothed = tf.one_hot(labels, self.spec.classes) * (1.0 - smoothing) + smoothing / self.spec.classes
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(smoothed, logits))

    def _forward(self, images: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        outputs = self._through(self.spec.placed(), tf.cast(images, self.arithmetic), training=training)
        return tf.cast(outputs, tf.float32)

    def _through(self, layers: tuple[Placed, ...], values: tf.Tensor, *, training: bool) -> tf.Tensor:
        for placed in layers:
            if isinstance(placed.layer, Residual):
                body = self._through(placed.body, values, training=training)
                values = body + self._through(placed.shortcut, values, training=training)
            else:
                values = self._layer(placed, values, training=training)
            values = _ACTIVATIONS[activation_of(placed.layer)](values)
        return values

    def _layer(  # noqa: PLR0911 - a kind of layer each
        self, placed: Placed, values: tf.Tensor, *, training: bool
    ) -> tf.Tensor:
        layer, name = placed.layer, placed.name
        if isinstance(layer, Convolution):
            values = _convolve(values, self._cast(f"{name}/kernel"), layer)
            return tf.nn.bias_add(values, self._cast(f"{name}/bias")) if layer.bias else values
        if isinstance(layer, BatchNorm):
            return self._normalise(name, layer, values, training=training)
        if isinstance(layer, MaxPool):
            # Not by the operation's own explicit padding, which XLA has none of.
            padded = tf.pad(values, _padding(layer.padding), constant_values=-np.inf) if layer.padding else values
            return tf.nn.max_pool2d(padded, layer.size, layer.step, "VALID")
        if isinstance(layer, AveragePool):
            padded = tf.pad(values, _padding(layer.padding)) if layer.padding else values
            return tf.nn.avg_pool2d(padded, layer.size, layer.step, "VALID")
        if isinstance(layer, GlobalAveragePool):
            return tf.reduce_mean(values, (1, 2))
        if isinstance(layer, Flatten):
            return tf.reshape(values, (-1, np.prod(values.shape[1:])))
        if isinstance(layer, Dropout):
            return self._dropout(values, layer.rate) if training else values
        return tf.nn.bias_add(tf.linalg.matmul(values, self._cast(f"{name}/kernel")), self._cast(f"{name}/bias"))

    def _cast(self, name: str) -> tf.Tensor:
        return tf.cast(self.model[name], self.arithmetic)

    def _normalise(self, name: str, layer: BatchNorm, values: tf.Tensor, *, training: bool) -> tf.Tensor:
        scale, bias = self.model[f"{name}/scale"], self.model[f"{name}/bias"]
        mean, variance = self.statistics[f"{name}/mean"], self.statistics[f"{name}/variance"]
        if not training:
            values = tf.cast(values, tf.float32)
            outputs = tf.nn.batch_normalization(values, mean, variance, bias, scale, layer.epsilon)
            return tf.cast(outputs, self.arithmetic)
        images = tf.reshape(values, (-1, 1, 1, values.shape[-1])) if values.shape.rank == 2 else values
        # The fused operation gives the running statistics too, with the unbiased variance.
        outputs, new_mean, new_variance = tf.compat.v1.nn.fused_batch_norm(
            images, scale, bias, mean, variance, layer.epsilon, exponential_avg_factor=1.0 - layer.momentum
        )
        mean.assign(new_mean)
        variance.assign(new_variance)
        return tf.reshape(outputs, tf.shape(values))

    def _dropout(self, values: tf.Tensor, rate: float) -> tf.Tensor:
        return tf.nn.dropout(values, rate)


class _Pipeline:
    """A ``tf.data`` pipeline over arrays that it copies once; each epoch only its order is new."""

    def __init__(self, images: Images, labels: Labels, batch_size: int) -> None:
        self._arrays, self._batch_size = (images, labels), batch_size
        with tf.device("CPU:0"):
            tensors = tf.constant(images), tf.constant(labels)
            self._order = tf.Variable(tf.zeros(len(labels), tf.int64))
        starts = tf.data.Dataset.range(0, len(labels), batch_size)
        # One batch is prepared while another is trained. Parallel calls only took cores from training: measured on
        # digits, an epoch costs 15 ms more than its steps this way, and 46 ms with AUTOTUNE for both.
        self._dataset = starts.map(
            lambda start: tuple(tf.gather(tensor, self._order[start : start + batch_size]) for tensor in tensors)
        ).prefetch(2)

    def serves(self, images: Images, labels: Labels, batch_size: int) -> bool:
        """Whether this pipeline was made for these very arrays."""
        return self._arrays[0] is images and self._arrays[1] is labels and self._batch_size == batch_size

    def batches(self, order: NDArray[np.int64] | tf.Tensor) -> tf.data.Dataset:
        """The batches of one epoch."""
        self._order.assign(order)
        return self._dataset


def _convolve(values: tf.Tensor, kernel: tf.Tensor, layer: Convolution) -> tf.Tensor:
    channels = values.shape[-1]
    if isinstance(layer.padding, str):
        padding = layer.padding.upper()
    elif layer.stride == 1 and 2 * layer.padding == layer.kernel - 1:
        padding = "SAME"
    else:
        # Not by the operation's own explicit padding, whose kernel for bfloat16 takes eighteen times as long on a CPU.
        values, padding = tf.pad(values, _padding(layer.padding)), "VALID"
    if layer.groups == 1:
        return tf.nn.conv2d(values, kernel, layer.stride, padding)
    if layer.groups == channels:
        depthwise = tf.reshape(kernel, (layer.kernel, layer.kernel, channels, -1))
        return tf.nn.depthwise_conv2d(values, depthwise, (1, layer.stride, layer.stride, 1), padding)
    # tf.nn.conv2d has no gradient for groups on a CPU.
    parts = zip(tf.split(values, layer.groups, -1), tf.split(kernel, layer.groups, -1), strict=True)
    return tf.concat([tf.nn.conv2d(part, own, layer.stride, padding) for part, own in parts], -1)


def _padding(margin: int) -> list[list[int]]:
    """As operations take it: of each axis, before and after."""
    return [[0, 0], [margin, margin], [margin, margin], [0, 0]]


_ACTIVATIONS: dict[Activation, Callable[[tf.Tensor], tf.Tensor]] = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "gelu": tf.nn.gelu,
    "none": lambda values: values,
}


class _Rule:
    """What all update rules share: variables, and the learning rate of each step."""

    def __init__(self, rule: SGD | Adam | AdamW, model: dict[str, tf.Variable]) -> None:
        self.variables = list(model.values())
        self.decaying = [decays(name) for name in model]
        self._schedule, self._rate = schedule_of(rule), rule.learning_rate
        self.steps = tf.Variable(0.0)

    def rate(self) -> tf.Tensor:
        """That of the next step."""
        schedule, step = self._schedule, self.steps
        if schedule is None:
            return tf.constant(self._rate)
        if isinstance(schedule, Steps):
            passed = tf.reduce_sum(tf.cast(step >= tf.constant(schedule.boundaries, tf.float32), tf.float32))
            return self._rate * schedule.factor**passed
        rising = schedule.start + (1.0 - schedule.start) * step / max(1, schedule.warmup_steps)
        share = tf.minimum(1.0, (step - schedule.warmup_steps) / schedule.decay_steps)
        falling = schedule.end + (1.0 - schedule.end) * 0.5 * (1.0 + tf.cos(np.pi * share))
        return self._rate * tf.where(step < schedule.warmup_steps, rising, falling)


class _GradientDescent(_Rule):
    def __init__(self, rule: SGD, model: dict[str, tf.Variable]) -> None:
        super().__init__(rule, model)
        self.rule = rule
        moving = self.variables if rule.momentum else []
        self.velocities = [tf.Variable(tf.zeros_like(variable)) for variable in moving]

    def apply(self, gradients: list[tf.Tensor]) -> None:
        rule, rate = self.rule, self.rate()
        for index, (variable, gradient) in enumerate(zip(self.variables, gradients, strict=True)):
            change = gradient + rule.weight_decay * variable if rule.weight_decay and self.decaying[index] else gradient
            if rule.momentum:
                velocity = self.velocities[index].assign(rule.momentum * self.velocities[index] + change)
                change = change + rule.momentum * velocity if rule.nesterov else velocity
            variable.assign_sub(rate * change)
        self.steps.assign_add(1.0)


class _Adam(_Rule):
    """Adam in the form of TensorFlow's own: epsilon is added to the root that is not corrected for its bias."""

    def __init__(self, rule: Adam | AdamW, model: dict[str, tf.Variable]) -> None:
        super().__init__(rule, model)
        self.rule = rule
        self.first = [tf.Variable(tf.zeros_like(variable)) for variable in self.variables]
        self.second = [tf.Variable(tf.zeros_like(variable)) for variable in self.variables]

    def apply(self, gradients: list[tf.Tensor]) -> None:
        rule, plain_rate = self.rule, self.rate()
        steps = self.steps.assign_add(1.0)
        rate = plain_rate * tf.sqrt(1.0 - rule.beta_2**steps) / (1.0 - rule.beta_1**steps)
        decay = rule.weight_decay if isinstance(rule, AdamW) else 0.0
        each = zip(self.variables, gradients, self.first, self.second, self.decaying, strict=True)
        for variable, gradient, first, second, decaying in each:
            first.assign_add((1.0 - rule.beta_1) * (gradient - first))
            second.assign_add((1.0 - rule.beta_2) * (tf.square(gradient) - second))
            if decay and decaying:
                variable.assign_sub(plain_rate * decay * variable)
            variable.assign_sub(rate * first / (tf.sqrt(second) + rule.epsilon))


def _optimizer(spec: Spec, model: dict[str, tf.Variable]) -> _Adam | _GradientDescent:
    rule: Optimizer = spec.optimizer
    if isinstance(rule, SGD):
        return _GradientDescent(rule, model)
    if isinstance(rule, Adam | AdamW):
        return _Adam(rule, model)
    # The defaults of tf.compat.v1.train.AdamOptimizer, the only Adam outside Keras.
    return _Adam(Adam(rule.learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-8), model)


def _drawn(spec: Spec) -> dict[str, tf.Tensor]:
    # A tf.Variable has no initial values by default; these are those of tf.compat.v1.get_variable, and no bias.
    kernel, bias = tf.compat.v1.glorot_uniform_initializer(), tf.zeros_initializer()
    drawn = {"kernel": kernel, "scale": tf.ones_initializer(), "bias": bias}
    return {name: drawn[name.rpartition("/")[2]](shape) for name, shape in spec.parameter_shapes().items()}


def _device(device: Device, precision: Precision) -> str:
    if device == "cpu":
        return "CPU:0"
    if not tf.config.list_physical_devices("GPU"):
        seen = ", ".join(found.name for found in tf.config.list_physical_devices())
        raise DeviceUnavailableError(f"TensorFlow {tf.__version__} sees no GPU, only {seen}")
    # TensorFloat-32 keeps 10 bits of the mantissa: fast, but not float32.
    tf.config.experimental.enable_tensor_float_32_execution(precision == "tf32")
    return "GPU:0"

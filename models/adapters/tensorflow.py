"""TensorFlow, low-level: variables, ``tf.nn`` operations, a gradient tape, and Adam written by hand.

TensorFlow's own layouts are the canonical ones, so nothing has to be turned round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import tensorflow as tf

from models.contract import AdamForm, Device, DeviceUnavailableError, Images, Labels, Precision, Weights
from models.spec import SGD, Adam, Convolution, Dense, Dropout, Flatten, MaxPool, Spec

if TYPE_CHECKING:
    from numpy.typing import NDArray

Batch = tuple[tf.Tensor, tf.Tensor]


class Adapter:
    """One network trained by TensorFlow; the members are described in :class:`models.contract.Adapter`."""

    adam_form: ClassVar[AdamForm] = "epsilon-hat"
    jit_compile: ClassVar[bool] = False

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        if precision != "float32":
            raise ValueError(f"unknown precision {precision!r}; known: float32")
        self.device = _device(device)
        tf.random.set_seed(seed)
        self.spec = spec
        with tf.device(self.device):
            initial = _drawn(spec) if weights is None else weights
            self.model = {name: tf.Variable(initial[name], name=name) for name in spec.parameter_shapes()}
            self.optimizer = _optimizer(spec, list(self.model.values()))
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

    def synchronize(self) -> None:
        tf.test.experimental.sync_devices()

    def peak_device_memory_bytes(self) -> int | None:
        return tf.config.experimental.get_memory_info(self.device)["peak"] if self.device.startswith("GPU") else None

    def _train(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = self._forward(images, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        self.optimizer.apply(tape.gradient(loss, self.optimizer.variables))
        return loss

    def _forward(self, images: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        values, parameters = images, iter(self.model.values())
        for layer in self.spec.layers:
            if isinstance(layer, Convolution):
                values = tf.nn.conv2d(values, next(parameters), strides=1, padding=layer.padding.upper())
                values = tf.nn.relu(tf.nn.bias_add(values, next(parameters)))
            elif isinstance(layer, MaxPool):
                values = tf.nn.max_pool2d(values, layer.size, strides=layer.size, padding="VALID")
            elif isinstance(layer, Flatten):
                values = tf.reshape(values, (-1, np.prod(values.shape[1:])))
            elif isinstance(layer, Dropout):
                values = self._dropout(values, layer.rate) if training else values
            elif isinstance(layer, Dense):
                values = tf.nn.bias_add(tf.linalg.matmul(values, next(parameters)), next(parameters))
                values = tf.nn.relu(values) if layer.relu else values
        return values

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


class _GradientDescent:
    def __init__(self, rule: SGD, variables: list[tf.Variable]) -> None:
        self.rule, self.variables = rule, variables

    def apply(self, gradients: list[tf.Tensor]) -> None:
        for variable, gradient in zip(self.variables, gradients, strict=True):
            variable.assign_sub(self.rule.learning_rate * gradient)


class _Adam:
    """Adam in the form of TensorFlow's own: epsilon is added to the root that is not corrected for its bias."""

    def __init__(self, rule: Adam, variables: list[tf.Variable]) -> None:
        self.rule, self.variables = rule, variables
        self.first = [tf.Variable(tf.zeros_like(variable)) for variable in variables]
        self.second = [tf.Variable(tf.zeros_like(variable)) for variable in variables]
        self.steps = tf.Variable(0.0)

    def apply(self, gradients: list[tf.Tensor]) -> None:
        rule, steps = self.rule, self.steps.assign_add(1.0)
        rate = rule.learning_rate * tf.sqrt(1.0 - rule.beta_2**steps) / (1.0 - rule.beta_1**steps)
        for variable, gradient, first, second in zip(self.variables, gradients, self.first, self.second, strict=True):
            first.assign_add((1.0 - rule.beta_1) * (gradient - first))
            second.assign_add((1.0 - rule.beta_2) * (tf.square(gradient) - second))
            variable.assign_sub(rate * first / (tf.sqrt(second) + rule.epsilon))


def _optimizer(spec: Spec, variables: list[tf.Variable]) -> _Adam | _GradientDescent:
    rule = spec.optimizer
    if isinstance(rule, SGD):
        return _GradientDescent(rule, variables)
    if isinstance(rule, Adam):
        return _Adam(rule, variables)
    # The defaults of tf.compat.v1.train.AdamOptimizer, the only Adam outside Keras.
    return _Adam(Adam(rule.learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-8), variables)


def _drawn(spec: Spec) -> dict[str, tf.Tensor]:
    # A tf.Variable has no initial values by default; these are those of tf.compat.v1.get_variable, and no bias.
    kernel, bias = tf.compat.v1.glorot_uniform_initializer(), tf.zeros_initializer()
    return {
        name: (kernel if name.endswith("/kernel") else bias)(shape) for name, shape in spec.parameter_shapes().items()
    }


def _device(device: Device) -> str:
    if device == "cpu":
        return "CPU:0"
    if not tf.config.list_physical_devices("GPU"):
        seen = ", ".join(found.name for found in tf.config.list_physical_devices())
        raise DeviceUnavailableError(f"TensorFlow {tf.__version__} sees no GPU, only {seen}")
    # TensorFloat-32 keeps 10 bits of the mantissa: fast, but not float32.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    return "GPU:0"

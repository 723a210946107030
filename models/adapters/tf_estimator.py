"""TF Estimator: a ``model_fn`` of ``tf.compat.v1.layers``, and graphs, sessions and checkpoints behind the scenes.

All state is in checkpoints: every call of ``train`` builds a graph, restores the latest one, and saves one at its end.
"""

from __future__ import annotations

import itertools
import queue
import tempfile
import threading
import warnings
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import tensorflow as tf

from models.contract import Device, DeviceUnavailableError, Images, Labels, Precision, Weights
from models.optimizers import decays, schedule_of
from models.spec import (
    SGD,
    Activation,
    AveragePool,
    BatchNorm,
    Convolution,
    DefaultAdam,
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

Batch = tuple[Images, Labels]

# Each step of the way is deprecated, and says so; errors are still shown.
tf.get_logger().setLevel("ERROR")
warnings.filterwarnings("ignore", message="`tf.layers")

layers, numpy_input_fn = tf.compat.v1.layers, tf.compat.v1.estimator.inputs.numpy_input_fn


class Adapter:
    """One network trained by TF Estimator; the members are described in :class:`models.contract.Adapter`."""

    adam_form: ClassVar[AdamForm] = "epsilon-hat"
    momentum_form: ClassVar[MomentumForm] = "rate-outside"
    decay_form: ClassVar[DecayForm] = "coupled"
    variance_form: ClassVar[VarianceForm] = "unbiased"

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        if precision != "float32":
            raise ValueError(f"TF Estimator is trained in float32 only, not in {precision}")
        if device != "cpu":
            raise DeviceUnavailableError(f"TensorFlow {tf.__version__} with estimators is here for the CPU only")
        self.spec = spec
        self._folder = tempfile.TemporaryDirectory(prefix="tf-estimator-")
        self._estimator = tf.estimator.Estimator(
            _model_fn(spec, weights, seed), self._folder.name, tf.estimator.RunConfig(tf_random_seed=seed)
        )
        self._live: _LiveTraining | None = None

    def to_device(self, images: Images, labels: Labels) -> Batch:
        return images, labels

    def training_step(self, batch: Batch) -> float:
        return self._training().step(batch)

    def train_epoch(self, images: Images, labels: Labels, order: NDArray[np.int64] | None, batch_size: int) -> float:
        if self._live is not None:
            self._save()
        if order is not None:
            images, labels = images[order], labels[order]
        losses = _LossHistory()
        self._estimator.train(numpy_input_fn(images, labels, batch_size, shuffle=order is None), hooks=[losses])
        return losses.mean()

    def logits(self, images: Images) -> NDArray[np.float32]:
        self._save()
        input_fn = numpy_input_fn(images, batch_size=len(images), shuffle=False)
        return np.concatenate(list(self._estimator.predict(input_fn, yield_single_examples=False)))

    def weights(self) -> Weights:
        return self._arrays(self.spec.parameter_shapes())

    def running_statistics(self) -> Weights:
        return self._arrays(self.spec.state_shapes())

    def _arrays(self, shapes: dict[str, tuple[int, ...]]) -> Weights:
        """Canonical arrays; a depthwise kernel has the same numbers in the same order."""
        self._save()
        kept = {name: self._estimator.get_variable_value(_stock_name(name)) for name in shapes}
        return {name: np.reshape(array, shapes[name]) for name, array in kept.items()}

    def synchronize(self) -> None:
        """Nothing to wait for: a session's step returns when it is done."""

    def peak_device_memory_bytes(self) -> int | None:
        return None

    def _training(self) -> _LiveTraining:
        if self._live is None:
            self._live = _LiveTraining(self._estimator, self.spec)
            # Its thread must not outlive the adapter; at the end of the process nobody waits for it.
            weakref.finalize(self, self._live.close).atexit = False
        return self._live

    def _save(self) -> None:
        """Have the state in the latest checkpoint, from which everything but the next step of a live loop starts."""
        if self._live is not None or self._estimator.latest_checkpoint() is None:
            training, self._live = self._training(), None
            training.stop()


def _model_fn(spec: Spec, weights: Weights | None, seed: int) -> Callable[..., Any]:
    # A session begins its random numbers anew: with the same seed, every epoch would drop the same.
    calls, initial = itertools.count(), weights or {}

    def load_weights(_scaffold: Any, session: Any) -> None:
        """Called by the first session only: later ones restore a checkpoint."""
        variables = {variable.op.name: variable for variable in tf.compat.v1.trainable_variables()}
        for name, array in initial.items():
            variable = variables[_stock_name(name)]
            variable.load(np.reshape(array, variable.shape), session)

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        training = mode == tf.estimator.ModeKeys.TRAIN
        if training:
            tf.compat.v1.set_random_seed(np.random.SeedSequence([seed, next(calls)]).generate_state(1)[0] % 2**31)
        logits = _network(spec, features, training=training)
        if not training:
            return tf.estimator.EstimatorSpec(mode, predictions=logits)
        loss = _loss(spec, logits, labels)
        # Batch normalisation leaves the running statistics to whoever trains.
        with tf.control_dependencies(tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)):
            train_op = _train_op(spec.optimizer, loss)
        tf.identity(loss, name="mean_loss")
        tf.size(labels, name="batch_size")
        scaffold = tf.compat.v1.train.Scaffold(init_fn=load_weights if weights else None)
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op, scaffold=scaffold)

    return model_fn


def _network(spec: Spec, images: Any, *, training: bool) -> Any:
    """Logits; layers are named so that variables have the names of ``Spec.parameter_shapes``."""
    return _through(spec.placed(), images, training=training)


def _through(placed: tuple[Placed, ...], values: Any, *, training: bool) -> Any:
    for each in placed:
        if isinstance(each.layer, Residual):
            body = _through(each.body, values, training=training)
            values = body + _through(each.shortcut, values, training=training)
        else:
            values = _layer(each, values, training=training)
        values = _ACTIVATIONS[activation_of(each.layer)](values)
    return values


def _layer(placed: Placed, values: Any, *, training: bool) -> Any:  # noqa: PLR0911 - a kind of layer each
    # What the layers draw from by default, too, but then they take seeds of their own, which follow no other.
    initializer = tf.compat.v1.glorot_uniform_initializer()
    layer, name = placed.layer, placed.name
    if isinstance(layer, Convolution):
        return _convolve(name, layer, values, initializer)
    if isinstance(layer, BatchNorm):
        # Only of images is this layer the fused operation, which keeps the unbiased variance.
        images = values if len(placed.before) > 1 else values[:, None, None, :]
        normal = layers.batch_normalization(
            images, momentum=layer.momentum, epsilon=layer.epsilon, training=training, name=name
        )
        return normal if len(placed.before) > 1 else normal[:, 0, 0, :]
    if isinstance(layer, MaxPool):
        padded = tf.pad(values, _margins(layer.padding), constant_values=-np.inf) if layer.padding else values
        return layers.max_pooling2d(padded, layer.size, layer.step)
    if isinstance(layer, AveragePool):
        padded = tf.pad(values, _margins(layer.padding)) if layer.padding else values
        return layers.average_pooling2d(padded, layer.size, layer.step)
    if isinstance(layer, GlobalAveragePool):
        return tf.reduce_mean(values, (1, 2))
    if isinstance(layer, Flatten):
        return layers.flatten(values)
    if isinstance(layer, Dropout):
        return layers.dropout(values, layer.rate, training=training)
    return layers.dense(values, placed.after[0], kernel_initializer=initializer, name=name)


def _convolve(name: str, layer: Convolution, values: Any, initializer: Any) -> Any:
    padding, channels = layer.padding, values.shape[-1]
    if not isinstance(padding, str):
        values, padding = tf.pad(values, _margins(padding)) if padding else values, "valid"
    if layer.groups == 1:
        return layers.conv2d(
            values,
            layer.filters,
            layer.kernel,
            layer.stride,
            padding,
            use_bias=layer.bias,
            kernel_initializer=initializer,
            name=name,
        )
    # tf.compat.v1.layers has no groups.
    with tf.compat.v1.variable_scope(name):
        shape = (layer.kernel, layer.kernel, channels // layer.groups, layer.filters)
        kernel = tf.compat.v1.get_variable("kernel", shape, initializer=initializer)
        bias = (
            tf.compat.v1.get_variable("bias", layer.filters, initializer=tf.zeros_initializer) if layer.bias else None
        )
    if layer.groups == channels:
        depthwise = tf.reshape(kernel, (layer.kernel, layer.kernel, channels, -1))
        values = tf.nn.depthwise_conv2d(values, depthwise, (1, layer.stride, layer.stride, 1), padding.upper())
    else:
        parts = zip(tf.split(values, layer.groups, -1), tf.split(kernel, layer.groups, -1), strict=True)
        values = tf.concat([tf.nn.conv2d(part, own, layer.stride, padding.upper()) for part, own in parts], -1)
    return values if bias is None else tf.nn.bias_add(values, bias)


def _margins(margin: int) -> list[list[int]]:
    return [[0, 0], [margin, margin], [margin, margin], [0, 0]]


_ACTIVATIONS: dict[Activation, Callable[[Any], Any]] = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "gelu": tf.nn.gelu,
    "none": lambda values: values,
}

_STOCK_NAMES = {"scale": "gamma", "mean": "moving_mean", "variance": "moving_variance"}


def _stock_name(name: str) -> str:
    """What the variable of a canonical name is called."""
    layer, _, what = name.rpartition("/")
    return (
        f"{layer}/beta"
        if name.startswith("batch_norm") and what == "bias"
        else f"{layer}/{_STOCK_NAMES.get(what, what)}"
    )


def _loss(spec: Spec, logits: Any, labels: Any) -> Any:
    if not spec.label_smoothing:
        return tf.compat.v1.losses.sparse_softmax_cross_entropy(labels, logits)
    hot = tf.one_hot(labels, spec.classes)
    return tf.compat.v1.losses.softmax_cross_entropy(hot, logits, label_smoothing=spec.label_smoothing)


def _train_op(rule: Optimizer, loss: Any) -> Any:
    step = tf.compat.v1.train.get_global_step()
    rate = _rate(rule, step)
    optimizer, decay = _optimizer(rule, rate), getattr(rule, "weight_decay", 0.0)
    if not decay:
        return optimizer.minimize(loss, step)
    pairs = optimizer.compute_gradients(loss)
    if isinstance(rule, SGD):
        pairs = [(slope + decay * one if decays(one.op.name) else slope, one) for slope, one in pairs]
        return optimizer.apply_gradients(pairs, step)
    # Estimators have no AdamW: kernels are shrunk when all gradients are known, and before they are applied.
    with tf.control_dependencies([slope for slope, _ in pairs]):
        shrunk = [one.assign_sub(rate * decay * one) for _, one in pairs if decays(one.op.name)]
    with tf.control_dependencies(shrunk):
        return optimizer.apply_gradients(pairs, step)


def _rate(rule: Optimizer, step: Any) -> Any:
    """The learning rate of the next step."""
    schedule, rate = schedule_of(rule), rule.learning_rate
    if schedule is None:
        return rate
    if isinstance(schedule, Steps):
        # The new value is for steps after a boundary, counted from 0; ours is from the boundary on.
        bounds = [boundary - 1 for boundary in schedule.boundaries]
        values = [rate * schedule.factor**falls for falls in range(len(bounds) + 1)]
        return tf.compat.v1.train.piecewise_constant(step, [tf.cast(bound, step.dtype) for bound in bounds], values)
    passed = tf.maximum(step - schedule.warmup_steps, 0)
    falling = tf.compat.v1.train.cosine_decay(rate, passed, schedule.decay_steps, schedule.end)
    rising = tf.compat.v1.train.polynomial_decay(
        rate * schedule.start, step, max(1, schedule.warmup_steps), end_learning_rate=rate
    )
    return tf.where(step < schedule.warmup_steps, rising, falling)


def _optimizer(rule: Optimizer, rate: Any) -> Any:
    if isinstance(rule, SGD):
        if rule.momentum:
            return tf.compat.v1.train.MomentumOptimizer(rate, rule.momentum, use_nesterov=rule.nesterov)
        return tf.compat.v1.train.GradientDescentOptimizer(rate)
    if isinstance(rule, DefaultAdam):
        return tf.compat.v1.train.AdamOptimizer(rate)
    return tf.compat.v1.train.AdamOptimizer(rate, rule.beta_1, rule.beta_2, rule.epsilon)


class _LossHistory(tf.estimator.SessionRunHook):  # type: ignore[misc]
    """Keeps the loss and the size of every batch of one call of ``train``."""

    def __init__(self) -> None:
        self._losses: list[tuple[float, int]] = []

    def before_run(self, _run_context: Any) -> Any:
        return tf.estimator.SessionRunArgs(("mean_loss:0", "batch_size:0"))

    def after_run(self, _run_context: Any, run_values: Any) -> None:
        self._losses.append(run_values.results)

    def mean(self) -> float:
        """Mean loss, weighted by batch size."""
        losses, sizes = zip(*self._losses, strict=True)
        return float(np.average(losses, weights=sizes))


class _LiveTraining(tf.estimator.SessionRunHook):  # type: ignore[misc]
    """One call of ``train`` that waits, in a thread of its own, for batches which come one at a time."""

    def __init__(self, estimator: Any, spec: Spec) -> None:
        self._batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[float | BaseException] = queue.SimpleQueue()
        self._feeds: dict[str, Any] = {}
        self._thread = threading.Thread(None, self._train, "live training", (estimator, spec.input_shape), daemon=True)
        self._thread.start()

    def step(self, batch: Batch) -> float:
        """Train on a batch and return its loss; raises what training raised."""
        self._batches.put(batch)
        outcome = self._outcomes.get()
        if isinstance(outcome, BaseException):
            self._outcomes.put(outcome)  # for whoever asks next, since nobody answers any more
            raise outcome
        return outcome

    def stop(self) -> None:
        """End the call, which saves a checkpoint; raises what training raised."""
        self.close()
        if not self._outcomes.empty():
            raise self._outcomes.get()  # type: ignore[misc]

    def close(self) -> None:
        """End the call, whatever comes of it."""
        self._batches.put(None)
        self._thread.join()

    def _train(self, estimator: Any, shape: tuple[int, ...]) -> None:
        def input_fn() -> tuple[Any, Any]:
            images = tf.compat.v1.placeholder(tf.float32, (None, *shape), "images")
            return images, tf.compat.v1.placeholder(tf.int64, (None,), "labels")

        try:
            estimator.train(input_fn, hooks=[self])
        except BaseException as error:  # noqa: BLE001 - it belongs to the thread that waits for a loss
            self._outcomes.put(error)

    def after_create_session(self, _session: Any, coord: Any) -> None:
        self._await_batch(coord)

    def before_run(self, _run_context: Any) -> Any:
        return tf.estimator.SessionRunArgs("mean_loss:0", self._feeds)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self._outcomes.put(run_values.results)
        # Here, since a run that has begun needs a batch even if it is asked to stop.
        self._await_batch(run_context)

    def _await_batch(self, loop: Any) -> None:
        batch = self._batches.get()
        if batch is None:
            loop.request_stop()
        else:
            self._feeds = dict(zip(("images:0", "labels:0"), batch, strict=True))

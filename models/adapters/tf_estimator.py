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

from models.contract import AdamForm, Device, DeviceUnavailableError, Images, Labels, Precision, Weights
from models.spec import SGD, Convolution, DefaultAdam, Dense, Dropout, Flatten, MaxPool, Optimizer, Spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Batch = tuple[Images, Labels]

# Each step of the way is deprecated, and says so; errors are still shown.
tf.get_logger().setLevel("ERROR")
warnings.filterwarnings("ignore", message="`tf.layers")

layers, numpy_input_fn = tf.compat.v1.layers, tf.compat.v1.estimator.inputs.numpy_input_fn


class Adapter:
    """One network trained by TF Estimator; the members are described in :class:`models.contract.Adapter`."""

    adam_form: ClassVar[AdamForm] = "epsilon-hat"

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        if precision != "float32":
            raise ValueError(f"unknown precision {precision!r}; known: float32")
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
        self._save()
        return {name: self._estimator.get_variable_value(name) for name in self.spec.parameter_shapes()}

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
        for variable in tf.compat.v1.trainable_variables():
            variable.load(initial[variable.op.name], session)

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        training = mode == tf.estimator.ModeKeys.TRAIN
        if training:
            tf.compat.v1.set_random_seed(np.random.SeedSequence([seed, next(calls)]).generate_state(1)[0] % 2**31)
        logits = _network(spec, features, training=training)
        if not training:
            return tf.estimator.EstimatorSpec(mode, predictions=logits)
        loss = tf.compat.v1.losses.sparse_softmax_cross_entropy(labels, logits)
        train_op = _optimizer(spec.optimizer).minimize(loss, tf.compat.v1.train.get_global_step())
        tf.identity(loss, name="mean_loss")
        tf.size(labels, name="batch_size")
        scaffold = tf.compat.v1.train.Scaffold(init_fn=load_weights if weights else None)
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op, scaffold=scaffold)

    return model_fn


def _network(spec: Spec, images: Any, *, training: bool) -> Any:
    """Logits; layers are named so that variables have the names of ``Spec.parameter_shapes``."""
    # What the layers draw from by default, too, but then they take seeds of their own, which follow no other.
    initializer = tf.compat.v1.glorot_uniform_initializer()
    values = images
    names = (name.removesuffix("/kernel") for name in spec.parameter_shapes() if name.endswith("/kernel"))
    for layer in spec.layers:
        if isinstance(layer, Convolution):
            values = layers.conv2d(
                values,
                layer.filters,
                layer.kernel,
                padding=layer.padding,
                activation=tf.nn.relu,
                kernel_initializer=initializer,
                name=next(names),
            )
        elif isinstance(layer, MaxPool):
            values = layers.max_pooling2d(values, layer.size, layer.size)
        elif isinstance(layer, Flatten):
            values = layers.flatten(values)
        elif isinstance(layer, Dropout):
            values = layers.dropout(values, layer.rate, training=training)
        elif isinstance(layer, Dense):
            activation = tf.nn.relu if layer.relu else None
            values = layers.dense(values, layer.units, activation, kernel_initializer=initializer, name=next(names))
    return values


def _optimizer(rule: Optimizer) -> Any:
    if isinstance(rule, SGD):
        return tf.compat.v1.train.GradientDescentOptimizer(rule.learning_rate)
    if isinstance(rule, DefaultAdam):
        return tf.compat.v1.train.AdamOptimizer(rule.learning_rate)
    return tf.compat.v1.train.AdamOptimizer(rule.learning_rate, rule.beta_1, rule.beta_2, rule.epsilon)


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

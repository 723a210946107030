"""Keras 3: a ``Sequential`` model with ``compile``, ``train_on_batch`` and ``fit``, whichever backend is chosen.

Keras' layouts are the canonical ones, so nothing has to be turned round. Nothing is said about ``jit_compile``:
Keras decides, as it does for its users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from models.contract import AdamForm, Device, DeviceUnavailableError, Images, Labels, Precision, Weights
from models.spec import SGD, Adam, Convolution, Dense, Dropout, Flatten, MaxPool, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Batch = tuple[Any, Any]


class Adapter:
    """One network trained by Keras; the members are described in :class:`models.contract.Adapter`."""

    adam_form: ClassVar[AdamForm] = "epsilon-hat"

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        if precision != "float32":
            raise ValueError(f"unknown precision {precision!r}; known: float32")
        self.device = _device(device)
        self.spec = spec
        keras.utils.set_random_seed(seed)
        with keras.device(self.device):
            self.model = keras.Sequential([keras.Input(spec.input_shape), *_layers(spec, precision, seed)])
            if weights is not None:
                self.model.set_weights([weights[name] for name in spec.parameter_shapes()])
            self.model.compile(
                optimizer=_optimizer(spec), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            )

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
        return dict(zip(self.spec.parameter_shapes(), map(np.array, self.model.get_weights()), strict=True))

    def synchronize(self) -> None:
        # Whatever the backend, a variable can be read only when everything asked of it is done.
        keras.ops.convert_to_numpy(self.model.trainable_variables[-1])

    def peak_device_memory_bytes(self) -> int | None:
        return _peak_gpu_memory_bytes() if not self.device.startswith("cpu") else None


def _device(device: Device) -> str:
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
    _switch_off_tensorfloat()
    return name


def _layers(spec: Spec, precision: Precision, seed: int) -> Iterator[keras.Layer]:
    for layer in spec.layers:
        if isinstance(layer, Convolution):
            yield keras.layers.Conv2D(
                layer.filters,
                layer.kernel,
                padding=layer.padding,
                activation="relu",
                data_format="channels_last",
                dtype=precision,
            )
        elif isinstance(layer, MaxPool):
            yield keras.layers.MaxPooling2D(layer.size, data_format="channels_last", dtype=precision)
        elif isinstance(layer, Flatten):
            yield keras.layers.Flatten(data_format="channels_last", dtype=precision)
        elif isinstance(layer, Dropout):
            yield keras.layers.Dropout(layer.rate, seed=seed, dtype=precision)
        elif isinstance(layer, Dense):
            yield keras.layers.Dense(layer.units, activation="relu" if layer.relu else None, dtype=precision)


def _optimizer(spec: Spec) -> keras.optimizers.Optimizer:
    rule = spec.optimizer
    if isinstance(rule, SGD):
        return keras.optimizers.SGD(rule.learning_rate)
    if isinstance(rule, Adam):
        return keras.optimizers.Adam(rule.learning_rate, beta_1=rule.beta_1, beta_2=rule.beta_2, epsilon=rule.epsilon)
    return keras.optimizers.Adam(rule.learning_rate)


# Keras has no word for what follows, so its backend, the only one that may be imported, is asked.


def _switch_off_tensorfloat() -> None:
    """TensorFloat-32 keeps 10 bits of the mantissa: fast, but not float32."""
    if keras.backend.backend() == "torch":
        import torch  # noqa: PLC0415

        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    elif keras.backend.backend() == "jax":
        import jax  # noqa: PLC0415

        jax.config.update("jax_default_matmul_precision", "highest")  # type: ignore[no-untyped-call]
    else:
        import tensorflow as tf  # noqa: PLC0415

        tf.config.experimental.enable_tensor_float_32_execution(False)


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

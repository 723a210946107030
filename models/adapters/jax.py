"""JAX: a Flax NNX ``Sequential``, Optax, and one jitted training step over arrays that it is given and gives back.

Flax's layouts are the canonical ones, so nothing has to be turned round.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from models.contract import AdamForm, Device, DeviceUnavailableError, Images, Labels, Precision, Weights
from models.spec import SGD, Adam, Convolution, Dense, Dropout, Flatten, MaxPool, Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

Batch = tuple[jax.Array, jax.Array]


class Adapter:
    """One network trained by JAX; the members are described in :class:`models.contract.Adapter`."""

    adam_form: ClassVar[AdamForm] = "bias-corrected"

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        if precision != "float32":
            raise ValueError(f"unknown precision {precision!r}; known: float32")
        self.device = _device(device)
        self.spec = spec
        self.shuffler = np.random.default_rng(seed)
        with jax.default_device(self.device):
            model = nnx.Sequential(*_layers(spec, weights, nnx.Rngs(seed)))
            optimizer = nnx.Optimizer(model, _optimizer(spec), wrt=nnx.Param)
        # Splitting once and merging inside the jitted function is Flax's documented way around walking through model
        # and optimiser in each step. Until control returns, a step takes 0.8 ms so, 1.2 ms with nnx.cached_partial and
        # 3.2 ms with nnx.jit alone (digits, batch of 64). Its old state is donated, so the new one needs no copy.
        self.definition, state = nnx.split((model, optimizer))
        # Put on its device explicitly: else the second step, whose state comes from the first, is compiled anew.
        self.state = jax.device_put(state, self.device)
        self._step = jax.jit(partial(_train, self.definition), donate_argnums=0)
        self._outputs = jax.jit(partial(_forward, self.definition))

    def to_device(self, images: Images, labels: Labels) -> Batch:
        return jax.device_put(images, self.device), jax.device_put(labels, self.device)

    def training_step(self, batch: Batch) -> jax.Array:
        loss: jax.Array
        self.state, loss = self._step(self.state, *batch)
        return loss

    def train_epoch(self, images: Images, labels: Labels, order: NDArray[np.int64] | None, batch_size: int) -> float:
        # JAX has no input pipeline of its own. A step returns before it is done, so NumPy gathers the next batch
        # while this one is trained.
        visited = self.shuffler.permutation(len(labels)) if order is None else order
        losses, sizes = [], []
        for start in range(0, len(visited), batch_size):
            rows = visited[start : start + batch_size]
            losses.append(self.training_step(self.to_device(images[rows], labels[rows])))
            sizes.append(len(rows))
        return float(np.average(jax.device_get(losses), weights=sizes))

    def logits(self, images: Images) -> NDArray[np.float32]:
        return np.array(self._outputs(self.state, jax.device_put(images, self.device)))

    def weights(self) -> Weights:
        model, _ = nnx.merge(self.definition, self.state)
        named = zip(self.spec.parameter_shapes(), _parameters(model), strict=True)
        return {name: np.array(parameter[...]) for name, parameter in named}

    def synchronize(self) -> None:
        jax.block_until_ready(self.state)  # type: ignore[no-untyped-call]

    def peak_device_memory_bytes(self) -> int | None:
        statistics = self.device.memory_stats() if self.device.platform == "gpu" else None
        return statistics["peak_bytes_in_use"] if statistics else None


def _train(definition: Any, state: Any, images: jax.Array, labels: jax.Array) -> tuple[Any, jax.Array]:
    model, optimizer = nnx.merge(definition, state)

    def mean_loss(model: nnx.Sequential) -> jax.Array:
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(model(images), labels))

    loss, gradients = nnx.value_and_grad(mean_loss)(model)
    # Until Flax 0.11 (its pull request 4842), an optimizer kept the model and was given the gradients alone.
    optimizer.update(gradients) if hasattr(optimizer, "model") else optimizer.update(model, gradients)
    return nnx.state((model, optimizer)), loss


def _forward(definition: Any, state: Any, images: jax.Array) -> jax.Array:
    model, _ = nnx.merge(definition, state)
    model.eval()
    outputs: jax.Array = model(images)
    return outputs


def _device(device: Device) -> jax.Device:
    if device == "cpu":
        return jax.devices("cpu")[0]
    try:
        found = jax.devices("cuda")[0]
    except RuntimeError as error:
        seen = ", ".join(str(one) for one in jax.devices())
        raise DeviceUnavailableError(f"JAX {jax.__version__} sees no CUDA device, only {seen}") from error
    # TensorFloat-32 keeps 10 bits of the mantissa: fast, but not float32.
    jax.config.update("jax_default_matmul_precision", "highest")  # type: ignore[no-untyped-call]
    return found


def _layers(spec: Spec, weights: Weights | None, rngs: nnx.Rngs) -> Iterator[Callable[..., Any]]:
    given = iter(weights[name] for name in spec.parameter_shapes()) if weights is not None else None

    def initializers() -> dict[str, Any]:
        """Of one layer's kernel and bias. Of the ways to set these, only this one is spelled alike in every Flax."""
        if given is None:
            return {}
        constant = nnx.initializers.constant
        return {name: constant(jnp.array(next(given))) for name in ("kernel_init", "bias_init")}

    for layer, before in zip(spec.layers, (spec.input_shape, *spec.shapes()), strict=False):
        if isinstance(layer, Convolution):
            kernel = (layer.kernel, layer.kernel)
            yield nnx.Conv(
                before[-1], layer.filters, kernel, padding=layer.padding.upper(), rngs=rngs, **initializers()
            )
            yield nnx.relu
        elif isinstance(layer, MaxPool):
            window = (layer.size, layer.size)
            yield partial(nnx.max_pool, window_shape=window, strides=window)
        elif isinstance(layer, Flatten):
            yield _flatten
        elif isinstance(layer, Dropout):
            yield nnx.Dropout(layer.rate, rngs=rngs)
        elif isinstance(layer, Dense):
            yield nnx.Linear(before[-1], layer.units, rngs=rngs, **initializers())
            if layer.relu:
                yield nnx.relu


def _flatten(values: jax.Array) -> jax.Array:
    return values.reshape(len(values), -1)


def _parameters(model: nnx.Sequential) -> Iterator[nnx.Param[Any]]:
    """Kernel and bias of each layer that has them, in the order of the layers."""
    for layer in model.layers:
        if isinstance(layer, nnx.Conv | nnx.Linear):
            yield from (parameter for parameter in (layer.kernel, layer.bias) if parameter is not None)


def _optimizer(spec: Spec) -> optax.GradientTransformation:
    rule = spec.optimizer
    if isinstance(rule, SGD):
        return optax.sgd(rule.learning_rate)
    if isinstance(rule, Adam):
        return optax.adam(rule.learning_rate, b1=rule.beta_1, b2=rule.beta_2, eps=rule.epsilon)
    return optax.adam(rule.learning_rate)

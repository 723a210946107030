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
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from models.forms import AdamForm, DecayForm, MomentumForm, VarianceForm

Batch = tuple[jax.Array, jax.Array]


class Adapter:
    """One network trained by JAX; the members are described in :class:`models.contract.Adapter`."""

    adam_form: ClassVar[AdamForm] = "bias-corrected"
    momentum_form: ClassVar[MomentumForm] = "rate-outside"
    decay_form: ClassVar[DecayForm] = "coupled"
    variance_form: ClassVar[VarianceForm] = "biased"

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        check_precision(precision)
        self.device = _device(device, precision)
        self.spec = spec
        arithmetic = jnp.bfloat16 if precision == "bfloat16" else None  # None: that of the arrays
        self.shuffler = np.random.default_rng(seed)
        with jax.default_device(self.device):
            model = nnx.Sequential(*_layers(spec.placed(), weights, arithmetic, nnx.Rngs(seed)))
            optimizer = nnx.Optimizer(model, _optimizer(spec.optimizer), wrt=nnx.Param)
        # Splitting once and merging inside the jitted function is Flax's documented way around walking through model
        # and optimiser in each step. Until control returns, a step takes 0.8 ms so, 1.2 ms with nnx.cached_partial and
        # 3.2 ms with nnx.jit alone (digits, batch of 64). Its old state is donated, so the new one needs no copy.
        self.definition, state = nnx.split((model, optimizer))
        # Put on its device explicitly: else the second step, whose state comes from the first, is compiled anew.
        self.state = jax.device_put(state, self.device)
        loss = partial(_mean_loss, smoothing=spec.label_smoothing)
        self._step = jax.jit(partial(_train, self.definition, loss), donate_argnums=0)
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
        return self._arrays(self.spec.parameter_shapes(), nnx.Param)

    def running_statistics(self) -> Weights:
        return self._arrays(self.spec.state_shapes(), nnx.BatchStat)

    def _arrays(self, names: Iterable[str], kind: type[nnx.Variable[Any]]) -> Weights:
        model, _ = nnx.merge(self.definition, self.state)
        variables = (each for each in _variables(model) if isinstance(each, kind))
        return {name: np.array(each[...]) for name, each in zip(names, variables, strict=True)}

    def synchronize(self) -> None:
        jax.block_until_ready(self.state)  # type: ignore[no-untyped-call]

    def peak_device_memory_bytes(self) -> int | None:
        statistics = self.device.memory_stats() if self.device.platform == "gpu" else None
        return statistics["peak_bytes_in_use"] if statistics else None


def _mean_loss(logits: jax.Array, labels: jax.Array, smoothing: float) -> jax.Array:
    logits = logits.astype(jnp.float32)
    if not smoothing:
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))
    smoothed = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), smoothing)
    return jnp.mean(optax.softmax_cross_entropy(logits, smoothed))


def _train(
    definition: Any, mean_loss: Callable[..., jax.Array], state: Any, images: jax.Array, labels: jax.Array
) -> tuple[Any, jax.Array]:
    model, optimizer = nnx.merge(definition, state)
    loss, gradients = nnx.value_and_grad(lambda model: mean_loss(model(images), labels))(model)
    # Until Flax 0.11 (its pull request 4842), an optimizer kept the model and was given the gradients alone.
    optimizer.update(gradients) if hasattr(optimizer, "model") else optimizer.update(model, gradients)
    return nnx.state((model, optimizer)), loss


def _forward(definition: Any, state: Any, images: jax.Array) -> jax.Array:
    model, _ = nnx.merge(definition, state)
    model.eval()
    outputs: jax.Array = model(images).astype(jnp.float32)
    return outputs


def _device(device: Device, precision: Precision) -> jax.Device:
    if device == "cpu":
        return jax.devices("cpu")[0]
    try:
        found = jax.devices("cuda")[0]
    except RuntimeError as error:
        seen = ", ".join(str(one) for one in jax.devices())
        raise DeviceUnavailableError(f"JAX {jax.__version__} sees no CUDA device, only {seen}") from error
    # TensorFloat-32 keeps 10 bits of the mantissa: fast, but not float32.
    product = "tensorfloat32" if precision == "tf32" else "highest"
    jax.config.update("jax_default_matmul_precision", product)  # type: ignore[no-untyped-call]
    return found


class _Residual(nnx.Module):
    """The sum of two branches."""

    def __init__(self, body: nnx.Sequential, shortcut: nnx.Sequential | None) -> None:
        self.body = body
        self.shortcut = shortcut

    def __call__(self, values: jax.Array) -> jax.Array:
        outputs: jax.Array = self.body(values) + (self.shortcut(values) if self.shortcut is not None else values)
        return outputs


def _layers(
    layers: tuple[Placed, ...], weights: Weights | None, arithmetic: Any, rngs: nnx.Rngs
) -> Iterator[Callable[..., Any]]:
    for placed in layers:
        yield from _layer(placed, weights, arithmetic, rngs)
        yield from _ACTIVATIONS[activation_of(placed.layer)]


def _layer(  # noqa: C901 - a kind of layer each
    placed: Placed, weights: Weights | None, arithmetic: Any, rngs: nnx.Rngs
) -> Iterator[Callable[..., Any]]:
    def given(**initializers: str) -> dict[str, Any]:
        """Of the ways to set initial values, only this one is spelled alike in every Flax."""
        if weights is None:
            return {}
        constant = nnx.initializers.constant
        return {name: constant(jnp.array(weights[f"{placed.name}/{what}"])) for name, what in initializers.items()}

    layer, channels = placed.layer, placed.before[-1]
    if isinstance(layer, Convolution):
        initial = given(kernel_init="kernel") | (given(bias_init="bias") if layer.bias else {})
        yield nnx.Conv(
            channels,
            layer.filters,
            (layer.kernel, layer.kernel),
            strides=(layer.stride, layer.stride),
            padding=layer.padding.upper() if isinstance(layer.padding, str) else _both_sides(layer.padding),
            feature_group_count=layer.groups,
            use_bias=layer.bias,
            dtype=arithmetic,
            rngs=rngs,
            **initial,
        )
    elif isinstance(layer, BatchNorm):
        initial = given(scale_init="scale", bias_init="bias")
        how = {"momentum": layer.momentum, "epsilon": layer.epsilon, "dtype": arithmetic}
        yield nnx.BatchNorm(channels, rngs=rngs, **how, **initial)
    elif isinstance(layer, MaxPool | AveragePool):
        pool = nnx.max_pool if isinstance(layer, MaxPool) else nnx.avg_pool
        window, strides = (layer.size, layer.size), (layer.step, layer.step)
        yield partial(pool, window_shape=window, strides=strides, padding=_both_sides(layer.padding))
    elif isinstance(layer, GlobalAveragePool):
        yield partial(jnp.mean, axis=(1, 2))
    elif isinstance(layer, Flatten):
        yield _flatten
    elif isinstance(layer, Dropout):
        yield nnx.Dropout(layer.rate, rngs=rngs)
    elif isinstance(layer, Dense):
        initial = given(kernel_init="kernel", bias_init="bias")
        yield nnx.Linear(channels, layer.units, dtype=arithmetic, rngs=rngs, **initial)
    elif isinstance(layer, Residual):
        shortcut = nnx.Sequential(*_layers(placed.shortcut, weights, arithmetic, rngs)) if placed.shortcut else None
        yield _Residual(nnx.Sequential(*_layers(placed.body, weights, arithmetic, rngs)), shortcut)


_ACTIVATIONS: dict[Activation, tuple[Callable[..., Any], ...]] = {
    "relu": (nnx.relu,),
    "relu6": (nnx.relu6,),
    "gelu": (partial(nnx.gelu, approximate=False),),
    "none": (),
}


def _both_sides(margin: int) -> tuple[tuple[int, int], ...]:
    return ((margin, margin), (margin, margin))


def _flatten(values: jax.Array) -> jax.Array:
    return values.reshape(len(values), -1)


def _variables(model: nnx.Sequential) -> Iterator[nnx.Variable[Any]]:
    """Those of each layer that has any, in the order of the layers."""
    for layer in model.layers:
        if isinstance(layer, _Residual):
            yield from _variables(layer.body)
            yield from _variables(layer.shortcut) if layer.shortcut is not None else ()
        elif isinstance(layer, nnx.BatchNorm):
            yield from _given(layer.scale, layer.bias, layer.mean, layer.var)
        elif isinstance(layer, nnx.Conv | nnx.Linear):
            yield from _given(layer.kernel, layer.bias)


def _given(*variables: nnx.Variable[Any] | None) -> Iterator[nnx.Variable[Any]]:
    return (variable for variable in variables if variable is not None)


def _optimizer(rule: Optimizer) -> optax.GradientTransformation:
    rate = _rate(rule)
    if isinstance(rule, SGD):
        descent = optax.sgd(rate, rule.momentum or None, nesterov=rule.nesterov)
        if not rule.weight_decay:
            return descent
        return optax.chain(optax.add_decayed_weights(rule.weight_decay, _decaying), descent)
    if isinstance(rule, AdamW):
        constants = {"b1": rule.beta_1, "b2": rule.beta_2, "eps": rule.epsilon, "weight_decay": rule.weight_decay}
        return optax.adamw(rate, mask=_decaying, **constants)
    if isinstance(rule, Adam):
        return optax.adam(rate, b1=rule.beta_1, b2=rule.beta_2, eps=rule.epsilon)
    return optax.adam(rate)


def _rate(rule: Optimizer) -> Any:
    """The learning rate, or the schedule that gives it."""
    schedule, rate = schedule_of(rule), rule.learning_rate
    if schedule is None:
        return rate
    if isinstance(schedule, Steps):
        return optax.piecewise_constant_schedule(rate, dict.fromkeys(schedule.boundaries, schedule.factor))
    steps = schedule.warmup_steps, schedule.warmup_steps + schedule.decay_steps
    return optax.warmup_cosine_decay_schedule(rate * schedule.start, rate, *steps, rate * schedule.end)


def _decaying(parameters: Any) -> Any:
    """Of each parameter, whether it decays."""
    return jax.tree_util.tree_map_with_path(lambda path, _: decays("".join(map(_step_of_path, path))), parameters)


def _step_of_path(step: Any) -> str:
    return f"/{getattr(step, 'key', getattr(step, 'name', ''))}"

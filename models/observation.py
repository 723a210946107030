"""What a program does with a parity case: recorded beside the framework, or from the reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.probe import ParityCase, has_batch_norm, is_twinned
from models.probe_rules import is_momentum, probe_rule
from models.reference import Reference
from models.spec import SGD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.contract import Adapter, Device, Precision, Weights
    from models.forms import Forms
    from models.spec import Spec

Array = NDArray[Any]

OWN_STEPS = 2
"""Steps of the workload's own gradient descent: momentum shows from the second on."""

_NOTHING = np.empty(0)


@dataclass(frozen=True)
class Observation:
    """What one program did with a :class:`ParityCase`. Everything by layer is keyed as ``Spec.parameter_shapes``.

    A network is trained by one family of rules, so it has either the stages of Adam or those of gradient descent.

    Args:
        initial: the weights, read back right after building.
        logits: of the first batch, before any step.
        gradients: of the first batch: what one step of SGD with learning rate 1 takes from the weights.
        kinked_gradients: in their place, those of a network that has a smooth twin.
        twin_gradients: those of the twin; all that follows is the twin's too.
        adam_1: what one step of the workload's own Adam adds to the weights, on ``ParityCase.faint``.
        adam_10: what ten steps, over ten batches, of Adam with the constants of the probe add to the weights.
        sgd_2: what two steps of the workload's own gradient descent add, all on ``ParityCase.quiet``.
        sgd_10: what ten steps, over ten batches, of gradient descent with the constants of the probe add.
        epoch: what one more epoch adds to them, through the framework's own input pipeline.
        losses: of the ten steps, and the mean one of the epoch; before them, of such a network, its own first one.
        statistics: running ones after the epoch, keyed as ``Spec.state_shapes``; none without batch normalisation.
        evaluation: logits of the first batch after the epoch; none without batch normalisation.
    """

    initial: Mapping[str, Array]
    logits: Array
    gradients: Mapping[str, Array] = field(default_factory=dict)
    kinked_gradients: Mapping[str, Array] = field(default_factory=dict)
    twin_gradients: Mapping[str, Array] = field(default_factory=dict)
    adam_1: Mapping[str, Array] = field(default_factory=dict)
    adam_10: Mapping[str, Array] = field(default_factory=dict)
    sgd_2: Mapping[str, Array] = field(default_factory=dict)
    sgd_10: Mapping[str, Array] = field(default_factory=dict)
    epoch: Mapping[str, Array] = field(default_factory=dict)
    losses: Array = field(default_factory=lambda: _NOTHING)
    statistics: Mapping[str, Array] = field(default_factory=dict)
    evaluation: Array = field(default_factory=lambda: _NOTHING)

    @property
    def parameter_count(self) -> int:
        """Number of trainable scalars."""
        return sum(array.size for array in self.initial.values())

    def to_arrays(self) -> dict[str, Array]:
        """Everything as one flat mapping, ``adam_1/dense_1/kernel``, for a file without pickle."""
        result = {}
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                result[name] = value
            else:
                result.update({f"{name}/{layer}": array for layer, array in value.items()})
        return result

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Observation:
        """The reverse of :meth:`to_arrays`. What is missing stays empty, for :func:`judge` to name."""

        def layers(kind: str) -> dict[str, Array]:
            start = f"{kind}/"
            return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}

        return cls(
            initial=layers("initial"),
            logits=arrays.get("logits", _NOTHING),
            gradients=layers("gradients"),
            kinked_gradients=layers("kinked_gradients"),
            twin_gradients=layers("twin_gradients"),
            adam_1=layers("adam_1"),
            adam_10=layers("adam_10"),
            sgd_2=layers("sgd_2"),
            sgd_10=layers("sgd_10"),
            epoch=layers("epoch"),
            losses=arrays.get("losses", _NOTHING),
            statistics=layers("statistics"),
            evaluation=arrays.get("evaluation", _NOTHING),
        )


def observe(adapter_class: type[Adapter], case: ParityCase, device: Device, precision: Precision) -> Observation:
    """Record what an adapter does with ``case``.

    Builds only three instances, since compiling frameworks pay for each: one step of each of three optimisers, one
    more for the smaller batch, and the outputs. Fewer would leave a constant, or the last batch, unproven.

    Raises:
        TypeError: if the network has batch normalisation and the adapter cannot tell its running statistics.
    """
    if has_batch_norm(case.spec) and not hasattr(adapter_class, "running_statistics"):
        raise TypeError(
            "the adapter has no running_statistics(), which batch normalisation needs; see models/contract.py"
        )

    def build(spec: Spec, weights: Weights) -> Adapter:
        return adapter_class(spec, dict(weights), device, precision, seed=0)

    return _record(build, case, precision)


def expect(case: ParityCase, forms: Forms, precision: Precision = "float32") -> Observation:
    """Record what the reference does with ``case``, in float64, in the forms that an adapter declares.

    Args:
        case: what is asked.
        forms: of the adapter's rules.
        precision: of the adapter; it decides what is asked, and nothing of how the reference computes.
    """
    return _record(lambda spec, weights: Reference(spec, weights, forms), case, precision)


def _record(build: Callable[[Spec, Weights], Any], case: ParityCase, precision: Precision) -> Observation:
    batches, normalised = case.batches(), has_batch_norm(case.spec)
    twinned, trained = is_twinned(case.spec, precision), case.trained(precision)
    trainee = build(case.spec.with_optimizer(SGD(learning_rate=1.0)), case.weights)
    initial, logits = trainee.weights(), trainee.logits(batches[0][0])
    first_loss = float(trainee.training_step(trainee.to_device(*batches[0])))
    stages = {"kinked_gradients" if twinned else "gradients": _difference(initial, trainee.weights())}
    if twinned:
        trainee = build(trained.with_optimizer(SGD(learning_rate=1.0)), case.weights)
        trainee.training_step(trainee.to_device(*batches[0]))
        stages["twin_gradients"] = _difference(initial, trainee.weights())

    own = _own_steps(build, case, trained)
    rule = probe_rule(case.spec.optimizer, small_steps=twinned)
    trainee = build(trained.with_optimizer(rule), case.weights)
    losses = [float(trainee.training_step(trainee.to_device(*batch))) for batch in batches]
    after_steps = trainee.weights()
    losses.append(trainee.train_epoch(case.epoch_images, case.epoch_labels, case.epoch_order, case.batch_size))
    ten = _difference(after_steps, case.weights)
    names = ("sgd_2", "sgd_10") if is_momentum(case.spec.optimizer) else ("adam_1", "adam_10")
    stages |= dict(zip(names, (own, ten), strict=True))
    return Observation(
        initial=initial,
        logits=logits,
        **stages,
        epoch=_difference(trainee.weights(), after_steps),
        losses=np.array([first_loss, *losses] if twinned else losses),
        statistics=trainee.running_statistics() if normalised else {},
        evaluation=trainee.logits(batches[0][0]) if normalised else _NOTHING,
    )


def _own_steps(build: Callable[[Spec, Weights], Any], case: ParityCase, trained: Spec) -> dict[str, Array]:
    """What a step of the workload's own Adam, or two of its own gradient descent, add to the weights."""
    descent = is_momentum(case.spec.optimizer)
    weights, images, labels = case.quiet() if descent else case.faint()
    trainee = build(trained if descent else trained.with_optimizer(case.adam), weights)
    for _ in range(OWN_STEPS if descent else 1):
        trainee.training_step(trainee.to_device(images, labels))
    return _difference(trainee.weights(), weights)


def _difference(left: Mapping[str, Array], right: Mapping[str, Array]) -> dict[str, Array]:
    """``left - right`` for each layer. Where the shapes differ, ``left``, so that the judge can say so.

    Subtracted in float64 and kept in float32, whose rounding is a thousandth of the finest tolerance: of a network with
    twelve million weights, six stages are kept.
    """
    return {
        layer: (array.astype(np.float64) - right[layer]).astype(np.float32)
        if layer in right and right[layer].shape == array.shape
        else array
        for layer, array in left.items()
    }

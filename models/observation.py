"""What a program does with a parity case: recorded beside the framework, or from the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.probe import PROBE_OPTIMIZER, ParityCase
from models.reference import Reference
from models.spec import SGD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.contract import AdamForm, Adapter, Device, Precision, Weights
    from models.spec import Spec

Array = NDArray[Any]


@dataclass(frozen=True)
class Observation:
    """What one program did with a :class:`ParityCase`. Everything by layer is keyed as ``Spec.parameter_shapes``.

    Args:
        initial: the weights, read back right after building.
        logits: of the first batch, before any step.
        gradients: of the first batch: what one step of SGD with learning rate 1 takes from the weights.
        adam_1: what one step of the workload's own Adam adds to the weights, on ``ParityCase.faint``.
        adam_10: what ten steps, over ten batches, of Adam with the constants of the probe add to the weights.
        epoch: what one more epoch adds to them, through the framework's own input pipeline.
        losses: of the ten steps, and the mean one of the epoch.
    """

    initial: Mapping[str, Array]
    logits: Array
    gradients: Mapping[str, Array]
    adam_1: Mapping[str, Array]
    adam_10: Mapping[str, Array]
    epoch: Mapping[str, Array]
    losses: Array

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

        nothing = np.empty(0)
        return cls(
            initial=layers("initial"),
            logits=arrays.get("logits", nothing),
            gradients=layers("gradients"),
            adam_1=layers("adam_1"),
            adam_10=layers("adam_10"),
            epoch=layers("epoch"),
            losses=arrays.get("losses", nothing),
        )


def observe(adapter_class: type[Adapter], case: ParityCase, device: Device, precision: Precision) -> Observation:
    """Record what an adapter does with ``case``.

    Builds only three instances, since compiling frameworks pay for each: one step of each of three optimisers, one
    more for the smaller batch, and the outputs. Fewer would leave a constant, or the last batch, unproven.
    """
    return _record(lambda spec, weights: adapter_class(spec, dict(weights), device, precision, seed=0), case)


def expect(case: ParityCase, adam_form: AdamForm) -> Observation:
    """Record what the reference does with ``case``, in float64, with the form of Adam that an adapter declares."""
    return _record(lambda spec, weights: Reference(spec, weights, adam_form), case)


def _record(build: Callable[[Spec, Weights], Any], case: ParityCase) -> Observation:
    batches = case.batches()
    trainee = build(case.spec.with_optimizer(SGD(learning_rate=1.0)), case.weights)
    initial, logits = trainee.weights(), trainee.logits(batches[0][0])
    trainee.training_step(trainee.to_device(*batches[0]))
    gradients = _difference(initial, trainee.weights())

    weights, images, labels = case.faint()
    trainee = build(case.spec.with_optimizer(case.adam), weights)
    trainee.training_step(trainee.to_device(images, labels))
    adam_1 = _difference(trainee.weights(), weights)

    trainee = build(case.spec.with_optimizer(PROBE_OPTIMIZER), case.weights)
    losses = [float(trainee.training_step(trainee.to_device(*batch))) for batch in batches]
    after_steps = trainee.weights()
    losses.append(trainee.train_epoch(case.epoch_images, case.epoch_labels, case.epoch_order, case.batch_size))
    return Observation(
        initial=initial,
        logits=logits,
        gradients=gradients,
        adam_1=adam_1,
        adam_10=_difference(after_steps, case.weights),
        epoch=_difference(trainee.weights(), after_steps),
        losses=np.array(losses),
    )


def _difference(left: Mapping[str, Array], right: Mapping[str, Array]) -> dict[str, Array]:
    """``left - right`` for each layer, in float64. Where the shapes differ, ``left``, so that the judge can say so."""
    return {
        layer: array.astype(np.float64) - right[layer]
        if layer in right and right[layer].shape == array.shape
        else array
        for layer, array in left.items()
    }

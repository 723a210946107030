"""What parity is proven on: weights, pictures and an order for which every framework has the same right answer.

The derivative of a ReLU or of a maximum jumps. Where a value lies within float32's rounding of such a kink, two
correct programs may take different sides, and their gradients then differ by per cents: measured, one random
batch in ten to a hundred does that. So each batch is the half of a random draw that stays farthest from all kinks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models.reference import Reference, pooling_windows
from models.spec import SGD, Adam, Convolution, Dense, MaxPool, Spec
from models.weights import initial_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models.contract import Images, Labels, Weights

BATCH_SIZE = 16
STEPS = 10
EPOCH_EXAMPLES = 3 * BATCH_SIZE + BATCH_SIZE // 2
"""Three whole batches and a smaller last one."""

PROBE_OPTIMIZER = Adam(learning_rate=1e-3, beta_1=0.8, beta_2=0.98, epsilon=1e-3)
"""Constants that are no framework's default, and an epsilon as large as the gradients: then a constant that is
not passed on, or the other form of Adam, changes the weights by per cents, and rounding does not."""

_CASE_ARRAYS = ("images", "labels", "epoch_images", "epoch_labels", "epoch_order")

_FAINTNESS = 1e3
"""Brightness over epsilon: gradients are about 0.01 in full light, so they become about ten times epsilon at most."""

_TIE = 1e-12
"""What is nearer to a kink than this, relatively, lies on it: equal maxima come from equal pixels, and a ReLU's
input of zero from black ones. There all programs agree."""


@dataclass(frozen=True)
class ParityCase:
    """One question with one right answer. Arrays must not be changed.

    Args:
        spec: the network, without dropout, with the optimiser of the workload.
        weights: initial weights with non-zero biases.
        images: shape (STEPS * batch_size, height, width, channels): the batches of the training steps, in order.
        labels: their classes.
        epoch_images: the examples of the epoch, EPOCH_EXAMPLES of them, as they are stored.
        epoch_labels: their classes.
        epoch_order: shuffled; the order in which the epoch visits them.
        batch_size: examples in a batch; the last batch of the epoch is smaller.
        dark_label: that all examples of the dark batch bear.
    """

    spec: Spec
    weights: Weights
    images: Images
    labels: Labels
    epoch_images: Images
    epoch_labels: Labels
    epoch_order: NDArray[np.int64]
    batch_size: int = BATCH_SIZE
    dark_label: int = 0

    def batches(self) -> tuple[tuple[Images, Labels], ...]:
        """The batches of the training steps."""
        starts = range(0, len(self.images), self.batch_size)
        return tuple(
            (self.images[start : start + self.batch_size], self.labels[start : start + self.batch_size])
            for start in starts
        )

    def faint(self) -> tuple[Weights, Images, Labels]:
        """Weights without biases, and the first batch so dark that kernels' gradients are as small as epsilon.

        Adam's step is the same for all gradients that are large against epsilon; only here does a program that
        trains with a tenth or ten times the workload's epsilon differ from it by more than rounding. All examples
        bear one label: of dark images, classes in equal numbers would cancel in the gradients of the biases, and what
        rounding leaves of these, Adam would turn into whole steps. A single label may do so by chance, too, so it is
        the one of which :func:`parity_case` found least cancelled.
        """
        epsilon = self.adam.epsilon
        brightness = min(1.0, _FAINTNESS * epsilon) if epsilon else 1.0
        images = self.images[: self.batch_size] * np.float32(brightness)
        return without_biases(self.weights), images, np.full(len(images), self.dark_label)

    @property
    def adam(self) -> Adam:
        """The workload's own Adam; if it trains otherwise, Adam with its published constants."""
        return self.spec.optimizer if isinstance(self.spec.optimizer, Adam) else Adam()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All but the specification as one flat mapping, for a file without pickle."""
        arrays = {name: getattr(self, name) for name in _CASE_ARRAYS}
        return {
            "batch_size": np.array(self.batch_size),
            "dark_label": np.array(self.dark_label),
            **arrays,
            **{f"weights/{k}": v for k, v in self.weights.items()},
        }

    @classmethod
    def from_arrays(cls, spec: Spec, arrays: Mapping[str, NDArray[Any]]) -> ParityCase:
        """The case that :meth:`to_arrays` was called on, given its specification, with or without dropout."""
        weights = {name: arrays[f"weights/{name}"] for name in spec.parameter_shapes()}
        kept = {name: arrays[name] for name in _CASE_ARRAYS}
        size, label = int(arrays["batch_size"]), int(arrays["dark_label"])
        return cls(spec.without_dropout(), weights, **kept, batch_size=size, dark_label=label)


def parity_case(spec: Spec, images: Images, labels: Labels, seed: int) -> ParityCase:
    """Draw a case from real training examples.

    Args:
        spec: the network as the workload has it; dropout is taken out.
        images: training images, at least two batches of them.
        labels: their classes.
        seed: same seed and images, same case.

    Raises:
        ValueError: if there are too few images.
    """
    if len(images) < 2 * BATCH_SIZE:
        raise ValueError(f"a parity case needs at least {2 * BATCH_SIZE} images, got {len(images)}")
    spec = spec.without_dropout()
    generator = np.random.Generator(np.random.PCG64(seed))
    weights = initial_weights(spec, seed, zero_biases=False)
    probe = spec.with_optimizer(PROBE_OPTIMIZER)
    # Both forms of Adam are followed, so that one case serves every framework.
    references = (Reference(probe, weights, "bias-corrected"), Reference(probe, weights, "epsilon-hat"))
    unbiased = Reference(probe, without_biases(weights))
    sizes = [BATCH_SIZE] * (STEPS + EPOCH_EXAMPLES // BATCH_SIZE) + [EPOCH_EXAMPLES % BATCH_SIZE]
    chosen: list[np.intp] = []
    for size in sizes:
        candidates = generator.choice(len(images), 2 * size, replace=False)
        judges = references if chosen else (*references, unbiased)  # faint() takes the first batch without biases
        margins = np.min([kink_margins(judge, images[candidates]) for judge in judges], axis=0)
        batch = candidates[np.sort(np.argsort(margins)[size:])]
        for reference in references:
            reference.training_step((images[batch], labels[batch]))
        chosen.extend(batch)
    steps, visited = np.array(chosen[: STEPS * BATCH_SIZE]), np.array(chosen[STEPS * BATCH_SIZE :])
    order = generator.permutation(EPOCH_EXAMPLES).astype(np.int64)
    stored = visited[np.argsort(order)]
    case = ParityCase(spec, weights, images[steps], labels[steps], images[stored], labels[stored], order)
    return replace(case, dark_label=_least_cancelled(case))


def _least_cancelled(case: ParityCase) -> int:
    """The label of the dark batch with which no bias's gradient is a small remainder of large parts.

    With digits of MNIST and seed 42, one label left a bias a millionth of what another one of its layer got: float32's
    rounding changed that by 4 %, and Adam's step with it, in a program that was right.
    """
    weights, images, _ = case.faint()
    spec = case.spec.with_optimizer(SGD(learning_rate=1.0))
    smallest = {}
    for label in np.unique(case.labels):
        reference = Reference(spec, weights)
        reference.training_step((images, np.full(len(images), label)))
        gradients = [np.abs(array) for name, array in reference.weights().items() if name.endswith("/bias")]
        # The biases were zero. A gradient of exactly zero, of a unit that never fires, is one in every program.
        shares = [array[array > 0.0].min() / array.max() for array in gradients if array.any()]
        smallest[int(label)] = min(shares, default=0.0)
    return max(smallest, key=smallest.__getitem__)


def kink_margins(reference: Reference, images: Images) -> NDArray[np.float64]:
    """How far each example stays from every point where a derivative jumps, shape (examples,).

    The distance is that of a ReLU's input from zero and of a window's largest value from its second largest,
    as a share of the layer's largest value in the batch.
    """
    margins = np.full(len(images), np.inf)
    for passed in reference.trace(images):
        if isinstance(passed.layer, MaxPool) and passed.layer.size > 1:
            windows = np.sort(pooling_windows(passed.before, passed.layer.size), axis=-1)
            distances = windows[..., -1] - windows[..., -2]
            scale = float(windows.max(initial=0.0))
        elif isinstance(passed.layer, Convolution) or (isinstance(passed.layer, Dense) and passed.layer.relu):
            distances = np.abs(passed.linear)
            scale = float(distances.max())
        else:
            continue
        distances = np.where(distances > _TIE * scale, distances, np.inf)
        margins = np.minimum(margins, distances.reshape(len(images), -1).min(axis=1) / (scale or 1.0))
    return margins


def without_biases(weights: Weights) -> Weights:
    """The same weights with every bias zero."""
    return {name: np.zeros_like(array) if name.endswith("/bias") else array for name, array in weights.items()}

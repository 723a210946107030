"""What parity is proven on: weights, pictures and an order for which every framework has the same right answer.

Each batch is drawn so that it stays far from all kinks (:mod:`models.kinks`): it is the better half of a random draw.

Networks with batch normalisation, and large ones, have too many values for that, some of them always near a kink, and
training carries what one of them does into all later steps: after ten steps on digits, two right programs differed by
half of all change. So their outputs, their first loss and, loosely, their gradients are proven as they are; and the
gradients strictly, with update rules, running statistics and input pipeline, on the smooth twin (``Spec.smooth``).

Large pictures prove nothing that small ones do not: a network that ends in a global average has the same arrays and
operations at every size. So such a network is proven on the middle of its pictures, and any other on fewer examples,
such that the reference needs neither a gigabyte nor minutes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models.forms import Forms
from models.kinks import kink_margins
from models.probe_rules import probe_rule
from models.reference import Reference
from models.spec import SGD, Adam, AdamW, GlobalAveragePool, Spec, SpecError
from models.weights import initial_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models.contract import Images, Labels, Precision, Weights

BATCH_SIZE = 16
STEPS = 10
EPOCH_BATCHES = 3
"""Whole ones; half a batch more comes last."""

_CASE_ARRAYS = ("images", "labels", "epoch_images", "epoch_labels", "epoch_order")

_FAINTNESS = 1e3
"""Brightness over epsilon: gradients are about 0.01 in full light, so they become about ten times epsilon at most."""

_QUIET = 1e-3
"""The last kernel's share that is left where weight decay is to show beside the gradients."""

_DRAWS = 8
"""Whole batches of which the one farthest from all kinks is taken, where only the first one matters."""

_MOST_VALUES = 4_000_000
"""That all layers together make of a batch: 32 MB in float64, of which the reference holds about eight."""

_FEWEST_EXAMPLES = 2
_FEWEST_NORMALISED = 8
"""In a batch; with four, rounding grew twenty times as large in MobileNet-V2, whose last maps have four pixels."""
_SMALLEST_MAP = 2
"""Pixels that must be left of each side before the global average: batch normalisation needs several values."""

_FORMS = (Forms(), Forms("epsilon-hat", "rate-inside", "decoupled", "biased"))
"""Both ends of what adapters declare: a case that is far from kinks for these serves every framework."""


@dataclass(frozen=True)
class ParityCase:
    """One question with one right answer. Arrays must not be changed.

    Args:
        spec: the network, without dropout, with the optimiser of the workload, for pictures of the size that is proven.
        weights: initial weights with non-zero biases.
        images: shape (STEPS * batch_size, height, width, channels): the batches of the training steps, in order.
        labels: their classes.
        epoch_images: the examples of the epoch, three and a half batches, as they are stored.
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
        """Weights and a batch with which kernels' gradients are as small as Adam's epsilon.

        Adam's step is the same for all gradients that are large against epsilon; only here does a program that
        trains with a tenth or ten times the workload's epsilon differ from it by more than rounding.

        The first batch is so dark, and biases are zero. All examples bear one label: of dark images, classes in equal
        numbers would cancel in the gradients of the biases, and what rounding leaves of these, Adam would turn into
        whole steps. A single label may do so by chance, too, so it is the one of which :func:`parity_case` found least
        cancelled. Batch normalisation undoes all darkness; there, the last kernel is small instead.
        """
        epsilon = self.adam.epsilon
        brightness = min(1.0, _FAINTNESS * epsilon) if epsilon else 1.0
        images = self.images[: self.batch_size]
        if has_batch_norm(self.spec):
            return _quietened(self.weights, brightness), images, self.labels[: self.batch_size]
        dark = images * np.float32(brightness)
        return without_biases(self.weights), dark, np.full(len(images), self.dark_label)

    def quiet(self) -> tuple[Weights, Images, Labels]:
        """Weights and a batch with which all gradients but the last layer's are small beside usual weight decay."""
        return _quietened(self.weights, _QUIET), self.images[: self.batch_size], self.labels[: self.batch_size]

    def trained(self, precision: Precision = "float32") -> Spec:
        """The network whose training is proven: the workload's, or its smooth twin."""
        return self.spec.smooth() if is_twinned(self.spec, precision) else self.spec

    @property
    def adam(self) -> Adam | AdamW:
        """The workload's own Adam; if it trains otherwise, Adam with its published constants."""
        return self.spec.optimizer if isinstance(self.spec.optimizer, Adam | AdamW) else Adam()

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
        kept = {name: arrays[name] for name in _CASE_ARRAYS}
        height, width, channels = kept["images"].shape[1:]
        spec = replace(spec.without_dropout(), input_shape=(height, width, channels))
        weights = {name: arrays[f"weights/{name}"] for name in spec.parameter_shapes()}
        size, label = int(arrays["batch_size"]), int(arrays["dark_label"])
        return cls(spec, weights, **kept, batch_size=size, dark_label=label)


def has_batch_norm(spec: Spec) -> bool:
    """Whether examples of a batch depend on each other."""
    return bool(spec.state_shapes())


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
    spec, size = proven_size(spec.without_dropout())
    generator = np.random.Generator(np.random.PCG64(seed))
    weights = initial_weights(spec, seed, zero_biases=False)
    draw = _Draw(spec, weights, images, labels, generator)
    sizes = [size] * (STEPS + EPOCH_BATCHES) + [size // 2]
    chosen = draw.first_best(sizes) if is_twinned(spec) else draw.all_good(sizes)
    steps, visited = chosen[: STEPS * size], chosen[STEPS * size :]
    order = generator.permutation(len(visited)).astype(np.int64)
    stored = visited[np.argsort(order)]
    shown = [_middle(images, part, spec.input_shape) for part in (steps, stored)]
    case = ParityCase(spec, weights, shown[0], labels[steps], shown[1], labels[stored], order, size)
    return case if has_batch_norm(spec) else replace(case, dark_label=_least_cancelled(case))


def is_twinned(spec: Spec, precision: Precision = "float32") -> bool:
    """Whether training is proven on the network's smooth twin: in a lower precision, no batch is far from all kinks."""
    return precision != "float32" or has_batch_norm(spec) or _values(spec) * BATCH_SIZE > _MOST_VALUES


def proven_size(spec: Spec) -> tuple[Spec, int]:
    """The network on pictures small enough to be proven on, and the examples of a batch."""
    if any(isinstance(placed.layer, GlobalAveragePool) for placed in spec.every_layer()):
        while _values(spec) * BATCH_SIZE // 2 > _MOST_VALUES and (smaller := _halved(spec)):
            spec = smaller
    size, fewest = BATCH_SIZE, _FEWEST_NORMALISED if has_batch_norm(spec) else _FEWEST_EXAMPLES
    while size > fewest and _values(spec) * size > _MOST_VALUES:
        size //= 2
    return spec, size


def _values(spec: Spec) -> int:
    """That all layers make of one example."""
    return sum(math.prod(placed.after) for placed in spec.every_layer())


def _halved(spec: Spec) -> Spec | None:
    """The network on pictures of half the height and width; None if too little would be left of them."""
    height, width, channels = spec.input_shape
    try:
        smaller = replace(spec, input_shape=(height // 2, width // 2, channels))
    except SpecError:
        return None
    last = [placed.before for placed in smaller.every_layer() if isinstance(placed.layer, GlobalAveragePool)]
    return smaller if min(last[-1][:2]) >= _SMALLEST_MAP else None


def _middle(images: Images, chosen: NDArray[np.intp], shape: tuple[int, int, int]) -> Images:
    """The middle of some images, of this height and width."""
    rows, columns = ((whole - part) // 2 for whole, part in zip(images.shape[1:3], shape[:2], strict=True))
    # A picture at a time: they may lie in a file of gigabytes.
    cut = [images[index, rows : rows + shape[0], columns : columns + shape[1]] for index in chosen]
    return np.stack(cut).astype(np.float32, copy=False)


class _Draw:
    """Draws indices of batches that are far from kinks when they are met."""

    def __init__(
        self, spec: Spec, weights: Weights, images: Images, labels: Labels, generator: np.random.Generator
    ) -> None:
        self._spec, self._weights = spec, weights
        self._images, self._labels, self._generator = images, labels, generator

    def first_best(self, sizes: list[int]) -> NDArray[np.intp]:
        """The first batch is the best of several; the others are as they come."""
        judge = Reference(self._spec, self._weights)
        draws = [self._random(sizes[0]) for _ in range(_DRAWS)]
        margins = [float(kink_margins(judge, self._shown(draw), training=True).min()) for draw in draws]
        return np.concatenate([draws[int(np.argmax(margins))], *(self._random(size) for size in sizes[1:])])

    def all_good(self, sizes: list[int]) -> NDArray[np.intp]:
        """Every batch is the better half of a draw, for both forms of Adam, so that one case serves every framework."""
        probe = self._spec.with_optimizer(probe_rule(self._spec.optimizer, small_steps=False))
        references = [Reference(probe, self._weights, forms) for forms in _FORMS]
        unbiased = Reference(probe, without_biases(self._weights))
        chosen: list[NDArray[np.intp]] = []
        for size in sizes:
            candidates = self._random(2 * size)
            judges = references if chosen else [*references, unbiased]  # faint() takes the first batch without biases
            margins = np.min([kink_margins(judge, self._shown(candidates)) for judge in judges], axis=0)
            batch = candidates[np.sort(np.argsort(margins)[size:])]
            for reference in references:
                reference.training_step((self._shown(batch), self._labels[batch]))
            chosen.append(batch)
        return np.concatenate(chosen)

    def _random(self, size: int) -> NDArray[np.intp]:
        return self._generator.choice(len(self._images), size, replace=False)

    def _shown(self, chosen: NDArray[np.intp]) -> Images:
        return _middle(self._images, chosen, self._spec.input_shape)


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


def without_biases(weights: Weights) -> Weights:
    """The same weights with every bias zero."""
    return {name: np.zeros_like(array) if name.endswith("/bias") else array for name, array in weights.items()}


def _quietened(weights: Weights, share: float) -> Weights:
    """The same weights with a share of the last kernel, and so of all gradients before it."""
    last = [name for name in weights if name.endswith("/kernel")][-1]
    return {name: array * np.float32(share) if name == last else array for name, array in weights.items()}

"""The contract: what every framework's adapter offers. Nothing more is asked of a framework.

An adapter is the program that a competent user of the framework writes. Warm-up, seeding of data,
bursts, timing and statistics belong to whoever calls it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.forms import AdamForm, DecayForm, MomentumForm, VarianceForm
from models.precisions import PRECISIONS, Precision, check_precision

if TYPE_CHECKING:
    from models.spec import Spec

__all__ = [
    "PRECISIONS",
    "AdamForm",
    "Adapter",
    "DecayForm",
    "Device",
    "DeviceUnavailableError",
    "Images",
    "Labels",
    "MomentumForm",
    "Precision",
    "VarianceForm",
    "Weights",
    "WithRunningStatistics",
    "check_precision",
]

Images = NDArray[np.float32]
"""Shape (examples, height, width, channels), values 0 to 1."""

Labels = NDArray[np.int64]
"""Shape (examples,), class numbers from 0."""

Weights = dict[str, NDArray[np.float32]]
"""Every trainable array in canonical layout, named and ordered as ``Spec.parameter_shapes`` does."""

Device = Literal["cpu", "cuda"]


class DeviceUnavailableError(RuntimeError):
    """The framework cannot use the device that was asked for; the message says what it does see."""


class Adapter(Protocol):
    """One framework training one :class:`Spec`. The class is called ``Adapter`` in each adapter module.

    It may also declare ``momentum_form``, ``decay_form`` and ``variance_form`` of :mod:`models.forms`; what it leaves
    out is as in PyTorch. :class:`WithRunningStatistics` is needed for networks with batch normalisation only.
    """

    adam_form: ClassVar[AdamForm]

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        """Build the model.

        Args:
            spec: network and optimiser; for a ``DefaultAdam`` the framework's own constants apply.
            weights: exactly these; None lets the framework draw its own, as it does by default.
            device: where it is trained.
            precision: of the arithmetic; weights are kept in float32.
            seed: drives dropout, and whatever else is left to the framework: weights, shuffling.

        Raises:
            DeviceUnavailableError: if the framework cannot use ``device``.
        """

    def to_device(self, images: Images, labels: Labels) -> Any:
        """Move one batch to the device, in the form that :meth:`training_step` takes."""

    def training_step(self, batch: Any) -> Any:
        """Forward, loss, gradients, update. Returns the batch's loss, which ``float()`` accepts and may wait for."""

    def train_epoch(self, images: Images, labels: Labels, order: NDArray[np.int64] | None, batch_size: int) -> float:
        """Train once over the arrays, with this framework's own input pipeline. The last batch may be smaller.

        Args:
            images: of all training examples.
            labels: their classes.
            order: shape (examples,), in which they are visited; None shuffles them as the framework's users do.
            batch_size: examples in a batch.

        Returns:
            The mean of the batches' losses, weighted by batch size.
        """

    def logits(self, images: Images) -> NDArray[np.float32]:
        """Outputs of the last layer in evaluation mode: no dropout, running statistics. Shape (examples, classes)."""

    def weights(self) -> Weights:
        """The current weights, in canonical layout."""

    def synchronize(self) -> None:
        """Wait until the device has finished everything asked of it."""

    def peak_device_memory_bytes(self) -> int | None:
        """Most device memory that the framework's allocator held so far; None on a CPU."""


class WithRunningStatistics(Adapter, Protocol):
    """An adapter that can train batch normalisation."""

    momentum_form: ClassVar[MomentumForm]
    decay_form: ClassVar[DecayForm]
    variance_form: ClassVar[VarianceForm]

    def running_statistics(self) -> Weights:
        """The current running statistics, named and ordered as ``Spec.state_shapes`` does."""

"""How far examples stay from the points where a derivative jumps: those of a ReLU, and of a maximum.

Where a value lies within float32's rounding of such a kink, two correct programs may take different sides, and their
gradients then differ by per cents: measured, one random batch in ten to a hundred does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.reference import every_pass
from models.reference_layers import kinks, pooling_windows
from models.spec import MaxPool, activation_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models.contract import Images
    from models.reference import Passed, Reference

_TIE = 1e-12
"""What is nearer to a kink than this, relatively, lies on it: equal maxima come from equal pixels, and a ReLU's
input of zero from black ones. There all programs agree."""


def kink_margins(reference: Reference, images: Images, *, training: bool = False) -> NDArray[np.float64]:
    """How far each example stays from every point where a derivative jumps, shape (examples,).

    The distance is that of an activation's input from its kinks, and of a window's largest value from its second
    largest, as a share of the layer's largest value in the batch.

    Args:
        reference: whose weights count.
        images: of the examples.
        training: whether batch normalisation uses the statistics of these very images.
    """
    margins = np.full(len(images), np.inf)
    for passed in every_pass(reference.trace(images, training=training)):
        for distances, scale in _distances(passed):
            away = np.where(distances > _TIE * scale, distances, np.inf)
            margins = np.minimum(margins, away.reshape(len(images), -1).min(axis=1) / (scale or 1.0))
    return margins


def _distances(passed: Passed) -> Iterator[tuple[NDArray[np.float64], float]]:
    """Of every value of a layer from each of its kinks, and the layer's largest value."""
    layer = passed.placed.layer
    if isinstance(layer, MaxPool) and layer.size > 1:
        windows = np.sort(pooling_windows(passed.before, layer), axis=-1)
        yield windows[..., -1] - windows[..., -2], float(windows[..., -1].max(initial=0.0))
    for kink in kinks(activation_of(layer)):
        yield np.abs(passed.linear - kink), float(np.abs(passed.linear).max())

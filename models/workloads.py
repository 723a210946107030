"""The workloads: a data set, a network and a recipe, as the studies in the README describe them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from models.spec import Convolution, Dense, Flatten, MaxPool, Spec


@dataclass(frozen=True)
class Published:
    """What a study printed for one framework. None where it gave no figure."""

    framework: str
    accuracy: float | None = None
    loss: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Workload:
    """What is trained: data, network, recipe, and the accuracy it must reach.

    Args:
        identifier: what a user types after ``--workload``.
        dataset: identifier of the data set.
        spec: the network and its optimiser.
        batch_size: examples in a batch; the last batch of an epoch may be smaller.
        epochs: passes over the training examples until the final accuracy is read.
        seed: drives the initial weights, the order of the examples and dropout.
        accuracy_threshold: share of test examples classified rightly, below which training has failed.
        published: figures of the study that the workload comes from.
        source: the study.
    """

    identifier: str
    dataset: str
    spec: Spec
    batch_size: int
    epochs: int
    accuracy_threshold: float
    seed: int = 42
    published: tuple[Published, ...] = ()
    source: str = ""


THREE_CONVOLUTIONS = Spec(
    name="3conv",
    input_shape=(28, 28, 1),
    layers=(
        Convolution(filters=28, kernel=3),
        MaxPool(),
        Convolution(filters=64, kernel=3),
        MaxPool(),
        Convolution(filters=64, kernel=3),
        Flatten(),
        Dense(units=64, relu=True),
        Dense(units=10),
    ),
)

WORKLOADS = MappingProxyType(
    {
        workload.identifier: workload
        for workload in (
            Workload(
                identifier="digits",
                dataset="digits",
                spec=THREE_CONVOLUTIONS,
                batch_size=64,
                epochs=10,
                accuracy_threshold=0.95,
                source="scikit-learn's load_digits, the network of mnist-3conv",
            ),
            Workload(
                identifier="mnist-3conv",
                dataset="mnist",
                spec=THREE_CONVOLUTIONS,
                batch_size=64,
                epochs=5,
                accuracy_threshold=0.985,
                published=(
                    Published("keras-tensorflow", accuracy=0.9867, loss=0.0440, seconds=357.11),
                    Published("pytorch", accuracy=0.9893, seconds=248.17),
                ),
                source="notebook comparing TensorFlow (Keras) and PyTorch",
            ),
        )
    }
)
DEFAULT_WORKLOAD = "digits"

"""The workloads: a data set, a network and a recipe, as the studies in :mod:`models.studies` describe them.

An accuracy threshold is for the whole, real data set: below it, something is broken. It lies under what the study
published and under what was measured here with one seed, by a margin that was judged and not measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from models.networks import mobilenet_v2, resnet18, small_residual_network
from models.spec import SGD, Convolution, Dense, Dropout, Flatten, MaxPool, Spec, Steps, WarmupCosine


@dataclass(frozen=True)
class Workload:
    """What is trained: data, network, recipe, and the accuracy it must reach.

    Args:
        identifier: what a user types after ``--workload``.
        dataset: identifier of the data set.
        spec: the network and its optimiser.
        batch_size: examples in a batch; the last batch of an epoch may be smaller.
        epochs: passes over the training examples until the final accuracy is read.
        accuracy_threshold: share of test examples classified rightly, below which training has failed.
        seed: drives the initial weights, the order of the examples and dropout.
        source: where a workload that no study is about comes from; what a study says is in :mod:`models.studies`.
        synthetic: whether the images are noise, so that there is nothing to learn and no accuracy to take.
    """

    identifier: str
    dataset: str
    spec: Spec
    batch_size: int
    epochs: int
    accuracy_threshold: float
    seed: int = 42
    source: str = ""
    synthetic: bool = False


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
DENSE_1024 = Spec(
    name="dense1024",
    input_shape=(28, 28, 1),
    layers=(
        Convolution(filters=32, kernel=5, padding="same"),
        MaxPool(),
        Convolution(filters=64, kernel=5, padding="same"),
        MaxPool(),
        Flatten(),
        Dense(units=1024, relu=True),
        Dropout(rate=0.2),
        Dense(units=10),
    ),
)
DENSE_64 = Spec(
    name="dense64",
    input_shape=(28, 28, 1),
    layers=(
        Convolution(filters=32, kernel=5),
        MaxPool(),
        Convolution(filters=64, kernel=5),
        MaxPool(),
        Flatten(),
        Dense(units=64, relu=True),
        Dense(units=10),
    ),
)
TWO_CONVOLUTIONS = Spec(
    name="32-16",
    input_shape=(32, 32, 3),
    layers=(
        Convolution(filters=32, kernel=3),
        MaxPool(),
        Convolution(filters=16, kernel=3),
        MaxPool(),
        Flatten(),
        Dense(units=10),
    ),
)
PHOTOGRAPHS = Spec(
    name="cats-vs-dogs",
    input_shape=(50, 50, 1),
    layers=(
        Convolution(filters=32, kernel=5),
        MaxPool(),
        Convolution(filters=64, kernel=5),
        MaxPool(),
        Convolution(filters=128, kernel=5),
        MaxPool(),
        Flatten(),
        Dense(units=512, relu=True),
        Dense(units=2),
    ),
)

_ALL = (
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
    ),
    Workload(
        identifier="mnist-dense1024",
        dataset="mnist",
        spec=DENSE_1024,
        batch_size=64,  # the slides give neither this nor the epochs
        epochs=5,
        # The slides print about 97 to 99 %, of batches and epochs unknown; here PyTorch has 0.990 after two epochs.
        accuracy_threshold=0.98,
    ),
    Workload(
        identifier="mnist-dense64",
        dataset="mnist",
        spec=DENSE_64,
        batch_size=32,
        epochs=5,
        # Here, PyTorch stays between 0.988 and 0.990 from the second epoch on.
        accuracy_threshold=0.98,
    ),
    Workload(
        identifier="cifar10-32-16",
        dataset="cifar10",
        spec=TWO_CONVOLUTIONS,
        batch_size=64,  # the blog gives neither this nor the optimiser nor the epochs
        epochs=5,
        # 11,290 parameters learn little. With 8,000 of the 50,000 images and as many steps, PyTorch gets to 0.555.
        accuracy_threshold=0.50,
    ),
    Workload(
        identifier="cats-vs-dogs",
        dataset="cats-vs-dogs",
        spec=PHOTOGRAPHS,
        batch_size=100,
        epochs=10,
        # For the whole archive. The lowest published is 0.78, of a network that the study does not give; a few
        # hundred photographs are too few to get this far.
        accuracy_threshold=0.70,
    ),
    Workload(
        identifier="fashion-mnist-3conv",
        dataset="fashion-mnist",
        spec=THREE_CONVOLUTIONS,
        batch_size=64,
        epochs=5,
        accuracy_threshold=0.87,  # here, PyTorch reaches 0.900
        source="Fashion-MNIST, the network and recipe of mnist-3conv",
    ),
    Workload(
        identifier="digits-resnet8",
        dataset="digits",
        spec=small_residual_network(
            "resnet8",
            (28, 28, 1),
            blocks=1,
            optimizer=SGD(0.1, 0.9, weight_decay=1e-4, schedule=WarmupCosine(warmup_steps=23, decay_steps=207)),
        ),
        batch_size=64,
        epochs=10,  # of 23 steps: the first one warms up
        accuracy_threshold=0.95,  # here, PyTorch reaches 0.989 to 0.997 with three seeds
        source="scikit-learn's load_digits, the smallest residual network of arXiv 1512.03385, section 4.2",
    ),
    Workload(
        identifier="cifar10-resnet20",
        dataset="cifar10",
        spec=small_residual_network(
            "resnet20",
            (32, 32, 3),
            blocks=3,
            optimizer=SGD(0.1, 0.9, weight_decay=1e-4, schedule=Steps((32_000, 48_000), 0.1)),
        ),
        batch_size=128,
        epochs=164,  # 64,000 steps
        # The paper's 0.9125 needs its augmentation, which is no part of a specification. Judged, and not measured.
        accuracy_threshold=0.80,
        source="He et al., arXiv 1512.03385, section 4.2: 64,000 steps, test error 8.75 % with augmentation",
    ),
    Workload(
        identifier="resnet18-224",
        dataset="synthetic-224",
        spec=resnet18(SGD(0.1, 0.9, weight_decay=1e-4)),
        batch_size=8,
        epochs=1,
        accuracy_threshold=0.0,
        synthetic=True,
        source="ResNet-18 as torchvision has it, on synthetic images: for throughput and memory",
    ),
    Workload(
        identifier="mobilenet-v2-224",
        dataset="synthetic-224",
        spec=mobilenet_v2(SGD(0.045, 0.9, weight_decay=4e-5)),
        batch_size=8,
        epochs=1,
        accuracy_threshold=0.0,
        synthetic=True,
        source="MobileNet-V2 as torchvision has it, on synthetic images: for throughput and memory",
    ),
)

WORKLOADS = MappingProxyType({workload.identifier: workload for workload in _ALL})
DEFAULT_WORKLOAD = "digits"

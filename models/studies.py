"""The published comparisons of frameworks that the workloads come from: what each printed, and what it left open.

Figures are the studies' own. ``chosen`` is what this suite put where they say nothing; which quantities a difference
can affect, and which frameworks it concerns, is this suite's judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Quantity = Literal["time", "accuracy", "memory"]
"""What frameworks are ranked by. Not by loss: no study says on which examples it was taken."""


@dataclass(frozen=True)
class Published:
    """What a study printed for one framework. None where it gave no figure.

    Args:
        framework: identifier of the framework.
        accuracy: share of test examples classified rightly.
        loss: on the test examples, or the study's last.
        seconds: of the whole training.
        memory_bytes: RAM in use.
        lines_of_code: of the program.
        note: what belongs to the figures and is none.
    """

    framework: str
    accuracy: float | None = None
    loss: float | None = None
    seconds: float | None = None
    memory_bytes: float | None = None
    lines_of_code: int | None = None
    note: str = ""


@dataclass(frozen=True)
class NotGiven:
    """Something that a study does not say, and what was chosen here in its place."""

    what: str
    chosen: str


@dataclass(frozen=True)
class Uncontrolled:
    """A difference between a study's programs, beside the framework, that the study let stand.

    Args:
        difference: what differed.
        affects: the quantities that it can change.
        native: whether ``--defaults native`` lets it stand too, so that its effect can be measured.
        values: what each framework has by default, where that is known; frameworks with equal values do not differ.
    """

    difference: str
    affects: tuple[Quantity, ...]
    native: bool = False
    values: tuple[tuple[str, str], ...] = ()

    def concerns(self, first: str, second: str) -> bool:
        """Whether the two frameworks can differ by it."""
        values = dict(self.values)
        return not values or values.get(first) != values.get(second)


@dataclass(frozen=True)
class Study:
    """A published comparison of frameworks.

    Args:
        workload: identifier of the workload that repeats it.
        source: what it is, in words.
        published: its figures, a framework each.
        repetitions: trainings that its figures were taken from.
        confusion_matrix: whether it shows a confusion matrix and figures for each class.
        not_given: what it does not say.
        uncontrolled: differences that it did not control.
        speed_in_words: of a study without numbers: groups of frameworks, fastest first, about as fast within a group.
    """

    workload: str
    source: str
    published: tuple[Published, ...]
    uncontrolled: tuple[Uncontrolled, ...]
    repetitions: int = 1
    confusion_matrix: bool = False
    not_given: tuple[NotGiven, ...] = ()
    speed_in_words: tuple[tuple[str, ...], ...] = ()

    def has_numbers(self) -> bool:
        """Whether it printed an accuracy or a time, not only words."""
        return any(each.accuracy is not None or each.seconds is not None for each in self.published)


_GLOROT = dict.fromkeys(("tensorflow", "tf-estimator", "keras-tensorflow"), "Glorot uniform")
_EPSILON = dict.fromkeys(("tensorflow", "tf-estimator", "pytorch"), "1e-8")
_DIFFERENCES = (
    Uncontrolled(
        "initial weights (Keras: Glorot uniform, PyTorch: Kaiming uniform)",
        ("accuracy",),
        native=True,
        values=tuple({**_GLOROT, "pytorch": "Kaiming uniform"}.items()),
    ),
    Uncontrolled(
        "Adam's epsilon (Keras: 1e-7, PyTorch: 1e-8)",
        ("accuracy",),
        native=True,
        values=tuple({**_EPSILON, "keras-tensorflow": "1e-7"}.items()),
    ),
    # Not one that native defaults let stand: with them, every framework shuffles, by its own means.
    Uncontrolled("shuffling (one of the studies shuffled in Keras and not in PyTorch)", ("time", "accuracy")),
    Uncontrolled("the input pipeline (a loader of single examples against slices of whole arrays)", ("time", "memory")),
    Uncontrolled("thread counts", ("time", "memory")),
    Uncontrolled("one process for all frameworks", ("time", "memory")),
)
_ONE_RUN = Uncontrolled("one run of each framework", ("time", "accuracy", "memory"))
_CITED_TIME = "the time is an average from a paper that the study cites"

_ALL = (
    Study(
        workload="mnist-3conv",
        source="notebook comparing TensorFlow (Keras) and PyTorch",
        published=(
            Published("keras-tensorflow", accuracy=0.9867, loss=0.0440, seconds=357.11),
            Published("pytorch", accuracy=0.9893, seconds=248.17),
        ),
        uncontrolled=(*_DIFFERENCES, _ONE_RUN),
        confusion_matrix=True,
    ),
    Study(
        workload="mnist-dense1024",
        source="slides of the course CE229",
        published=(
            Published("tensorflow", accuracy=0.98, seconds=200, lines_of_code=154, note="all about; 5 hours to write"),
            Published("tf-estimator", accuracy=0.97, seconds=140, lines_of_code=92, note="all about; 3 hours to write"),
            Published(
                "keras-tensorflow", accuracy=0.99, seconds=366, lines_of_code=55, note="all about; 30 minutes to write"
            ),
        ),
        uncontrolled=(*_DIFFERENCES, _ONE_RUN),
        not_given=(NotGiven("batch size", "64"), NotGiven("epochs", "5")),
    ),
    Study(
        workload="mnist-dense64",
        source="term project on programming paradigms, 2021",
        published=(
            Published("keras-tensorflow", accuracy=0.9914, seconds=11.19, memory_bytes=1.7e9, note=_CITED_TIME),
            Published("pytorch", accuracy=0.9895, seconds=7.67, memory_bytes=3.5e9, note=_CITED_TIME),
        ),
        uncontrolled=(
            *_DIFFERENCES,
            _ONE_RUN,
            Uncontrolled("the times are of another paper's programs", ("time",)),
        ),
    ),
    Study(
        workload="cifar10-32-16",
        source="blog comparing TensorFlow, Keras and PyTorch",
        published=(
            Published("tensorflow", note="a chart without numbers: about as fast as PyTorch"),
            Published("keras-tensorflow", note="a chart without numbers: slower than the other two"),
            Published("pytorch", note="a chart without numbers: about as fast as TensorFlow"),
        ),
        uncontrolled=(*_DIFFERENCES, _ONE_RUN),
        not_given=(
            NotGiven("optimiser", "Adam, learning rate 1e-3"),
            NotGiven("batch size", "64"),
            NotGiven("epochs", "5"),
        ),
        speed_in_words=(("tensorflow", "pytorch"), ("keras-tensorflow",)),
    ),
    Study(
        workload="cats-vs-dogs",
        source="AGROCOMPUTAÇÃO study, SETREM, 2020; i5-7200U",
        published=(
            Published("tensorflow", accuracy=0.78, loss=0.6, seconds=360),
            Published("keras-tensorflow", accuracy=0.78, loss=0.58, seconds=420),
            Published("pytorch", accuracy=0.88, loss=0.11, seconds=85),
        ),
        uncontrolled=_DIFFERENCES,
        repetitions=3,
        not_given=(
            NotGiven("network", "three convolutions of 32, 64 and 128 filters, each pooled, and a dense layer of 512"),
            NotGiven("optimiser", "Adam, learning rate 1e-3"),
            NotGiven("batch size", "100"),
        ),
    ),
)

STUDIES = MappingProxyType({study.workload: study for study in _ALL})
"""The studies, by the identifier of their workload."""

"""Stands for workers: each answers in this process, by the reference, with real numbers and the real session."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Current, Environment
from fixtures.arms.launch import LaunchSettings
from fixtures.measuring.setting import Judges, prepare_setting
from fixtures.workers import messages
from fixtures.workers.parent import WorkerError
from fixtures.workers.session import Session
from models.reference import Reference
from models.registry import FRAMEWORKS
from models.spec import Adam, Convolution, Dense, Flatten, MaxPool, Spec
from models.weights import initial_weights
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fixtures.arms.environments import Source
    from fixtures.measuring.setting import Setting
    from models.contract import AdamForm, Adapter, Device, Images, Labels, Precision, Weights

SPEC = Spec("small", (8, 8, 1), (Convolution(3, 3), MaxPool(), Flatten(), Dense(6, relu=True), Dense(4)))
WORKLOAD = replace(WORKLOADS["digits"], spec=SPEC, batch_size=16, epochs=2)
ARM = Arm(WORKLOAD, FRAMEWORKS["pytorch"], "cpu")
EXAMPLES = 88
"""Five whole batches and a half of one."""


class ReferenceAdapter:
    """The reference as a framework: weights travel in float32, and it can be made to train wrongly."""

    adam_form: ClassVar[AdamForm] = "bias-corrected"
    rate = 1.0
    """By which the learning rate of the workload's own optimiser is multiplied."""

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        del device, precision
        optimizer = spec.optimizer
        if isinstance(optimizer, Adam):
            spec = spec.with_optimizer(replace(optimizer, learning_rate=optimizer.learning_rate * self.rate))
        self.reference = Reference(spec, weights or initial_weights(spec, seed))

    def to_device(self, images: Images, labels: Labels) -> tuple[Images, Labels]:
        """As it is."""
        return images, labels

    def training_step(self, batch: tuple[Images, Labels]) -> float:
        """The reference's."""
        return self.reference.training_step(batch)

    def train_epoch(self, images: Images, labels: Labels, order: NDArray[np.int64], batch_size: int) -> float:
        """The reference's."""
        return self.reference.train_epoch(images, labels, order, batch_size)

    def logits(self, images: Images) -> NDArray[np.float32]:
        """The reference's, rounded."""
        return self.reference.logits(images).astype(np.float32)

    def weights(self) -> Weights:
        """The reference's, rounded."""
        return {name: array.astype(np.float32) for name, array in self.reference.weights().items()}

    def synchronize(self) -> None:
        """Nothing is ever under way."""

    def peak_device_memory_bytes(self) -> None:
        """There is no device."""


@dataclass
class Stage:
    """Where workers are made up: who trains how, and what everybody was asked.

    Args:
        rates: part of a worker's name -> what its learning rate is multiplied by.
        raises: part of a worker's name, and a type of request -> what answering it raises.
        uncompiled: modules that every worker says are without bytecode.
        asked: name of a worker and type of a request, in order.
        closed: names of workers that were ended.
    """

    rates: dict[str, float] = field(default_factory=dict)
    raises: dict[tuple[str, str], BaseException] = field(default_factory=dict)
    uncompiled: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    requests: list[messages.Request[Any]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def worker(self, name: str, _command: str, _directory: Path) -> StandInWorker:
        """Start one."""
        return StandInWorker(self, name)

    def proven(self) -> list[str]:
        """Workers that were asked for their parity, in order."""
        return [name for name, kind in self.asked if kind == "ObserveParity"]


class StandInWorker:
    """A session in this process."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage, self.name, self.pid = stage, name, os.getpid()
        self._session = Session()
        self._pending: messages.Request[Any] | None = None

    def ask(self, request: messages.Request[Any], _timeout: float) -> Any:
        """Answer at once."""
        kind = type(request).__name__
        self.stage.asked.append((self.name, kind))
        self.stage.requests.append(request)
        for (part, failing), error in self.stage.raises.items():
            if part in self.name and failing == kind:
                raise error
        if isinstance(request, messages.ImportFramework):
            # Not the session: it would bind this process to cores, and hide packages from it.
            rate = next((rate for part, rate in self.stage.rates.items() if part in self.name), 1.0)
            adapter = type("Adapter", (ReferenceAdapter,), {"rate": rate})
            self._session._adapter_class = cast("type[Adapter]", adapter)
            return messages.Imported(1.0, "1.0", {"adam_form": ReferenceAdapter.adam_form}, 0, self.stage.uncompiled)
        return self._session.answer(request)

    def send(self, request: messages.Request[Any]) -> None:
        """Keep it."""
        self._pending = request

    def receive(self, timeout: float) -> Any:
        """Answer what was sent."""
        assert self._pending is not None
        return self.ask(self._pending, timeout)

    def close(self) -> None:
        """Note it."""
        self.stage.closed.append(self.name)


def small_setting(
    folder: Path,
    *sources: Source,
    threads: int = 1,
    examples: int = EXAMPLES,
    interpreter: Path | None = None,
) -> Setting:
    """A setting of a small network on random pictures, in these environments or the current one; of real workers, if
    their interpreter is given.
    """
    generator = np.random.default_rng(1)
    arrays: dict[str, Any] = {
        "x_train": generator.random((examples, 8, 8, 1), dtype=np.float32),
        "y_train": generator.integers(0, 4, examples),
        "x_test": generator.random((8, 8, 8, 1), dtype=np.float32),
        "y_test": generator.integers(0, 4, 8),
    }
    data = folder / "data"
    data.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(data / f"{name}.npy", array)
    dataset = SimpleNamespace(directory=data, load=arrays.__getitem__, class_names=("a", "b", "c", "d"))
    environment = Environment("made up", interpreter or folder / "bin" / "python", "key", {})
    environments: dict[Source, Environment] = dict.fromkeys(sources or (Current(),), environment)
    launch = LaunchSettings(threads)
    return prepare_setting(WORKLOAD, cast("Any", dataset), folder / "run", environments, launch, 60.0, Judges())


def died(name: str) -> WorkerError:
    """What a worker's death looks like."""
    return WorkerError(f"{name}: the worker died", "died")

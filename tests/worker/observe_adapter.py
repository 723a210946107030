"""Runs adapters on parity cases in a process of its own: python -m tests.worker.observe_adapter FOLDER MODULE CLASS...

The folder holds ``NAME.json`` (a specification) and ``NAME.npz`` (the case). For each class and case an observation
``CLASS-NAME.npz`` is written, and for the first class ``facts``: its forms and, if the case ``odd`` is among them, what
else the contract promises.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from models.forms import forms_of
from models.parity import ParityCase, observe
from models.spec import SGD, DefaultAdam, Dense, Dropout, Flatten, Spec
from models.spec_format import from_plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.contract import Adapter, Weights


def load_cases(folder: Path) -> dict[str, ParityCase]:
    """The cases in a folder, by name."""
    cases = {}
    for path in sorted(folder.glob("*.json")):
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as archive:
            spec = from_plain(json.loads(path.read_text(encoding="utf-8")))
            cases[path.stem] = ParityCase.from_arrays(spec, dict(archive))
    return cases


def facts(adapter_class: type[Adapter], case: ParityCase) -> dict[str, Any]:
    """What an adapter promises beside parity, as observed on one case."""
    batch = case.batches()[0]

    def build(*, seed: int = 0, rate: float = 0.0, device: Any = "cpu", precision: Any = "float32") -> Adapter:
        layers = tuple(Dropout(rate) if isinstance(layer, Dropout) else layer for layer in case.spec.layers)
        return adapter_class(replace(case.spec, layers=layers), dict(case.weights), device, precision, seed)

    def outcome(**options: Any) -> str:
        try:
            build(**options)
        except Exception as error:  # noqa: BLE001 - which error it is, is what is asked
            return type(error).__name__
        return "built"

    def after_a_step(seed: int) -> list[float]:
        adapter = build(seed=seed, rate=0.5)
        adapter.training_step(adapter.to_device(*batch))
        adapter.synchronize()
        return [float(array.sum()) for array in adapter.weights().values()]

    first, adapter = after_a_step(1), build(rate=0.5)
    before = adapter.weights()
    copies = {name: array.copy() for name, array in before.items()}
    logits = [adapter.logits(batch[0]) for _ in range(2)]
    loss = float(adapter.training_step(adapter.to_device(*batch)))
    mean_loss = adapter.train_epoch(case.epoch_images, case.epoch_labels, case.epoch_order, case.batch_size)
    return {
        "unknown precision": outcome(precision="float12"),
        "cuda": outcome(device="cuda"),
        "logits without dropout": bool((logits[0] == logits[1]).all()),
        "kinds of logits": str(logits[0].dtype),
        "kinds of weights": sorted({str(array.dtype) for array in before.values()}),
        "names": list(before),
        "weights are copies": all(np.array_equal(before[name], copies[name]) for name in before),
        "weights changed": not np.array_equal(adapter.weights()["dense_1/kernel"], before["dense_1/kernel"]),
        "losses are finite": bool(np.isfinite([loss, mean_loss]).all()),
        "kind of epoch loss": type(mean_loss).__name__,
        "device memory on a CPU": adapter.peak_device_memory_bytes(),
        "same seed": after_a_step(1) == first,
        "other seed": after_a_step(2) != first,
    }


def native_facts(adapter_class: type[Adapter], case: ParityCase) -> dict[str, Any]:
    """What an adapter does with all that is left to its framework: weights, constants of Adam, shuffling."""
    images, labels = case.epoch_images[: 3 * case.batch_size], case.epoch_labels[: 3 * case.batch_size]

    def build(rate: float, weights: Weights | None, seed: int) -> Adapter:
        spec = case.spec.with_optimizer(DefaultAdam(rate))
        return adapter_class(spec, weights and dict(weights), "cpu", "float32", seed)

    def drawn(seed: int) -> Weights:
        return build(1e-3, None, seed).weights()

    def kernels(weights: Weights) -> list[float]:
        return [float(array.sum()) for name, array in weights.items() if name.endswith("/kernel")]

    def epochs(order: NDArray[np.int64] | None, seed: int) -> list[float]:
        """Mean losses of two epochs."""
        adapter = build(1e-2, case.weights, seed)
        return [adapter.train_epoch(images, labels, order, case.batch_size) for _ in range(2)]

    weights = drawn(1)
    resting = build(0.0, case.weights, 1)
    stored = np.arange(len(case.epoch_labels))
    still = [
        resting.train_epoch(case.epoch_images, case.epoch_labels, order, case.batch_size) for order in (stored, None)
    ]
    shuffled = epochs(None, 1)
    return {
        "shapes": {name: array.shape for name, array in weights.items()},
        "kinds": sorted({str(array.dtype) for array in weights.values()}),
        "finite": all(bool(np.isfinite(array).all()) for array in weights.values()),
        "every kernel is drawn": all(array.std() > 0 for name, array in weights.items() if name.endswith("/kernel")),
        "same seed, same weights": kernels(drawn(1)) == kernels(weights),
        "other seed, other kernels": not set(kernels(drawn(2))) & set(kernels(weights)),
        "other kernels than the given ones": not set(kernels(dict(case.weights))) & set(kernels(weights)),
        "losses at rest, in order and shuffled": still,
        "shuffled": shuffled,
        "shuffled with the same seed": epochs(None, 1),
        "shuffled with another seed": epochs(None, 2),
        "in stored order": epochs(stored[: len(labels)], 1),
    }


def dropout_facts(adapter_class: type[Adapter], rate: float = 0.2) -> dict[str, Any]:
    """What dropout does in one step on one image, worked out by hand from the mask that the step itself betrays.

    A unit that is dropped learns nothing, so its row of the last kernel stays as it is.
    """
    units, classes = 400, 4
    generator = np.random.default_rng(3)
    spec = Spec("dropout", (6, 6, 1), (Flatten(), Dense(units, relu=True), Dropout(rate), Dense(classes)), SGD(1.0))
    weights = {
        "dense_1/kernel": generator.uniform(-0.2, 0.3, (36, units)).astype(np.float32),
        "dense_1/bias": np.full(units, 0.1, np.float32),
        "dense_2/kernel": generator.uniform(-0.05, 0.05, (units, classes)).astype(np.float32),
        "dense_2/bias": np.zeros(classes, np.float32),
    }
    image, label = generator.random((1, 6, 6, 1), dtype=np.float32), np.array([1])
    adapter = adapter_class(spec, {name: array.copy() for name, array in weights.items()}, "cpu", "float32", 0)
    adapter.training_step(adapter.to_device(image, label))
    learned = weights["dense_2/kernel"] - adapter.weights()["dense_2/kernel"].astype(np.float64)
    hidden = np.maximum(image.reshape(1, -1) @ weights["dense_1/kernel"] + weights["dense_1/bias"], 0.0)[0]
    active = hidden > 0
    kept = np.abs(learned).max(axis=1) > 0
    scaled = np.where(kept, hidden / (1.0 - rate), 0.0)
    logits = scaled @ weights["dense_2/kernel"]
    surplus = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum() - np.eye(classes)[1]
    expected = np.outer(scaled, surplus)
    return {
        "share dropped": float(1.0 - kept[active].mean()),
        "active units": int(active.sum()),
        "error of the gradient": float(np.abs(learned - expected).max() / np.abs(expected).max()),
    }


def lower_cases(folder: Path) -> list[str]:
    """Names of the cases that are observed in bfloat16 too."""
    return json.loads((folder / "lower").read_text(encoding="utf-8")) if (folder / "lower").exists() else []


def main(folder: Path, module: str, names: list[str]) -> None:
    """Observe every class on every case."""
    cases = load_cases(folder)
    for name in names:
        adapter_class = cast("type[Adapter]", getattr(importlib.import_module(module), name))
        for case_name, case in cases.items():
            observed = observe(adapter_class, case, "cpu", "float32").to_arrays()
            np.savez(folder / f"{name}-{case_name}.npz", **observed)  # type: ignore[arg-type]
        for case_name in lower_cases(folder):
            observed = observe(adapter_class, cases[case_name], "cpu", "bfloat16").to_arrays()
            np.savez(folder / f"{name}-{case_name}-bfloat16.npz", **observed)  # type: ignore[arg-type]
        if name == names[0]:
            found: dict[str, Any] = {"forms": forms_of(adapter_class)}
            if "odd" in cases:
                found |= facts(adapter_class, cases["odd"])
                found["native"] = native_facts(adapter_class, cases["odd"])
                found["dropout"] = dropout_facts(adapter_class)
            (folder / "facts").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])

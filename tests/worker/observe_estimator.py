"""Prints what TF Estimator's adapter does beside parity, as JSON: python -m tests.worker.observe_estimator."""

from __future__ import annotations

import gc
import json
import sys
import threading
from dataclasses import replace
from typing import Any

import numpy as np

from models.adapters.tf_estimator import Adapter
from models.spec import SGD, Adam, Convolution, DefaultAdam, Dense, Dropout, Flatten, MaxPool, Spec

SPEC = Spec("small", (8, 8, 1), (Convolution(4, 3), MaxPool(), Flatten(), Dropout(0.5), Dense(3)), SGD(0.0))
GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.random((50, 8, 8, 1), dtype=np.float32)
LABELS = GENERATOR.integers(0, 3, 50)


def main() -> None:
    """Print one JSON object, and end while a live training waits for its next batch."""
    facts = {**own_weights(), **epochs(), **optimizers(), **failures(), **threads()}
    waiting = build()
    waiting.training_step((IMAGES, LABELS))
    sys.stdout.write(json.dumps(facts) + "\n")


def build(spec: Spec = SPEC, seed: int = 0) -> Adapter:
    """An adapter with the framework's own initial weights."""
    return Adapter(spec, None, "cpu", "float32", seed)


def own_weights() -> dict[str, Any]:
    """Whether weights drawn by the framework follow the seed."""
    first, same, other = (build(seed=seed).weights()["dense_1/kernel"] for seed in (1, 1, 2))
    return {"same seed, same weights": bool((first == same).all()), "other seed": bool((first != other).all())}


def epochs() -> dict[str, Any]:
    """Mean losses of epochs that change nothing: the same whatever the order, if every example is seen once."""
    without_dropout = build(SPEC.without_dropout())
    orders = (np.arange(50), np.arange(50)[::-1], None)
    losses = [without_dropout.train_epoch(IMAGES, LABELS, order, 16) for order in orders]
    with_dropout = build()
    dropped = [with_dropout.train_epoch(IMAGES, LABELS, np.arange(50), 16) for _ in range(2)]
    return {
        "epoch losses": losses,
        "loss of all": float(without_dropout.training_step((IMAGES, LABELS))),
        "epochs drop alike": dropped[0] == dropped[1],
    }


def optimizers() -> dict[str, Any]:
    """Whether the framework's default Adam is the Adam whose constants its documentation gives."""
    changed = []
    for rule in (DefaultAdam(0.01), Adam(0.01, 0.9, 0.999, 1e-8)):
        adapter = build(replace(SPEC.without_dropout(), optimizer=rule))
        adapter.training_step((IMAGES, LABELS))
        adapter.train_epoch(IMAGES, LABELS, np.arange(50), 16)
        changed.append(adapter.weights()["dense_1/kernel"])
    return {"default Adam": bool((changed[0] == changed[1]).all())}


def failures() -> dict[str, Any]:
    """How an error in the thread of the live training reaches the caller, and whether the adapter survives it."""
    adapter = build()
    before = adapter.weights()["dense_1/kernel"]
    raised = []
    for _ in range(2):
        try:
            adapter.training_step((IMAGES[:, :5], LABELS))
        except ValueError as error:
            raised.append(str(error))
    try:
        adapter.weights()
    except ValueError as error:
        raised.append(str(error))
    return {"raised": raised, "weights survive": bool((adapter.weights()["dense_1/kernel"] == before).all())}


def threads() -> dict[str, Any]:
    """Live trainings before and after an adapter is dropped."""

    def count() -> int:
        gc.collect()
        return sum(thread.name == "live training" for thread in threading.enumerate())

    before, adapter = count(), build()
    adapter.training_step((IMAGES, LABELS))
    during = count()
    del adapter
    return {"live": [during - before, count() - before]}


if __name__ == "__main__":
    main()

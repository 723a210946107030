"""A Keras whose ``train_on_batch`` returns a running mean: its adapter returns the loss of one step all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.registry import FRAMEWORKS

ROOT = Path(__file__).parents[2]

PROGRAM = """
import contextlib, json
import keras, numpy as np
from models.adapters.keras import Adapter
from models.workloads import WORKLOADS

original = keras.Model.train_on_batch

@contextlib.contextmanager
def as_before_pull_request_22617(model):
    keras.Model.reset_metrics, kept = (lambda self: None), keras.Model.reset_metrics
    try:
        yield
    finally:
        keras.Model.reset_metrics = kept

def old(self, x, y):
    with as_before_pull_request_22617(self):
        return original(self, x, y)

def losses():
    spec = WORKLOADS["digits"].spec
    generator = np.random.default_rng(1)
    images = generator.random((8, *spec.input_shape), np.float32)
    adapter = Adapter(spec, None, "cpu", "float32", seed=3)
    batch = adapter.to_device(images, np.arange(8) % 10)
    return [adapter.resets_itself, *(float(adapter.training_step(batch)) for _ in range(4))]

new = losses()
keras.Model.train_on_batch = type(keras.Sequential()).train_on_batch = old
print(json.dumps([new, losses()]))
"""


def test_the_loss_is_that_of_one_step_in_old_and_new_versions() -> None:
    """The same four losses; which version it is, is seen from what its ``train_on_batch`` does."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, **FRAMEWORKS["keras-tensorflow"].environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    (resets, *new), (old_resets, *old) = json.loads(finished.stdout.splitlines()[-1])
    assert (resets, old_resets) == (True, False)
    assert old == pytest.approx(new, rel=1e-5)
    assert len({round(loss, 6) for loss in new}) == 4

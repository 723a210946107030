"""PyTorch's compiled adapter really compiles: parity cannot tell, since uncompiled PyTorch is right, too."""

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
import json
import numpy as np
from torch._dynamo.utils import counters
from models.adapters.pytorch_compile import Adapter
from models.spec import Convolution, Dense, Flatten, Spec

spec = Spec("small", (4, 4, 1), (Convolution(2, 3), Flatten(), Dense(2)))
adapter = Adapter(spec, None, "cpu", "float32", seed=0)
for _ in range(2):
    adapter.training_step(adapter.to_device(np.ones((3, 4, 4, 1), np.float32), np.zeros(3, np.int64)))
print(json.dumps({"graphs": counters["stats"]["unique_graphs"], "breaks": sum(counters["graph_break"].values())}))
"""


def compiled(interpreter: Path) -> dict[str, int]:
    """How many graphs two equal training steps compiled, and how often one broke off."""
    finished = subprocess.run(
        [str(interpreter), "-c", PROGRAM], cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    found: dict[str, int] = json.loads(finished.stdout.splitlines()[-1])
    return found


def test_the_whole_network_is_compiled_once() -> None:
    """``Module.compile`` passed over a Sequential of stock layers in PyTorch 2.4 to 2.8, and nobody said so."""
    framework = FRAMEWORKS["pytorch-compile"]
    if lacking := (*framework.missing(), *framework.missing_programs()):
        pytest.skip(f"lacking: {', '.join(lacking)}")
    assert compiled(Path(sys.executable)) == {"graphs": 1, "breaks": 0}


JAX_PROGRAM = """
import numpy as np
from models.adapters.jax import Adapter
from models.spec import Convolution, Dense, Flatten, Spec
from models.weights import initial_weights

spec = Spec("small", (4, 4, 1), (Convolution(2, 3), Flatten(), Dense(2)))
adapter = Adapter(spec, initial_weights(spec, 1), "cpu", "float32", seed=0)
for _ in range(3):
    adapter.training_step(adapter.to_device(np.ones((3, 4, 4, 1), np.float32), np.zeros(3, np.int64)))
print(adapter._step._cache_size())
"""


def test_jax_compiles_its_step_once() -> None:
    """The second step, whose state lies where the first one put it, is not compiled anew."""
    if lacking := FRAMEWORKS["jax"].missing():
        pytest.skip(f"lacking: {', '.join(lacking)}")
    command = [sys.executable, "-c", JAX_PROGRAM]
    finished = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False)
    assert finished.stdout.split() == ["1"], finished.stderr[-3000:]

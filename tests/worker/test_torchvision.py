"""The specifications of ResNet-18 and MobileNet-V2 are the networks that torchvision has under these names."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed")
def test_networks_are_torchvisions_own() -> None:
    """With its weights they have its outputs, loss, gradients and running statistics, all within rounding."""
    finished = subprocess.run(
        [sys.executable, "-m", "tests.worker.observe_torchvision"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    found = json.loads(finished.stdout)
    assert set(found) == {"resnet18-224", "mobilenet-v2-224"}
    for network, differences in found.items():
        assert differences["logits"] < 1e-5, (network, differences)
        assert differences["loss"] < 1e-6, (network, differences)
        assert differences["gradients"] < 1e-3, (network, differences)
        assert differences["statistics"] < 1e-5, (network, differences)

"""Runs a measurement of the suite itself in fresh processes, launched as the suite launches its workers."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fixtures.arms.launch import LaunchSettings, allowed_cores, cores_for, environment
from fixtures.judging.estimates import estimate
from fixtures.workers import messages
from fixtures.workers.session import Session
from models.registry import FRAMEWORKS
from models.spec_format import to_plain
from models.weights import initial_weights
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def run_in_process(module: str, framework: str, *arguments: str) -> float:
    """Run ``python -m module --child framework arguments`` as a worker would be, and return the number it prints."""
    settings = LaunchSettings(threads=len(allowed_cores()))
    finished = subprocess.run(
        [sys.executable, "-m", module, "--child", framework, *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, **environment(FRAMEWORKS[framework], "cpu", settings)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return float(json.loads(finished.stdout.splitlines()[-1]))


def opened_session(framework: str, data: str) -> Session:
    """A worker's session with the framework imported and the data set of directory ``data`` opened."""
    known, workload = FRAMEWORKS[framework], WORKLOADS["digits"]
    session = Session()
    cores = cores_for(len(allowed_cores()))
    session.answer(messages.ImportFramework(known.module, known.distribution, known.hidden_packages(), cores))
    session.answer(messages.OpenData(data, workload.batch_size, workload.seed))
    return session


def build_model(session: Session) -> None:
    """Build the network of ``digits`` and of ``mnist-3conv``."""
    workload = WORKLOADS["digits"]
    with tempfile.TemporaryDirectory() as directory:
        weights = Path(directory) / "weights.npz"
        np.savez(weights, **initial_weights(workload.spec, workload.seed))  # type: ignore[arg-type]
        session.answer(messages.BuildModel(to_plain(workload.spec), str(weights), "cpu", "float32", workload.seed))


def seconds(reply: Any) -> float:
    """The seconds of a reply to a training request."""
    if not isinstance(reply, messages.Trained):
        raise TypeError(f"not trained: {reply}")
    return reply.seconds


def print_row(framework: str, ratios: Sequence[float]) -> None:
    """Print the geometric mean of the processes' ratios and its 95 % interval."""
    found = estimate(ratios)
    half = math.log1p(found.relative_half_width or math.nan)
    low, high = found.value * math.exp(-half), found.value * math.exp(half)
    print(f"{framework:18s} {found.value:.4f}   {low:.4f} to {high:.4f}   {len(ratios)}", flush=True)

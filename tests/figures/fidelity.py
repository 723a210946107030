"""Fidelity: the suite's step time over that of a bare loop written by hand.

``python -m tests.figures.fidelity`` starts fresh processes. In each, bursts of the suite's own worker session
and of the bare program of the same framework alternate (A B B A), so that both see the same process and the
same moment. Printed for each framework: the geometric mean over processes of the median ratio, and its 95 %
confidence interval. Takes about five minutes; the machine must be quiet.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fixtures.datasets import prepare
from fixtures.launch import LaunchSettings, allowed_cores, cores_for, environment
from fixtures.statistics import estimate
from fixtures.worker import messages
from fixtures.worker.session import Session
from models.registry import DEFAULT_FRAMEWORKS, FRAMEWORKS
from models.spec_format import to_plain
from models.weights import epoch_order, initial_weights
from models.workloads import WORKLOADS

PROJECT_ROOT = Path(__file__).resolve().parents[2]
BARE = {"pytorch": "bare_pytorch", "tensorflow": "bare_tensorflow", "keras-tensorflow": "bare_keras"}
WARM_UP_BURSTS = 6
STEPS = 10
LEAD_IN = 2


def main() -> int:
    """Measure every framework and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=30, help="pairs of bursts in each process")
    options = parser.parse_args()
    print("framework          suite/bare   95 % interval      processes")
    with tempfile.TemporaryDirectory() as directory:
        dataset = prepare("digits", data_dir=None, cache_dir=Path(directory), download=False, report=lambda _: None)
        for framework in DEFAULT_FRAMEWORKS:
            ratios = [_child(framework, dataset.directory, options.pairs, index) for index in range(options.processes)]
            found = estimate(ratios)
            half = math.log1p(found.relative_half_width or math.nan)
            low, high = found.value * math.exp(-half), found.value * math.exp(half)
            print(f"{framework:18s} {found.value:.4f}       {low:.4f} to {high:.4f}   {options.processes}", flush=True)
    return 0


def _child(framework: str, data: Path, pairs: int, index: int) -> float:
    settings = LaunchSettings(threads=len(allowed_cores()))
    finished = subprocess.run(
        [sys.executable, "-m", "tests.figures.fidelity", "--child", framework, str(data), str(pairs), str(index)],
        cwd=PROJECT_ROOT,
        env={**os.environ, **environment(FRAMEWORKS[framework], "cpu", settings)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return float(json.loads(finished.stdout.splitlines()[-1]))


def measure(framework: str, data: str, pairs: int, index: int) -> float:
    """The median ratio of paired bursts, suite over bare, in this process."""
    workload = WORKLOADS["digits"]
    known = FRAMEWORKS[framework]
    session = Session()
    cores = cores_for(len(allowed_cores()))
    session.answer(messages.ImportFramework(known.module, known.distribution, known.hidden_packages(), cores))
    session.answer(messages.OpenData(data, workload.batch_size, workload.seed))
    with tempfile.TemporaryDirectory() as directory:
        weights = Path(directory) / "weights.npz"
        np.savez(weights, **initial_weights(workload.spec, workload.seed))  # type: ignore[arg-type]

        def build_suite() -> Any:
            session.answer(messages.BuildModel(to_plain(workload.spec), str(weights), "cpu", "float32", 42))
            return lambda: _suite_burst(session)

        def build_bare() -> Any:
            train = importlib.import_module(f"tests.figures.{BARE[framework]}").burst(_batches(Path(data)))
            return lambda: _bare_burst(train)

        # Who is built first gets another place in memory: take turns in that too.
        if index % 2:
            bare, suite = build_bare(), build_suite()
        else:
            suite, bare = build_suite(), build_bare()
    for _ in range(WARM_UP_BURSTS):
        suite(), bare()
    logarithms = []
    for pair in range(pairs):
        first, second = (bare, suite) if pair % 2 else (suite, bare)
        one, other = first(), second()
        logarithms.append(math.log(other / one if pair % 2 else one / other))
    return math.exp(median(logarithms))


def _batches(directory: Path) -> list[Any]:
    images, labels = np.load(directory / "x_train.npy"), np.load(directory / "y_train.npy")
    order = epoch_order(len(labels), 42, 0)
    return [(images[order[at : at + 64]], labels[order[at : at + 64]]) for at in range(0, 16 * 64, 64)]


def _suite_burst(session: Session) -> float:
    reply = session.answer(messages.TrainSteps(STEPS, LEAD_IN))
    assert isinstance(reply, messages.Trained)
    return reply.seconds


def _bare_burst(train: Any) -> float:
    train(LEAD_IN)
    before = time.perf_counter()
    train(STEPS)
    return time.perf_counter() - before


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(measure(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))))
        sys.exit(0)
    sys.exit(main())

"""Fidelity: the suite's step time over that of a bare loop written by hand.

``python -m tests.figures.fidelity`` starts fresh processes. In each, bursts of the suite's own worker session
and of the bare program of the same framework alternate (A B B A), so that both see the same process and the
same moment; both models are built anew several times, since their place in memory has its say too. Printed for
each framework: the geometric mean over processes of the median ratio, and its 95 % confidence interval. Takes
about ten minutes; the machine must be quiet.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import numpy as np

from fixtures.datasets import prepare
from fixtures.workers import messages
from models.registry import DEFAULT_FRAMEWORKS
from models.weights import epoch_order
from tests.figures.in_process import build_model, opened_session, print_row, run_in_process, seconds

if TYPE_CHECKING:
    from fixtures.workers.session import Session

BARE = {"pytorch": "bare_pytorch", "tensorflow": "bare_tensorflow", "keras-tensorflow": "bare_keras"}
BUILDS = 4
WARM_UP_BURSTS = 4
STEPS = 10
LEAD_IN = 2


def main() -> int:
    """Measure every framework and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=6)
    parser.add_argument("--pairs", type=int, default=14, help="pairs of bursts after each building")
    options = parser.parse_args()
    print("framework          suite/bare   95 % interval   processes")
    with tempfile.TemporaryDirectory() as directory:
        dataset = prepare("digits", data_dir=None, cache_dir=Path(directory), download=False, report=lambda _: None)
        for framework in DEFAULT_FRAMEWORKS:
            arguments = (str(dataset.directory), str(options.pairs))
            ratios = [run_in_process("tests.figures.fidelity", framework, *arguments) for _ in range(options.processes)]
            print_row(framework, ratios)
    return 0


def measure(framework: str, data: str, pairs: int) -> float:
    """The ratio suite over bare in this process: mean over buildings of the median over pairs, in logarithms."""
    session, batches = opened_session(framework, data), _batches(Path(data))
    program = importlib.import_module(f"tests.figures.{BARE[framework]}")
    logarithms = []
    for building in range(BUILDS):
        if building % 2:
            train = program.burst(batches)
            build_model(session)
        else:
            build_model(session)
            train = program.burst(batches)
        for _ in range(WARM_UP_BURSTS):
            suite_burst(session)
            bare_burst(train)
        logarithms.append(median(_pair(session, train, bare_first=bool(pair % 2)) for pair in range(pairs)))
    return math.exp(fmean(logarithms))


def _pair(session: Session, train: Any, *, bare_first: bool) -> float:
    if bare_first:
        bare, suite = bare_burst(train), suite_burst(session)
    else:
        suite, bare = suite_burst(session), bare_burst(train)
    return math.log(suite / bare)


def _batches(directory: Path) -> list[Any]:
    images, labels = np.load(directory / "x_train.npy"), np.load(directory / "y_train.npy")
    order = epoch_order(len(labels), 42, 0)
    return [(images[order[at : at + 64]], labels[order[at : at + 64]]) for at in range(0, 16 * 64, 64)]


def suite_burst(session: Session) -> float:
    """Seconds of a burst in a worker's session."""
    return seconds(session.answer(messages.TrainSteps(STEPS, LEAD_IN)))


def bare_burst(train: Any) -> float:
    """Seconds of as many steps of a function that trains so many."""
    train(LEAD_IN)
    before = time.perf_counter()
    train(STEPS)
    return time.perf_counter() - before


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(measure(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
        sys.exit(0)
    sys.exit(main())

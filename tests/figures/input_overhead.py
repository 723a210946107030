"""Input overhead: an epoch through the framework's own pipeline over as many steps on batches that are there.

``python -m tests.figures.input_overhead`` starts fresh processes. In each, epochs over generated images (of
MNIST's shape; how many is an option) and bursts of just as many training steps alternate, so that both see the
same moment of a machine that drifts. Printed for each framework: the geometric mean over processes of the
median ratio, and its 95 % confidence interval. Takes about nine minutes; the machine must be quiet.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from fixtures.workers import messages
from models.registry import DEFAULT_FRAMEWORKS
from models.workloads import WORKLOADS
from tests.figures.in_process import build_model, opened_session, print_row, run_in_process, seconds


def main() -> int:
    """Measure every framework and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--examples", type=int, default=19_200)
    options = parser.parse_args()
    print(f"framework          epoch/steps   95 % interval   processes   ({options.examples} examples)")
    with tempfile.TemporaryDirectory() as directory:
        _generate(Path(directory), options.examples)
        for framework in DEFAULT_FRAMEWORKS:
            arguments = (directory, str(options.pairs))
            ratios = [
                run_in_process("tests.figures.input_overhead", framework, *arguments) for _ in range(options.processes)
            ]
            print_row(framework, ratios)
    return 0


def measure(framework: str, data: str, pairs: int) -> float:
    """The median ratio in this process; what is trained does not change how long it takes."""
    session = opened_session(framework, data)
    build_model(session)
    steps = -(-len(np.load(f"{data}/y_train.npy")) // WORKLOADS["digits"].batch_size)
    session.answer(messages.TrainEpoch(0))
    ratios = []
    for pair in range(pairs):
        if pair % 2:
            epoch = seconds(session.answer(messages.TrainEpoch(pair)))
            ratios.append(epoch / seconds(session.answer(messages.TrainSteps(steps, 2))))
        else:
            alone = seconds(session.answer(messages.TrainSteps(steps, 2)))
            ratios.append(seconds(session.answer(messages.TrainEpoch(pair))) / alone)
    return median(ratios)


def _generate(directory: Path, examples: int) -> None:
    generator = np.random.default_rng(1)
    for part, count in (("train", examples), ("test", 64)):
        np.save(directory / f"x_{part}.npy", generator.random((count, 28, 28, 1), np.float32))
        np.save(directory / f"y_{part}.npy", generator.integers(0, 10, count))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(measure(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
        sys.exit(0)
    sys.exit(main())

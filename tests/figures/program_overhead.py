"""Overhead of ``--program``: the step time that is measured through a generator over that of the same loop without.

``python -m tests.figures.program_overhead`` starts fresh processes for the examples in PyTorch, Keras and Flax. In
each, bursts of the suite's own worker session, which drives the example's generator, and of the bare loop
(``tests/figures/bare_programs.py``) alternate (A B B A), so that both see the same process and the same moment; both
are made anew several times. Printed for each: the geometric mean over processes of the median ratio, and its 95 %
confidence interval. Takes about five minutes; the machine must be quiet.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from statistics import fmean, median
from typing import TYPE_CHECKING

from fixtures.arms.launch import allowed_cores, cores_for
from fixtures.arms.programs import read_program
from fixtures.workers import messages
from fixtures.workers.session import Session
from tests.figures.bare_programs import BARE, EXAMPLES, SEED
from tests.figures.fidelity import bare_burst, suite_burst
from tests.figures.in_process import PROJECT_ROOT, print_row, run_in_process

if TYPE_CHECKING:
    from collections.abc import Callable

BUILDS = 4
WARM_UP_BURSTS = 4


def main(arguments: list[str]) -> int:
    """Measure every example and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=6)
    parser.add_argument("--pairs", type=int, default=14, help="pairs of bursts after each building, up to 28")
    options = parser.parse_args(arguments)
    print("program of         generator/bare   95 % interval   processes")
    for framework in BARE:
        command = ("tests.figures.program_overhead", framework, str(options.pairs))
        print_row(framework, [run_in_process(*command) for _ in range(options.processes)])
    return 0


def measure(framework: str, pairs: int) -> float:
    """The ratio generator over bare in this process: mean over buildings of the median over pairs, in logarithms."""
    bare = BARE[framework]
    session = Session()
    _import(session, framework)
    logarithms = []
    for building in range(BUILDS):
        if building % 2:
            train = bare()
            session.answer(messages.StartProgram("cpu", SEED, {}))
        else:
            session.answer(messages.StartProgram("cpu", SEED, {}))
            train = bare()
        for _ in range(WARM_UP_BURSTS):
            suite_burst(session)
            bare_burst(train)
        logarithms.append(median(_pair(session, train, bare_first=bool(pair % 2)) for pair in range(pairs)))
    return math.exp(fmean(logarithms))


def _import(session: Session, framework: str) -> None:
    program = read_program(f"docs/examples/{EXAMPLES[framework]}.py", PROJECT_ROOT)
    file, folder = str(program.file), str(program.folder)
    cores = cores_for(len(allowed_cores()))
    session.answer(messages.ImportProgram(file, program.module, program.function, folder, folder, cores))


def _pair(session: Session, train: Callable[[int], None], *, bare_first: bool) -> float:
    if bare_first:
        bare, suite = bare_burst(train), suite_burst(session)
    else:
        suite, bare = suite_burst(session), bare_burst(train)
    return math.log(suite / bare)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
        sys.exit(0)
    sys.exit(main(sys.argv[1:]))

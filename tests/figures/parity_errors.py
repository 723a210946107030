"""How far each framework is from the reference, in each precision, beside what passes.

``python -m tests.figures.parity_errors --framework pytorch,jax --workload digits-resnet8 --precision float32,bfloat16``
runs the proof of parity of each in a process of its own, and prints a Markdown table: the errors of the stages, of how
many arrays only the size is proven, and how long the framework's part took. Images are noise in the shape of the
workload's: a proof needs no meaning.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fixtures.measuring.setting import Judge
from fixtures.reports.markdown import NOTHING, table
from models.forms import Forms, forms_of
from models.observation import observe
from models.parity import parity_case
from models.registry import FRAMEWORKS, load_adapter
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from models.precisions import Precision

ROOT = Path(__file__).resolve().parents[2]
HERE = tuple(name for name, framework in FRAMEWORKS.items() if not framework.requirements)
_LARGE = 100
"""Pixels of a side from which on fewer images are drawn."""


def proven(framework: str, workload: str, precision: Precision) -> dict[str, Any]:
    """The report of one proof, and its seconds; in the process that asks."""
    spec, generator = WORKLOADS[workload].spec, np.random.default_rng(0)
    count = 64 if spec.input_shape[0] > _LARGE else 400
    images = generator.random((count, *spec.input_shape), dtype=np.float32)
    case = parity_case(spec, images, generator.integers(0, spec.classes, count), 42)
    adapter_class = load_adapter(FRAMEWORKS[framework].module)
    before = time.perf_counter()
    observed = observe(adapter_class, case, "cpu", precision)
    seconds = time.perf_counter() - before
    report = Judge(case).judge(observed, Forms.declared(forms_of(adapter_class)), precision)
    return report.as_dict() | {"seconds": seconds}


def _elsewhere(framework: str, workload: str, precision: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.figures.parity_errors", "--one", framework, workload, precision]
    environment = {**os.environ, **FRAMEWORKS[framework].environment}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{framework}, {workload}, {precision}: {ran.stderr[-1000:]}")
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def main(arguments: list[str]) -> None:
    """Prove, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.figures.parity_errors", description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("FRAMEWORK", "WORKLOAD", "PRECISION"), help=argparse.SUPPRESS)
    parser.add_argument("--framework", default=",".join(HERE), help="names, separated by commas")
    parser.add_argument("--workload", default="digits-resnet8", help="likewise")
    parser.add_argument("--precision", default="float32,bfloat16", help="likewise")
    given = parser.parse_args(arguments)
    if given.one:
        print(json.dumps(proven(*given.one)))
        return
    for workload in given.workload.split(","):
        found = {
            (framework, precision): _elsewhere(framework, workload, precision)
            for framework in given.framework.split(",")
            for precision in given.precision.split(",")
        }
        # A lower precision is proven on the smooth twin, and so has other stages.
        stages = list(dict.fromkeys(stage for one in found.values() for stage in one["errors"]))
        rows = [
            (
                FRAMEWORKS[framework].title,
                precision,
                *(_cell(one, stage) for stage in stages),
                "yes" if one["passed"] else "NO",
                str(len(one["unproven"])),
                f"{one['seconds']:.0f}",
            )
            for (framework, precision), one in found.items()
        ]
        headings = ("framework", "precision", *stages, "passes", "unproven", "seconds")
        print(f"\n{workload}: error of tolerance\n\n{table(headings, rows, texts=2)}")


def _cell(found: dict[str, Any], stage: str) -> str:
    if stage not in found["errors"]:
        return NOTHING
    error = found["errors"][stage]
    return "not finite" if error is None else f"{error:.1g} of {found['tolerances'][stage]:.1g}"


if __name__ == "__main__":
    main(sys.argv[1:])

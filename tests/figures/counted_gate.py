"""What the gate says of whole runs, counted: of equal environments, and of one with real work in a package.

``python -m tests.figures.counted_gate --framework keras-tensorflow --runs 5 --products 12`` makes runs of
``pytest bench --against PYTHON -m step`` with default options, one after another. They are started in an
environment that uv has built with the packages of this one, all versions the same, and held against this one. With
``--products N``, one package of that environment does N more matrix products of 64 x 64 in every update; it is a real
wheel (``tests/figures/planted_packages.py``). Without, both are equal.

Every finished run is added to the file of ``--save`` at once, so a series can be ended and gone on with at any time.
``python -m tests.figures.counted_gate --table`` adds up what the file holds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import cpuinfo

from fixtures.arms.environments import EnvironmentBuildError
from fixtures.arms.environments.uv import run_uv
from fixtures.judging.calibration import clopper_pearson
from fixtures.reports.markdown import NOTHING, table
from tests.figures.planted_packages import PLACES, worsened_wheel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cnn-dyno" / "counted-gate"
SAVED = ROOT / "docs" / "readings" / "counted-gate.jsonl"
HEADINGS = (
    *("vectors", "framework", "workload", "products", "runs", "mean change", "called changed (95 %)", "called worse"),
    *("called not worse", "inconclusive", "failed", "s of measuring", "longest"),
)


def main(arguments: Sequence[str]) -> int:
    """Make runs, or print the table; status 1 if a run failed, 2 for a request that cannot be met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--framework", help=f"with --products one of {', '.join(PLACES)}")
    parser.add_argument(
        "--workload", default="digits", help="one without files of its own, or with --data-dir (digits)"
    )
    parser.add_argument("--runs", type=int, default=1, help="more of them (1)")
    parser.add_argument("--products", type=int, default=0, help="matrix products that are planted (0)")
    parser.add_argument("--data-dir", help="handed on to pytest bench")
    parser.add_argument("--save", type=Path, default=SAVED, metavar="FILE.jsonl", help="where runs are added")
    parser.add_argument("--table", action="store_true", help="measure nothing; add up the file")
    options = parser.parse_args(arguments)
    if options.table:
        sys.stdout.write(counted_table(read(options.save)) + "\n")
        return 0
    if not options.framework:
        parser.error("--framework: which one is to be measured?")
    if options.runs < 1 or options.products < 0:
        parser.error("--runs: from 1; --products: from 0")
    if options.products and options.framework not in PLACES:
        parser.error(
            f"--products: {options.framework} has no package that work can be planted in; {', '.join(PLACES)} have"
        )
    try:
        python = environment(options.framework, options.products)
    except (EnvironmentBuildError, LookupError) as error:
        parser.error(str(error))
    failed = 0
    for number in range(options.runs):
        run = one_run(python, options.framework, options.workload, options.data_dir)
        run = {"framework": options.framework, "workload": options.workload, "products": options.products, **run}
        options.save.parent.mkdir(parents=True, exist_ok=True)
        with options.save.open("a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")
        failed += run["verdict"] is None
        sys.stdout.write(f"{number + 1} of {options.runs}: {run['verdict']} {run.get('measured_seconds')} s\n")
        sys.stdout.flush()
    return int(failed > 0)


def environment(framework: str, products: int) -> Path:
    """The interpreter of a copy of this environment, its package worsened if need be; built once and kept."""
    home = FOLDER / (f"{framework}-{products}" if products else "equal")
    python, doing = home / "bin" / "python", f"making {home.name}"
    if (home / "complete").exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    pins = home.with_suffix(".txt")
    pins.parent.mkdir(parents=True, exist_ok=True)
    pins.write_text(run_uv(doing, "pip", "freeze", "--python", sys.executable), encoding="utf-8")
    run_uv(doing, "venv", "--quiet", "--python", sys.executable, str(home))
    install = ("pip", "install", "--quiet", "--compile-bytecode", "--no-deps", "--python", str(python))
    run_uv(doing, *install, "--requirements", str(pins))
    if products:
        with tempfile.TemporaryDirectory() as folder:
            site_packages = Path(sysconfig.get_paths()["purelib"])
            wheel = worsened_wheel(site_packages, PLACES[framework], products, Path(folder))
            # Copied: a link into uv's store would let the worsened file reach other environments.
            run_uv(doing, *install, "--no-cache", "--link-mode", "copy", "--reinstall", str(wheel))
    (home / "complete").touch()
    return python


def one_run(python: Path, framework: str, workload: str, data_dir: str | None) -> dict[str, Any]:
    """One run of the gate, as a user's: what it said, and how long it took. The verdict is None if it said nothing."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "saved.json"
        command = [str(python), "-m", "pytest", "bench", "--against", sys.executable, "--framework", framework]
        command += ["--workload", workload, "--device", "cpu", "-m", "step", f"--benchmark-json={saved}"]
        command += ["--data-dir", data_dir] if data_dir else []
        began = time.monotonic()
        ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, errors="replace")
        run = {"exit_status": ended.returncode, "wall_seconds": round(time.monotonic() - began, 1)}
        try:
            content = json.loads(saved.read_text(encoding="utf-8"))
            (benchmark,) = content["benchmarks"]
        except (OSError, ValueError, KeyError):
            return {**run, "verdict": None, "output": ended.stdout[-2000:] + ended.stderr[-2000:]}
    facts = ("verdict", "estimate", "lower", "upper", "blocks", "measured_seconds", "earlier_runs")
    run |= {name: benchmark["extra_info"].get(name) for name in facts}
    about = {"date": content["datetime"], "commit": content["commit_info"]["id"]}
    return run | about | {"processor": content["machine_info"]["cpu"].get("brand_raw"), "vectors": _vectors()}


def _vectors() -> str:
    """The widest vector instructions here: figures of different ones are not to be mixed."""
    flags = cpuinfo.get_cpu_info().get("flags", ())
    if any(flag.startswith("avx512") for flag in flags):
        return "AVX-512"
    return "AVX2" if "avx2" in flags else "other"


def read(path: Path) -> list[dict[str, Any]]:
    """Runs of a file; a last line that was cut off is left out."""
    runs = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            runs.append(json.loads(line))
        except ValueError:
            continue
    return runs


def counted_table(runs: Iterable[dict[str, Any]]) -> str:
    """What was said, for each framework, workload and amount of planted work, and of all equal ones together.

    Rows are kept apart by vector instructions, since processors with and without AVX-512 run other kernels.
    """
    groups: defaultdict[tuple[str, str, str, int], list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        groups[run["vectors"], run["framework"], run["workload"], run["products"]].append(run)
    rows = [_row(*key, groups[key]) for key in sorted(groups)]
    for vectors in sorted({vectors for vectors, *_ in groups}):
        equal = [run for key, group in groups.items() if key[0] == vectors and not key[-1] for run in group]
        if equal:
            rows.append(_row(vectors, "all", "equal", 0, equal))
    return table(HEADINGS, rows, texts=3)


def _row(vectors: str, framework: str, workload: str, products: int, runs: Sequence[dict[str, Any]]) -> list[str]:
    said = [run for run in runs if run["verdict"] is not None]
    count = {name: sum(run["verdict"] == name for run in said) for name in {run["verdict"] for run in said}}
    changed = count.get("regression", 0) + count.get("improvement", 0)
    low, high = clopper_pearson(changed, len(said)) if said else (0.0, 1.0)
    seconds = [run["measured_seconds"] for run in said]
    mean = f"{100 * fmean(run['estimate'] for run in said):+.2f} %" if said else NOTHING
    return [
        *(vectors, framework, workload, str(products), str(len(said)), mean),
        f"{changed} ({100 * low:.1f} to {100 * high:.1f} %)",
        str(count.get("regression", 0)),
        str(count.get("no regression", 0) + count.get("improvement", 0)),
        *(str(count.get("inconclusive", 0)), str(len(runs) - len(said))),
        f"{median(seconds):.0f}" if seconds else NOTHING,
        f"{max(seconds):.0f}" if seconds else NOTHING,
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

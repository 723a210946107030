"""How often ``--explain`` names the layer that work was planted in.

``python -m tests.figures.ledger_recall --runs 20 [--workload digits]`` runs ``pytest bench --explain`` with PyTorch's
adapter and with ``tests/adapters/slower_layer.py``, whose second convolution does two matrix products of 256 x 256
more, and prints a line for each run: the rows that are certain, the planted one's range, and the seconds. A last line
counts the runs in which the planted row came first, and those in which any other was certain.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
PLANTED = "tests/adapters/slower_layer.py"


def one_run(workload: str) -> dict[str, Any] | None:
    """The ledger of one run; None if it has none."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "saved.json"
        command = [sys.executable, "-m", "pytest", "bench", "--framework", f"pytorch,{PLANTED}", "--explain"]
        command += ["--workload", workload, "-m", "cpu and step", "--processes", "2", f"--benchmark-json={saved}"]
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        if not saved.exists():
            return None
        benchmarks = json.loads(saved.read_text(encoding="utf-8"))["benchmarks"]
    found: list[dict[str, Any]] = [one["extra_info"]["ledger"] for one in benchmarks if "ledger" in one["extra_info"]]
    return found[0] if found and found[0]["rows"] else None


def holds_it(title: str) -> bool:
    """Whether a row is of the second convolution, or of the first block, whose first one it is."""
    return title.startswith("convolution_2") or title.split(",", maxsplit=1)[0] == "residual_1"


def main(arguments: Sequence[str]) -> int:
    """Run, and count; status 1 if a run had no ledger."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--workload", default="digits")
    options = parser.parse_args(arguments)
    right, wrong, lacking = 0, 0, 0
    for number in range(options.runs):
        began = time.monotonic()
        found = one_run(options.workload)
        if found is None:
            lacking += 1
            print(f"{number + 1}: no ledger", flush=True)
            continue
        # Which of both arms is the faster, and so the other's measure, may change where they hardly differ.
        sign = 1.0 if found["arms"][0].find("slower_layer") >= 0 else -1.0
        certain = [row for row in found["rows"] if row["lower"] is not None and (row["lower"] > 0 or row["upper"] < 0)]
        certain.sort(key=lambda row: -abs(row["change"]))
        right += bool(certain) and holds_it(certain[0]["title"])
        wrong += any(not holds_it(row["title"]) for row in certain)
        planted = next(row for row in found["rows"] if holds_it(row["title"]))
        share = sign * found["total"]["change"] / found["total"]["seconds"]
        named = ", ".join(row["title"] for row in certain) or "none"
        change, lower, upper = (1e3 * planted[name] for name in ("change", "lower", "upper"))
        print(
            f"{number + 1}: certain: {named}; planted: {sign * change:+.3f} ms (range {lower:+.3f} to {upper:+.3f}); "
            f"whole step {share:+.1%}; {found['blocks']} blocks, {found['seconds']:.0f} s of "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )
    print(f"{options.runs} runs: planted row first in {right}, another certain in {wrong}, no ledger in {lacking}")
    return int(lacking > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

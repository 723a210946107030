"""How long a block of each framework takes, and what it spends its time on.

``python -m tests.figures.block_seconds --workload digits --data-dir DIR [--framework NAME ...]`` holds the current
environment against itself, one block of steps and one of memory for each framework, and prints a Markdown table of
seconds. The proof of parity, once in a run, comes before any block.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from fixtures.reports.markdown import NOTHING, table
from models.registry import FRAMEWORKS

ROOT = Path(__file__).resolve().parents[2]
PHASES = ("start", "first step", "proof", "warm-up", "steps", "epochs")
HERE = tuple(name for name, framework in FRAMEWORKS.items() if not framework.requirements)


def measured(framework: str, arguments: list[str]) -> dict[str, Any]:
    """Blocks of one framework, by the measure that was read: those of a run whose budget allows one of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "saved.json"
        command = [
            *(sys.executable, "-m", "pytest", "bench", "-q", "-p", "no:cacheprovider"),
            *("--against", sys.executable, "--framework", framework, "--device", "cpu"),
            *("-m", "step or epoch or first_step or memory", f"--benchmark-json={saved}"),
            *(f"--benchmark-storage={folder}", *arguments),
        ]
        finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if not saved.is_file():
            raise SystemExit(finished.stdout + finished.stderr)
        benchmarks = json.loads(saved.read_text(encoding="utf-8"))["benchmarks"]
    return {one["extra_info"]["measure"]: one["extra_info"]["raw"] for one in benchmarks}


def row(framework: str, blocks: dict[str, Any]) -> tuple[str, ...]:
    """Median seconds of each phase over the blocks."""
    steps = [block for block in blocks["step"] if block["complete"]]
    memory = [block for block in blocks.get("memory", ()) if block["complete"]]
    phases = [_median([block["phases_seconds"].get(phase, 0.0) for block in steps]) for phase in PHASES]
    whole = [_median([block["seconds"] for block in found]) for found in (steps, memory)]
    return (framework, str(len(steps)), *phases, *whole)


def _median(seconds: list[float]) -> str:
    return f"{sorted(seconds)[len(seconds) // 2]:.1f}" if seconds else NOTHING


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--workload", default="digits")
    parser.add_argument("--data-dir")
    parser.add_argument("--framework", action="append", choices=HERE)
    parser.add_argument("--budget", default="1m", help="of each framework; the first block of each kind comes anyway")
    options = parser.parse_args()
    arguments = ["--workload", options.workload, "--budget", options.budget]
    arguments += ["--data-dir", options.data_dir] if options.data_dir else []
    rows = [row(name, measured(name, arguments)) for name in options.framework or HERE]
    print(table(("framework", "blocks", *PHASES, "a block of steps", "of memory"), rows))


if __name__ == "__main__":
    main()

"""Spread between processes of identical code, read from saved runs.

``python -m tests.figures.process_spread RESULT.json …`` prints, for each framework of each file, the standard
deviation between processes of the logarithm of step time, with the interval of the process medians. Make the
files with and without ``--no-noise-control``:

    pytest bench -m "cpu and step" --processes 12 --benchmark-json=with.json
    pytest bench -m "cpu and step" --processes 12 --no-noise-control --benchmark-json=without.json
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from statistics import stdev


def main() -> int:
    """Print a row for each framework of each file."""
    print(f"{'file':20s} {'framework':18s} {'SD of log':>9s} {'medians, ms':>16s} {'processes':>9s}  allocator")
    for argument in sys.argv[1:]:
        for benchmark in json.loads(Path(argument).read_text(encoding="utf-8"))["benchmarks"]:
            info = benchmark["extra_info"]
            if info.get("measure") != "step":
                continue
            medians = info["process_medians_seconds"]
            spread = stdev(math.log(seconds) for seconds in medians)
            interval = f"{1e3 * min(medians):.1f} to {1e3 * max(medians):.1f}"
            allocator = "kept, huge pages" if "mmap_threshold" in info["allocator"] else info["allocator"]
            name = Path(argument).name
            print(f"{name:20s} {info['framework']:18s} {spread:9.3f} {interval:>16s} {len(medians):9d}  {allocator}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

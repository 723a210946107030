"""How much memory and time it takes to prepare a folder of photographs: all processes together.

By hand::

    python -m tests.generate_photographs FOLDER --count 25000
    python -m tests.figures.preparing_photographs FOLDER

prints the highest sum, over the process that asks, the child that prepares and all that decode, of resident memory
(which counts a page that two of them map twice), of proportional memory (which counts it once), and of what is no
page of a file and cannot be given back, each sampled all the time.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import psutil

from fixtures.datasets import prepare

INTERVAL_SECONDS = 0.1
MEBIBYTE = 2**20


class PeakMemory:
    """The highest sums seen while it runs."""

    def __init__(self) -> None:
        self.resident = self.proportional = self.private = self.processes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._ended.wait(INTERVAL_SECONDS):
            sums = [0, 0, 0]
            processes = [me, *me.children(recursive=True)]
            for process in processes:
                try:
                    memory = process.memory_full_info()
                except psutil.Error:
                    continue  # it has ended meanwhile
                sums = [a + b for a, b in zip(sums, (memory.rss, memory.pss, memory.rss - memory.shared), strict=True)]
            self.resident, self.proportional, self.private = (
                max(old, new) for old, new in zip((self.resident, self.proportional, self.private), sums, strict=True)
            )
            self.processes = max(self.processes, len(processes))


def main() -> None:
    """Prepare the photographs in a new cache and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="holds PetImages")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as cache, PeakMemory() as peak:
        began = time.perf_counter()
        prepared = prepare("cats-vs-dogs", data_dir=folder, cache_dir=Path(cache), download=False, report=print)
        seconds = time.perf_counter() - began
        sizes = [len(prepared.load(name)) for name in ("y_train", "y_test")]
    print(f"{sizes[0]:,} training and {sizes[1]:,} test photographs in {seconds:.1f} s on {os.cpu_count()} cores")
    print(f"highest sums over {peak.processes} processes:")
    for name in ("resident", "proportional", "private"):
        print(f"  {name} memory {getattr(peak, name) / MEBIBYTE:.0f} MiB")


if __name__ == "__main__":
    main()

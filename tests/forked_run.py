"""Runs ``pytest bench`` in a process forked from one that has imported it: for the many runs that start no framework.

A new interpreter spends two seconds on imports before it refuses a wrong option. What measures is started as a user
starts it, by ``tests.bench_run``.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.bench_run import (
    PROJECT_ROOT,
    TIMEOUT_SECONDS,
    BenchRun,
    bench_arguments,
    bench_environment,
    finished_run,
    saving_to,
)

if TYPE_CHECKING:
    from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.imported_bench"])


def run_bench(results: Path, *arguments: str) -> BenchRun:
    """Run the benchmarks as ``tests.bench_run.run_bench`` does, and save what they have under ``results`` only."""
    outputs = tuple(results / f"{stream}.txt" for stream in ("stdout", "stderr"))
    asked = bench_arguments(*saving_to(results), *arguments)
    process = _SERVER.Process(target=_run, args=(asked, bench_environment(), outputs))
    process.start()
    process.join(TIMEOUT_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
    status = process.exitcode
    assert status is not None
    return finished_run(results, status, "".join(each.read_text(encoding="utf-8") for each in outputs))


def _run(arguments: list[str], environment: dict[str, str], outputs: tuple[Path, Path]) -> None:
    """Become a process that was started with nothing but these."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(PROJECT_ROOT)
    for stream, output in enumerate(outputs, start=1):
        with output.open("wb") as file:
            os.dup2(file.fileno(), stream)
    sys.argv = ["pytest", *arguments]
    sys.exit(pytest.main(arguments))

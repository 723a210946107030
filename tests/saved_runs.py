"""Saved runs, made up so that what must be read from them is known: pytest-benchmark's JSON as the suite saves it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fixtures.baselines.validation import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

KERNEL = "2 threads, NumPy 2.4.6"
TESTS = {
    "step": "test_training_step",
    "epoch": "test_epoch",
    "first_step": "test_first_step",
    "memory": "test_peak_memory",
    "accuracy": "test_final_accuracy",
}
READINGS: Mapping[str, tuple[float, ...]] = {
    "step": (0.010, 0.011, 0.012),
    "epoch": (0.25, 0.26, 0.27),
    "first_step": (0.05, 0.06, 0.07),
    "memory": (700 * 2**20,),
    "accuracy": (0.96, 0.97),
}
"""What a benchmark reads unless a test says otherwise: seconds, bytes, shares."""


def saved_benchmark(
    measure: str = "step",
    readings: Sequence[float] | None = None,
    reference_seconds: Sequence[float] | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """A benchmark as it is saved.

    Args:
        measure: marker of the benchmark.
        readings: seconds for each process, bytes (one), or shares for each seed; :data:`READINGS` unless given.
        reference_seconds: of the reference kernel beside each reading; not measured unless given.
        extra: replaces or adds keys of ``extra_info``; ``framework``, ``workload`` and ``device`` change the name too.
    """
    found = list(READINGS[measure] if readings is None else readings)
    own: dict[str, Any] = {"process_medians_seconds": found}
    if measure == "memory":
        own = {"peak_memory_bytes": int(found[0]), "peak_device_memory_bytes": None, "memory_samples": [[0.0, 1]]}
    elif measure == "accuracy":
        own = {"accuracies": found, "seeds": list(range(42, 42 + len(found))), "confusion_matrix": [[1, 0], [0, 1]]}
    elif reference_seconds is not None:
        own |= {"reference_seconds": list(reference_seconds), "reference_kernel": KERNEL}
        own |= {key: list(reference_seconds) for key in ("reference_product_seconds", "reference_copy_seconds")}
    info = {
        "measure": measure,
        "framework": "pytorch",
        "framework_title": "PyTorch",
        "framework_version": "2.15.0",
        "defaults": "equal",
        "environment": "current",
        "workload": "digits",
        "recipe": "0123456789abcdef",
        "dataset_digest": "fedcba9876543210",
        "batch_size": 64,
        "epochs": 10,
        "device": "cpu",
        "precision": "float32",
        "threads": 2,
        "allocator": "glibc defaults",
        "parity": {"passed": True},
        "interrupted": False,
    }
    info |= own | extra
    native = "-native" if info["defaults"] == "native" else ""
    parameter = f"{info['workload']}-{info['framework']}{native}-{info['device']}"
    name = f"{TESTS[measure]}[{parameter}]"
    seconds = found if measure in ("step", "epoch", "first_step") else [1.0]
    return {
        "group": f"{measure} [{info['workload']}-{info['device']}]",
        "name": name,
        "fullname": f"bench/test_training.py::{name}",
        "params": {"arm": "UNSERIALIZABLE[Arm()]"},
        "param": parameter,
        "extra_info": info,
        "options": {"min_rounds": 5},
        "stats": _statistics(seconds),
    }


def _statistics(seconds: Sequence[float]) -> dict[str, Any]:
    middle = sum(seconds) / len(seconds)
    same = dict.fromkeys(("mean", "median", "q1", "q3"), middle)
    ends = {"min": min(seconds), "max": max(seconds), "ld15iqr": min(seconds), "hd15iqr": max(seconds)}
    none = {"stddev": 0.0, "iqr": 0.0, "iqr_outliers": 0, "stddev_outliers": 0, "outliers": "0;0"}
    counts = {"rounds": len(seconds), "iterations": 1, "ops": 1 / middle, "total": sum(seconds)}
    return same | ends | none | counts | {"data": list(seconds)}


def saved_run(
    *benchmarks: dict[str, Any],
    recorded: str = "2026-03-01T10:00:00+00:00",
    commit: str = "0123456789abcdef0123456789abcdef01234567",
    schema: int | None = SCHEMA,
    node: str = "host",
    **facts: Any,
) -> dict[str, Any]:
    """A run as it is saved.

    Args:
        benchmarks: as :func:`saved_benchmark` makes them; one of each measure unless given.
        recorded: when.
        commit: of the checkout.
        schema: version of the format; None for a file without one.
        node: what the machine calls itself.
        facts: replaces facts of the machine, such as ``threads`` or ``cpu``.
    """
    machine = {
        "cpu": {"name": "Example 9000", "vendor": "Example", "vector_flags": ["avx2"]},
        "usable_cores": [0, 1],
        "memory_bytes": 2**34,
        "cgroup": {"cpu_quota": None, "memory_bytes": None},
        "system": {"kernel": "6.1", "transparent_huge_pages": "madvise", "governor": None, "boost": None},
        "variables": {},
        "versions": {"python": "3.11.7", "numpy": "2.4.6"},
        "gpus": [],
        "threads": 2,
        "allocator": "glibc defaults",
        "precision": "float32",
    }
    marked = {} if schema is None else {"cnn_dyno": {"schema": schema}}
    return {
        "machine_info": {"node": node, "machine": "x86_64", "cnn_dyno": machine | facts},
        "commit_info": {"id": commit, "dirty": False, "project": "cnn-dyno", "branch": "main"},
        "benchmarks": list(benchmarks) or [saved_benchmark(measure) for measure in TESTS],
        "datetime": recorded,
        "version": "5.3.1",
    } | marked


def first_run(*measures: str) -> dict[str, Any]:
    """A run as the suite's first version saved it: no version, less of the recipe, a single training.

    Args:
        measures: that it holds; all unless given.
    """
    run = saved_run(*(_of_first_version(measure) for measure in measures or TESTS), schema=None)
    del run["machine_info"]["cnn_dyno"]["variables"]
    return run


def _of_first_version(measure: str) -> dict[str, Any]:
    benchmark = saved_benchmark(measure)
    info = benchmark["extra_info"]
    later = (
        "defaults",
        "environment",
        "recipe",
        "dataset_digest",
        "interrupted",
        "batch_size",
        "epochs",
        "accuracies",
        "seeds",
    )
    for key in later:
        info.pop(key, None)
    if measure == "step":
        info |= {"seconds": 0.0110139, "images_per_second": 64 / 0.0110139}
    elif measure == "accuracy":
        info |= {"accuracy": 0.965, "epochs": 10}
    return benchmark


def write_run(file: Path, run: Any) -> Path:
    """Save a run as JSON; its folder is created if need be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(run), encoding="utf-8")
    return file

"""Saved benchmarks of studies, made up so that what a report must say of them is known, and how to read the report."""

from __future__ import annotations

from typing import Any

from models.workloads import WORKLOADS

TEST_EXAMPLES = 10_000
TITLES = {"pytorch": "PyTorch", "keras-tensorflow": "Keras (TensorFlow)", "tensorflow": "TensorFlow"}


def benchmark(framework: str, measure: str, workload: str = "mnist-3conv", **extra: Any) -> dict[str, Any]:
    """A saved benchmark of the suite."""
    recipe = WORKLOADS[workload]
    identity = {
        "measure": measure,
        "framework": framework,
        "framework_title": TITLES.get(framework, framework),
        "framework_version": "1.0",
        "workload": workload,
        "device": "cpu",
        "precision": "float32",
        "threads": 2,
        "batch_size": recipe.batch_size,
        "epochs": recipe.epochs,
        "defaults": "equal",
        "parity": {"passed": True, "errors": {}},
    }
    return {"name": f"test_{measure}", "extra_info": identity | extra}


def accuracy(
    framework: str, seconds: list[float], shares: list[float], defaults: str = "equal", **extra: Any
) -> dict[str, Any]:
    """A saved benchmark of the final accuracy, a time and an accuracy for each seed."""
    right = sum(round(share * TEST_EXAMPLES) for share in shares)
    classes = {"zero": {"precision": 0.9, "recall": 0.8, "f1-score": 0.85, "support": 5000.0}}
    usual: dict[str, Any] = {
        "seeds": list(range(42, 42 + len(shares))),
        "accuracies": shares,
        "losses": [0.05] * len(shares),
        "trainings_seconds": seconds,
        "seconds_to_threshold": [seconds[0] / 2, *([None] * (len(shares) - 1))],
        "accuracy_threshold": 0.985,
        "class_names": ["zero", "one"],
        "confusion_matrix": [[right, TEST_EXAMPLES * len(shares) - right], [0, 0]],
        "per_class": classes,
    }
    return benchmark(framework, "accuracy", defaults=defaults, **usual | extra)


def pair(
    pytorch: float, keras: float, defaults: str = "equal", shares: tuple[float, float] = (0.99, 0.99)
) -> list[dict[str, Any]]:
    """Training times, and accuracies, of the two frameworks of mnist-3conv."""
    return [
        accuracy("keras-tensorflow", [keras], [shares[1]], defaults),
        accuracy("pytorch", [pytorch], [shares[0]], defaults),
    ]


def paragraph(report: str, start: str) -> str:
    """The one item of a report's words that begins so."""
    (found,) = [line for line in report.splitlines() if line.startswith(f"- **{start}")]
    return found


def cells(report: str, *labels: str) -> list[list[str]]:
    """The figures of the table rows whose words include all of ``labels``."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in report.splitlines() if line[:1] == "|"]
    return [row[2:] for row in rows if all(any(label in cell for cell in row[:2]) for label in labels)]

"""Saved runs with all that a page can show of them, and what a browser makes of the page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class Reader(HTMLParser):
    """What a browser makes of a page: elements with their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def figures(framework: str, workload: str = "digits", **changes: Any) -> list[dict[str, Any]]:
    """Of one framework, with everything that a run can save of it."""
    common = {
        "arm": f"{workload}-{framework}-cpu",
        "framework": framework,
        "framework_title": framework,
        "framework_version": "1.0",
        "workload": workload,
        "device": "cpu",
        "precision": "float32",
        "threads": 2,
        "parity": {"errors": {"logits": 1e-7, "losses": None}, "tolerances": {"logits": 1e-5, "losses": 1e-5}},
        "void_blocks": [],
    } | changes
    first = {"first": "digits-A-cpu"}
    beside = {"arm": "digits-A-cpu", "times": 1.5, "at_least": 1.4, "at_most": 1.6, "equal": False, "certain": True}
    place = first if framework == "A" else first | {"beside_first": beside, "beside_before": beside}
    step: dict[str, Any] = {
        "seconds": 0.011,
        "relative_half_width": 0.02,
        "images_per_second": 5800.0,
        "batch_size": 64,
        "settled": True,
        "bursts_seconds": [[0.01, 0.011, 0.012], [0.0105, 0.013, 0.01]],
        "process_medians_seconds": [0.011, 0.0105],
        "standing": place,
        "steal_seconds": 0.0,
        "foreign_cpu_seconds": 0.0,
        "measured_seconds": 2.0,
        "share_of_peak": 0.3,
    }
    memory: dict[str, Any] = {
        "peak_memory_bytes": 7e8,
        "memory_samples": [[0.1 * at, 1e6 * at] for at in range(900)],
        "memory_phases_bytes": {"after_import": 4e8, "training": 7e8},
    }
    accuracy: dict[str, Any] = {
        "accuracy": 0.97,
        "accuracies": [0.97],
        "accuracy_threshold": 0.95,
        "seeds": [42],
        "epochs": 2,
        "epoch_accuracies": [[0.9, 0.97]],
        "epoch_seconds": [[1.0, 1.1]],
        "class_names": ["0", "1"],
        "confusion_matrix": [[9, 1], [0, 10]],
    }
    measures = {"step": step, "memory": memory, "accuracy": accuracy}
    return [
        {"name": f"test_{measure}[{framework}]", "extra_info": common | {"measure": measure} | more}
        for measure, more in measures.items()
    ]


def run(*benchmarks: dict[str, Any]) -> dict[str, Any]:
    """As it is saved."""
    cpu = {"name": "A processor", "vector_flags": ["avx2"]}
    facts = {"cpu": cpu, "versions": {"torch": "1.0"}, "usable_cores": [0, 1]}
    return {"benchmarks": list(benchmarks), "machine_info": {"cnn_dyno": facts}, "datetime": "2026-11-27T10:00:00"}


def comparison(**changes: Any) -> dict[str, Any]:
    """One measure of an upgrade check, as it is saved."""
    info: dict[str, Any] = {
        "comparison": "digits-A-cpu",
        "measure": "step",
        "framework": "A",
        "framework_title": "A",
        "workload": "digits",
        "device": "cpu",
        "precision": "float32",
        "threads": 2,
        "verdict": "inconclusive",
        "estimate": 0.01,
        "lower": -0.01,
        "upper": 0.03,
        "margins": {"margin": 0.0198, "floor": 0.0025, "minimum_effect": 0.005},
        "family": 1,
        "blocks": 4,
        "blocks_needed": None,
        "budget_needed_seconds": None,
        "schedule": "duet",
        "versions": ["2.0", "1.0"],
        "against": "A==1.0",
        "changed_packages": {"A": ["2.0", "1.0"]},
        "measured_seconds": 60.0,
        "interrupted": False,
        "unanswered": [],
        "raw": [],
    }
    return {"name": f"test_{info | changes}", "extra_info": info | changes}

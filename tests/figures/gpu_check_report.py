"""What ``tests.figures.gpu_check`` has found, as Markdown, and what of it must not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fixtures.reports.markdown import NOTHING, table

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = (
    *("numbers", "clock", "measures", "equal", "worsened", "another-program"),
    *("precisions", "curve", "keras", "compiled", "jax-precisions"),
)
"""The most telling first: time may run out. XLA tunes convolutions for minutes, so JAX's large network is last."""


def problems(found: dict[str, Any]) -> list[str]:
    """What must not be, in words."""
    said = []
    if not found.get("numbers", {}).get("float32_is_float32", True):
        said.append(f"float32 is not float32: {', '.join(found['numbers']['wrong'])}")
    if found.get("numbers", {}).get("silent"):
        said.append(f"no numbers of {', '.join(found['numbers']['silent'])}: see the log")
    for name in STEPS:
        step = found.get(name, {})
        failed = [one["name"] for one in step.get("benchmarks", ()) if (one.get("parity") or {}).get("passed") is False]
        said += [f"{name}: another network is trained: {', '.join(failed)}"] if failed else []
        if "said" in step:
            said.append(f"{name}: status {step['status']}, no figure")
    verdicts = {name: [one.get("verdict") for one in found.get(name, {}).get("benchmarks", ())] for name in STEPS}
    if {"regression", "improvement"} & set(verdicts["equal"]):
        said.append(f"equal environments: {verdicts['equal'][0]}")
    if verdicts["worsened"] and verdicts["worsened"] != ["improvement"]:
        said.append(f"the other environment does more, and the gate says {verdicts['worsened'][0]}")
    if "another-program" in found and not found["another-program"].get("noticed"):
        said.append("another program on the GPU was not noticed")
    return said


def report(found: dict[str, Any]) -> str:
    """Everything as Markdown."""
    gpus = found["machine"]["gpus"]
    lines = [f"# {', '.join(gpu['name'] for gpu in gpus) or 'dry run on the CPU'}", ""]
    if "errors" in found.get("numbers", {}):
        lines += ["How far from float64:", "", _numbers_table(found["numbers"]["errors"]), ""]
    for name, one in found.get("clock", {}).items():
        if isinstance(one, dict) and one.get("events_seconds"):
            wall, events = one["wall_seconds"] * 1e3, one["events_seconds"] * 1e3
            lines.append(f"{name}: a step takes {wall:.3f} ms by the wall clock, {events:.3f} ms by CUDA's events")
    for name in STEPS[2:]:
        if "benchmarks" in found.get(name, {}):
            lines += ["", f"{name}: `{found[name]['command']}`, {found[name]['seconds']} s", ""]
            lines += [_figures(found[name]["benchmarks"])]
    lines += ["", f"Heat slowed GPUs down for {found['heat_seconds']} s."]
    said = problems(found)
    return "\n".join([*lines, "", *(f"PROBLEM: {one}" for one in said), "" if said else "No problem was found."])


def _numbers_table(errors: dict[str, Any]) -> str:
    rows = [
        (framework, precision, *(f"{one:.1e}" if isinstance(one, float) else str(one) for one in products.values()))
        for framework, found in errors.items()
        for precision, products in found.items()
        if isinstance(products, dict)
    ]
    return table(("framework", "precision", "matrix product", "convolution"), rows, texts=2)


_FIGURES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "seconds": lambda one: one.get("seconds"),
    "±": lambda one: _percent(one.get("relative_half_width")),
    "images/s": lambda one: one.get("images_per_second"),
    "of peak": lambda one: _percent(one.get("share_of_peak")),
    "device MB": lambda one: _megabytes(one.get("peak_device_memory_bytes")),
    "host MB": lambda one: _megabytes(one.get("peak_memory_bytes")),
    "accuracy": lambda one: one.get("accuracy"),
    "verdict": lambda one: one.get("verdict"),
    "change": lambda one: _percent(one.get("estimate")),
    "from": lambda one: _percent(one.get("lower")),
    "to": lambda one: _percent(one.get("upper")),
    "blocks": lambda one: one.get("blocks"),
    "void": lambda one: "; ".join(map(str, one.get("void_blocks") or ())) or None,
}


def _figures(benchmarks: list[dict[str, Any]]) -> str:
    columns = {name: [column(one) for one in benchmarks] for name, column in _FIGURES.items()}
    kept = {name: cells for name, cells in columns.items() if any(cell is not None for cell in cells)}
    rows = [
        (one["name"], *(NOTHING if cells[index] is None else _short(cells[index]) for cells in kept.values()))
        for index, one in enumerate(benchmarks)
    ]
    return table(("benchmark", *kept), rows, texts=1)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.2f} %"


def _megabytes(size: float | None) -> str | None:
    return None if size is None else f"{size / 1e6:.0f}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

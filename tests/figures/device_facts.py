"""What one framework does on a device, asked in a process of its own; ``tests.figures.gpu_check`` starts it.

``python -m tests.figures.device_facts errors jax cuda`` prints, for each precision, how far a product of matrices and a
convolution are from float64. ``… clock pytorch cuda resnet18-224 64`` times bursts of steps with the wall clock, as the
suite does, and with CUDA's own events beside it. ``… load cuda 20`` keeps the device busy for so many seconds.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from models.contract import DeviceUnavailableError
from models.precisions import PRECISIONS
from models.reference import Reference
from models.registry import FRAMEWORKS, load_adapter
from models.spec import SGD, Convolution, Dense, Flatten, GlobalAveragePool, Spec
from models.weights import initial_weights
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.contract import Adapter, Device, Precision

_BURSTS, _STEPS = 7, 20
_PRODUCTS = {
    "matrix product": Spec("matrix", (1, 1, 4096), (Flatten(), Dense(256)), SGD(0.1)),
    "convolution": Spec(
        "convolution",
        (24, 24, 128),
        (Convolution(256, 3, padding=1, bias=False, activation="none"), GlobalAveragePool(), Dense(10)),
        SGD(0.1),
    ),
}
"""Sums of 4096 and of 1152 products: their rounding shows how many bits each of them kept."""


def errors(framework: str, device: Device) -> dict[str, dict[str, float | str]]:
    """Precision -> product -> distance from float64, as a share of the outputs' size; or why there is none."""
    adapter_class = load_adapter(FRAMEWORKS[framework].module)
    found: dict[str, dict[str, float | str]] = {}
    for precision in PRECISIONS:
        if precision == "tf32" and device == "cpu":
            continue
        found[precision] = {name: _error(adapter_class, spec, device, precision) for name, spec in _PRODUCTS.items()}
    return found


def _error(adapter_class: type[Adapter], spec: Spec, device: Device, precision: Precision) -> float | str:
    generator = np.random.default_rng(0)
    images = generator.standard_normal((32, *spec.input_shape)).astype(np.float32)
    weights = initial_weights(spec, 0)
    right = Reference(spec, weights).logits(images)
    try:
        got = adapter_class(spec, weights, device, precision, seed=0).logits(images)
    except DeviceUnavailableError as error:
        return str(error)
    return float(np.linalg.norm(got - right) / np.linalg.norm(right))


def clock(framework: str, device: Device, workload: str, batch_size: int) -> dict[str, Any]:
    """Seconds of a step by the wall clock and by CUDA's events, medians of bursts; events only of PyTorch on a GPU."""
    spec, generator = WORKLOADS[workload].spec, np.random.default_rng(0)
    adapter = load_adapter(FRAMEWORKS[framework].module)(spec, None, device, "float32", seed=0)
    images = generator.random((batch_size, *spec.input_shape), dtype=np.float32)
    batch = adapter.to_device(images, generator.integers(0, spec.classes, batch_size))
    timed: Callable[[], float] | None = _events(adapter, batch) if device == "cuda" else None
    wall, events = [], []
    for burst in range(_BURSTS + 2):
        adapter.synchronize()
        before = time.perf_counter()
        on_device = timed() if timed is not None else _plain(adapter, batch)
        adapter.synchronize()
        if burst >= 2:  # the first two warm up
            wall.append((time.perf_counter() - before) / _STEPS)
            events.append(on_device)
    wall_median, events_median = float(np.median(wall)), float(np.median(events))
    return {"wall_seconds": wall_median, "events_seconds": events_median or None, "steps": _STEPS, "bursts": _BURSTS}


def _plain(adapter: Adapter, batch: Any) -> float:
    for _ in range(_STEPS):
        adapter.training_step(batch)
    return 0.0


def _events(adapter: Adapter, batch: Any) -> Callable[[], float]:
    import torch  # noqa: PLC0415 - only where it is asked for

    def timed() -> float:
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        _plain(adapter, batch)
        end.record()
        torch.cuda.synchronize()
        return float(begin.elapsed_time(end)) / 1000 / _STEPS

    return timed


def load(device: str, seconds: float) -> dict[str, Any]:
    """Multiply matrices until so many seconds are over: another user of the device."""
    import torch  # noqa: PLC0415 - only where it is asked for

    matrix, products, end = torch.rand(4096, 4096, device=device), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(8):
            matrix @ matrix
        if device != "cpu":
            torch.cuda.synchronize()
        products += 8
    return {"products": products}


def main(arguments: list[str]) -> None:
    """Print the answer as one line of JSON."""
    kind, *rest = arguments
    if kind == "errors":
        found: Any = errors(rest[0], rest[1])  # type: ignore[arg-type]
    elif kind == "clock":
        found = clock(rest[0], rest[1], rest[2], int(rest[3]))  # type: ignore[arg-type]
    else:
        found = load(rest[0], float(rest[1]))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])

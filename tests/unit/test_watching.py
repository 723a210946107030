"""fixtures.workers.watching: what frameworks tell of steps, here made-up ones that stand where the real ones would."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.workers.messages import StepsWatched
from fixtures.workers.watching import compilations, watch

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = [
    {"name": "[memory]", "args": {"Bytes": 100}},
    {"name": "[memory]", "args": {"Bytes": -100}},
    {"name": "[memory]", "args": {"Bytes": 20}},
    {"name": "aten::add", "args": {}},
]


def operator(key: str, microseconds: float, device: str = "CPU") -> SimpleNamespace:
    """As the profiler's averages have it."""
    own = {"self_cpu_time_total": microseconds, "self_device_time_total": 0.0}
    if device != "CPU":
        own = {"self_cpu_time_total": 0.0, "self_device_time_total": microseconds}
    return SimpleNamespace(key=key, count=2, device_type=f"DeviceType.{device}", **own)


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PyTorch that only profiles."""
    found = [
        operator("aten::add", 1500.0),
        operator("[memory]", 0.0),
        operator("## Call CompiledFxGraph fabc1 ##", 2000.0),
        operator("## Call CompiledFxGraph fdef2 ##", 1000.0),
        operator("sgemm", 500.0, "CUDA"),
    ]

    @contextmanager
    def profile(**_: Any) -> Iterator[SimpleNamespace]:
        text = json.dumps({"traceEvents": EVENTS})
        yield SimpleNamespace(
            key_averages=lambda: found, export_chrome_trace=lambda path: Path(path).write_text(text, encoding="utf-8")
        )

    profiler = SimpleNamespace(profile=profile, ProfilerActivity=SimpleNamespace(CPU=0, CUDA=1))
    stand_in: Any = SimpleNamespace(profiler=profiler, cuda=SimpleNamespace(is_initialized=lambda: True))
    monkeypatch.setitem(sys.modules, "torch", stand_in)


@pytest.mark.usefixtures("torch")
def test_operators_are_told_with_their_own_time(tmp_path: Path) -> None:
    """In milliseconds; graphs of one kind together, whose names differ in every release."""
    trained: list[int] = []
    seen = watch(lambda: trained.append(1), str(tmp_path / "trace.json"))
    assert trained == [1]
    assert seen.operators == {"aten::add": [2.0, 1.5], "CompiledFxGraph": [4.0, 3.0], "sgemm": [2.0, 0.5]}
    assert (seen.allocations, seen.allocated_bytes) == (2, 120)
    assert watch(list, "").allocations == 0


def test_without_pytorch_steps_are_trained_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is told."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    trained: list[int] = []
    assert watch(lambda: trained.append(1), "") == StepsWatched({})
    assert trained == [1]


def test_compilations_are_counted_of_whatever_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is, without a framework."""
    for name in ("torch._dynamo.utils", "tensorflow.python.eager.context"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert compilations() == {}
    counters = {"stats": Counter(unique_graphs=3), "graph_break": Counter({"print": 2, "item": 1})}
    dynamo: Any = SimpleNamespace(counters=counters)
    eager: Any = SimpleNamespace(context=lambda: SimpleNamespace(list_function_names=lambda: {"a", "b"}))
    monkeypatch.setitem(sys.modules, "torch._dynamo.utils", dynamo)
    monkeypatch.setitem(sys.modules, "tensorflow.python.eager.context", eager)
    assert compilations() == {
        "graphs that torch.compile compiled": 3,
        "graph breaks of torch.compile": 3,
        "functions that TensorFlow traced": 2,
    }

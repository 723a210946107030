"""fixtures.workers.parts: what is timed of a program's steps without its source."""

from __future__ import annotations

import gc
import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.workers.parts import GARBAGE, INPUT, TimedParts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 0.02


class Batches:
    """A loader's iterator, which takes its time, or does what it is told meanwhile."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: time.sleep(SECONDS)) -> None:
        self._meanwhile = meanwhile

    def __iter__(self) -> Batches:
        """Itself."""
        return self

    def __next__(self) -> int:
        """A batch."""
        self._meanwhile()
        return 1


class ChildsBatches(Batches):
    """As a loader with workers of its own has them."""


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[TimedParts]:
    """Of a process in which that loader is PyTorch's; its collector only works when it is told to."""
    loader: Any = SimpleNamespace(_BaseDataLoaderIter=Batches)
    monkeypatch.setattr(Batches, "__next__", Batches.__next__)
    monkeypatch.setitem(sys.modules, "torch.utils.data.dataloader", loader)
    monkeypatch.delitem(sys.modules, "tensorflow.python.data.ops.iterator_ops", raising=False)
    before = list(gc.callbacks)
    gc.disable()
    yield TimedParts()
    gc.enable()
    gc.callbacks[:] = before


def test_waiting_for_a_loader_is_input(parts: TimedParts) -> None:
    """Of any of its kinds, and for as long as it takes; of a program without one, nothing is known."""
    assert parts.seconds() == {GARBAGE: 0.0}
    next(ChildsBatches())
    for _ in Batches():
        break
    assert parts.seconds()[INPUT] >= 2 * SECONDS
    parts.begin()
    assert parts.seconds() == {GARBAGE: 0.0, INPUT: 0.0}


def test_a_collection_is_no_input_even_while_a_loader_is_waited_for(parts: TimedParts) -> None:
    """So that nothing is counted twice."""
    rubbish = [[] for _ in range(300_000)]  # type: ignore[var-annotated] # so that a collection takes a while
    next(Batches(gc.collect))
    seconds = parts.seconds()
    assert seconds[GARBAGE] > 0.0
    assert seconds[INPUT] < seconds[GARBAGE]
    del rubbish


def test_a_loader_inside_a_loader_counts_once(parts: TimedParts) -> None:
    """One that wraps another one of its kind."""
    inner = Batches()
    before = time.perf_counter()
    next(Batches(lambda: next(inner)))
    assert SECONDS <= parts.seconds()[INPUT] <= time.perf_counter() - before


def test_what_runs_ahead_in_a_thread_takes_no_time_of_a_step(parts: TimedParts) -> None:
    """A program may prefetch on its own."""
    thread = threading.Thread(target=lambda: next(Batches()))
    thread.start()
    thread.join()
    assert INPUT not in parts.seconds()

"""In which order a calibration measures, and what it does about void blocks and failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.measuring.progress import PlainDisplay
from fixtures.sessions.in_turn import measured_in_turn
from fixtures.workers.parent import WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.judging.measures import Measure

Made = tuple[list[float], dict[float, Any]]


@dataclass
class Block:
    """Stands for a block.

    Args:
        good: whether it counts.
    """

    good: bool

    def counts(self, _: Measure) -> bool:
        """Unless it is void."""
        return self.good


class Runner:
    """Stands for a runner of blocks.

    Args:
        order: notes who ran.
        name: of this one.
        fails_at: number of the block whose worker fails; none if negative.
        void: numbers of the blocks that are void.
    """

    def __init__(self, order: list[float], name: float, fails_at: int, void: frozenset[int]) -> None:
        self.failures: list[tuple[None, WorkerError, frozenset[Measure]]] = []
        self.blocks: list[Block] = []
        self.rehearsed = False
        self._order, self._name, self._fails_at, self._void = order, name, fails_at, void

    def rehearse(self) -> None:
        """Before all blocks, or not at all."""
        assert not self._order
        self.rehearsed = True

    def run(self, *_: object) -> None:
        """One more block."""
        assert self.rehearsed or self._order
        if len(self.blocks) == self._fails_at:
            self.failures.append((None, WorkerError("the worker died", "died"), frozenset()))
        self._order.append(self._name)
        self.blocks.append(Block(len(self.blocks) not in self._void))


@pytest.fixture
def runners() -> Callable[..., Made]:
    """Of equal arms and of two slowdowns; of the first slowdown a block may fail, of equal arms some may be void."""

    def make(fails_at: int = -1, void: frozenset[int] = frozenset()) -> Made:
        order: list[float] = []
        made = {
            name: Runner(order, name, fails_at if name == 0.01 else -1, frozenset() if name else void)
            for name in (0.0, 0.01, 0.02)
        }
        return order, made

    return make


def test_slowdowns_are_measured_among_equal_arms(runners: Callable[..., Made]) -> None:
    """A tenth as many blocks of each as of equal arms, from the beginning to the end."""
    order, made = runners()
    assert measured_in_turn(made, 20, PlainDisplay(lambda _: None)) is None
    half = [0.0, 0.0, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0, 0.02, 0.0, 0.0, 0.0]
    assert order == half * 2


@pytest.mark.parametrize("blocks", [4, 5, 7, 39, 40, 90])
def test_every_slowdown_has_its_blocks(runners: Callable[..., Made], blocks: int) -> None:
    """However many there are of equal arms."""
    order, made = runners()
    measured_in_turn(made, blocks, PlainDisplay(lambda _: None))
    assert [order.count(name) for name in made] == [blocks, max(1, blocks // 10), max(1, blocks // 10)]


def test_void_blocks_are_replaced(runners: Callable[..., Made]) -> None:
    """As many count as were asked for, also where a replacement is void; nothing is to be said of it."""
    said: list[str] = []
    order, made = runners(void=frozenset({0, 5, 10}))
    assert measured_in_turn(made, 10, PlainDisplay(said.append)) is None
    assert order.count(0.0) == 13
    assert order[-3:] == [0.0, 0.0, 0.0]
    assert "0% slower, block 11 of 10, for a void one" in said
    assert not any("only" in line for line in said)


def test_on_a_busy_machine_void_blocks_are_not_replaced_for_ever(runners: Callable[..., Made]) -> None:
    """Half as many again, and then it is said what is lacking."""
    said: list[str] = []
    order, made = runners(void=frozenset(range(100)))
    measured_in_turn(made, 10, PlainDisplay(said.append))
    assert order.count(0.0) == 15
    assert said[-1] == ("0% slower: only 0 of 10 blocks count, and 15 were measured: the machine was too busy for more")


def test_a_failure_ends_a_calibration_and_keeps_what_was_measured(runners: Callable[..., Made]) -> None:
    """It is handed back, not raised: what was measured before is saved first."""
    order, made = runners(fails_at=0)
    failure = measured_in_turn(made, 10, PlainDisplay(lambda _: None))
    assert failure is not None
    assert failure.cause == "the worker died"
    assert order[-1] == 0.01
    assert order.count(0.01) == 1

"""Which design of a block gives the least spread for its time: equal arms, measured in many ways.

``python -m tests.figures.block_design --save blocks.jsonl`` measures blocks of PyTorch in every design, one of each in
turn, and writes each as a line as soon as it is measured; ``--framework`` and ``--designs`` choose others. Takes some
five minutes a round on a quiet machine. ``python -m tests.figures.design_table blocks.jsonl`` makes the tables.
Designs that need an allocator which is not installed are left out.
"""

from __future__ import annotations

import argparse
import ctypes.util
import json
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Current, provide
from fixtures.arms.launch import MALLOC_TUNABLES, LaunchSettings, allowed_cores
from fixtures.datasets import prepare
from fixtures.measuring.block import Block, Reading
from fixtures.measuring.progress import Progress
from fixtures.measuring.proof import Proofs
from fixtures.measuring.schedule import PAIRED
from fixtures.measuring.setting import Judges, prepare_setting
from fixtures.measuring.turns import Alternating, Duet
from fixtures.measuring.void_blocks import why_void
from fixtures.plugin.display import PlainDisplay
from fixtures.workers import messages
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.arms.environments import Environment, Source
    from fixtures.measuring.arm_process import ArmProcess
    from fixtures.measuring.readings import Burst
    from fixtures.measuring.schedule import Effort
    from fixtures.measuring.setting import Setting
    from fixtures.measuring.turns import Turns

ARMS = 2
KERNEL_UNITS = 600
"""Small matrix products in a row, about two milliseconds."""


class FixedCores(Duet):
    """A duet in which each arm keeps its core for the whole block."""

    def __init__(self, threads: int, processes: int, first_turn: int = 0) -> None:
        super().__init__(threads, processes, first_turn)
        # Whatever the turn, the set at an arm's place is the same.
        self._sets = [self._sets[(index + first_turn) % processes] for index in range(processes)]

    def round(self, *arguments: Any, paired: bool) -> None:
        """Let all of them act at once, on the cores that they always had."""
        del paired
        self._turn = 0
        super().round(*arguments, paired=False)


class AnyCores(Duet):
    """A duet whose arms may run on every core: the kernel's scheduler decides."""

    def __init__(self, threads: int, processes: int, first_turn: int = 0) -> None:
        super().__init__(min(threads, len(allowed_cores()) // processes), processes, first_turn)
        self._sets = [allowed_cores()] * processes


@dataclass(frozen=True)
class Design:
    """One way to measure a block.

    Args:
        effort: bursts and steps.
        exact: whether there are so many bursts and steps however slow a step is.
        duet: how the arms share the machine; None lets them alternate on all cores.
        noise_control: whether glibc's allocator keeps its memory.
        variables: of the workers' environment.
        kernel: whether a fixed kernel is timed after every burst, in the same process.
        threads: of each arm; None shares the cores out in a duet, and otherwise gives all to each.
    """

    effort: Effort = PAIRED
    exact: bool = False
    duet: type[Duet] | None = Duet
    noise_control: bool = True
    variables: tuple[tuple[str, str], ...] = ()
    kernel: bool = False
    threads: int | None = None


def _preloaded(library: str) -> Design | None:
    found = ctypes.util.find_library(library)
    return Design(noise_control=False, variables=(("LD_PRELOAD", found),)) if found else None


_NO_HUGE_PAGES = MALLOC_TUNABLES.partition(":")[2]
_POSSIBLE = {
    "as built": Design(),
    "200 bursts of 2 steps": Design(replace(PAIRED, stretch=1, bursts=200, steps_per_burst=2), exact=True),
    "400 bursts of 2 steps": Design(replace(PAIRED, stretch=1, bursts=400, steps_per_burst=2), exact=True),
    "40 bursts of 10 steps": Design(replace(PAIRED, stretch=1, bursts=40, steps_per_burst=10), exact=True),
    "20 bursts of 20 steps": Design(replace(PAIRED, stretch=1, bursts=20, steps_per_burst=20), exact=True),
    "160 bursts of 5 steps": Design(replace(PAIRED, stretch=1, bursts=160), exact=True),
    "never stretched": Design(replace(PAIRED, stretch=1)),
    "alternating on all cores": Design(duet=None),
    "alternating with one thread": Design(duet=None, threads=1),
    "all threads each on shared cores": Design(duet=AnyCores, threads=len(allowed_cores())),
    "cores never exchanged": Design(duet=FixedCores),
    "not bound to cores": Design(duet=AnyCores),
    "allocator as launched": Design(noise_control=False),
    "memory kept without huge pages": Design(variables=(("GLIBC_TUNABLES", _NO_HUGE_PAGES),)),
    "jemalloc": _preloaded("jemalloc"),
    "mimalloc": _preloaded("mimalloc"),
    "tcmalloc": _preloaded("tcmalloc_minimal"),
    "kernel between bursts": Design(kernel=True),
}
DESIGNS = {name: design for name, design in _POSSIBLE.items() if design is not None}


class ExactBlock(Block):
    """A block of as many bursts and steps as its design says."""

    def _warm_steps(self) -> list[float]:
        """As if a step took a millisecond: nothing is shortened."""
        return [1e-3]


class KernelBlock(Block):
    """A block that also times a fixed kernel in each process, after every one of its bursts."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.kernel_seconds: dict[Arm, list[float]] = {one.arm: [] for one in self.processes}

    def _timed_burst(self, process: ArmProcess) -> Burst:
        burst = super()._timed_burst(process)
        self.kernel_seconds[process.arm].append(process.ask(messages.TimeExtraWork(KERNEL_UNITS)).seconds)
        return burst


class Designs:
    """Measures blocks of two equal arms; each design proves its program once, before its first block.

    Args:
        setting: with the threads of the whole machine; each design has files of its own.
        progress: is told what happens.
    """

    def __init__(self, setting: Setting, progress: Progress) -> None:
        self._setting = setting
        self._progress = progress
        self._proofs: dict[str, Proofs] = {}

    def block(self, framework: str, name: str, index: int) -> dict[str, Any]:
        """Readings of one block, as plain values.

        Raises:
            WorkerError: what an arm failed with.
        """
        design = DESIGNS[name]
        adapted = FRAMEWORKS[framework]
        adapted = replace(adapted, environment={**adapted.environment, **dict(design.variables)})
        arms = [Arm(self._setting.workload, adapted, "cpu", tag=tag) for tag in ("candidate", "baseline")]
        proofs = self._proven(name, arms)
        threads = proofs.setting.launch.threads
        turns: Turns = design.duet(threads, ARMS, index) if design.duet else Alternating(seed=index)
        started = time.monotonic()
        kind = KernelBlock if design.kernel else ExactBlock if design.exact else Block
        block = kind(arms, proofs, design.effort, turns, (index, index))
        block.run(Reading())
        for error in block.failures.values():
            raise error
        read = block.readings.arms
        found: dict[str, Any] = {
            "framework": framework,
            "seconds": time.monotonic() - started,
            "disturbed": why_void(read.values()),
        }
        for arm, known in read.items():
            bursts = known.process.bursts if known.process else []
            found[arm.tag] = [burst.step_seconds for burst in bursts]
            found[f"{arm.tag}_cpu"] = [burst.cpu_seconds / burst.steps for burst in bursts]
            if isinstance(block, KernelBlock):
                # Warm-up was timed too; what belongs to the bursts comes last.
                found[f"{arm.tag}_kernel"] = block.kernel_seconds[arm][-len(bursts) :]
        return found

    def _proven(self, name: str, arms: Sequence[Arm]) -> Proofs:
        """The proofs of a design, whose files are its own too."""
        if name not in self._proofs:
            design, setting = DESIGNS[name], self._setting
            threads = design.threads or setting.launch.threads // (ARMS if design.duet else 1)
            launch = LaunchSettings(threads, noise_control=design.noise_control)
            folder = setting.run_directory / name.replace(" ", "-")
            folder.mkdir()
            self._proofs[name] = Proofs(replace(setting, run_directory=folder, launch=launch), self._progress)
        proofs = self._proofs[name]
        proofs.prove(arms)
        for error in filter(None, map(proofs.failure, arms)):
            raise error
        return proofs


def main(arguments: Sequence[str]) -> int:
    """Measure rounds of all designs, and append every block to the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--framework", choices=sorted(FRAMEWORKS), default="pytorch")
    parser.add_argument("--designs", default=",".join(DESIGNS), help=f"default: all of {', '.join(DESIGNS)}")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--save", type=Path, required=True)
    options = parser.parse_args(arguments)
    designs = options.designs.split(",")
    if unknown := set(designs) - set(DESIGNS):
        parser.error(f"--designs {', '.join(unknown)}: known here are {', '.join(DESIGNS)}")
    progress = Progress(PlainDisplay(print))
    workload, current = WORKLOADS["digits"], Current()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        dataset = prepare("digits", data_dir=None, cache_dir=place / "data", download=False, report=print)
        environments: dict[Source, Environment] = {current: provide(current, place, print)}
        launch = LaunchSettings(len(allowed_cores()))
        setting = prepare_setting(workload, dataset, place / "run", environments, launch, 600.0, Judges())
        measured = Designs(setting, progress)
        for index in range(options.rounds):
            for name in designs:
                block = measured.block(options.framework, name, index)
                with options.save.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"design": name, **block}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

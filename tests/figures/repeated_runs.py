"""The same benchmarks again and again, of unchanged and of worsened code in turn, each run saved as a user's would be.

``python -m tests.figures.repeated_runs --runs 20 --worsened 8 --save DIR`` runs ``pytest bench --framework pytorch
--device cpu`` that often in clones of this checkout: one unchanged (``DIR/unchanged``), and one for each change of
``CHANGES`` to PyTorch's adapter (``DIR/slower``, ``DIR/hungrier``, ``DIR/broken``), spread evenly among the others, so
that a drift of the machine meets them all. Takes 30 to 60 s a run; the machine must be quiet.
``python -m tests.figures.repeated_runs_table DIR/unchanged DIR/slower ...`` makes the tables.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROJECT_ROOT = Path(__file__).resolve().parents[2]
ADAPTER = Path("models/adapters/pytorch.py")
UNCHANGED = "unchanged"

_SLOWER = '''

_Plain = Adapter


class Adapter(_Plain):
    """Every tenth step is computed twice: 10 % more real work."""

    _steps = 0

    def training_step(self, batch):
        self._steps += 1
        if self._steps % 10 == 0:
            self.model.train()
            self.loss(self.model(batch[0]), batch[1]).backward()
            self.optimizer.zero_grad()
        return super().training_step(batch)
'''
_HUNGRIER = '''

_Plain = Adapter


class Adapter(_Plain):
    """Holds 160 MB that nobody needs: a fifth of what a run of PyTorch holds."""

    def __init__(self, *arguments, **named):
        import numpy

        super().__init__(*arguments, **named)
        self._ballast = numpy.ones(20_000_000)
'''
_BROKEN = '''

_Plain = Adapter


class Adapter(_Plain):
    """Takes the wrong labels after the fifth batch of an epoch: no proof of parity is long enough to see that."""

    def train_epoch(self, images, labels, order, batch_size):
        import numpy

        late, wrong = order[5 * batch_size :], labels.copy()
        wrong[late] = numpy.roll(labels, 1)[late]
        return super().train_epoch(images, wrong, order, batch_size)
'''
CHANGES = {"slower": _SLOWER, "hungrier": _HUNGRIER, "broken": _BROKEN}


def turns(runs: int, worsened: int) -> Iterator[str]:
    """Which code runs when: every unchanged run is followed by those of each change that are due.

    Args:
        runs: of unchanged code.
        worsened: of each change, at most ``runs``.
    """
    for number in range(runs):
        yield UNCHANGED
        if (number + 1) * worsened // runs > number * worsened // runs:
            yield from CHANGES


def clone(folder: Path, change: str) -> Path:
    """A clone of this checkout's last commit in ``folder``, worsened unless it is to be unchanged."""
    place = folder / change
    subprocess.run(["git", "clone", "--quiet", PROJECT_ROOT, place], check=True)  # noqa: S607 - git from the PATH
    path = place / ADAPTER
    path.write_text(path.read_text(encoding="utf-8") + CHANGES.get(change, ""), encoding="utf-8")
    return place


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks as often as asked for, and save every run in the folder of its change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="of unchanged code (20)")
    parser.add_argument("--worsened", type=int, default=8, help="of each change (8)")
    parser.add_argument("--save", type=Path, required=True, metavar="DIR")
    options = parser.parse_args(arguments)
    if not 0 <= options.worsened <= options.runs:
        parser.error("--worsened: from 0 to as many as --runs")
    with tempfile.TemporaryDirectory() as folder:
        places = {change: clone(Path(folder), change) for change in (UNCHANGED, *CHANGES)}
        for change in turns(options.runs, options.worsened):
            saved = options.save / change
            saved.mkdir(parents=True, exist_ok=True)
            output = (saved / f"{len(list(saved.glob('*.json'))) + 1:04}.json").resolve()
            command = [sys.executable, "-m", "pytest", "bench", "--framework", "pytorch", "--device", "cpu"]
            # A test may fail, as that of a broken accuracy does: what was measured is saved nevertheless.
            subprocess.run(
                [*command, f"--benchmark-json={output}"], cwd=places[change], check=False, stdout=subprocess.DEVNULL
            )
            print(change, output.name, "saved" if output.exists() else "NOT SAVED", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

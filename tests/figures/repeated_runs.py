"""The same benchmarks again and again, of unchanged or of worsened code, each run saved as a user's would be.

``python -m tests.figures.repeated_runs --runs 20 --save DIR`` runs ``pytest bench --framework pytorch --device cpu``
that often in a clone of this checkout; ``--change slower,hungrier,broken`` (or some of these) worsens PyTorch's
adapter in the clone first. Takes one to two minutes a run; the machine must be quiet.
``python -m tests.figures.repeated_runs_table DIR [WORSENED ...]`` makes the tables.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT_ROOT = Path(__file__).resolve().parents[2]
ADAPTER = Path("models/adapters/pytorch.py")

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


def clone(folder: Path, changes: Sequence[str]) -> Path:
    """A clone of this checkout's last commit in ``folder``, worsened if asked for."""
    place = folder / "checkout"
    subprocess.run(["git", "clone", "--quiet", PROJECT_ROOT, place], check=True)  # noqa: S607 - git from the PATH
    path = place / ADAPTER
    for change in changes:
        path.write_text(path.read_text(encoding="utf-8") + CHANGES[change], encoding="utf-8")
    return place


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks as often as asked for, and save every run in the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--save", type=Path, required=True, metavar="DIR")
    parser.add_argument("--change", default="", metavar=",".join(CHANGES))
    options = parser.parse_args(arguments)
    changes = [change for change in options.change.split(",") if change]
    noted = options.save / "change.txt"
    if noted.exists() and noted.read_text(encoding="utf-8") != options.change:
        parser.error(f"{options.save} holds runs of another change: choose another folder")
    if unknown := set(changes) - set(CHANGES):
        parser.error(f"--change {', '.join(sorted(unknown))}: known here are {', '.join(CHANGES)}")
    options.save.mkdir(parents=True, exist_ok=True)
    noted.write_text(options.change, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        place = clone(Path(folder), changes)
        for _ in range(options.runs):
            number = len(list(options.save.glob("*.json"))) + 1
            output = (options.save / f"{number:04}.json").resolve()
            command = [sys.executable, "-m", "pytest", "bench", "--framework", "pytorch", "--device", "cpu"]
            # A test may fail, as that of a broken accuracy does: what was measured is saved nevertheless.
            subprocess.run([*command, f"--benchmark-json={output}"], cwd=place, check=False, stdout=subprocess.DEVNULL)
            print(output.name, "saved" if output.exists() else "NOT SAVED", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

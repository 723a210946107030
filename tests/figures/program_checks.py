"""Checks of a program of one's own, as a user makes them: how long to a verdict, and what is said of the losses.

``python -m tests.figures.program_checks`` runs ``pytest bench --program FILE --against OTHER`` for each of these, one
after another, and prints a row for each; names as arguments choose some. All but ``upgrade`` and ``equal`` train
``docs/examples/training_pytorch.py``, these two ``docs/examples/training_resnet18.py``.

- ``upgrade``: torch 2.13.0 and its torchvision against the installed ones; ``equal``: a copy of this environment;
- ``slower``: the file at the last commit of a repository of its own, against the same with 3 % more work in each step;
- ``drift-equal``, ``drift-upgrade``: only what is said of the losses, of a copy and of torch 2.13.0;
- ``drift-seed``, ``drift-rate``: likewise, of another seed and of another learning rate at the last commit.

The machine must be quiet. ``equal`` and ``drift-equal`` build a copy of this environment once.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixtures.reports.markdown import NOTHING, table
from tests.figures.bare_programs import FOLDER
from tests.figures.counted_gate import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Sequence

OLDER = "torch==2.13.0 torchvision==0.28.0"
HEADINGS = ("check", "exit status", "verdict", "change", "from", "to", "blocks", "s of measuring", "s in all")
_RANGE = ("estimate", "lower", "upper")
_SAID = re.compile(r"(Same program|DRIFTING|DIFFERENT PROGRAMS|Whether both train the same)[^\n]*")
_YIELD = "            yield loss  # the added line\n"
_LONGER = """            end = time.perf_counter()
            while time.perf_counter() < end + 0.03 * (end - began):
                torch.mm(planted, planted)
"""


@dataclass(frozen=True)
class Check:
    """One run.

    Args:
        against: what the program is held against; empty for a copy of this environment.
        example: which program.
        changes: texts of the file, each with what it is replaced by after the commit; none for the file where it is.
        losses: whether only what is said of the losses is wanted; else the step is judged.
    """

    against: str
    example: str = "training_pytorch.py"
    changes: tuple[tuple[str, str], ...] = ()
    losses: bool = False


LONGER = (
    ("import torch\n", "import time\n\nimport torch\n"),
    ("    for _epoch", "    planted, began = torch.ones(64, 64), time.perf_counter()\n    for _epoch"),
    (_YIELD, f"{_LONGER}{_YIELD}            began = time.perf_counter()\n"),
)
"""3 % of the time that a step has taken is spent on matrix products after it; nothing random is drawn for them."""
CHECKS = {
    "upgrade": Check(OLDER, "training_resnet18.py"),
    "equal": Check("", "training_resnet18.py"),
    "slower": Check("git:HEAD", changes=LONGER),
    "drift-equal": Check("", losses=True),
    "drift-upgrade": Check(OLDER, losses=True),
    "drift-seed": Check("git:HEAD", changes=(("manual_seed(seed)", "manual_seed(seed + 1)"),), losses=True),
    "drift-rate": Check("git:HEAD", changes=(("model.parameters())", "model.parameters(), lr=1.1e-3)"),), losses=True),
}
"""Adam's own learning rate is 1e-3."""


def main(arguments: Sequence[str]) -> int:
    """Make the runs, and print a row and a sentence for each; status 1 if one said nothing of the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"one of {', '.join(CHECKS)}; all unless given")
    names = parser.parse_args(arguments).checks or list(CHECKS)
    if unknown := [name for name in names if name not in CHECKS]:
        parser.error(f"{unknown[0]}: choose from {', '.join(CHECKS)}")
    rows, sentences = [], []
    for name in names:
        row, sentence = made(name, CHECKS[name])
        rows.append(row)
        sentences.append(sentence)
        sys.stdout.write(f"{name}: {sentence or 'said nothing of the losses'}\n")
        sys.stdout.flush()
    sys.stdout.write(f"\n{table(HEADINGS, rows, texts=1)}\n")
    return int(not all(sentences))


def made(name: str, check: Check) -> tuple[list[str], str]:
    """The row of a check, and what was said of the losses."""
    with tempfile.TemporaryDirectory() as folder:
        file = program_of(check, Path(folder))
        # As the gate is counted: started in the copy, and held against this environment.
        python = environment("pytorch", 0) if not check.against else Path(sys.executable)
        saved = Path(folder) / "saved.json"
        command = [str(python), "-m", "pytest", "bench", "--program", str(file), f"--benchmark-json={saved}"]
        command += ["--against", check.against or sys.executable, "--device", "cpu", "-m"]
        command += ["memory", "--budget", "1s"] if check.losses else ["step"]
        before = time.monotonic()
        ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, errors="replace")
        seconds = time.monotonic() - before
        found = _info(saved)
    said = _SAID.search(ended.stdout)
    shares = [f"{100 * math.expm1(found[key]):+.2f} %" if found.get(key) is not None else NOTHING for key in _RANGE]
    counts = [str(found.get("blocks", NOTHING)), f"{found['measured_seconds']:.0f}" if found else NOTHING]
    return [name, str(ended.returncode), found.get("verdict", NOTHING), *shares, *counts, f"{seconds:.0f}"], (
        said[0] if said else ""
    )


def program_of(check: Check, folder: Path) -> Path:
    """The program's file: the example itself or, if it is changed, a copy in a repository that knows it unchanged.

    Raises:
        ValueError: if the example does not hold what is to be changed.
    """
    example = FOLDER / check.example
    if not check.changes:
        return example
    text = example.read_text(encoding="utf-8")
    file = folder / "own" / check.example
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    for arguments in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "as it was")):
        subprocess.run(["git", "-C", str(file.parent), *arguments], check=True)  # noqa: S607
    for old, new in check.changes:
        if text.count(old) != 1:
            raise ValueError(f"{check.example} does not hold {old!r} once")
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    return file


def _info(saved: Path) -> dict[str, Any]:
    """Of the one benchmark that was saved; nothing if there is none."""
    try:
        (benchmark,) = json.loads(saved.read_text(encoding="utf-8"))["benchmarks"]
    except (OSError, ValueError, KeyError):
        return {}
    info: dict[str, Any] = benchmark["extra_info"]
    return info


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

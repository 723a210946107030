"""Real regressions whose release is known: ``make known-answers`` searches each, and says which were found.

``python -m tests.figures.known_answers [NAME ...]`` searches those that are named, else all. Each has an environment of
its own in ``.cnn-dyno/known-answers``, with the suite's own packages and those that the regression needs; saved runs
lie beside it. Packages come from the index, and a search takes up to its budget.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.arms.environments import EnvironmentBuildError
from fixtures.arms.environments.uv import run_uv
from fixtures.reports.markdown import table

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cnn-dyno" / "known-answers"
PROGRAMS = Path(__file__).parent / "known"


@dataclass(frozen=True)
class Known:
    """One of them.

    Args:
        source: where it was reported.
        expected: the release that brought it.
        packages: of the environment that the search is made in.
        arguments: of ``pytest bench``.
    """

    source: str
    expected: str
    packages: tuple[str, ...]
    arguments: tuple[str, ...]


KNOWN = {
    "jax-cpu-step": Known(
        source="jax-ml/jax #26145",
        expected="0.4.33",
        packages=("jax==0.4.38", "flax==0.10.2", "optax==0.2.4", "numpy==2.2.6"),
        arguments=(
            *("--framework", "jax", "--device", "cpu", "--bisect", "jax==0.4.30..0.5.0"),
            *("--margin", "step=5%", "--budget", "30m"),
        ),
    ),
    "keras-train-on-batch": Known(
        source="Keras 3.6 traces anew in every call of train_on_batch on TensorFlow 2.16",
        expected="3.6.0",
        packages=("keras==3.6.0", "tensorflow==2.16.2", "numpy==1.26.4"),
        arguments=(
            # In one word: of two, pytest would look for a conftest.py beside the second.
            *(f"--program={PROGRAMS / 'keras_train_on_batch.py'}", "--bisect", "keras==3.4.1..3.6.0"),
            *("--margin", "step=20%", "--budget", "30m", "--allow-different-losses"),
        ),
    ),
}
_HEADINGS = ("known answer", "reported in", "release", "named", "outcome", "minutes of measuring")


def main(names: list[str]) -> int:
    """Search and print the table; exit status 1 if a wrong release is named, 2 for a name that nobody knows."""
    unknown = [name for name in names if name not in KNOWN]
    if unknown:
        sys.stderr.write(f"{unknown[0]} is no known answer; there are {', '.join(KNOWN)}\n")
        return 2
    rows, wrong = [], 0
    for name in names or KNOWN:
        known = KNOWN[name]
        try:
            found = search(name, known)
        except EnvironmentBuildError as error:
            rows.append((name, known.source, known.expected, "none", str(error).splitlines()[0], "0"))
            continue
        named = [one["after"] for one in found.get("changes", ()) if one["change"] in ("worse", "better")]
        wrong += bool(named) and known.expected not in named
        minutes = f"{found.get('spent_seconds', 0.0) / 60.0:.0f}"
        rows.append((name, known.source, known.expected, ", ".join(named) or "none", found["outcome"], minutes))
    sys.stdout.write(table(_HEADINGS, rows, texts=5) + "\n")
    return int(wrong > 0)


def search(name: str, known: Known) -> dict[str, Any]:
    """What ``pytest bench`` has saved of its search; ``outcome`` alone if it has saved nothing."""
    home, saved = FOLDER / name / "environment", FOLDER / name / "saved.json"
    python, doing = home / "bin" / "python", f"making the environment of {name}"
    if not python.exists():
        run_uv(doing, "venv", "--quiet", "--python", sys.executable, str(home))
    needs = ("--requirements", str(ROOT / "requirements" / "suite.txt"))
    run_uv(doing, "pip", "install", "--quiet", "--python", str(python), *needs, *known.packages)
    saved.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", "bench", f"--benchmark-json={saved}", *known.arguments]
    ended = subprocess.run(command, cwd=ROOT, check=False)
    try:
        (benchmark,) = json.loads(saved.read_text(encoding="utf-8"))["benchmarks"]
    except (OSError, ValueError, KeyError):
        return {"outcome": f"exit status {ended.returncode}"}
    found: dict[str, Any] = benchmark["extra_info"]["search"]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

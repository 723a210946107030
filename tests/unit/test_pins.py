"""fixtures.arms.pins: which pins some frameworks need."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.arms.pins import packages_of, part
from models.registry import FRAMEWORKS

ROOT = Path(__file__).resolve().parents[2]
PINS = """a==1.0 ; python_full_version < '3.14' \\
    --hash=sha256:1 \\
    --hash=sha256:2
    # via
    #   -r requirements.in
    #   c
b==2.0 \\
    --hash=sha256:3
    # via a
c==3.0 \\
    --hash=sha256:4
    # via -r requirements.in
d==4.0 \\
    --hash=sha256:5
    # via b
"""


def names(pins: str) -> list[str]:
    """Of the packages pinned."""
    return re.findall(r"^(\S+)==", pins, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [({"b"}, ["b", "d"]), ({"c"}, ["a", "b", "c", "d"]), ({"d"}, ["d"]), ({"a", "d"}, ["a", "b", "d"]), (set(), [])],
)
def test_a_part_is_what_is_wanted_and_what_that_needs(wanted: set[str], found: list[str]) -> None:
    """In the order of the file."""
    assert names(part(PINS, wanted)) == found


def test_a_part_is_as_it_stands_there() -> None:
    """Markers and hashes are those of the file, to the letter."""
    assert PINS.startswith(part(PINS, {"a"}).partition("b==")[0])
    assert part(PINS, {"a", "c"}) == PINS


def test_what_is_not_pinned_is_named() -> None:
    """It was added without make lock."""
    with pytest.raises(ValueError, match="e is not among the pins: make lock"):
        part(PINS, {"a", "e"})


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_of_every_framework_there_are_pins(name: str) -> None:
    """What it and the suite name is there, and none of the frameworks that it can be without."""
    suite, pins = (
        (ROOT / "requirements" / file).read_text(encoding="utf-8") for file in ("suite.txt", "requirements.txt")
    )
    found = set(names(part(pins, packages_of([name], suite))))
    assert found >= {"pytest", "pytest-benchmark", "execnet", "uv", "numpy", "scipy", *FRAMEWORKS[name].requires}
    assert ("torch" in found) == ("torch" in FRAMEWORKS[name].requires)
    assert ("jax" in found) == ("jax" in FRAMEWORKS[name].requires)
    assert "mypy" not in found


def test_an_unknown_framework_is_one_line() -> None:
    """With those that there are."""
    command = [sys.executable, "-m", "fixtures.arms.pins", "pytorsh"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.splitlines() == [f"FRAMEWORKS: 'pytorsh' is unknown; there are {', '.join(FRAMEWORKS)}"]
    assert not run.stdout


def test_pins_are_chosen_before_anything_is_installed() -> None:
    """With the standard library alone."""
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import fixtures.arms.pins",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_the_suites_own_requirements_keep_what_is_there() -> None:
    """In an environment of the user, a bound from above would take away a newer NumPy."""
    lines = (ROOT / "requirements" / "suite.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in wanted if not re.fullmatch(r"[a-z0-9-]+(\[\w+\])?>=[\d.]+", line)] == []

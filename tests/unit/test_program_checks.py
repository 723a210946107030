"""The checks of programs whose figures the documents show: what is planted is planted, and changes nothing else."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.programs import read_program
from tests.figures.bare_programs import FOLDER
from tests.figures.program_checks import CHECKS, Check, program_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check.changes])
def test_a_changed_program_lies_in_a_repository_that_knows_it_unchanged(tmp_path: Path, name: str) -> None:
    """It is still a program, with the one change that is meant."""
    file = program_of(CHECKS[name], tmp_path)
    git = ("git", "-C", str(file.parent))
    committed = subprocess.run([*git, "show", f"HEAD:{file.name}"], check=True, capture_output=True, text=True)
    assert committed.stdout == (FOLDER / file.name).read_text(encoding="utf-8")
    assert committed.stdout != file.read_text(encoding="utf-8")
    assert read_program(file.name, file.parent).takes("seed")
    compile(file.read_text(encoding="utf-8"), file.name, "exec")


def test_an_example_that_has_changed_since_is_named(tmp_path: Path) -> None:
    """Else nothing would be planted, and a run that finds nothing would be right."""
    with pytest.raises(ValueError, match=r"training_pytorch\.py does not hold 'no such line' once"):
        program_of(Check("git:HEAD", changes=(("no such line", ""),)), tmp_path)


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if not check.changes])
def test_an_unchanged_program_is_the_example_itself(tmp_path: Path, name: str) -> None:
    """As a user would name it."""
    assert program_of(CHECKS[name], tmp_path).parent == FOLDER

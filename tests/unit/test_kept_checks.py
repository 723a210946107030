"""What is kept of checks: found again by everything that they depend on, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.baselines.checks import FOLDER, KeptChecks

if TYPE_CHECKING:
    from pathlib import Path

CONTENT: dict[str, Any] = {"environments": [["a", {"six": "1"}], ["b", {"six": "2"}]], "measure": "step"}


def test_a_check_is_found_again_by_its_content_alone(tmp_path: Path) -> None:
    """Another margin, machine or package is another check."""
    KeptChecks(tmp_path).keep(CONTENT, 2, {"change": "same"})
    assert KeptChecks(tmp_path).of(CONTENT) == (2, {"change": "same"})
    assert KeptChecks(tmp_path).of({**CONTENT, "measure": "epoch"}) == (0, None)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": 2}', '{"schema": 1, "attempts": "many"}', "\udcff"])
def test_what_is_damaged_is_made_again(tmp_path: Path, damage: str) -> None:
    """And written anew."""
    kept = KeptChecks(tmp_path)
    kept.keep(CONTENT, 1, None)
    (file,) = (tmp_path / FOLDER).iterdir()
    file.write_bytes(damage.encode(errors="surrogateescape"))
    assert kept.of(CONTENT) == (0, None)
    kept.keep(CONTENT, 1, {"change": "worse"})
    assert kept.of(CONTENT) == (1, {"change": "worse"})
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [file.name]

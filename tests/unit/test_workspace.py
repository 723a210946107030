"""fixtures.plugin.workspace: the suite's own folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fixtures.plugin.workspace import check_writable

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_that_takes_files_is_made_and_left_empty(tmp_path: Path) -> None:
    """The probe leaves nothing behind."""
    check_writable(tmp_path / "new" / "folder", "unneeded")
    assert list((tmp_path / "new" / "folder").iterdir()) == []


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path, name: str) -> None:
    """Where a file stands in the way, even root cannot make a folder."""
    (tmp_path / "file").touch()
    with pytest.raises(pytest.UsageError, match=rf"{re.escape(str(tmp_path / name))} cannot be written .*: move it"):
        check_writable(tmp_path / name, "move it")

"""fixtures.measuring.traces: names that a file system takes, and that nobody has yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.measuring.traces import TraceFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("whose", "name"),
    [
        ("digits-pytorch-cpu", "digits-pytorch-cpu-xla.txt"),
        ("digits-pytorch-cpu@torch==2.13.0", "digits-pytorch-cpu_torch==2.13.0-xla.txt"),
        ("../a b/$(c)", "_a_b_c_-xla.txt"),
        ("x" * 300, f"{'x' * 100}-xla.txt"),
    ],
)
def test_a_name_is_safe(tmp_path: Path, whose: str, name: str) -> None:
    """It lies in the folder, and a shell takes it for one word."""
    assert TraceFolder(tmp_path, "traces").keep(whose, "xla.txt", b"HLO") == name
    assert (tmp_path / name).read_bytes() == b"HLO"


def test_no_file_is_written_over(tmp_path: Path) -> None:
    """One of an earlier run, or of the same arm's other pair, stays."""
    folder = TraceFolder(tmp_path, "traces")
    assert [folder.keep("a", "onednn.log", text) for text in (b"1", b"2")] == ["a-onednn.log", "a-onednn-2.log"]
    assert (tmp_path / "a-onednn.log").read_bytes() == b"1"

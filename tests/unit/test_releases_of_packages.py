"""Rows of releases: what a user may write, and which there are, asked of uv with wheels in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.arms.environments import EnvironmentBuildError, ReleasesError, read_row
from tests.one_line import one_line
from tests.tiny_package import write_wheel

if TYPE_CHECKING:
    from pathlib import Path


def test_a_range_a_list_and_what_is_resolved_beside() -> None:
    """As they are written."""
    row = read_row("torch==2.6.0..2.15.0 torchvision")
    assert (row.name, row.listed, row.between, row.beside) == ("torch", (), ("2.6.0", "2.15.0"), ("torchvision",))
    assert row.requirements("2.7.1") == ("torch==2.7.1", "torchvision")
    listed = read_row("jax[cpu]==0.7.1,0.4.30,0.10.0")
    assert (listed.name, listed.releases()) == ("jax[cpu]", ["0.4.30", "0.7.1", "0.10.0"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("torch", "write one range"),
        ("", "write one range"),
        ("torch==2.6.0", "write one range"),
        ("torch>=2.6,<2.9", "write one range"),
        ("torch==2.6..2.7 jax==0.4,0.5", "write one range"),
        ("torch==2.7..2.6", "the range is empty"),
        ("torch==2.7..2.7.0", "the range is empty"),
        ("torch==new..2.7", "new is no version"),
        ("torch==2.7,", "write one range"),
        ("torch==2.7,2.7.0", "one release cannot be held against itself"),
        ("torch==2.6..2.7 --pre", "--pre is no requirement"),
    ],
)
def test_what_is_no_row_is_refused_in_one_line(text: str, words: str) -> None:
    """It says what to write."""
    with pytest.raises(ReleasesError, match=words) as raised:
        read_row(text)
    assert one_line(str(raised.value))


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the index."""
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    for version in ("1.0", "1.1", "1.2rc1", "1.9", "1.10", "1.10.post1", "2.0"):
        write_wheel(tmp_path, version=version)
    return tmp_path


def test_releases_are_asked_of_uv(wheels: Path) -> None:
    """In the order of versions, both ends included, pre-releases only if wanted."""
    assert wheels.is_dir()
    row = read_row("tiny==1.0..1.10.post1")
    assert row.releases() == ["1.0", "1.1", "1.9", "1.10", "1.10.post1"]
    assert row.releases(pre_releases=True) == ["1.0", "1.1", "1.2rc1", "1.9", "1.10", "1.10.post1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tiny==1.95..1.99", "no release that could be installed here"),
        ("tiny==1.5..1.9", "1.9 is the only release in this range"),
        ("nobody-has-this==1..2", "no release that could be installed here"),
    ],
)
@pytest.mark.usefixtures("wheels")
def test_too_few_releases_are_refused_in_one_line(text: str, words: str) -> None:
    """Before anything is built."""
    with pytest.raises(ReleasesError, match=words) as raised:
        read_row(text).releases()
    assert one_line(str(raised.value))


def test_an_index_that_does_not_answer_is_no_end_of_the_row(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What uv says of it is passed on."""
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels / "nowhere"))
    with pytest.raises(EnvironmentBuildError, match="asking for the releases of tiny failed"):
        read_row("tiny==1.0..2.0").releases()

"""fixtures.reports.page: what becomes a page, where it is written, and what is refused in one line."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.reports.page.__main__ import main
from fixtures.reports.page.document import PageError, small_picture, write_page
from tests.shown_runs import figures, run

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("matplotlib")

READINGS = Path(__file__).resolve().parents[2] / "docs" / "readings"
HOSTILE = "<script>alert(1)</script>" + "w" * 200


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a saved run"),
        ('{"benchmarks": [{"extra_', "is not a saved run"),
        ("[]", "is not a saved run"),
        ('{"benchmarks": 3}', "is not a saved run"),
        ('{"benchmarks": []}', "holds no figure of this suite"),
        ('{"benchmarks": [{"extra_info": {"measure": "step"}}]}', "holds what no run of this suite does"),
    ],
)
def test_what_is_no_run_is_one_line_and_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    """What was there before stays."""
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    (tmp_path / "run.html").write_text("before", encoding="utf-8")
    assert main([str(tmp_path / "run.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert (tmp_path / "run.html").read_text(encoding="utf-8") == "before"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Nothing half-written is left."""
    with pytest.raises(PageError, match="cannot be written"):
        write_page("text", tmp_path / "nowhere" / "page.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(PageError, match="cannot be written"):
        write_page("text", tmp_path / "folder")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def full(*_: object) -> None:
    """As the kernel says it."""
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(*_: object) -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt


@pytest.mark.parametrize(("ends", "expected"), [(full, PageError), (interrupted, KeyboardInterrupt)])
def test_a_page_that_is_cut_short_leaves_nothing_behind(
    tmp_path: Path, ends: Callable[..., None], expected: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before stays, and no part of the new one."""
    (tmp_path / "page.html").write_text("before", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", ends)
    with pytest.raises(expected):
        write_page("text", tmp_path / "page.html")
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "before"


PNG, SVG = b"\x89PNG\r\n\x1a\n", b"<?xml"


@pytest.mark.parametrize("name", ["upgrade-torch", "upgrade-copy"])
def test_the_verdicts_are_drawn_alone_too(name: str, tmp_path: Path) -> None:
    """As a picture that any program shows, with the answer, the names and the numbers in it."""
    file = str(READINGS / f"{name}.json")
    for form, first in (("png", PNG), ("svg", SVG)):
        picture = tmp_path / f"verdicts.{form}"
        assert main([file, "-o", str(tmp_path / "page.html"), "--picture", str(picture)]) == 0
        assert picture.read_bytes().startswith(first)
    saved = json.loads(Path(file).read_text(encoding="utf-8"))["benchmarks"]
    texts = re.findall(r"<text[^>]*>(.*?)</text>", picture.read_text(encoding="utf-8"), flags=re.DOTALL)
    for info in (one["extra_info"] for one in saved):
        assert any(text.startswith(f"{info['verdict']}: ") for text in texts)
    assert any(text.startswith("digits on cpu, against") for text in texts)
    assert any("dotted: margin" in text for text in texts)


def test_a_plain_runs_picture_has_its_ratios() -> None:
    """And names from outside are text in it, too."""
    drawn = small_picture(run(*figures("A"), *figures(HOSTILE)), "run", "svg").decode()
    assert "1.50 (1.40 to 1.60)" in drawn
    assert "<script" not in drawn
    assert "dotted" not in drawn


def test_without_a_range_there_is_a_page_and_no_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says so."""
    (tmp_path / "one.json").write_text(json.dumps(run(*figures("A"))), encoding="utf-8")
    assert main([str(tmp_path / "one.json"), "--picture", str(tmp_path / "one.png")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no contrast in it has a range" in line
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one.html", "one.json"]


@pytest.mark.parametrize("picture", ["verdicts", "verdicts.jpg", "png", ""])
def test_a_picture_has_one_of_two_forms(picture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told by the name's ending; before anything is read."""
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "none.json"), "--picture", picture])
    assert ended.value.code == 2
    assert "name a file that ends in .png or .svg" in capsys.readouterr().err


def test_each_run_gets_a_page_of_its_own_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless another is given."""
    (tmp_path / "one.json").write_text(json.dumps(run(*figures("A"))), encoding="utf-8")
    assert main([str(tmp_path / "one.json")]) == 0
    assert (tmp_path / "one.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert main([str(tmp_path / "one.json"), "-o", str(tmp_path / "other.html")]) == 0
    assert (tmp_path / "other.html").exists()
    assert "other.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["."], ". cannot be read: Is a directory"),
        (["one.json", "one.txt"], "one.json and one.txt would both become one.html"),
        (["one.json", "folder/../one.json"], "one.json and folder/../one.json would both become"),
        (["one.json", "-o", "one.json"], "the page of one.json would replace the run one.json"),
        (["run.html"], "the page of run.html would replace the run run.html"),
        (["run.svg", "-o", "a.html", "--picture", "run.svg"], "--picture run.svg is the run or its page"),
    ],
)
def test_what_would_be_lost_or_is_no_file_is_refused_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is written."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for name in ("one.json", "one.txt", "run.html", "run.svg"):
        Path(name).write_text(json.dumps(run(*figures("A"))), encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before

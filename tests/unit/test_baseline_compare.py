"""``python -m fixtures.baselines compare``: verdicts on two saved runs, and the exit status that they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.baselines.__main__ import main
from fixtures.baselines.findings import INCONCLUSIVE_STATUS, REGRESSION_STATUS
from tests.saved_runs import saved_benchmark, saved_run, write_run

if TYPE_CHECKING:
    from pathlib import Path

GIGABYTE = 2**30


def save(root: Path, number: int, *, memory: float = GIGABYTE, measures: tuple[str, ...] = ("memory",)) -> Path:
    """A run of memory, and of what else is asked for."""
    benchmarks = [saved_benchmark(each, [memory] if each == "memory" else None) for each in measures]
    run = saved_run(*benchmarks, recorded=f"2026-03-{number:02}T00:00:00+00:00")
    return write_run(root / ".benchmarks" / "Linux" / f"{number:04}_run-{number}.json", run)


@pytest.mark.parametrize(
    ("memory", "words", "status"),
    [
        (GIGABYTE, "**NO REGRESSION**", 0),
        (1.5 * GIGABYTE, "**REGRESSION**: PyTorch's peak memory 50.00 % more", REGRESSION_STATUS),
        (0.5 * GIGABYTE, "Better: PyTorch's peak memory", 0),
    ],
    ids=["equal", "more", "less"],
)
@pytest.mark.parametrize("kind", ["number", "name", "file"])
def test_two_saved_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], memory: float, words: str, status: int, kind: str
) -> None:
    """However they are named; the report is that of a run, and nothing is written."""
    files = save(tmp_path, 1), save(tmp_path, 2, memory=memory)
    named = {"number": ["0001", "0002"], "name": [file.stem for file in files], "file": [str(file) for file in files]}
    before = sorted(tmp_path.rglob("*"))
    arguments = ["compare", *named[kind], "--margin", "memory=20%"]
    assert main(arguments, tmp_path) == status
    printed = capsys.readouterr()
    assert words in printed.out
    assert "## This run against 0001_run-1 (saved 2026-03-01 00:00" in printed.out
    assert printed.err == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_a_baseline_is_all_its_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a later run it is its newest; a run that is in it is not held against itself."""
    for number in (1, 2, 3):
        assert main(["keep", "main", str(save(tmp_path, number))], tmp_path) == 0
    capsys.readouterr()
    assert main(["compare", "main", str(save(tmp_path, 4))], tmp_path) == 0
    assert "baselines/main (3 runs, the newest of 2026-03-03" in capsys.readouterr().out
    assert main(["compare", "0001", "main"], tmp_path) == 0
    assert main(["compare", "main", "0002"], tmp_path) == 0
    assert "baselines/main (2 runs" in capsys.readouterr().out


def test_what_the_later_run_lacks_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing says why; it leaves the comparison incomplete."""
    save(tmp_path, 1, measures=("memory", "accuracy"))
    save(tmp_path, 2)
    assert main(["compare", "1".zfill(4), "0002"], tmp_path) == INCONCLUSIVE_STATUS
    assert "the later run has no figure of it" in capsys.readouterr().out


def test_margins_of_the_project_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of pytest.ini, and those of the command line more."""
    save(tmp_path, 1)
    save(tmp_path, 2, memory=1.1 * GIGABYTE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmargins = memory=80%\n", encoding="utf-8")
    assert main(["compare", "0001", "0002"], tmp_path) == 0
    assert "+80.00 %" in capsys.readouterr().out
    assert main(["compare", "0001", "0002", "--margin", "memory=5%"], tmp_path) == REGRESSION_STATUS


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["0001", "0009"], "0009: neither a name in baselines/ (known: none yet), nor a run saved in .benchmarks/"),
        (["0001", "0001"], "0001 and 0001 are the same run; name two"),
        (["0001", "none.json"], "none.json"),
        (["~nobody-of-this-name/a.json", "0001"], "~nobody-of-this-name/a.json"),
        (["0003", "0001"], "0003: 2 saved runs have this number; write the path of one"),
        (["0001", "0002", "--margin", "memory=much"], "--margin memory=much: write memory=2%"),
        (["0001", "0002", "--margin", "speed=2%"], "--margin speed=2%: the measure must be one of"),
        (["cut.json", "0001"], "not JSON"),
    ],
)
def test_bad_input_is_one_line_and_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What, where, and how to mend it; nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cut.json").write_text("{", encoding="utf-8")
    for number in (1, 2, 3):
        save(tmp_path, number)
    copy = tmp_path / ".benchmarks" / "Darwin" / "0003_other.json"
    copy.parent.mkdir()
    copy.write_bytes((tmp_path / ".benchmarks" / "Linux" / "0003_run-3.json").read_bytes())
    assert main(["compare", *arguments], tmp_path) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert len(printed.err.splitlines()) == 1

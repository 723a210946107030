"""Changes that are known: recorded with a reason, said in every report, and the level that later runs are judged by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fixtures.baselines.__main__ import main
from fixtures.baselines.accepted import FILE, acceptances
from fixtures.baselines.findings import INCONCLUSIVE_STATUS, REGRESSION_STATUS
from tests.unit.test_baseline_compare import GIGABYTE, save

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = "test_peak_memory[digits-pytorch-cpu]"
MARGIN = ("--margin", "memory=20%")


def accept(root: Path, *arguments: str) -> int:
    """The memory's change, with a reason."""
    return main(["accept", MEMORY, "--reason", "keeps all batches", *arguments], root)


def test_an_accepted_change_is_the_new_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was a regression is one no more, what comes on top is one; the report says what was accepted and why."""
    main(["keep", "main", str(save(tmp_path, 1))], tmp_path)
    grown = str(save(tmp_path, 2, memory=1.5 * GIGABYTE))
    assert main(["compare", "main", "0002", *MARGIN], tmp_path) == REGRESSION_STATUS
    assert accept(tmp_path) == 0
    assert "runs from 0002_run-2 (2026-03-02" in capsys.readouterr().out

    save(tmp_path, 3, memory=1.5 * GIGABYTE)
    assert main(["compare", "main", "0003", *MARGIN], tmp_path) == INCONCLUSIVE_STATUS
    assert "keeps all batches, and the baseline has no run since then; keep a new one" in capsys.readouterr().out

    main(["keep", "main", grown], tmp_path)
    assert main(["compare", "main", "0003", *MARGIN], tmp_path) == 0
    printed = capsys.readouterr().out
    assert "keeps all batches" in printed
    assert "1 run of the baseline left out, of before that" in printed
    save(tmp_path, 4, memory=2.2 * GIGABYTE)
    assert main(["compare", "main", "0004", *MARGIN], tmp_path) == REGRESSION_STATUS


def test_the_new_level_may_begin_with_another_run(tmp_path: Path) -> None:
    """Of several acceptances of a benchmark, the last one counts."""
    for number in (1, 2, 3):
        save(tmp_path, number)
    assert accept(tmp_path) == 0
    assert accept(tmp_path, "--run", "0002") == 0
    assert acceptances(tmp_path)[MEMORY].since.startswith("2026-03-02")
    assert len(json.loads((tmp_path / "baselines" / FILE).read_text(encoding="utf-8"))) == 2


def test_an_acceptance_says_nothing_of_two_runs_before_it(tmp_path: Path) -> None:
    """Whoever names both wants to know what lay between them; so does whoever names two after it."""
    for number, memory in ((1, 1.0), (2, 1.0), (3, 1.5), (4, 1.5)):
        save(tmp_path, number, memory=memory * GIGABYTE)
    assert accept(tmp_path, "--run", "0003") == 0
    assert main(["compare", "0001", "0002", *MARGIN], tmp_path) == 0
    assert main(["compare", "0003", "0004", *MARGIN], tmp_path) == 0
    assert main(["compare", "0002", "0003", *MARGIN], tmp_path) == INCONCLUSIVE_STATUS


def test_lists_tell_what_was_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When, and why; of a name, only what concerns its benchmarks. A file beside the names is none of them."""
    main(["keep", "main", str(save(tmp_path, 1))], tmp_path)
    main(["keep", "other", str(save(tmp_path, 2, measures=("accuracy",)))], tmp_path)
    accept(tmp_path, "--run", "0001")
    capsys.readouterr()
    told = f"{MEMORY}: a change was accepted on "
    for arguments, expected in ((["list"], True), (["show", "main"], True), (["show", "other"], False)):
        assert main(arguments, tmp_path) == 0
        assert (told in capsys.readouterr().out) is expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["accept", "test_nothing", "--reason", "why"],
            "test_nothing: the run 0001_run-1 has no such benchmark",
        ),
        (["accept", MEMORY, "--reason", "  "], "--reason: say in a few words why"),
        (["accept", MEMORY, "--reason", "\x1b[31m"], "cannot be shown; leave it away"),
        (["accept", MEMORY, "--reason", "why", "--run", "0009"], "0009: neither a name"),
    ],
)
def test_bad_input_is_one_line_and_2(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written."""
    save(tmp_path, 1)
    assert main(arguments, tmp_path) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not (tmp_path / "baselines").exists()


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"benchmark": "a"}]', "[null]", "3"])
def test_a_damaged_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """And left as it is."""
    save(tmp_path, 1)
    file = tmp_path / "baselines" / FILE
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    assert accept(tmp_path) == 2
    assert str(file) in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == text

"""README is one screen, and what is made by a command is what that command makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from fixtures.baselines.__main__ import main as baselines
from fixtures.reports.verdicts import verdict_report
from tests.figures import options_page, readme_picture

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_is_one_screen() -> None:
    """At most 900 words."""
    assert len(README.split()) <= 900


def test_the_picture_is_what_the_report_of_the_kept_run_says() -> None:
    """Else: ``python -m tests.figures.readme_picture``."""
    assert readme_picture.PICTURE.read_text(encoding="utf-8") == readme_picture.picture()


def test_the_picture_fetches_nothing() -> None:
    """Fonts of other sites neither load on GitHub nor belong there."""
    text = readme_picture.picture()
    assert "@font-face" not in text
    assert "url(http" not in text


def test_the_verdicts_in_readme_are_those_of_the_kept_run() -> None:
    """The line to act on, and the first columns of each row."""
    saved = ROOT / "docs" / "readings" / "upgrade-keras.json"
    report = verdict_report(json.loads(saved.read_text(encoding="utf-8"))["benchmarks"])
    for line in report.splitlines():
        if line.startswith(("**", "| Keras")):
            assert "|".join(line.split("|")[:7]) in README


def test_the_comparison_in_readme_is_what_its_command_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with the status of a regression."""
    monkeypatch.chdir(ROOT)
    unchanged, broken = (f"docs/readings/repeated-runs/2026-11-25/{name}/0001.json" for name in ("unchanged", "broken"))
    assert f"python -m fixtures.baselines compare {unchanged} {broken}" in README
    assert baselines(["compare", unchanged, broken]) == 11
    (sentence,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("**")]
    assert sentence in README


def test_the_page_of_options_is_what_help_says() -> None:
    """Else: ``python -m tests.figures.options_page``."""
    assert options_page.PAGE.read_text(encoding="utf-8") == options_page.page()

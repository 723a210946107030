"""The picture in README: the verdicts of a real upgrade check, as the suite's own report of a kept run says them.

``python -m tests.figures.readme_picture`` writes ``docs/pictures/verdict.svg`` anew.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.terminal_theme import MONOKAI
from rich.text import Text

from fixtures.reports.verdicts import verdict_report

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "pictures" / "verdict.svg"
READINGS = ROOT / "docs" / "readings" / "upgrade-torch.json"
COMMAND = 'pytest bench --against "torch==2.13.0" --framework pytorch --device cpu'
_LEFT_OUT = {"versions", "to decide"}
"""Columns that say the same in every row here."""
_COLOURS = {"regression": "bold red", "no regression": "green"}
_WIDTH = 100
_FONTS_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def picture() -> str:
    """The whole SVG; the same for the same readings, and without anything that a reader would have to fetch."""
    report = verdict_report(json.loads(READINGS.read_text(encoding="utf-8"))["benchmarks"])
    _, conclusion, table, *_ = report.split("\n\n")
    console = Console(
        record=True,
        width=_WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(Text(f"$ {COMMAND}", style="dim"), Text(), _bold(conclusion), _coloured(table), sep="\n")
    svg = console.export_svg(title="torch 2.13.0 against 2.15.0", theme=MONOKAI, unique_id="verdict")
    return _FONTS_FROM_ELSEWHERE.sub("", svg)


def _bold(sentence: str) -> Text:
    """Markdown's ``**so**`` becomes bold."""
    parts = sentence.split("**")
    return Text.assemble(*((part, "bold red" if index % 2 else "") for index, part in enumerate(parts)))


def _coloured(markdown: str) -> Table:
    headings, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines())
    shown = [index for index, heading in enumerate(headings) if heading not in _LEFT_OUT]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index in shown:
        words = headings[index] in {"benchmark", "verdict"}
        table.add_column(headings[index], no_wrap=True, justify="left" if words else "right")
    for row in rows:
        table.add_row(*(Text(row[index], style=_COLOURS.get(row[index], "")) for index in shown))
    return table


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)} is written")

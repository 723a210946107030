"""The page of options, from ``pytest bench --help`` itself.

``python -m tests.figures.options_page`` writes ``docs/reference/options.md`` anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "options.md"
_HEAD = """# Options

Which options does `pytest bench` have, beside pytest's and pytest-benchmark's own? This page is what `--help` says,
written by `python -m tests.figures.options_page`. A test compares both.
"""


def page() -> str:
    """The whole page, as Markdown."""
    command = [sys.executable, "-m", "pytest", "bench", "--help", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment["COLUMNS"] = "100"
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return "\n".join([_HEAD, *(f"{group}\n" for group in _groups(ran.stdout))])


def _groups(text: str) -> list[str]:
    """A section for each of the suite's groups of options, which end with an empty line."""
    sections = []
    for paragraph in text.split("\n\n"):
        title, _, options = paragraph.partition("\n")
        if title.startswith("cnn-dyno: "):
            name = title.removeprefix("cnn-dyno: ").rstrip(":").strip()
            sections.append(f"## {name[0].upper()}{name[1:]}\n\n```text\n{options.rstrip()}\n```")
    return sections


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written")

"""The commands that README and the documents show, as tests run them."""

from __future__ import annotations

import re
import shlex
from itertools import product
from typing import TYPE_CHECKING

from tests.markdown_pages import ROOT, code_blocks, code_spans, pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:pytest bench|python -m|make|\.venv/bin/python|\.github/scripts/\S+)(?: |$)")
_REMARK = re.compile(r"\s+# .*|\s{3,}.*")
"""What stands behind a command in a block: a comment, or words in a column of their own."""
_NOT_SHELL = {"yaml", "toml", "text"}
_BRACES = re.compile(r"([^\s{}]*)\{([^{}]*,[^{}]*)\}([^\s{}]*)")


def commands() -> dict[str, list[str]]:
    """Every command, and the pages that show it."""
    found: dict[str, list[str]] = {}
    for page in pages():
        name = page.relative_to(ROOT).as_posix()
        for line in _lines(page):
            if _COMMAND.match(line):
                found.setdefault(line, []).append(name)
    return found


def of_program(program: str) -> list[list[str]]:
    """The arguments of each command of a program: ``pytest bench``, ``python -m`` or ``make``."""
    begin = f"{program} "
    return [
        shlex.split(expanded(f"{line} ".removeprefix(begin))) for line in commands() if f"{line} ".startswith(begin)
    ]


def expanded(line: str) -> str:
    """A line with ``a{b,c}d`` written out as a shell does."""
    while match := _BRACES.search(line):
        before, options, after = match.groups()
        written = " ".join("".join(parts) for parts in product([before], options.split(","), [after]))
        line = line[: match.start()] + written + line[match.end() :]
    return line


def _lines(page: Path) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    yield from code_spans(text)
    for language, content in code_blocks(text):
        if language not in _NOT_SHELL:
            yield from (_REMARK.sub("", line).strip() for line in content.splitlines())

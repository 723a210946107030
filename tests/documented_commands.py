"""The commands that README and the documents show, as tests run them."""

from __future__ import annotations

import re
import shlex
from itertools import product
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from tests.markdown_pages import ROOT, code_blocks, code_spans, pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:pytest bench|python -m|make|\.venv/bin/python|\.github/scripts/\S+)(?: |$)")
_REMARK = re.compile(r"\s+# .*|\s{3,}.*")
"""What stands behind a command in a block: a comment, or words in a column of their own."""
_NOT_SHELL = {"toml", "text"}
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
        if language == "yaml":
            yield from (line.strip() for content in yaml_documents(content) for line in _shell_lines(content))
        elif language not in _NOT_SHELL:
            yield from (_REMARK.sub("", line).strip() for line in content.splitlines())


def yaml_documents(text: str) -> list[Any]:
    """What a block of YAML holds; a parser's error if it is none."""
    return list(YAML(typ="safe", pure=True).load_all(text))


def _shell_lines(content: Any) -> Iterator[str]:
    """The lines of every text in it, among which are scripts."""
    if isinstance(content, str):
        yield from content.splitlines()
    elif isinstance(content, dict | list):
        for each in content.values() if isinstance(content, dict) else content:
            yield from _shell_lines(each)

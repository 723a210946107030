"""The Markdown pages of the repository, as tests read them: their links, headings and code.

Parsed by markdown-it-py, which comes with rich.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
_PARSER = MarkdownIt("commonmark").enable("table")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def pages(root: Path = ROOT) -> list[Path]:
    """Every page that a reader may open: at the top, below ``docs/`` and below ``.github/``."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob(".github/**/*.md")])


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them: lower case, no punctuation, a number where one recurs."""
    found: set[str] = set()
    tokens = _PARSER.parse(text)
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        words = "".join(part.content for part in inline.children or () if part.type in {"text", "code_inline"})
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        found.add(next(name for name in _numbered(anchor) if name not in found))
    return found


def targets(text: str) -> list[str]:
    """What a page links to and shows, without what lies elsewhere in the world."""
    attributes = {"link_open": "href", "image": "src"}
    named = [str(token.attrGet(attributes[token.type])) for token in _inline(text) if token.type in attributes]
    return [target for target in named if not _ELSEWHERE.match(target)]


def broken_links(page: Path, root: Path = ROOT) -> list[str]:
    """A line for each link of a page that leads nowhere, or out of the repository."""
    lines = []
    for target in targets(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / unquote(path)).resolve() if path else page
        if not file.is_relative_to(root) or not file.exists():
            lines.append(f"{page.relative_to(root)}: {target}: there is no such file")
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
            lines.append(f"{page.relative_to(root)}: {target}: there is no such heading")
    return lines


def code_spans(text: str) -> list[str]:
    """What stands between backticks within the text, on one line each."""
    return [" ".join(token.content.split()) for token in _inline(text) if token.type == "code_inline"]


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Every fenced block: its language, which may be empty, and its content."""
    return [(token.info.strip(), token.content) for token in _PARSER.parse(text) if token.type == "fence"]


def _inline(text: str) -> Iterator[Token]:
    for token in _PARSER.parse(text):
        yield from token.children or ()


def _numbered(anchor: str) -> Iterator[str]:
    yield anchor
    number = 1
    while True:
        yield f"{anchor}-{number}"
        number += 1

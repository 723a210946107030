"""Links between the Markdown pages: where they lead exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.markdown_pages import ROOT, anchors, broken_links, pages, targets

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading_of_the_repository(page: Path) -> None:
    """No page sends its reader to what is not there."""
    assert broken_links(page) == []


def test_every_page_of_the_documents_can_be_reached_from_the_readme() -> None:
    """Whoever follows links from README sees every page below docs/."""
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        linked = (page.parent / target.partition("#")[0] for target in targets(page.read_text(encoding="utf-8")))
        waiting += [path.resolve() for path in linked if path.suffix == ".md"]
    assert sorted(set((ROOT / "docs").glob("**/*.md")) - seen) == []


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("missing.md", "there is no such file"),
        ("other.md#no-such", "there is no such heading"),
        ("#nor-this", "there is no such heading"),
        ("../../outside.md", "there is no such file"),
        ("![picture](missing.svg)", "there is no such file"),
    ],
)
def test_a_broken_link_is_named_with_its_page(tmp_path: Path, link: str, said: str) -> None:
    """The checker finds what is wrong, in links and in pictures."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# Other\n", encoding="utf-8")
    page = tmp_path / "docs" / "page.md"
    page.write_text(link if link.startswith("!") else f"[a link]({link})", encoding="utf-8")
    (line,) = broken_links(page, tmp_path)
    assert line.startswith("docs/page.md: ")
    assert line.endswith(said)


def test_whole_links_are_not_broken(tmp_path: Path) -> None:
    """Files, folders, headings and addresses elsewhere are fine, and links within code are no links."""
    (tmp_path / "other page.md").write_text("# One `two`: three\n\n# One two three\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](other%20page.md#one-two-three-1) [b](.) [c](#here) [d](https://example.org/x.md) `[e](f.md)`\n",
        encoding="utf-8",
    )
    assert broken_links(page, tmp_path) == []


def test_anchors_are_those_that_github_makes() -> None:
    """Lower case, without punctuation, hyphens for spaces, numbered where a heading recurs."""
    assert anchors("# What it says, and what it can't\n## A `b_c`\n## A `b_c`\n```\n# no heading\n```\n") == {
        "what-it-says-and-what-it-cant",
        "a-b_c",
        "a-b_c-1",
    }

"""What README and the documents name is there: options, files, modules, targets of make."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest

from fixtures.baselines.__main__ import _parser as baselines_parser
from fixtures.baselines.findings import INCONCLUSIVE_STATUS, REGRESSION_STATUS
from tests.documented_commands import commands, expanded, of_program
from tests.markdown_pages import ROOT, code_spans, pages

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [path for path in pages() if path.name != "CHANGELOG.md"]
"""A changelog may name what is gone."""
MODULES = sorted({arguments[0] for arguments in of_program("python -m")})
PLACEHOLDERS = re.compile(r"path/to/|OWNER/|DIR/|COPY/|/path/|\bFILE|<|\*\*")
TOPS = ("bench/", "docs/", "fixtures/", "models/", "requirements/", "tests/", ".github/")
OTHERS = {
    "--extra-index-url",
    "--noise-threshold",  # tango's
    "--strict",  # mypy's
    "--check",  # ruff's
    "--universal",  # uv's
    "--upgrade",  # uv's
    "--follow-tags",  # git's
}
"""Options of other programs, which the documents mention."""


@cache
def known_options() -> set[str]:
    """Every option of pytest with its plugins, of the suite's commands and of the figures' commands."""
    helps = [[sys.executable, "-m", "pytest", "bench", "--help", "-p", "no:cacheprovider"]]
    helps.append([sys.executable, str(ROOT / ".github" / "scripts" / "gate.py"), "--help"])
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for command in helps]
    texts = [process.communicate()[0] for process in running]
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "fixtures").rglob("__main__.py")]
    sources += [path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("figures/*.py")]
    sources.append((ROOT / "tests" / "generate_photographs.py").read_text(encoding="utf-8"))
    return {option for text in (*texts, *sources) for option in re.findall(r"(?<![\w-])--[a-z][\w-]+", text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_option_that_a_page_names_is_there(page: Path) -> None:
    """Within code, wherever it stands."""
    text = " ".join(code_spans(page.read_text(encoding="utf-8")))
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", text))
    assert sorted(named - known_options() - OTHERS) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    """Paths within code that begin with one of the repository's folders; patterns must match something."""
    words = (
        word.strip("`'\"(),;:")
        for span in code_spans(page.read_text(encoding="utf-8"))
        for word in expanded(span).split()
    )
    paths = {word.partition("::")[0] for word in words if word.startswith(TOPS) and not PLACEHOLDERS.search(word)}
    assert [path for path in sorted(paths) if not (any(ROOT.glob(path)) or (ROOT / path).exists())] == []


@pytest.mark.parametrize("module", MODULES)
def test_every_module_that_is_run_is_there(module: str) -> None:
    """Behind ``python -m``."""
    assert importlib.util.find_spec(module) is not None


@pytest.mark.parametrize("arguments", [one[1:] for one in of_program("python -m") if one[0] == "fixtures.baselines"])
def test_the_command_of_baselines_takes_what_is_written(arguments: list[str]) -> None:
    """Its parser accepts each; what the commands do has tests of its own."""
    if len(arguments) > 1 or arguments == ["list"]:
        assert vars(baselines_parser().parse_args(arguments))


def test_make_knows_every_target() -> None:
    """With the variables that are given."""
    asked = of_program("make")
    assert asked
    make = shutil.which("make")
    assert make
    for arguments in asked:
        ran = subprocess.run([make, "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, (arguments, ran.stderr)


def test_every_key_of_the_saved_json_is_written_somewhere() -> None:
    """Each that the page of keys names stands in the code that saves runs, or in their schema."""
    page = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    cells = [line[: line.index(" | ")] for line in page.splitlines() if line.startswith("| `")]
    keys = {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}
    sources = [*(ROOT / "fixtures").rglob("*.py"), *(ROOT / "fixtures").rglob("schema-*.json")]
    words = set(re.findall(r"\w+", " ".join(path.read_text(encoding="utf-8") for path in sources)))
    assert len(keys) > 50
    assert sorted(keys - words) == []


def test_the_page_of_exit_statuses_has_those_of_the_code() -> None:
    """The two that are the suite's own, with the words that verdicts have."""
    page = (ROOT / "docs" / "reference" / "exit_statuses.md").read_text(encoding="utf-8")
    assert f"\n| {INCONCLUSIVE_STATUS} | inconclusive" in page
    assert f"\n| {REGRESSION_STATUS} | a regression" in page


def test_commands_are_found() -> None:
    """So that none of the above passes because it looks at nothing."""
    found = commands()
    assert 'pytest bench --against "torch==2.13.0"' in found
    assert "make bench" in found
    assert len(of_program("pytest bench")) > 20
    assert len(MODULES) > 10


def test_braces_are_written_out() -> None:
    """As a shell does."""
    assert expanded("run a-{b,c}.json d{e,f}") == "run a-b.json a-c.json de df"

"""What a project has besides code: a licence, a changelog, one version, templates, a map of its packages."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def packages(folder: str) -> set[str]:
    """The packages right below a folder, as they are on disk."""
    return {f"{path.parent.relative_to(ROOT)}/" for path in (ROOT / folder).glob("*/__init__.py")}


def test_the_map_of_packages_is_that_of_the_folders() -> None:
    """Every package of fixtures/, and every other folder of code, has its line in CONTRIBUTING, and no other has."""
    mapped = set(re.findall(r"^\| `([\w/.]+/)`", CONTRIBUTING, flags=re.MULTILINE))
    tops = {"bench/", "fixtures/", "models/", "tests/", "docs/", "requirements/", ".github/"}
    assert mapped == tops | packages("fixtures") | packages("models") | packages("tests")


def test_one_version_everywhere() -> None:
    """pyproject.toml, CITATION.cff and the newest release of the changelog agree, the date too."""
    citation = YAML(typ="safe", pure=True).load(ROOT / "CITATION.cff")
    releases = re.findall(r"^## (\d+\.\d+\.\d+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert PROJECT["version"] == citation["version"] == releases[0][0]
    assert releases[0][1] == f"{citation['date-released']:%-d %B %Y}"
    assert [version for version, _ in releases] == sorted((version for version, _ in releases), reverse=True)


def test_the_licence_is_the_one_that_is_declared() -> None:
    """MIT, in its file, the metadata and the citation."""
    citation = YAML(typ="safe", pure=True).load(ROOT / "CITATION.cff")
    assert PROJECT["license"] == citation["license"] == "MIT"
    text = (ROOT / PROJECT["license-files"][0]).read_text(encoding="utf-8")
    assert text.startswith("MIT License\n")
    assert "cnn-dyno contributors" in text


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("citation-file-format", [ROOT / "CITATION.cff"]),
        ("github-issue-forms", FORMS),
        ("github-issue-config", [ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml"]),
    ],
    ids=["citation", "forms", "config"],
)
def test_files_for_others_fit_their_schemas(schema: str, paths: list[Path]) -> None:
    """As check-jsonschema has them."""
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [program, "--builtin-schema", f"vendor.{schema}", *map(str, paths)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_templates_ask_for_the_saved_json() -> None:
    """A figure without its readings cannot be looked into."""
    for path in [*FORMS, ROOT / ".github" / "pull_request_template.md"]:
        assert "saved JSON" in path.read_text(encoding="utf-8"), path.name

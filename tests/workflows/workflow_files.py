"""The workflows and actions of ``.github/``, as tests read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
ACTIONS = {path.parent.name: path for path in sorted((ROOT / ".github" / "actions").glob("*/action.yml"))}
FILES = {path.relative_to(ROOT).as_posix(): path for path in (*WORKFLOWS.values(), *ACTIONS.values())}


def load(path: Path) -> dict[str, Any]:
    """The content of a YAML file."""
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(path)
    return content


def jobs(workflow: str) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow, by name."""
    found: dict[str, dict[str, Any]] = load(WORKFLOWS[workflow])["jobs"]
    return found


def steps_of(path: Path) -> Iterator[dict[str, Any]]:
    """All steps of a workflow, job by job, or of a composite action."""
    content = load(path)
    for holder in content["jobs"].values() if "jobs" in content else [content["runs"]]:
        yield from holder["steps"]


def steps_of_job(workflow: str, job: str) -> list[dict[str, Any]]:
    """The steps of a job."""
    steps: list[dict[str, Any]] = jobs(workflow)[job]["steps"]
    return steps

"""Every name in an expression exists: GitHub takes one that does not for an empty string, and says nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.workflows.workflow_files import FILES, ROOT, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

GITHUB = {
    "github.event.pull_request.base.sha",
    "github.event.pull_request.head.repo.full_name",
    "github.event.pull_request.number",
    "github.event_name",
    "github.ref",
    "github.repository",
    "github.run_id",
    "github.server_url",
    "github.token",
    "runner.arch",
    "runner.environment",
    "runner.os",
    "runner.temp",
}
"""What GitHub's documentation has, of which the workflows use some."""
FUNCTIONS = {"always", "cancelled", "format", "hashFiles"}
OUTPUTS = {
    "actions/cache/restore": {"cache-hit", "cache-primary-key"},
    "actions/setup-python": {"python-version"},
    "actions/upload-artifact": {"artifact-digest", "artifact-id", "artifact-url"},
}
"""Of others' actions, as they document them."""
STRING = r"'(?:[^']|'')*'"
OUTPUT = re.compile(r"\b(\w+)=\S+ *>>|\b(\w+)=\{")
"""How a script and a program write an output."""


def expressions(node: Any, key: str = "") -> Iterator[str]:
    """The expressions within a part of a file, one that begins with ``if`` without its braces."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from expressions(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)
    elif isinstance(node, str):
        yield from [node] if key == "if" else re.findall(r"\$\{\{(.*?)\}\}", node, flags=re.DOTALL)


def outputs_of(step: Mapping[str, Any]) -> set[str]:
    """Names of the outputs that a step hands on, by its scripts or by the action that it uses."""
    used = step.get("uses", "").partition("@")[0]
    if used:
        of_own = load(ROOT / used / "action.yml").get("outputs", {}) if used.startswith("./") else {}
        return set(of_own) | OUTPUTS.get(used, set())
    scripts = re.findall(r"scripts/([\w.]+)", step.get("run", ""))
    texts = [(ROOT / ".github" / "scripts" / name).read_text(encoding="utf-8") for name in scripts]
    lines = (line for text in texts for line in text.splitlines() if "GITHUB_OUTPUT" in line)
    return {first or second for line in lines for first, second in OUTPUT.findall(line)}


def names_of_steps(steps: list[dict[str, Any]]) -> set[str]:
    """What the steps hand on."""
    return {f"steps.{step['id']}.outputs.{name}" for step in steps if "id" in step for name in outputs_of(step)}


def unknown(path: Path) -> set[str]:
    """Names in the expressions of a workflow or an action that nothing defines where they stand."""
    content = load(path)
    documented = re.findall(r"`(\w+)`", (ROOT / "docs" / "how-to" / "github_actions.md").read_text(encoding="utf-8"))
    trigger = content.get("on")
    asking = (trigger.get("workflow_dispatch") or {}) if isinstance(trigger, dict) else content
    known = GITHUB | {f"vars.{name}" for name in documented} | {f"inputs.{name}" for name in asking.get("inputs", {})}
    if "runs" in content:
        steps = content["runs"].pop("steps")
        return _of_steps(steps, known) | _unknown(content, known | names_of_steps(steps))
    found: set[str] = set()
    jobs = content.pop("jobs")
    handed_on = {name: job.pop("outputs", {}) for name, job in jobs.items()}
    for own, job in jobs.items():
        needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        matrix = job.get("strategy", {}).get("matrix", {})
        rows = matrix.get("include", [dict.fromkeys(matrix, "")])
        here = known | {f"needs.{name}.result" for name in needed} | {f"matrix.{name}" for row in rows for name in row}
        here |= {f"needs.{name}.outputs.{output}" for name in needed for output in handed_on.get(name, {})}
        steps = job.pop("steps")
        found |= _of_steps(steps, here) | _unknown(job, here) | _unknown(handed_on[own], here | names_of_steps(steps))
    return found | _unknown(content, known)


def _of_steps(steps: list[dict[str, Any]], known: set[str]) -> set[str]:
    """Of each step: it sees only what those before it hand on."""
    return {name for at, step in enumerate(steps) for name in _unknown(step, known | names_of_steps(steps[:at]))}


def _unknown(node: Any, known: set[str]) -> set[str]:
    texts = [re.sub(rf"{STRING}|\$\{{\{{", "", text) for text in expressions(node)]
    names = {name for text in texts for name in re.findall(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*(?![\w.(-])", text)}
    called = {name for text in texts for name in re.findall(r"([A-Za-z_]\w*)\(", text)}
    return (names - known) | (called - FUNCTIONS)


@pytest.mark.parametrize("name", FILES)
def test_every_name_exists(name: str) -> None:
    """Inputs, steps before, rows of the matrix, jobs that are waited for, documented variables, GitHub's own."""
    assert unknown(FILES[name]) == set()


@pytest.mark.parametrize(
    ("file", "right", "wrong", "found"),
    [
        ("workflows/gate.yml", "inputs.budget ", "inputs.budgets ", "inputs.budgets"),
        ("workflows/gate.yml", "vars.GATE_INCONCLUSIVE", "vars.GATE_INCONCLUDE", "vars.GATE_INCONCLUDE"),
        ("workflows/gate.yml", "measure.outputs.page", "measure.outputs.side", "needs.measure.outputs.side"),
        ("workflows/gate.yml", "picture.outputs.artifact-url", "picture.outputs.url", "steps.picture.outputs.url"),
        ("workflows/scheduled.yml", "needs: measure", "needs: measured", "needs.measure.result"),
        ("workflows/gate.yml", "base.sha", "base.commit", "github.event.pull_request.base.commit"),
        ("workflows/gate.yml", "hashFiles(", "hash(", "hash"),
        ("workflows/scheduled.yml", "matrix.packages", "matrix.package", "matrix.package"),
        ("workflows/scheduled.yml", "newest.outputs.differs", "newest.outputs.d", "steps.newest.outputs.d"),
        ("workflows/scheduled.yml", "id: newest", "id: new", "steps.newest.outputs.differs"),
        ("workflows/ci.yml", "setup.outputs.key != ''", "setup.outputs.k != ''", "steps.setup.outputs.k"),
        ("actions/setup/action.yml", "outputs.python-version", "outputs.python", "steps.python.outputs.python"),
        ("workflows/ci.yml", "github.event_name", "github.event-name", "github.event-name"),
        ("actions/gate/action.yml", "inputs.comment ", "inputs.remark ", "inputs.remark"),
        ("actions/gate/action.yml", "steps.gate.outputs.outcome", "steps.gate.outputs.o", "steps.gate.outputs.o"),
    ],
)
def test_a_misspelt_name_is_found(tmp_path: Path, file: str, right: str, wrong: str, found: str) -> None:
    """So the test above can fail, wherever a name stands."""
    text = FILES[f".github/{file}"].read_text(encoding="utf-8")
    assert right in text
    broken = tmp_path / "broken.yml"
    broken.write_text(text.replace(right, wrong), encoding="utf-8")
    assert unknown(broken) == {found}

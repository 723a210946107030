"""Runs the steps of a workflow's job on this machine, in order, as GitHub would.

Steps that ``run`` something are run as they stand in the file, and so are those of the project's own actions. Of
others' actions, uploads and caches are done by copying; checking out and Python are what the clone is prepared with.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.workflows.expressions import evaluate
from tests.workflows.workflow_files import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROGRAMS = Path(__file__).with_name("programs")


@dataclass
class Runner:
    """One machine that runs jobs.

    Args:
        checkout: the folder in which steps run.
        home: for everything else: what GitHub is asked, uploads, caches, outputs.
        values: of the names in the steps' expressions and conditions; one that is missing is an error.
        variables: set for every step besides those that GitHub sets.
    """

    checkout: Path
    home: Path
    values: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("artefacts", "caches"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        (self.home / "answer.txt").touch()
        self.outputs: dict[str, dict[str, str]] = {}
        self.log = ""
        self._inputs: dict[str, str] = {}
        self._action: Path | None = None

    @property
    def summary(self) -> str:
        """What the steps said on the run's page."""
        file = self.home / "summary.md"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def run(self, steps: Iterable[Mapping[str, Any]]) -> int:
        """Run steps; after one that fails only those with ``if: always()``. Returns the first failure's status.

        What each step hands on is in ``outputs``, by its ``id``.
        """
        failure = 0
        for step in steps:
            condition = step.get("if", "true")
            # Evaluated in any case, so that a misspelt one is an error.
            if not self._value(re.sub(r"^\$\{\{|\}\}$", "", condition)) or (failure and "always()" not in condition):
                continue
            outputs: dict[str, str] = {}
            status = self._command(step, outputs) if "run" in step else self._use(step, outputs)
            if "id" in step:
                self.outputs[step["id"]] = outputs
            failure = failure or (0 if step.get("continue-on-error") else status)
        return failure

    def use(self, action: Path, outputs: dict[str, str], **inputs: str) -> int:
        """Run one of the project's own actions, as a step that uses it."""
        content = load(action / "action.yml")
        defaults = {name: one.get("default", "") for name, one in content["inputs"].items()}
        outside = self._inputs, self._action, self.outputs
        self._inputs, self._action, self.outputs = defaults | inputs, action, {}
        try:
            status = self.run(content["runs"]["steps"])
            outputs |= {name: self.expand(one["value"]) for name, one in content["outputs"].items()}
        finally:
            self._inputs, self._action, self.outputs = outside
        return status

    def expand(self, text: str) -> str:
        """The text with its expressions replaced by their values."""
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: _text(self._value(found[1])), text)

    def _value(self, expression: str) -> str | int:
        return evaluate(expression, self._name, self._call)

    def _name(self, name: str) -> str | int:
        if name in ("true", "false"):
            return name == "true"
        if found := re.fullmatch(r"steps\.([\w-]+)\.outputs\.([\w-]+)", name):
            return self.outputs.get(found[1], {}).get(found[2], "")
        if self._action and name.startswith("inputs."):
            return self._inputs[name.removeprefix("inputs.")]
        return self.values[name]

    def _call(self, function: str, arguments: list[str]) -> str | int:
        if function == "hashFiles":
            contents = [file.read_bytes() for name in arguments if (file := self.checkout / name).is_file()]
            return hashlib.sha256(b"".join(contents)).hexdigest() if contents else ""
        if function == "format":
            return arguments[0].format(*arguments[1:])
        return {"always": True}[function]

    def _use(self, step: Mapping[str, Any], outputs: dict[str, str]) -> int:
        used = step["uses"]
        inputs = {name: self.expand(str(value)) for name, value in step.get("with", {}).items()}
        if used.startswith("./"):
            return self.use(self.checkout / used, outputs, **inputs)
        if "upload-artifact" in used:
            outputs["artifact-url"] = self._upload(**inputs)
        elif "setup-python" in used:
            outputs["python-version"] = "3.11.0"
        elif "cache/" in used:
            kept = self.home / "caches" / inputs["key"]
            places = (self.checkout, kept) if "cache/save" in used else (kept, self.checkout)
            outputs |= {"cache-primary-key": inputs["key"], "cache-hit": "true" if kept.exists() else ""}
            for path in inputs["path"].split():
                _copy(places[0] / path, places[1] / path)
        return 0

    def _upload(self, path: str, name: str = "", archive: str = "true") -> str:
        """Keep a folder, or a file that is not packed and keeps its own name; a name can be used once. Its address."""
        kept = self.home / "artefacts"
        if archive.lower() == "false":
            target = kept / Path(path).name
            assert not target.exists(), f"there is an artefact {target.name} already"
            shutil.copy(self.checkout / path, target)
        else:
            shutil.copytree(self.checkout / path, kept / name)
        return f"https://github.com/owner/name/actions/runs/1/artifacts/{len(list(kept.iterdir()))}"

    def _command(self, step: Mapping[str, Any], outputs: dict[str, str]) -> int:
        output = self.home / "output.txt"
        output.write_text("", encoding="utf-8")
        # GitHub's own way of running a step's text.
        finished = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],  # noqa: S607 - as GitHub finds it
            cwd=self.checkout,
            env=self._environment(output) | {name: self.expand(text) for name, text in step.get("env", {}).items()},
            capture_output=True,
            text=True,
            check=False,
        )
        self.log += f"$ {step['run']}\n{finished.stdout}{finished.stderr}"
        outputs |= dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
        return finished.returncode

    def _environment(self, output: Path) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GATE_", "GITHUB_", "GH_", "PYTEST_", "COV_", "MAKE"))
        }
        return {
            **kept,
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "owner/name",
            "GITHUB_RUN_ID": "1",
            "GITHUB_WORKSPACE": str(self.checkout),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.home / "summary.md"),
            "RUNNER_TEMP": str(self.home),
            "GH_RECORD": str(self.home),
            **({"GITHUB_ACTION_PATH": str(self._action)} if self._action else {}),
            **self.variables,
        }


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _copy(source: Path, target: Path) -> None:
    """A folder as it is, with its links and times; nothing if there is none."""
    if source.exists():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)

"""Runs the steps of a workflow's job on this machine, in order, as GitHub would.

Steps that ``run`` something are run as they stand in the file. Of those that ``use`` another's action, uploads are
done by copying, and the others (checking out, Python, caches) are what the clean clone is prepared with.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROGRAMS = Path(__file__).with_name("programs")


@dataclass
class Runner:
    """One machine that runs jobs.

    Args:
        checkout: the folder in which steps run.
        home: for everything else: what GitHub is asked, uploads, outputs.
        values: of the expressions ``${{ … }}`` and of conditions that the steps use; one that is missing is an error.
        variables: set for every step besides those that GitHub sets.
    """

    checkout: Path
    home: Path
    values: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.home / "artefacts").mkdir(parents=True)
        (self.home / "answer.txt").touch()
        self.outputs: dict[str, str] = {}
        self.log = ""

    @property
    def summary(self) -> str:
        """What the steps said on the run's page."""
        file = self.home / "summary.md"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def run(self, steps: Iterable[Mapping[str, Any]]) -> int:
        """Run steps; after one that fails only those with ``if: always()``. Returns the first failure's status."""
        failure = 0
        for step in steps:
            condition = step.get("if", "")
            if not self._holds(condition) or (failure and not condition.startswith("always()")):
                continue
            if "run" in step:
                status = self._command(step)
                failure = failure or status
            elif "upload-artifact" in step["uses"]:
                inputs = {name: self.expand(text) for name, text in step["with"].items()}
                shutil.copytree(self.checkout / inputs["path"], self.home / "artefacts" / inputs["name"])
        return failure

    def expand(self, text: str) -> str:
        """The text with its expressions replaced by their values."""
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: self.values[found[1]], text)

    def _holds(self, condition: str) -> bool:
        """Whether a condition is fulfilled; nobody here evaluates one, so each that is not plain has its value."""
        return condition in ("", "always()") or {"true": True, "false": False}[self.values[condition]]

    def _command(self, step: Mapping[str, Any]) -> int:
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
        self.outputs |= dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
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
            **self.variables,
        }

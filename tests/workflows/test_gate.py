"""What the gate's program makes of a measurement, with a program in the place of the measurement."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from tests.unit.test_verdict_report import benchmark
from tests.workflows.workflow_files import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = ROOT / ".github" / "scripts"


@dataclass(frozen=True)
class Gate:
    """A gate in a folder of its own, where nothing is measured.

    Args:
        folder: in which it runs.
        status: with which the measurement ends.
        verdict: that it saves for the only benchmark; none if empty.
        scripts: of the checkout whose changes it gates.
    """

    folder: Path
    status: int
    verdict: str = "no regression"
    scripts: Path = SCRIPTS

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Its exit status and output; the measurement's arguments are in ``arguments.txt``."""
        fake = self.folder / "python"
        save = "cp saved.json reports/gate/run.json\n" if self.verdict else ""
        fake.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >arguments.txt\n{save}exit {self.status}\n', encoding="utf-8")
        fake.chmod(0o755)
        saved = json.dumps({"benchmarks": [benchmark("step", self.verdict, 0.01)]})
        (self.folder / "saved.json").write_text(saved, encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATE_", "GITHUB_"))}
        finished = subprocess.run(
            [sys.executable, str(self.scripts / "gate.py"), "--python", str(fake), *arguments],
            cwd=self.folder,
            env={**kept, "GITHUB_ACTIONS": "true", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        return finished.returncode, finished.stdout + finished.stderr

    def left(self, name: str) -> str:
        """A file that it left."""
        return (self.folder / "reports" / "gate" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("status", "policy", "expected", "outcome", "level"),
    [
        (0, "fail", 0, "no regression", ""),
        (EXIT_INCONCLUSIVE, "warn", 0, "inconclusive", "::warning"),
        (EXIT_INCONCLUSIVE, "fail", EXIT_INCONCLUSIVE, "inconclusive", "::error"),
        (EXIT_REGRESSION, "warn", EXIT_REGRESSION, "regression", "::error"),
        (1, "warn", 1, "failed", "::error"),
        (4, "warn", 4, "failed", "::error"),
    ],
)
def test_the_gate_ends_by_verdict(
    tmp_path: Path, status: int, policy: str, expected: int, outcome: str, level: str
) -> None:
    """Doubt passes with a warning unless it is to fail; whatever else is not green fails."""
    one = Gate(tmp_path, status, outcome if outcome != "failed" else "")
    ended, output = one.run("--against", "torch==2.13.0", "--inconclusive", policy)
    assert ended == expected, output
    assert one.left("outcome.txt") == f"{outcome}\n"
    assert ("::" in output, level in output) == (bool(level), True)
    assert ("NOT MEASURED" in one.left("report.md")) == (outcome == "failed")


@pytest.mark.parametrize("status", [0, EXIT_INCONCLUSIVE, EXIT_REGRESSION])
@pytest.mark.parametrize("policy", ["warn", "fail"])
def test_without_a_verdict_nothing_passes(tmp_path: Path, status: int, policy: str) -> None:
    """Whatever the measurement says of itself: where everything was skipped, it ends as in doubt."""
    one = Gate(tmp_path, status, verdict="")
    ended, output = one.run("--against", "torch==2.13.0", "--inconclusive", policy)
    assert ended == 1, output
    assert one.left("outcome.txt") == "failed\n"
    assert "::error title=cnn-dyno gate::failed" in output
    assert "**NOT MEASURED**" in one.left("report.md")


def test_settings_come_from_the_environment_too(tmp_path: Path) -> None:
    """As a workflow gives them; one that is empty counts as not given."""
    variables = {"GATE_AGAINST": "torch==2.13.0\n old.txt \n", "GATE_MARGINS": "step=3%, memory=5%", "GATE_BUDGET": ""}
    summary, outputs = tmp_path / "summary.md", tmp_path / "outputs"
    github = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)}
    variables["GATE_PROGRAM"] = "path/to/train.py"
    one = Gate(tmp_path, 0)
    status, output = one.run("--markers", "step", **variables, **github)
    assert status == 0, output
    arguments = (tmp_path / "arguments.txt").read_text(encoding="utf-8").splitlines()
    assert arguments[arguments.index("--device=cpu") + 1 :] == [
        *("--against=torch==2.13.0", "--against=old.txt", "--margin=step=3%", "--margin=memory=5%"),
        "--program=path/to/train.py",
        *("-m", "step"),
    ]
    assert summary.read_text(encoding="utf-8").rstrip() == one.left("report.md").rstrip()
    assert "**NO REGRESSION**" in one.left("report.md")
    assert "NO REGRESSION" in one.left("gate.html")
    assert (tmp_path / "reports" / "gate" / "gate.png").read_bytes().startswith(b"\x89PNG")
    assert outputs.read_text(encoding="utf-8") == "outcome=no regression\n"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--base", "no-such-branch"], "--base no-such-branch: git has no such revision here"),
        (["--days", "9999"], "--days 9999: git has no such revision here"),
        (["--days", "last week"], "--days last week: write a whole number"),
        (["--base", "HEAD", "--days", "7"], "exclude each other"),
        (["--base", "HEAD", "--against", "six"], "exclude each other"),
        (["--program", "train.py"], "--program needs --against"),
        (["--against", "six", "--inconclusive", "panic"], "--inconclusive panic: write warn or fail"),
    ],
)
def test_what_cannot_be_is_a_usage_error(tmp_path: Path, arguments: list[str], part: str) -> None:
    """One clear line, and nothing is measured."""
    status, output = Gate(tmp_path, 0).run(*arguments)
    assert status == 2
    assert part in output
    assert "Traceback" not in output
    assert not (tmp_path / "arguments.txt").exists()


def test_an_earlier_runs_results_are_no_results_of_this_one(tmp_path: Path) -> None:
    """They are taken away first."""
    assert Gate(tmp_path, 0).run("--against", "six")[0] == 0
    one = Gate(tmp_path, 3, verdict="")
    assert one.run("--against", "six")[0] == 3
    assert not (tmp_path / "reports" / "gate" / "run.json").exists()
    assert not (tmp_path / "reports" / "gate" / "gate.html").exists()
    assert one.left("outcome.txt") == "failed\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clean checkout, of which nothing is changed yet, with the programs of the working tree."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)  # noqa: S607 - as a user does
    for name in (".github", "fixtures"):
        shutil.rmtree(folder / name)
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def gate_of(clone: Path) -> Gate:
    """Of a checkout."""
    return Gate(clone.parent, 0, scripts=clone / ".github" / "scripts")


def asked(one: Gate, option: str) -> list[str]:
    """What the measurement was given for an option."""
    arguments = (one.folder / "arguments.txt").read_text(encoding="utf-8").splitlines()
    return [argument.removeprefix(f"{option}=") for argument in arguments if argument.startswith(f"{option}=")]


def test_nothing_to_measure_is_no_verdict(clone: Path) -> None:
    """It passes, and says neither that nothing got worse nor that anything is wrong."""
    one = gate_of(clone)
    status, output = one.run("--base", "HEAD")
    assert status == 0, output
    assert one.left("outcome.txt") == "nothing to measure\n"
    assert "::notice title=cnn-dyno gate::nothing to measure" in output
    assert "**NOTHING TO MEASURE**" in one.left("report.md")
    assert not (one.folder / "arguments.txt").exists()


def test_a_file_that_git_does_not_know_yet_is_measured(clone: Path) -> None:
    """And of an adapter only what uses it."""
    adapter = clone / "models" / "adapters" / "jax.py"
    adapter.write_text(adapter.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    one = gate_of(clone)
    assert one.run("--base", "HEAD")[0] == 0
    (against,) = asked(one, "--against")
    assert (against[:4], asked(one, "--framework")) == ("git:", ["jax"])
    (clone / "models" / "untracked.py").touch()
    assert one.run("--base", "HEAD")[0] == 0
    assert asked(one, "--framework") == ["pytorch,tensorflow,jax,keras-tensorflow"]
    assert one.run("--base", "HEAD", "--framework", "pytorch")[0] == 0
    assert asked(one, "--framework") == ["pytorch"]
    said = "Not measured, though the change concerns it: tensorflow, jax, keras-tensorflow."
    assert one.left("report.md").endswith(f"\n\n{said}\n")
    assert one.run("--base", "HEAD", "--framework", "all")[0] == 0
    assert "Not measured" not in one.left("report.md")


def test_a_branch_is_origins_where_there_is_no_other(clone: Path) -> None:
    """As in a workflow's checkout."""
    git = ["git", "-C", str(clone)]
    subprocess.run([*git, "checkout", "--quiet", "--detach"], check=True)
    subprocess.run([*git, "branch", "--quiet", "-D", "main"], check=True)
    (clone / "models" / "untracked.py").touch()
    one = gate_of(clone)
    status, output = one.run("--base", "main")
    assert status == 0, output
    (against,) = asked(one, "--against")
    found = subprocess.run([*git, "rev-parse", "--short", "origin/main"], capture_output=True, text=True, check=True)
    assert against == f"git:{found.stdout.strip()}"


def test_models_and_packages_are_measured_as_they_belong_together(clone: Path) -> None:
    """Never the base's models with new packages, nor its packages with new models."""
    (clone / "models" / "untracked.py").touch()
    pins = clone / "requirements" / "requirements.txt"
    pins.write_text(pins.read_text(encoding="utf-8") + "tiny==1.0\n", encoding="utf-8")
    one = gate_of(clone)
    assert one.run("--base", "HEAD")[0] == 0
    (against,) = asked(one, "--against")
    assert against.startswith("git:")
    assert against.endswith(":requirements/requirements.txt")


def test_what_cannot_be_measured_is_said(clone: Path) -> None:
    """With nothing else to measure, which is then no success, and beside a verdict on something else."""
    pins = clone / "requirements" / "tf-estimator.txt"
    pins.write_text(pins.read_text(encoding="utf-8") + "tiny==1.0\n", encoding="utf-8")
    one = gate_of(clone)
    said = "`requirements/tf-estimator.txt` differs and was not measured"
    assert one.run("--base", "HEAD", "--inconclusive", "fail")[0] == 10
    for outcome in ("inconclusive", "no regression"):
        status, output = one.run("--base", "HEAD")
        assert status == 0, output
        assert one.left("outcome.txt") == f"{outcome}\n"
        assert said in one.left("report.md")
        assert f"::notice title=cnn-dyno gate::{said}" in output
        (clone / "models" / "untracked.py").touch()

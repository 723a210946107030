"""What the workflows' scripts do, with programs in the place of GitHub and of the measurement."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.verdict_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from tests.unit.test_verdict_report import benchmark
from tests.workflows.workflow_files import ROOT

SCRIPTS = ROOT / ".github" / "scripts"
PROGRAMS = Path(__file__).with_name("programs")


@dataclass(frozen=True)
class Ran:
    """A script that was run.

    Args:
        status: its exit status.
        output: all that it printed.
        calls: what it asked of GitHub, a line each.
        body: the last text that it gave to GitHub; empty if none.
    """

    status: int
    output: str
    calls: list[str]
    body: str


def run_script(folder: Path, *arguments: str, answer: str = "", **variables: str) -> Ran:
    """Run a script in ``folder``, where GitHub's answers are made and its questions kept."""
    record = folder / "github"
    record.mkdir(exist_ok=True)
    (record / "answer.txt").write_text(answer, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATE_", "GITHUB_", "GH_"))}
    finished = subprocess.run(
        [str(SCRIPTS / arguments[0]), *arguments[1:]],
        cwd=folder,
        env={**kept, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "GH_RECORD": str(record), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    calls, body = record / "calls.txt", record / "body.md"
    return Ran(
        finished.returncode,
        finished.stdout + finished.stderr,
        calls.read_text(encoding="utf-8").splitlines() if calls.exists() else [],
        body.read_text(encoding="utf-8") if body.exists() else "",
    )


@pytest.mark.parametrize("script", ["comment.sh", "environment.sh", "issue.sh"])
def test_a_script_says_how_it_is_used(tmp_path: Path, script: str) -> None:
    """When it is asked, with status 0, and when it is used wrongly, with 2."""
    asked, wrong = run_script(tmp_path, script, "--help"), run_script(tmp_path, script)
    assert (asked.status, wrong.status) == (0, 2)
    assert asked.output == wrong.output
    assert f"usage: {script}" in asked.output


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("", "api --silent --method POST --field body=@… repos/o/n/issues/7/comments"),
        ("31\n32\n", "api --silent --method PATCH --field body=@… repos/o/n/issues/comments/31"),
    ],
    ids=["new", "edited"],
)
def test_a_pull_request_has_one_comment(tmp_path: Path, answer: str, expected: str) -> None:
    """It is found again by a mark that nobody sees."""
    (tmp_path / "report.md").write_text("**REGRESSION**: it is slower.\n" + "x" * 70_000, encoding="utf-8")
    ran = run_script(tmp_path, "comment.sh", "report.md", "7", answer=answer, GITHUB_REPOSITORY="o/n")
    assert ran.status == 0, ran.output
    words = [f"body=@{'…'}" if word.startswith("body=@") else word for word in ran.calls[-1].split()]
    assert " ".join(words) == expected
    assert ran.body.startswith("<!-- cnn-dyno gate -->\n**REGRESSION**: it is slower.\n")
    assert len(ran.body) < 65_536
    assert 'select(.user.login == "github-actions[bot]"' in ran.calls[0]


def results(folder: Path, **outcomes: str) -> Path:
    """A folder with the results of several gates."""
    for name, outcome in outcomes.items():
        (folder / "all" / name).mkdir(parents=True)
        (folder / "all" / name / "outcome.txt").write_text(f"{outcome}\n", encoding="utf-8")
        (folder / "all" / name / "report.md").write_text(f"report of {name}\n", encoding="utf-8")
    return folder / "all"


@pytest.mark.parametrize(("answer", "verb"), [("", "issue create"), ("12\n", "issue edit 12")])
def test_regressions_share_one_issue(tmp_path: Path, answer: str, verb: str) -> None:
    """It is opened, or the open one is brought up to date; what is no regression is not in it."""
    folder = results(tmp_path, pytorch="regression", jax="regression", keras="inconclusive")
    ran = run_script(tmp_path, "issue.sh", str(folder), answer=answer, RUN_URL="where")
    assert ran.status == 0, ran.output
    assert ran.calls[-1].startswith(verb)
    assert ran.body == "# jax\n\nreport of jax\n\n# pytorch\n\nreport of pytorch\n\nMeasured by where\n"


def test_without_a_regression_there_is_no_issue(tmp_path: Path) -> None:
    """GitHub is not even asked."""
    ran = run_script(tmp_path, "issue.sh", str(results(tmp_path, keras="inconclusive", jax="failed")))
    assert (ran.status, ran.calls) == (0, [])


@dataclass(frozen=True)
class Gate:
    """A gate in a folder of its own, where nothing is measured.

    Args:
        folder: in which it runs.
        status: with which the measurement ends.
        verdict: that it saves for the only benchmark; none if empty.
    """

    folder: Path
    status: int
    verdict: str = "no regression"

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
            [sys.executable, str(SCRIPTS / "gate.py"), "--python", str(fake), *arguments],
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


def test_green_without_a_verdict_is_not_green(tmp_path: Path) -> None:
    """Whatever the measurement says of itself."""
    one = Gate(tmp_path, 0, verdict="")
    assert one.run("--against", "torch==2.13.0")[0] == 1
    assert one.left("outcome.txt") == "failed\n"


def test_settings_come_from_the_environment_too(tmp_path: Path) -> None:
    """As a workflow gives them; one that is empty counts as not given."""
    variables = {"GATE_AGAINST": "torch==2.13.0\n old.txt \n", "GATE_MARGINS": "step=3%, memory=5%", "GATE_BUDGET": ""}
    summary, outputs = tmp_path / "summary.md", tmp_path / "outputs"
    github = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)}
    one = Gate(tmp_path, 0)
    status, output = one.run("--markers", "step", **variables, **github)
    assert status == 0, output
    arguments = (tmp_path / "arguments.txt").read_text(encoding="utf-8").splitlines()
    assert arguments[arguments.index("--against") :] == [
        *("--against", "torch==2.13.0", "--against", "old.txt", "--margin", "step=3%", "--margin", "memory=5%"),
        *("-m", "step"),
    ]
    assert summary.read_text(encoding="utf-8").rstrip() == one.left("report.md").rstrip()
    assert "**NO REGRESSION**" in one.left("report.md")
    assert outputs.read_text(encoding="utf-8") == "outcome=no regression\n"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--base", "no-such-branch"], "--base no-such-branch: git has no such revision here"),
        (["--days", "9999"], "--days 9999: git has no such revision here"),
        (["--days", "last week"], "--days last week: write a whole number"),
        (["--base", "HEAD", "--days", "7"], "exclude each other"),
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
    assert one.left("outcome.txt") == "failed\n"

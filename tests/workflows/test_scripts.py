"""What the workflows' shell scripts do, with programs in the place of GitHub and of uv."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("script", ["comment.sh", "environment.sh", "issue.sh", "shorten.sh"])
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
    (tmp_path / "report.md").write_text("**REGRESSION**: it is slower.\n" + "| ± 1 % |\n" * 9_000, encoding="utf-8")
    ran = run_script(tmp_path, "comment.sh", "report.md", "7", answer=answer, GITHUB_REPOSITORY="o/n")
    assert ran.status == 0, ran.output
    words = [f"body=@{'…'}" if word.startswith("body=@") else word for word in ran.calls[-1].split()]
    assert " ".join(words) == expected
    assert ran.body.startswith("<!-- cnn-dyno gate -->\n**REGRESSION**: it is slower.\n")
    assert 50_000 < len(ran.body) < 65_536
    assert ran.body.endswith("\n| ± 1 % |\n\n*Shortened; all of it is in the artefact.*\n\n")
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


def test_an_issue_fits_too(tmp_path: Path) -> None:
    """Cut between two lines, and it still says where it comes from."""
    folder = results(tmp_path, jax="regression", pytorch="regression")
    (folder / "jax" / "report.md").write_text("| ± 1 % |\n" * 9_000, encoding="utf-8")
    ran = run_script(tmp_path, "issue.sh", str(folder), RUN_URL="where")
    assert ran.status == 0, ran.output
    assert ran.body.startswith("# jax\n\n| ± 1 % |\n")
    assert ran.body.endswith("\n| ± 1 % |\n\n*Shortened; all of it is in the artefact.*\n\nMeasured by where\n")
    assert 50_000 < len(ran.body) < 65_536


def test_what_is_short_is_not_shortened(tmp_path: Path) -> None:
    """Nor said to be."""
    (tmp_path / "report.md").write_text("all\nof it\n", encoding="utf-8")
    assert run_script(tmp_path, "shorten.sh", "report.md").output == "all\nof it\n"


def test_without_a_regression_there_is_no_issue(tmp_path: Path) -> None:
    """GitHub is not even asked."""
    ran = run_script(tmp_path, "issue.sh", str(results(tmp_path, keras="inconclusive", jax="failed")))
    assert (ran.status, ran.calls) == (0, [])

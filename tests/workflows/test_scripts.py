"""What the workflows' shell scripts do, with programs in the place of GitHub and of uv."""

from __future__ import annotations

import os
import shutil
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


@pytest.mark.parametrize("script", ["comment.sh", "environment.sh", "issue.sh", "links.sh", "shorten.sh"])
def test_a_script_says_how_it_is_used(tmp_path: Path, script: str) -> None:
    """When it is asked, with status 0, and when it is used wrongly, with 2."""
    wrong = run_script(tmp_path, script, *(["much"] if script == "links.sh" else []))
    asked = run_script(tmp_path, script, "--help")
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
    assert ran.body.startswith("<!-- gate: cnn-dyno-gate -->\n**REGRESSION**: it is slower.\n")
    assert 50_000 < len(ran.body) < 65_536
    assert ran.body.endswith("\n| ± 1 % |\n\n*Shortened; all of it is in the artefact.*\n\n")
    assert 'select(.user.login == "github-actions[bot]"' in ran.calls[0]


def test_a_comment_links_to_what_the_run_has_kept(tmp_path: Path) -> None:
    """Below the sentence that it begins with, so that no length of the report cuts it off."""
    (tmp_path / "report.md").write_text("**REGRESSION**: slower.\n\n| a |\n" + "| ± 1 % |\n" * 9_000, encoding="utf-8")
    kept = "https://github.com/o/n/actions/runs/1/artifacts"
    urls = {"PICTURE_URL": f"{kept}/2", "PAGE_URL": f"{kept}/3", "FILES_URL": f"{kept}/1"}
    ran = run_script(tmp_path, "comment.sh", "report.md", "7", GITHUB_REPOSITORY="o/n", **urls)
    links = f"[the verdicts as a picture]({kept}/2) · [the page with everything]({kept}/3) · [the readings]({kept}/1)"
    assert ran.body.startswith(f"<!-- gate: cnn-dyno-gate -->\n**REGRESSION**: slower.\n\n{links}\n\n| a |\n")


def test_a_link_is_a_plain_address_or_none(tmp_path: Path) -> None:
    """What a job hands on may be anything."""
    odd = [
        "",
        "http://a.b/c",
        "https://a.b/c) [d](https://e.f",
        "https://a.b/c d",
        "javascript:alert(1)",
        "https://a.b/`",
    ]
    for one in odd:
        assert run_script(tmp_path, "links.sh", PICTURE_URL=one, FILES_URL=one).output == ""
    assert (
        run_script(tmp_path, "links.sh", PAGE_URL="https://a.b/c").output
        == "[the page with everything](https://a.b/c)\n"
    )


def test_gates_of_different_names_have_comments_of_their_own(tmp_path: Path) -> None:
    """Each is found by its own mark, and by no other name's that begins alike."""
    (tmp_path / "report.md").write_text("all of it\n", encoding="utf-8")
    ran = run_script(tmp_path, "comment.sh", "report.md", "7", "jax", GITHUB_REPOSITORY="o/n")
    assert ran.body == "<!-- gate: jax -->\nall of it\n"
    assert 'startswith("<!-- gate: jax -->")' in ran.calls[0]


@pytest.mark.parametrize("name", ['a"b', "a b", "-->", "a\nb"])
def test_a_name_that_could_break_a_comment_is_refused(tmp_path: Path, name: str) -> None:
    """Before GitHub is asked."""
    (tmp_path / "report.md").write_text("all of it\n", encoding="utf-8")
    ran = run_script(tmp_path, "comment.sh", "report.md", "7", name, GITHUB_REPOSITORY="o/n")
    assert (ran.status, ran.calls) == (2, [])


def results(folder: Path, **outcomes: str) -> Path:
    """A folder with the results of several gates."""
    for name, outcome in outcomes.items():
        (folder / "all" / name).mkdir(parents=True)
        (folder / "all" / name / "outcome.txt").write_text(f"{outcome}\n", encoding="utf-8")
        (folder / "all" / name / "report.md").write_text(f"report of {name}\n", encoding="utf-8")
    return folder / "all"


def report(folder: Path, *failed: str, answer: str = "") -> Ran:
    """Run the script about results in a run of which jobs with these names failed."""
    (folder / "github").mkdir(exist_ok=True)
    (folder / "github" / "failed.txt").write_text("".join(f"{name}\n" for name in failed), encoding="utf-8")
    return run_script(folder, "issue.sh", "all", answer=answer, GITHUB_RUN_ID="1", RUN_URL="where")


@pytest.mark.parametrize(("answer", "verb"), [("", "issue create"), ("12\n", "issue comment 12")])
def test_regressions_share_one_issue(tmp_path: Path, answer: str, verb: str) -> None:
    """It is opened, or what is new is a comment on the open one; what is no regression is not in it."""
    results(tmp_path, pytorch="regression", jax="regression", keras="inconclusive")
    ran = report(tmp_path, "pytorch", "jax", answer=answer)
    assert ran.status == 0, ran.output
    assert ran.calls[-1].startswith(verb)
    assert not any(call.startswith("issue edit") for call in ran.calls)
    head = "- jax: regression\n- pytorch: regression\n\nMeasured by where\n"
    assert ran.body == f"{head}\n# jax\n\nreport of jax\n\n# pytorch\n\nreport of pytorch\n"


def test_the_issue_tells_what_failed_too(tmp_path: Path) -> None:
    """With a verdict or without one, and also if nothing regressed; whatever regressed has failed as a job."""
    results(tmp_path, **{"pytorch-release": "regression", "jax-release": "failed"})
    failed = ("pytorch, release", "jax, release", "tensorflow, nightly")
    ran = report(tmp_path, *failed)
    said = "failed, so nobody knows; its log says why"
    lines = f"- jax-release: {said}\n- tensorflow-nightly: {said}\n\nMeasured by where\n"
    assert ran.body == f"- pytorch-release: regression\n{lines}\n# pytorch-release\n\nreport of pytorch-release\n"
    shutil.rmtree(tmp_path / "all")
    assert report(tmp_path, *failed[1:]).body == lines


def test_a_report_that_is_missing_has_no_section(tmp_path: Path) -> None:
    """Its regression is still in the list."""
    results(tmp_path, jax="regression", pytorch="regression")
    (tmp_path / "all" / "jax" / "report.md").unlink()
    ran = report(tmp_path)
    assert ran.status == 0, ran.output
    head = "- jax: regression\n- pytorch: regression\n\nMeasured by where\n"
    assert ran.body == f"{head}\n# pytorch\n\nreport of pytorch\n"


def test_an_issue_fits_too(tmp_path: Path) -> None:
    """Each report is cut between two of its own lines, so that none cuts off another."""
    results(tmp_path, jax="regression", pytorch="regression")
    for name in ("jax", "pytorch"):
        (tmp_path / "all" / name / "report.md").write_text("| ± 1 % |\n" * 9_000, encoding="utf-8")
    ran = report(tmp_path)
    assert ran.status == 0, ran.output
    shortened = "\n| ± 1 % |\n\n*Shortened; all of it is in the artefact.*\n\n"
    assert ran.body.count(shortened) == 2
    assert "\n# jax\n\n| ± 1 % |\n" in ran.body
    assert "\n# pytorch\n\n| ± 1 % |\n" in ran.body
    assert 45_000 < len(ran.body) < 65_536


def test_what_is_short_is_not_shortened(tmp_path: Path) -> None:
    """Nor said to be."""
    (tmp_path / "report.md").write_text("all\nof it\n", encoding="utf-8")
    assert run_script(tmp_path, "shorten.sh", "report.md").output == "all\nof it\n"


def test_what_is_cut_off_is_unfolded(tmp_path: Path) -> None:
    """So that the words about it, and whatever follows, are seen."""
    text = "sentence\n<details><summary>more</summary>\n" + "line\n" * 99
    (tmp_path / "report.md").write_text(text, encoding="utf-8")
    found = run_script(tmp_path, "shorten.sh", "report.md", "100").output
    assert found.endswith("line\n\n</details>\n\n*Shortened; all of it is in the artefact.*\n\n")
    (tmp_path / "report.md").write_text(text[:45] + "</details>\n" + "line\n" * 99, encoding="utf-8")
    assert run_script(tmp_path, "shorten.sh", "report.md", "100").output.count("</details>") == 1


def test_without_a_regression_or_a_failure_there_is_no_issue(tmp_path: Path) -> None:
    """GitHub is asked for nothing but what failed."""
    results(tmp_path, keras="inconclusive", jax="no regression")
    ran = report(tmp_path)
    assert (ran.status, [call.split()[:2] for call in ran.calls]) == (0, [["run", "view"]])

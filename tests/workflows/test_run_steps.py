"""The workflows' own commands, run in a clean clone: real measurements, made short by the workflows' own inputs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.verdict_status import EXIT_INCONCLUSIVE
from tests.workflows.runner import Runner
from tests.workflows.workflow_files import ROOT, steps_of, steps_of_job

SHORT = {
    "inputs.base": "HEAD^1",
    "inputs.base || 'HEAD^1'": "HEAD^1",
    "!inputs.base && '7' || ''": "",
    "inputs.framework": "pytorch",
    "inputs.framework || 'pytorch'": "pytorch",
    "inputs.markers": "first_step",
    "inputs.budget": "1s",
    "inputs.budget || '20m'": "1s",
    "inputs.margins": "first_step=20%",
    "inputs.inconclusive || vars.GATE_INCONCLUSIVE || 'warn'": "warn",
    "github.token": "token",
    "github.repository": "owner/name",
    "github.event.pull_request.number": "7",
    "hashFiles('.github/scripts/comment.sh') != ''": "true",
}
"""Values of the expressions in the workflows' steps: time for one block, from which nothing can be concluded."""


def link_environment(folder: Path) -> None:
    """A virtual environment that is this interpreter's. Its folder is real, so nothing can be cleared through it."""
    folder.mkdir(parents=True)
    here = Path(sys.prefix)
    for name in ("bin", "lib", "lib64", "include", "pyvenv.cfg", "share"):
        if (here / name).exists():
            (folder / name).symlink_to(here / name)


def git(checkout: Path, *arguments: str) -> None:
    """Run git, as somebody."""
    command = ["git", "-C", str(checkout), "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean clone with the environment that is here and one more commit, which changes an adapter.

    The workflows and what they run are those of the working tree, so that they can be tried before they are committed.
    """
    folder = tmp_path / "checkout"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)  # noqa: S607 - as a user does
    for name in (".github", "fixtures"):
        shutil.rmtree(folder / name)
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", folder)
    adapter = folder / "models" / "adapters" / "pytorch.py"
    adapter.write_text(adapter.read_text(encoding="utf-8") + "\n\n# changed\n", encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Change an adapter")
    link_environment(folder / ".venv")
    (folder / ".venv" / ".complete").touch()
    return folder


def runner(checkout: Path, home: Path, **values: str) -> Runner:
    """A runner that could not set up an environment if it tried."""
    return Runner(checkout, home, SHORT | values, {"PYTHON": "false"})


def test_a_pull_request_gets_a_verdict_and_a_comment(checkout: Path, tmp_path: Path) -> None:
    """Measured, summarised, kept as files, and written where the author looks."""
    one = runner(checkout, tmp_path / "github")
    assert one.run(steps_of_job("gate", "measure")) == 0, one.log
    assert one.outputs == {"outcome": "inconclusive"}
    assert "**INCONCLUSIVE**" in one.summary
    assert "the current environment against git:" in one.summary
    assert "::warning" in one.log
    saved = json.loads((tmp_path / "github" / "artefacts" / "gate" / "run.json").read_text(encoding="utf-8"))
    assert [benchmark["extra_info"]["measure"] for benchmark in saved["benchmarks"]] == ["first_step"]

    assert one.run(steps_of_job("gate", "comment")) == 0, one.log
    body = (tmp_path / "github" / "body.md").read_text(encoding="utf-8")
    assert body == f"<!-- cnn-dyno gate -->\n{one.summary.removesuffix(chr(10))}"


def test_a_newer_framework_is_held_against_the_pinned_one(checkout: Path, tmp_path: Path) -> None:
    """In an environment beside it, and a regression becomes an issue."""
    link_environment(checkout / ".cnn-dyno" / "newest")
    values = {
        "matrix.framework": "pytorch",
        "matrix.channel": "nightly",
        "github.server_url": "https://example.org",
        "steps.newest.outputs.differs == 'true'": "true",
        "always() && steps.newest.outputs.differs == 'true'": "true",
    }
    one = runner(checkout, tmp_path / "github", **values, **{"github.run_id": "1"})
    steps = [step for step in steps_of_job("scheduled", "measure") if step.get("id") != "newest"]
    assert one.run(steps) == 0, one.log
    assert "**INCONCLUSIVE**" in one.summary

    found = tmp_path / "github" / "artefacts" / "pytorch-nightly"
    assert (found / "run.json").is_file()
    (found / "outcome.txt").write_text("regression\n", encoding="utf-8")
    assert one.run(steps_of_job("scheduled", "issue")) == 0, one.log
    calls = (tmp_path / "github" / "calls.txt").read_text(encoding="utf-8").splitlines()
    assert calls[-1].startswith("issue create")
    body = (tmp_path / "github" / "body.md").read_text(encoding="utf-8")
    assert body.startswith("# pytorch-nightly\n")
    assert body.endswith("Measured by https://example.org/owner/name/actions/runs/1\n")


def test_without_a_gpu_the_gpu_job_is_no_success(checkout: Path, tmp_path: Path) -> None:
    """It says that nothing was measured, and fails if doubt is to fail."""
    variables = {"PYTHON": "false", "CUDA_VISIBLE_DEVICES": "", "GATE_INCONCLUSIVE": "fail"}
    one = Runner(checkout, tmp_path / "github", SHORT, variables)
    assert one.run(steps_of_job("gpu", "measure")) == EXIT_INCONCLUSIVE, one.log
    assert one.outputs == {"outcome": "inconclusive"}
    assert "**NOT MEASURED**" in one.summary


def test_the_projects_own_checks_run_in_a_clean_clone(checkout: Path, tmp_path: Path) -> None:
    """Lint of everything; of the tests, which this is one of, those of one file."""
    variables = {"PYTHON": "false", "ARGS": "-k test_schedule"}
    one = Runner(checkout, tmp_path / "github", {}, variables)
    assert one.run(steps_of_job("ci", "check")) == 0, one.log
    assert "All checks passed!" in one.log
    assert "no issues found" in one.log
    assert " passed" in one.log


def test_a_step_runs_as_its_condition_says(tmp_path: Path) -> None:
    """After a failure only what always runs; and a condition that no test knows, a misspelt one, is an error."""
    steps = [{"run": "false"}, {"run": "echo never"}, {"run": "echo at last", "if": "always() && wanted"}]
    one = Runner(tmp_path, tmp_path / "failing", {"always() && wanted": "true"})
    assert one.run(steps) == 1
    assert "never" not in one.log
    assert "at last" in one.log
    unwanted = Runner(tmp_path, tmp_path / "unwanted", {"wanted": "false"})
    assert unwanted.run([{"run": "false", "if": "wanted"}]) == 0
    with pytest.raises(KeyError, match="wantd"):
        Runner(tmp_path, tmp_path / "misspelt", {"wanted": "true"}).run([{"run": "true", "if": "wantd"}])


def test_another_repository_gates_on_the_suite(checkout: Path, tmp_path: Path) -> None:
    """From its own checkout, with an adapter of its own."""
    caller = tmp_path / "caller"
    caller.mkdir()
    shutil.copy(ROOT / "docs" / "examples" / "my_adapter.py", caller / "ours.py")
    (caller / "models").mkdir()  # a name that is the suite's too
    action = checkout / ".github" / "actions" / "gate"
    values = {
        "inputs.against": str(checkout / ".venv"),
        "inputs.framework": "ours.py",
        "inputs.workload": "",
        "inputs.device": "cpu",
        "inputs.inconclusive": "warn",
        "inputs.packages && format('{0}/cnn-dyno-candidate/bin/python', runner.temp) || ''": "",
        "inputs.packages != ''": "false",
    }
    conditions = [step["if"] for step in steps_of(action / "action.yml") if "comment == 'true'" in step.get("if", "")]
    values |= dict.fromkeys(conditions, "false")
    one = Runner(caller, tmp_path / "github", SHORT | values, {"PYTHON": "false", "GITHUB_ACTION_PATH": str(action)})
    assert one.run(steps_of(action / "action.yml")) == 0, one.log
    assert one.outputs == {"outcome": "inconclusive"}
    assert "ours" in one.summary
    assert (tmp_path / "github" / "artefacts" / "cnn-dyno-gate" / "run.json").is_file()

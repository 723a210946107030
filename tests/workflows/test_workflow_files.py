"""The workflows and actions are valid, audited, pinned, and ask for no more than they need."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows.workflow_files import ACTIONS, FILES, ROOT, WORKFLOWS, jobs, load, steps_of

DOCUMENT = ROOT / "docs" / "how-to" / "github_actions.md"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+){2}")
WRITERS = {
    ("gate", "comment"): {"pull-requests"},
    ("scheduled", "issue"): {"issues"},
    ("history", "publish"): {"pages", "id-token"},
}
"""Jobs that may write, and what."""


def validate(schema: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Hold files against a schema that comes with check-jsonschema."""
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [str(program), "--builtin-schema", f"vendor.{schema}", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def audit(folder: Path) -> subprocess.CompletedProcess[str]:
    """Let zizmor look at workflows and actions, without the network and with the project's settings."""
    program = Path(sys.executable).with_name("zizmor")
    settings = ROOT / ".github" / "zizmor.yml"
    options = ["--offline", "--no-progress", "--persona", "pedantic", "--config", str(settings)]
    return subprocess.run([str(program), *options, str(folder)], capture_output=True, text=True, check=False)


def test_workflows_and_actions_fit_githubs_schemas() -> None:
    """As check-jsonschema has them."""
    assert WORKFLOWS.keys() == {"ci", "gate", "gpu", "history", "scheduled"}
    for schema, paths in (("github-workflows", WORKFLOWS), ("github-actions", ACTIONS)):
        found = validate(schema, *paths.values())
        assert found.returncode == 0, found.stdout


def test_the_schema_finds_a_misspelt_key(tmp_path: Path) -> None:
    """So the test above can fail."""
    path = tmp_path / "ci.yml"
    path.write_text(WORKFLOWS["ci"].read_text(encoding="utf-8").replace("runs-on:", "runs_on:"), encoding="utf-8")
    assert validate("github-workflows", path).returncode == 1


def test_an_auditor_finds_nothing() -> None:
    """Neither injections nor excessive rights nor anything else that zizmor knows."""
    found = audit(ROOT / ".github")
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_auditor_finds_an_injection(tmp_path: Path) -> None:
    """So the test above can fail."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    injected = WORKFLOWS["ci"].read_text(encoding="utf-8").replace(".ci/run", "echo ${{ github.head_ref }}")
    (folder / "ci.yml").write_text(injected, encoding="utf-8")
    found = audit(tmp_path)
    assert found.returncode != 0
    assert "template-injection" in found.stdout


def check_scripts(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Let shellcheck look at shell scripts."""
    program = Path(sys.executable).with_name("shellcheck")
    return subprocess.run([str(program), *map(str, paths)], capture_output=True, text=True, check=False)


def test_nothing_is_wrong_with_the_shell_scripts() -> None:
    """Those that run on GitHub, the one that CI runs, and those that stand in for programs in tests."""
    scripts = [*(ROOT / ".github" / "scripts").glob("*.sh"), *(ROOT / "tests" / "workflows" / "programs").iterdir()]
    found = check_scripts(ROOT / ".ci" / "run", *scripts)
    assert found.returncode == 0, found.stdout + found.stderr


def test_an_unquoted_variable_is_found(tmp_path: Path) -> None:
    """So the test above can fail."""
    script = tmp_path / "wrong.sh"
    script.write_text("#!/bin/sh\nrm -r $1\n", encoding="utf-8")
    found = check_scripts(script)
    assert found.returncode == 1
    assert "SC2086" in found.stdout


def test_what_is_kept_is_what_is_taken() -> None:
    """GitHub finds an entry by its folders as well as by its key."""
    steps = [step for path in FILES.values() for step in steps_of(path)]
    kept = [step["with"]["path"] for step in steps if step.get("uses", "").startswith("actions/cache/")]
    assert kept == [kept[0]] * 2


@pytest.mark.parametrize("name", FILES)
def test_lists_of_packages_are_no_patterns(name: str) -> None:
    """Of files that happen to be there: a variable that is to be split has pathname expansion off."""
    commands = [step["run"] for step in steps_of(FILES[name]) if "$PACKAGES" in step.get("run", "")]
    assert all(command.startswith("set -f; ") for command in commands)


def test_a_nightly_replaces_all_that_it_brings() -> None:
    """tf-nightly depends on keras-nightly, which writes into Keras's folder."""
    rows = jobs("scheduled")["measure"]["strategy"]["matrix"]["include"]
    replaced = {row["packages"]: row["replaces"].split() for row in rows if "replaces" in row}
    assert replaced == {"tf-nightly": ["tensorflow", "keras"], "keras-nightly": ["keras"]}


@pytest.mark.parametrize("name", FILES)
def test_others_actions_are_pinned_by_commit(name: str) -> None:
    """Forty digits, which nobody can move, and the version for people."""
    used = re.findall(r"uses: (\S.*)", FILES[name].read_text(encoding="utf-8"))
    assert used
    assert [one for one in used if not (one.startswith("./") or PINNED.fullmatch(one))] == []


def test_an_action_has_one_pin_everywhere() -> None:
    """Two pins of one action are one that was forgotten."""
    lines = {line for path in FILES.values() for line in re.findall(r"uses: (\S+@\S+)", path.read_text("utf-8"))}
    names = [line.partition("@")[0] for line in lines]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_rights_are_granted_job_by_job(workflow: str) -> None:
    """None to the workflow, reading to its jobs, and writing only where the table says so."""
    assert load(WORKFLOWS[workflow])["permissions"] == {}
    for name, job in jobs(workflow).items():
        rights = job["permissions"]
        assert set(rights.values()) <= {"read", "write"}
        assert {right for right, kind in rights.items() if kind == "write"} == WRITERS.get((workflow, name), set())


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_no_job_runs_for_ever(workflow: str) -> None:
    """Each says after how many minutes it hangs."""
    assert all(0 < job["timeout-minutes"] <= 120 for job in jobs(workflow).values())


@pytest.mark.parametrize("name", FILES)
def test_no_checkout_leaves_its_token_behind(name: str) -> None:
    """What the checked-out code runs could read it."""
    checkouts = [step for step in steps_of(FILES[name]) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_pull_requests_code_runs_with_rights_to_write() -> None:
    """The comment is written by the base's script."""
    checkout = jobs("gate")["comment"]["steps"][0]
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert "github.event.pull_request.head.repo.full_name == github.repository" in jobs("gate")["comment"]["if"]
    assert not any("pull_request_target" in path.read_text(encoding="utf-8") for path in WORKFLOWS.values())


@pytest.mark.parametrize("name", FILES)
def test_what_is_run_can_be_run_anywhere(name: str) -> None:
    """Short commands, into which GitHub inserts nothing: what they need to know is in their environment."""
    commands = [step["run"] for step in steps_of(FILES[name]) if "run" in step]
    assert all("${{" not in command and "\n" not in command for command in commands)


def test_the_documented_example_is_a_valid_workflow(tmp_path: Path) -> None:
    """In about ten lines of its own, with the inputs that the action has."""
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    path = tmp_path / "example.yml"
    path.write_text(example, encoding="utf-8")
    found = validate("github-workflows", path)
    assert found.returncode == 0, found.stdout
    assert len(example.splitlines()) <= 16
    (use,) = [step for step in steps_of(path) if "/.github/actions/gate@" in step.get("uses", "")]
    assert use["with"].keys() <= load(ACTIONS["gate"])["inputs"].keys()

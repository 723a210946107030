"""The workflows' own commands, run in a clean clone: real measurements, made short by the workflows' own inputs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows.runner import PROGRAMS, Runner
from tests.workflows.workflow_files import ROOT, steps_of_job

SHORT = {
    "inputs.base": "HEAD^1",
    "inputs.framework": "pytorch",
    "inputs.markers": "first_step",
    "inputs.budget": "1s",
    "inputs.margins": "first_step=20%",
    "inputs.inconclusive": "",
    "vars.GATE_INCONCLUSIVE": "",
    "matrix.python": "3.11",
    "github.token": "token",
    "github.ref": "refs/pull/7/merge",
    "github.repository": "owner/name",
    "github.event_name": "pull_request",
    "github.event.pull_request.base.sha": "HEAD^1",
    "github.event.pull_request.number": "7",
    "github.event.pull_request.head.repo.full_name": "owner/name",
    "needs.measure.outputs.files": "https://github.com/owner/name/actions/runs/1/artifacts/1",
    "needs.measure.outputs.page": "",
    "needs.measure.outputs.picture": "https://github.com/owner/name/actions/runs/1/artifacts/2",
    "runner.environment": "github-hosted",
    "runner.os": "Linux",
    "runner.arch": "X64",
}
"""What the workflows' steps are told: among it time for one block, from which nothing can be concluded."""


def link_environment(folder: Path) -> None:
    """A virtual environment that is this interpreter's. Its folders are real, so nothing can be cleared through them.

    The ``uv`` in it makes more of the kind: it fetches nothing, and says that each differs from the others.
    """
    (folder / "bin").mkdir(parents=True)
    here = Path(sys.prefix)
    for name in ("lib", "lib64", "include", "pyvenv.cfg", "share"):
        if (here / name).exists():
            (folder / name).symlink_to(here / name)
    for program in (here / "bin").iterdir():
        (folder / "bin" / program.name).symlink_to(PROGRAMS / "uv" if program.name == "uv" else program)


NIGHTLY = {
    "matrix.framework": "pytorch",
    "matrix.channel": "nightly",
    "matrix.packages": "torch torchvision",
    "matrix.replaces": "",
    "matrix.variable": "NIGHTLY_INDEX_PYTORCH",
    "github.server_url": "https://example.org",
    "github.run_id": "1",
}
"""A row of the newest frameworks."""


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
    assert (one.home / "artefacts" / "gate" / "outcome.txt").read_text(encoding="utf-8") == "inconclusive\n"
    assert "**INCONCLUSIVE**" in one.summary
    assert "the current environment against git:" in one.summary
    assert "::warning" in one.log
    saved = json.loads((tmp_path / "github" / "artefacts" / "gate" / "run.json").read_text(encoding="utf-8"))
    assert [benchmark["extra_info"]["measure"] for benchmark in saved["benchmarks"]] == ["first_step"]
    # A picture as well, unless every block of so few was void.
    assert {file.name for file in (one.home / "artefacts").iterdir()} - {"gate.png"} == {"gate", "gate.html"}

    assert one.run(steps_of_job("gate", "comment")) == 0, one.log
    mark, sentence, _, links, *report = (one.home / "body.md").read_text(encoding="utf-8").splitlines()
    assert (mark, sentence[:16]) == ("<!-- gate: cnn-dyno-gate -->", "**INCONCLUSIVE**")
    kept = "https://github.com/owner/name/actions/runs/1/artifacts"
    assert links == f"[the verdicts as a picture]({kept}/2) · [the readings]({kept}/1)"
    assert f"[the page with everything]({kept}/" in one.summary.splitlines()[-1]
    assert report == one.summary.splitlines()[1:-2]


def test_a_newer_framework_is_held_against_the_pinned_one(checkout: Path, tmp_path: Path) -> None:
    """In an environment beside it, and a regression becomes an issue."""
    one = runner(checkout, tmp_path / "github", **NIGHTLY, **{"matrix.index": "https://example.org/nightly"})
    assert one.run(steps_of_job("scheduled", "measure")) == 0, one.log
    assert one.outputs["newest"] == {"differs": "true"}
    assert "**INCONCLUSIVE**" in one.summary
    assert "::warning title=no nightlies" not in one.log

    found = tmp_path / "github" / "artefacts" / "pytorch-nightly"
    assert (found / "run.json").is_file()
    (found / "outcome.txt").write_text("regression\n", encoding="utf-8")
    assert one.run(steps_of_job("scheduled", "issue")) == 0, one.log
    calls = (tmp_path / "github" / "calls.txt").read_text(encoding="utf-8").splitlines()
    assert calls[-1].startswith("issue create")
    body = (tmp_path / "github" / "body.md").read_text(encoding="utf-8")
    head = "- pytorch-nightly: regression\n\nMeasured by https://example.org/owner/name/actions/runs/1\n"
    assert body.startswith(f"{head}\n# pytorch-nightly\n\n")
    assert "**INCONCLUSIVE**" in body


def test_without_an_address_of_nightlies_none_are_measured(checkout: Path, tmp_path: Path) -> None:
    """A warning names the variable that is missing: the pinned version against itself would look like a success."""
    one = runner(checkout, tmp_path / "github", **NIGHTLY, **{"matrix.index": ""})
    assert one.run(steps_of_job("scheduled", "measure")) == 0, one.log
    warning = "::warning title=no nightlies::not measured: set the variable NIGHTLY_INDEX_PYTORCH"
    assert warning in one.log
    assert one.log.count("\n$ ") == 0, "another step was run"
    assert list((one.home / "artefacts").iterdir()) == []


def test_without_results_the_issue_tells_what_failed(checkout: Path, tmp_path: Path) -> None:
    """Where no framework could be installed, there is nothing to download."""
    one = runner(checkout, tmp_path / "github", **NIGHTLY)
    shutil.rmtree(one.home / "artefacts")
    (one.home / "failed.txt").write_text("jax, release\n", encoding="utf-8")
    assert one.run(steps_of_job("scheduled", "issue")) == 0, one.log
    body = (one.home / "body.md").read_text(encoding="utf-8")
    assert body.startswith("- jax-release: failed")


def test_without_a_gpu_the_gpu_job_is_no_success(checkout: Path, tmp_path: Path) -> None:
    """It says that nothing was measured, and fails even where doubt passes."""
    variables = {"PYTHON": "false", "CUDA_VISIBLE_DEVICES": ""}
    one = Runner(checkout, tmp_path / "github", SHORT, variables)
    assert one.run(steps_of_job("gpu", "measure")) == 1, one.log
    assert (one.home / "artefacts" / "gate-gpu" / "outcome.txt").read_text(encoding="utf-8") == "failed\n"
    assert "**NOT MEASURED**" in one.summary


def test_the_history_of_kept_runs_becomes_a_page(checkout: Path, tmp_path: Path) -> None:
    """With the runs of ``baselines/``; too few to look for changes, so that no environment is built."""
    kept = ROOT / "docs" / "readings" / "repeated-runs" / "2026-11-25" / "unchanged"
    (checkout / "baselines").mkdir(exist_ok=True)
    for number in (1, 2):
        shutil.copy(kept / f"000{number}.json", checkout / "baselines" / f"kept-{number}.json")
    one = runner(checkout, tmp_path / "github", **{"vars.PUBLISH_HISTORY": "true"})
    assert one.run(steps_of_job("history", "page")) == 0, one.log
    page = (checkout / "history" / "index.html").read_text(encoding="utf-8")
    assert "test_training_step[digits-pytorch-cpu] over 2 runs" in page


def test_the_projects_own_checks_run_in_a_clean_clone(checkout: Path, tmp_path: Path) -> None:
    """Lint of everything; of the tests, which this is one of, those of one file."""
    variables = {"PYTHON": "false", "ARGS": "-k test_schedule"}
    one = Runner(checkout, tmp_path / "github", SHORT, variables)
    assert one.run(steps_of_job("ci", "check")) == 0, one.log
    assert "All checks passed!" in one.log
    assert "no issues found" in one.log
    assert " passed" in one.log
    assert list((one.home / "caches").iterdir()) == [], "a pull request's environments were kept"


def test_environments_are_kept_from_main_for_others(checkout: Path, tmp_path: Path) -> None:
    """They are taken as they are while the pins are the same, and never on a machine of one's own."""
    built = checkout / ".cnn-dyno" / "environments" / "built"
    setup, save = (step for step in steps_of_job("ci", "check") if re.search("setup|save", step.get("uses", "")))
    main = runner(checkout, tmp_path / "github", **{"github.ref": "refs/heads/main"})
    assert main.run([setup, {"run": f"mkdir -p {built}"}, save]) == 0, main.log

    for folder in (".venv", ".cnn-dyno"):
        shutil.rmtree(checkout / folder)
    (checkout / "requirements" / "requirements.txt").touch()  # just checked out
    other = runner(checkout, tmp_path / "github")
    assert other.run([setup, save]) == 0, other.log
    assert built.is_dir()

    own = runner(checkout, tmp_path / "github", **{"runner.environment": "self-hosted"})
    (checkout / ".venv" / ".complete").unlink()
    assert own.run([setup]) != 0, "something was taken"
    assert built.is_dir(), "what is here was cleared"

    with (checkout / "requirements" / "requirements.txt").open("a", encoding="utf-8") as file:
        file.write("# other pins\n")
    changed = runner(checkout, tmp_path / "github")
    assert changed.run([setup]) != 0, "other pins' environments were taken"
    assert not built.is_dir(), "perhaps unpacked in part"


def test_a_step_runs_as_its_condition_says(tmp_path: Path) -> None:
    """After a failure only what always runs; and a condition that no test knows, a misspelt one, is an error."""
    steps = [{"run": "false"}, {"run": "echo never"}, {"run": "echo at last", "if": "always() && wanted"}]
    one = Runner(tmp_path, tmp_path / "failing", {"wanted": "yes"})
    assert one.run(steps) == 1
    assert "never" not in one.log
    assert "at last" in one.log
    unwanted = Runner(tmp_path, tmp_path / "unwanted", {"wanted": ""})
    assert unwanted.run([{"run": "false", "if": "wanted"}]) == 0
    with pytest.raises(KeyError, match="wantd"):
        Runner(tmp_path, tmp_path / "misspelt", {"wanted": "yes"}).run([{"run": "true", "if": "wantd"}])


def caller_of(checkout: Path) -> Path:
    """Another repository, with an adapter, a workload and tests of its own, which are none of the suite's."""
    caller = checkout.parent / "caller"
    (caller / "models").mkdir(parents=True)  # a name that is the suite's too
    shutil.copy(ROOT / "docs" / "examples" / "my_adapter.py", caller / "ours.py")
    workload = (ROOT / "docs" / "examples" / "my_workload.toml").read_text(encoding="utf-8")
    data = re.sub(r"(?s)\[data\].*?(?=\[network\])", '[data]\nname = "digits"\n\n', workload)
    own = data.replace("[12, 12, 3]", "[28, 28, 1]").replace("units = 2 ", "units = 10 ")
    (caller / "workloads").mkdir()
    (caller / "workloads" / "ours.toml").write_text(own, encoding="utf-8")
    for folder in (caller, caller / "workloads"):
        (folder / "conftest.py").write_text('raise SystemExit("imported")\n', encoding="utf-8")
    return caller


def test_another_repository_gates_on_the_suite(checkout: Path, tmp_path: Path) -> None:
    """From its own checkout, with an adapter and a network of its own, and as often in a run as it has questions."""
    caller = caller_of(checkout)
    one = Runner(caller, tmp_path / "github", SHORT | {"runner.temp": str(tmp_path / "github")}, {"PYTHON": "false"})
    action = checkout / ".github" / "actions" / "gate"
    inputs = {"against": str(checkout / ".venv"), "framework": "ours.py", "workload": "workloads/ours.toml"}
    inputs |= {"budget": "1s", "markers": "first_step", "comment": "true"}
    for name, packages in (("ours", ""), ("newer", "torch==9.9 torchvision")):
        outputs: dict[str, str] = {}
        assert one.use(action, outputs, name=name, packages=packages, **inputs) == 0, one.log
        assert outputs == {"outcome": "inconclusive"}
        saved = json.loads((one.home / "artefacts" / name / "run.json").read_text(encoding="utf-8"))
        assert [benchmark["extra_info"]["workload"] for benchmark in saved["benchmarks"]] == ["my-workload"]
        body = (one.home / "body.md").read_text(encoding="utf-8")
        assert body.startswith(f"<!-- gate: {name} -->\n**INCONCLUSIVE**")
        assert "[the page with everything](https://github.com/owner/name/actions/runs/1/artifacts/" in body
        assert (one.home / "artefacts" / f"{name}.html").is_file()
    assert one.summary.count("<details>") == 2


def test_what_cannot_be_set_up_has_neither_outcome_nor_comment(checkout: Path, tmp_path: Path) -> None:
    """The action fails with the step that did."""
    (checkout / ".venv" / ".complete").unlink()
    one = Runner(checkout, tmp_path / "github", SHORT, {"PYTHON": "false"})
    outputs: dict[str, str] = {}
    (checkout / "cnn-dyno-gate").mkdir()
    assert one.use(checkout / ".github" / "actions" / "gate", outputs, against="six", comment="true") != 0
    assert outputs == {"outcome": ""}
    assert not (one.home / "calls.txt").exists()

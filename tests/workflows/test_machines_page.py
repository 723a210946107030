"""The recipes of ``docs/how-to/several_machines.md``: each is what SLURM, Kubernetes and GitHub take."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.baselines.__main__ import MERGED
from tests.documented_commands import yaml_documents
from tests.markdown_pages import ROOT, code_blocks, pages
from tests.workflows.test_workflow_files import PINNED, check_scripts, validate

PAGE = ROOT / "docs" / "how-to" / "several_machines.md"
BLOCKS = code_blocks(PAGE.read_text(encoding="utf-8"))
RECIPES = [content for language, content in BLOCKS if language == "yaml"]
SCRIPTS = [content for language, content in BLOCKS if content.startswith("#!/bin/bash\n")]


def recipe(key: str) -> tuple[str, dict[str, Any]]:
    """The block with a key at its top, as text and as what it holds."""
    (found,) = [(text, whole) for text in RECIPES for whole in yaml_documents(text) if key in whole]
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_of_yaml_can_be_read(page: Path) -> None:
    """On every page, not this one alone."""
    for language, content in code_blocks(page.read_text(encoding="utf-8")):
        if language == "yaml":
            assert all(isinstance(each, dict | list) for each in yaml_documents(content))


def test_the_job_is_one_pod_on_each_node() -> None:
    """With the fields that Kubernetes demands, and names that fit each other."""
    _, job = recipe("kind")
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    spec = job["spec"]
    assert spec["completions"] == spec["parallelism"]
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    (term,) = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["labelSelector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    (container,) = pod["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert {variable["name"] for variable in container["env"]} >= set(re.findall(r"\$(\w+)", container["args"][0]))
    assert "pytest bench " in container["args"][0]


def test_the_workflow_is_valid_pinned_and_audited(tmp_path: Path) -> None:
    """By GitHub's schema, and by zizmor, which knows injections and excessive rights."""
    text, _ = recipe("jobs")
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "machines.yml").write_text(text, encoding="utf-8")
    found = validate("github-workflows", folder / "machines.yml")
    assert found.returncode == 0, found.stdout
    uses = re.findall(r"uses: (\S+(?: # \S+)?)", text)
    assert [each for each in uses if not (each.startswith("./") or PINNED.fullmatch(each))] == []
    command = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--no-progress", str(tmp_path)]
    audited = subprocess.run(
        [*command, "--config", str(ROOT / ".github" / "zizmor.yml")], capture_output=True, text=True, check=False
    )
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_the_workflow_merges_what_the_matrix_measures() -> None:
    """A host for each line, by the name of its file."""
    _, workflow = recipe("jobs")
    matrix = workflow["jobs"]["measure"]["strategy"]["matrix"]["include"]
    (script,) = [step["run"] for step in workflow["jobs"]["merge"]["steps"] if "run" in step]
    (merging,) = [shlex.split(line) for line in script.splitlines() if " merge " in line]
    assert [f"{each['host']}=runs/{each['host']}.json" for each in matrix] == merging[4:-2]
    assert Path(merging[-1]) == MERGED


def test_nothing_is_wrong_with_the_scripts(tmp_path: Path) -> None:
    """By shellcheck, which knows nothing of an environment that is activated."""
    assert len(SCRIPTS) == 2
    for number, content in enumerate(SCRIPTS):
        script = tmp_path / f"{number}.sh"
        script.write_text(content.replace("source .venv/bin/activate\n", ""), encoding="utf-8")
        found = check_scripts(script)
        assert found.returncode == 0, found.stdout

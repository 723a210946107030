"""Searches with real processes: small local wheels, a change planted at a release, and a training that uses them."""

from __future__ import annotations

import json
import os
import random
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.arms.environments import EnvironmentBuildError
from fixtures.arms.environments.uv import run_uv
from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE
from fixtures.reports.search import search_report
from tests.bench_run import PROJECT_ROOT, TIMEOUT_SECONDS, BenchRun, bench_command, bench_environment
from tests.built_environments import unreachable
from tests.planted_releases import write_program, write_release, write_row

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RELEASES = [f"1.{number}" for number in range(12)]
MEMORY = ("-m", "cpu and memory", "--margin", "memory=30%")
"""The same on a busy machine, so that these tests say the same on any."""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the suite and no framework, of which a dozen changed copies are made in seconds."""
    folder = tmp_path_factory.mktemp("slim") / "environment"
    here = folder / "bin" / "python"
    needs = str(PROJECT_ROOT / "requirements" / "suite.txt")
    try:
        run_uv("making an environment", "venv", "--quiet", str(folder))
        run_uv("making an environment", "pip", "install", "--quiet", "--python", str(here), "--requirements", needs)
    except EnvironmentBuildError as error:
        if unreachable(error):
            pytest.skip(str(error))
        raise
    return here


def search(python: Path, folder: Path, *arguments: str) -> BenchRun:
    """Run ``pytest bench`` in that environment, with wheels from a folder beside those of the index."""
    saved = folder / "saved.json"
    saved.unlink(missing_ok=True)
    own = ("--workspace", str(folder / "workspace"), f"--benchmark-json={saved}", "--program", str(folder / "train.py"))
    _, *command = bench_command(*own, *arguments)
    finished = subprocess.run(
        [str(python), *command],
        cwd=PROJECT_ROOT,
        env={**bench_environment(), "UV_FIND_LINKS": str(folder / "wheels")},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    content = json.loads(saved.read_text(encoding="utf-8")) if saved.is_file() and saved.stat().st_size else {}
    return BenchRun(finished.returncode, finished.stdout + finished.stderr, content)


def found_in(run: BenchRun) -> dict[str, Any]:
    """What was saved of the one search of a run."""
    (benchmark,) = run.saved["benchmarks"]
    result: dict[str, Any] = benchmark["extra_info"]["search"]
    return result


def test_the_release_is_found_and_a_used_budget_loses_nothing(python: Path, tmp_path: Path) -> None:
    """Planted at a random release. One beside it does not train; the first try has no time, the second goes on."""
    place = random.Random(os.getpid()).randrange(3, 10)  # noqa: S311 - any release will do
    culprit, broken = RELEASES[place], RELEASES[place - 2]
    held = {release: 1 if number < place else 150 for number, release in enumerate(RELEASES)}
    write_row(tmp_path / "wheels", held, {broken: "raise RuntimeError('of this release')"})
    write_program(tmp_path, ("planted",))
    asked = ("--bisect", "planted==1.0..1.11", *MEMORY)

    short = search(python, tmp_path, *asked, "--budget", "1s")
    assert short.status == EXIT_INCONCLUSIVE, short.output
    assert "**NOT DECIDED**" in short.output
    assert "between 1.0 and 1.11" in short.output
    assert "The same command goes on from here" in short.output

    whole = search(python, tmp_path, *asked)
    assert whole.status == pytest.ExitCode.OK, whole.output
    info = found_in(whole)
    (change,) = info["changes"]
    assert (change["before"], change["after"], change["change"]) == (RELEASES[place - 1], culprit, "worse")
    assert f"**FOUND: {culprit}**" in whole.output
    assert info["unchecked"] == info["left"] == []
    assert all("of this release" in reason for reason in info["skipped"].values())
    assert set(info["skipped"]) <= {broken}
    assert search_report(whole.saved["benchmarks"]) in whole.output
    measured = next(one for one in info["checks"] if (one["before"], one["after"]) == (change["before"], culprit))
    assert 0.0 < measured["lower"] < measured["estimate"] < measured["upper"]

    again = search(python, tmp_path, *asked)
    assert again.status == pytest.ExitCode.OK, again.output
    assert all(one["kept"] for one in found_in(again)["checks"])
    assert found_in(again)["changes"] == info["changes"]


def test_a_culprit_that_may_be_among_skipped_releases_is_said(python: Path, tmp_path: Path) -> None:
    """Between the neighbours that can be measured lie two that cannot: one fails, one is not to be installed."""
    write_row(tmp_path / "wheels", {"1.0": 1, "1.1": 1, "1.2": 150, "1.4": 150}, {"1.2": "raise RuntimeError('no')"})
    write_release(tmp_path / "wheels", "planted", "1.3", needs="planted-needs-what-nobody-has==9")
    write_program(tmp_path, ("planted",))
    run = search(python, tmp_path, "--bisect", "planted==1.1,1.2,1.3,1.4", *MEMORY)
    assert run.status == pytest.ExitCode.OK, run.output
    assert set(found_in(run)["skipped"]) == {"1.2", "1.3"}
    assert "**FOUND: 1.4, or one of the skipped 1.2 or 1.3**" in run.output
    assert "The culprit may be among the skipped between 1.1 and 1.4" in run.output


def test_no_change_between_the_ends_ends_there(python: Path, tmp_path: Path) -> None:
    """One check of twelve releases."""
    write_row(tmp_path / "wheels", dict.fromkeys(RELEASES, 1))
    write_program(tmp_path, ("planted",))
    run = search(python, tmp_path, "--bisect", "planted==1.0..1.11", *MEMORY)
    assert run.status == pytest.ExitCode.OK, run.output
    assert "**NO CHANGE**" in run.output
    assert len(found_in(run)["checks"]) == 1


def with_packages(python: Path, folder: Path, held: str, pairs: Mapping[str, str]) -> tuple[str, ...]:
    """Five packages in their second release here; the option that names the first ones.

    Args:
        python: of the environment that they are installed into.
        folder: for their wheels, and for a training that uses them all.
        held: that whose second release holds more memory.
        pairs: packages that need the same release of another.
    """
    names = [f"planted-{letter}" for letter in "abcde"]
    for name in names:
        for release in ("1", "2"):
            needs = f"{pairs[name]}=={release}" if name in pairs else ""
            size = 150 if (name, release) == (held, "2") else 1
            write_release(folder / "wheels", name, release, held=size, needs=needs)
    write_program(folder, tuple(names))
    installing = ("pip", "install", "--quiet", "--python", str(python), "--find-links", str(folder / "wheels"))
    run_uv("installing", *installing, *(f"{name}==2" for name in names))
    return ("--against", " ".join(f"{name}==1" for name in names), "--blame", *MEMORY)


def test_the_package_that_carries_a_change_is_found(python: Path, tmp_path: Path) -> None:
    """One of five that differ, and alone."""
    culprit = f"planted-{random.Random(os.getpid()).choice('acde')}"  # noqa: S311 - any will do
    asked = with_packages(python, tmp_path, culprit, {"planted-b": "planted-d"} if culprit != "planted-d" else {})
    run = search(python, tmp_path, *asked)
    assert run.status == pytest.ExitCode.OK, run.output
    info = found_in(run)
    assert (info["culprits"], info["smallest"]) == ([culprit], True)
    assert f"**FOUND: {culprit} 1 → 2**" in run.output
    assert "No more is needed" in run.output


@pytest.mark.slow  # on a busy machine with a slow index, another package was once named beside the two
def test_packages_that_cannot_be_parted_are_named_together(python: Path, tmp_path: Path) -> None:
    """Each needs the same release of the other, as torch and triton do."""
    asked = with_packages(python, tmp_path, "planted-b", {"planted-b": "planted-d"})
    run = search(python, tmp_path, *asked)
    assert run.status == pytest.ExitCode.OK, run.output
    assert found_in(run)["culprits"] == ["planted-b", "planted-d"]
    assert "planted-b and planted-d cannot be parted: " in run.output

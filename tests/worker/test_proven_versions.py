"""Both ends of what the registry calls proven, really built: in workers there, each adapter passes parity.

The environments are the current one with the framework's packages changed, as ``--against`` builds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fixtures.arms.environments import Changed, Current, Environment
from fixtures.arms.launch import LaunchSettings, environment, python_command
from fixtures.workers.messages import ImportFramework, ObserveParity
from fixtures.workers.parent import Worker
from models.forms import Forms
from models.parity import Observation, ParityReport, judge
from models.registry import FRAMEWORKS, Framework, installed_version
from models.spec_format import to_plain
from models.workloads import WORKLOADS
from tests.built_environments import provided_or_skipped
from tests.worker.parity_cases import case_of, expected
from tests.worker.test_compiled import compiled

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

SPEC = WORKLOADS["digits"].spec
SECONDS = 900
"""For an answer: compilers of old releases take minutes on a busy machine."""

SUITES_OWN = [name for name, framework in FRAMEWORKS.items() if not framework.requirements]
"""The frameworks that live in the suite's environment; the others' packages are pinned, and have one end."""


def provided(framework: Framework, end: str) -> Environment:
    """The environment at one end of a framework's range; the current one, where that is it."""
    if framework.missing_programs():
        pytest.skip(f"not on the PATH: {', '.join(framework.missing_programs())}")
    wanted = {one.distribution: getattr(one, end) for one in framework.proven}
    if all(installed_version(name) == version for name, version in wanted.items()):
        return provided_or_skipped(Current())
    return provided_or_skipped(Changed(tuple(f"{name}=={version}" for name, version in wanted.items())))


def prove(framework: Framework, home: Environment, folder: Path) -> ParityReport:
    """Have a worker run the workload's parity case, as a benchmark has."""
    case_path, observation_path = folder / "case.npz", folder / "observation.npz"
    np.savez(case_path, **case_of("digits").to_arrays())  # type: ignore[arg-type]
    variables = environment(framework, "cpu", LaunchSettings(threads=1))
    with Worker(framework.identifier, python_command(home.interpreter, variables), folder) as worker:
        hidden = framework.hidden_packages()
        imported = worker.ask(ImportFramework(framework.module, framework.distribution, hidden, ()), timeout=SECONDS)
        request = ObserveParity(to_plain(SPEC), str(case_path), str(observation_path), "cpu", "float32")
        worker.ask(request, timeout=SECONDS)
    assert imported.version == home.packages[framework.distribution]
    with np.load(observation_path, allow_pickle=False) as archive:
        observed = Observation.from_arrays(dict(archive))
    return judge(expected("digits", Forms.declared(imported.forms)), observed)


@pytest.mark.parametrize("end", ["oldest", "newest"])
@pytest.mark.parametrize("identifier", SUITES_OWN)
def test_adapters_are_proven_on_both_ends_of_their_range(identifier: str, end: str, tmp_path: Path) -> None:
    """What the registry declares is true: built with exactly these releases, the adapter trains the same network."""
    framework = FRAMEWORKS[identifier]
    home = provided(framework, end)
    assert framework.unproven(home.packages) == ""
    report = prove(framework, home, tmp_path)
    assert report.passed, "\n".join(report.differences)


@pytest.mark.parametrize("end", ["oldest", "newest"])
def test_the_network_is_compiled_on_both_ends_of_the_range(end: str) -> None:
    """And not silently run as it is."""
    assert compiled(provided(FRAMEWORKS["pytorch-compile"], end).interpreter) == {"graphs": 1, "breaks": 0}

"""TF Estimator, in the environment that is built for it: it passes what every adapter passes, and more."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fixtures.arms.environments import Environment, Pinned
from fixtures.arms.launch import LaunchSettings, environment, python_command
from fixtures.workers.messages import ImportFramework
from fixtures.workers.parent import Worker
from models.registry import FRAMEWORKS
from tests.built_environments import provided_or_skipped
from tests.worker import test_adapters
from tests.worker.parity_cases import CASES

ROOT = Path(__file__).parents[2]
FRAMEWORK = FRAMEWORKS["tf-estimator"]


@pytest.fixture(scope="module")
def provided() -> Environment:
    """The environment; the first time it is built, for which packages must be to be had."""
    return provided_or_skipped(Pinned(ROOT / FRAMEWORK.requirements, FRAMEWORK.python))


@pytest.fixture(scope="module")
def observed(provided: Environment, tmp_path_factory: pytest.TempPathFactory) -> test_adapters.Observed:
    """What the adapter did with the parity cases."""
    folder = tmp_path_factory.mktemp("tf-estimator")
    test_adapters.write_cases(folder, *CASES)
    variables = environment(FRAMEWORK, "cpu", LaunchSettings(threads=1))
    return test_adapters.run(folder, variables, FRAMEWORK.module, "Adapter", interpreter=provided.interpreter)


@pytest.mark.parametrize("case", CASES)
def test_the_adapter_trains_the_same_network(case: str, observed: test_adapters.Observed) -> None:
    """As all others do."""
    test_adapters.test_adapters_train_the_same_network(case, observed)


def test_the_adapter_keeps_the_contract(observed: test_adapters.Observed) -> None:
    """As all others do; dropout has its rate and its scale."""
    test_adapters.test_adapters_keep_the_contract(observed)
    test_adapters.test_dropout_has_the_rate_and_the_scale_that_were_asked_for(observed)


@pytest.fixture(scope="module")
def facts(provided: Environment) -> dict[str, Any]:
    """What ``observe_estimator`` saw; that it ended is a fact of its own, since a live training was waiting."""
    finished = subprocess.run(
        [str(provided.interpreter), "-m", "tests.worker.observe_estimator"],
        cwd=ROOT,
        env={**os.environ, **environment(FRAMEWORK, "cpu", LaunchSettings(threads=1))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    found: dict[str, Any] = json.loads(finished.stdout)
    return found


def test_a_worker_serves_there(provided: Environment, tmp_path: Path) -> None:
    """A worker starts in an environment that has no execnet, and imports the framework."""
    assert "execnet" not in provided.packages
    variables = environment(FRAMEWORK, "cpu", LaunchSettings(threads=1))
    with Worker("tf-estimator", python_command(provided.interpreter, variables), tmp_path) as worker:
        request = ImportFramework(FRAMEWORK.module, FRAMEWORK.distribution, FRAMEWORK.hidden_packages(), ())
        imported = worker.ask(request, timeout=300)
    assert imported.version == provided.packages["tensorflow-cpu"]


def test_initial_weights_of_its_own_follow_the_seed(facts: dict[str, Any]) -> None:
    """Without given weights the layers draw them, the same for the same seed."""
    assert facts["same seed, same weights"]
    assert facts["other seed"]


def test_an_epoch_sees_every_example_once(facts: dict[str, Any]) -> None:
    """In a given order or the framework's own, the mean loss of an epoch that changes nothing is that of all."""
    assert facts["epoch losses"] == pytest.approx([facts["loss of all"]] * 3, rel=1e-5)


def test_dropout_differs_between_epochs(facts: dict[str, Any]) -> None:
    """Each epoch has a session of its own, and yet does not drop the same again."""
    assert not facts["epochs drop alike"]


def test_the_default_adam_is_the_frameworks_own(facts: dict[str, Any]) -> None:
    """Without constants, Adam has those that TensorFlow documents."""
    assert facts["default Adam"]


def test_errors_in_the_live_training_reach_the_caller(facts: dict[str, Any]) -> None:
    """Each call that needs the failed training raises its error once more, then the last checkpoint counts."""
    assert len(facts["raised"]) == 3
    assert all("Cannot feed value of shape (50, 5, 8, 1)" in message for message in facts["raised"])
    assert facts["weights survive"]


def test_a_dropped_adapter_leaves_no_thread(facts: dict[str, Any]) -> None:
    """The live training ends with its adapter."""
    assert facts["live"] == [1, 0]

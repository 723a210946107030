"""Real frameworks, each in a process of its own: they train the network that is asked for, and mistakes are caught."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.forms import Forms
from models.lower_precision import judge_lower
from models.parity import Observation, ParityReport, judge
from models.registry import FRAMEWORKS
from models.spec_format import to_plain
from tests.worker.parity_cases import CASES, ODD, case_of, expected, expected_in_bfloat16, spec_of

ROOT = Path(__file__).parents[2]

MISTAKES: dict[str, tuple[str, set[str], str]] = {
    "PaddingBefore": ("logits: outputs differs", {"logits", "gradients"}, "bias-corrected"),
    "FlattenedAsNCHW": ("logits: outputs differs", {"logits", "gradients"}, "bias-corrected"),
    "ReshapedToNCHW": ("logits: outputs differs", {"logits", "gradients"}, "bias-corrected"),
    "MissingBias": ("initial: convolution_1/bias is missing", {"initial", "logits", "gradients"}, "bias-corrected"),
    "FrozenKernel": ("gradients: convolution_2/kernel differs by 1 ", {"gradients", "adam_1"}, "bias-corrected"),
    "SummedLoss": ("gradients: ", {"gradients", "losses"}, "bias-corrected"),
    "EpsilonOfKeras": ("adam_1: ", {"adam_1"}, "bias-corrected"),
    "DefaultBetas": ("adam_10: ", {"adam_10", "epoch"}, "bias-corrected"),
    "OtherFormOfAdam": ("adam_1: ", {"adam_1", "adam_10", "epoch"}, "epsilon-hat"),
    "StoredOrder": ("epoch: ", {"epoch"}, "bias-corrected"),
    "BatchesSwapped": ("epoch: ", {"epoch"}, "bias-corrected"),
    "LastBatchDropped": ("epoch: ", {"epoch"}, "bias-corrected"),
}
"""For each wrong adapter: how its first difference begins, the stages that must differ, its form of Adam."""

RESIDUAL_MISTAKES: dict[str, set[str]] = {
    "MomentumSwapped": {"statistics", "evaluation"},
    "BiasedVariance": {"statistics"},
    "ShortcutWithoutStride": {"logits", "kinked_gradients", "twin_gradients"},
    "DecayOnBiases": {"sgd_10"},
    "NoDecay": {"sgd_2", "sgd_10"},
    "CoupledAsDecoupled": {"sgd_10"},
    "NoSchedule": {"sgd_10"},
    "NoNesterov": {"sgd_2", "sgd_10"},
    "PaddingOnOneSide": {"logits"},
    "AlwaysTraining": {"logits", "evaluation"},
    "OtherEpsilon": {"logits", "evaluation"},
    "NoSmoothing": {"losses", "twin_gradients"},
}
"""For each wrong adapter of a residual network: stages that must differ."""

INNOCENT = {
    "FrozenKernel": {"initial", "logits"},
    "SummedLoss": {"initial", "logits"},
    "EpsilonOfKeras": {"initial", "logits", "gradients", "adam_10", "epoch", "losses"},
    "DefaultBetas": {"initial", "logits", "gradients", "adam_1"},
    "OtherFormOfAdam": {"initial", "logits", "gradients"},
    "StoredOrder": {"initial", "logits", "gradients", "adam_1", "adam_10"},
    "BatchesSwapped": {"initial", "logits", "gradients", "adam_1", "adam_10"},
    "LastBatchDropped": {"initial", "logits", "gradients", "adam_1", "adam_10"},
}
"""Stages that a mistake does not reach, where blaming it would mislead."""


@dataclass(frozen=True)
class Observed:
    """What one process wrote."""

    folder: Path
    facts: dict[str, Any]

    def report(self, name: str, case: str, forms: Forms) -> ParityReport:
        """The judgement of one class on one case."""
        return judge(expected(case, forms), self.observation(f"{name}-{case}"))

    def lower_report(self, name: str, case: str, forms: Forms) -> ParityReport:
        """Likewise, of what it did in bfloat16."""
        return judge_lower(*expected_in_bfloat16(case, forms), self.observation(f"{name}-{case}-bfloat16"), "bfloat16")

    def observation(self, file: str) -> Observation:
        """What a file holds."""
        with np.load(self.folder / f"{file}.npz", allow_pickle=False) as archive:
            return Observation.from_arrays(dict(archive))


def write_cases(folder: Path, *names: str) -> None:
    """Write the cases that a process is to run."""
    for name in names:
        (folder / f"{name}.json").write_text(json.dumps(to_plain(spec_of(name))), encoding="utf-8")
        np.savez(folder / f"{name}.npz", **case_of(name).to_arrays())  # type: ignore[arg-type]


def write_lower_cases(folder: Path, *names: str) -> None:
    """Say which of the cases a process is to run in bfloat16 too."""
    (folder / "lower").write_text(json.dumps(names), encoding="utf-8")


def run(
    folder: Path, environment: dict[str, str], module: str, *names: str, interpreter: Path | None = None
) -> Observed:
    """Observe classes in a new process, which shows its last words if it fails."""
    finished = subprocess.run(
        [str(interpreter or sys.executable), "-m", "tests.worker.observe_adapter", str(folder), module, *names],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return Observed(folder, json.loads((folder / "facts").read_text(encoding="utf-8")))


Process = Callable[[str, str], Observed]
"""Takes a framework and a case."""


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Process:
    """What a framework's adapter did in the process of a case: all who ask share one for all cases that count alike."""

    @cache
    def observe(name: str, cases: tuple[str, ...]) -> Observed:
        folder = tmp_path_factory.mktemp(name)
        write_cases(folder, *cases)
        write_lower_cases(folder, *{"residual"}.intersection(cases))
        return run(folder, dict(FRAMEWORKS[name].environment), FRAMEWORKS[name].module, "Adapter")

    def of(name: str, case: str) -> Observed:
        return observe(name, tuple(each for each in CASES if is_slow(name, each) == is_slow(name, case)))

    return of


@pytest.fixture
def observed(framework: str, case: str, process: Process) -> Observed:
    """What the framework's adapter did with the case, and with what it shares a process with."""
    if lacking := (*FRAMEWORKS[framework].missing(), *FRAMEWORKS[framework].missing_programs()):
        pytest.skip(f"lacking: {', '.join(lacking)}")
    return process(framework, case)


def is_slow(framework: str, case: str) -> bool:
    """Whether it is left to ``make test-all``: compiling some networks anew takes minutes.

    So it is of the three adapters whose code trains those networks without a compiler as well, or with another one;
    here they are proven on the workload's network and the odd one. JAX, which has no other way, is proven on all.
    """
    return framework in ("pytorch-compile", "tensorflow-xla", "keras-jax") and case not in ("digits", "odd")


def of_each_framework(*cases: str) -> pytest.MarkDecorator:
    """Parametrizes a test by the frameworks that live in the suite's environment, and by these cases."""
    return pytest.mark.parametrize(
        ("framework", "case"),
        [
            pytest.param(name, case, marks=[pytest.mark.slow] * is_slow(name, case))
            for name, entry in FRAMEWORKS.items()
            if not entry.requirements
            for case in cases
        ],
    )


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """What all wrong adapters did, in one process."""
    folder = tmp_path_factory.mktemp("mistaken")
    write_cases(folder, "odd")
    return run(folder, {}, "tests.worker.wrong_adapters", *MISTAKES)


@of_each_framework(*CASES)
def test_adapters_train_the_same_network(case: str, observed: Observed) -> None:
    """Logits, gradients, steps of the declared Adam and an epoch are the reference's, on the workload's network and an
    odd one.
    """
    report = observed.report("Adapter", case, Forms.declared(observed.facts["forms"]))
    assert report.passed, "\n".join(report.differences)


@of_each_framework("residual")
def test_adapters_train_it_in_bfloat16(observed: Observed) -> None:
    """Within what the format rounds, and not in float32: what users of the framework write for mixed precision."""
    report = observed.lower_report("Adapter", "residual", Forms.declared(observed.facts["forms"]))
    assert report.passed, "\n".join(report.differences)


LOWER_MISTAKES = {
    "StaysInFloat32": "precision: outputs are those of float32 to ",
    "WeightsInBfloat16": "initial: ",
    "LossInBfloat16": "losses: ",
    "UpdatesInBfloat16": "sgd_",
    "GradientLostInACast": "twin_gradients: convolution_2/kernel ",
    "GradientsScaledTwice": "twin_gradients: ",
}
"""For each wrong adapter of bfloat16: how one of its differences begins."""


@pytest.fixture(scope="module")
def mistaken_in_bfloat16(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """What all of those did, in one process."""
    folder = tmp_path_factory.mktemp("mistaken-in-bfloat16")
    write_cases(folder, "residual")
    write_lower_cases(folder, "residual")
    return run(folder, {}, "tests.worker.wrong_precisions", *LOWER_MISTAKES)


@pytest.mark.parametrize("name", LOWER_MISTAKES)
def test_mistakes_of_precision_are_found(name: str, mistaken_in_bfloat16: Observed) -> None:
    """They do not hide behind the wider tolerances."""
    report = mistaken_in_bfloat16.lower_report(name, "residual", Forms())
    assert any(line.startswith(LOWER_MISTAKES[name]) for line in report.differences), report


@of_each_framework("odd")
def test_adapters_keep_the_contract(observed: Observed) -> None:
    """What comes back has the promised kinds, weights are copies, and dropout follows the seed and nothing else."""
    facts = dict(observed.facts)
    assert set(facts.pop("forms")) == {f"{name}_form" for name in vars(Forms())}
    assert facts.pop("cuda") in ("DeviceUnavailableError", "built")
    assert facts.pop("names") == list(ODD.parameter_shapes())
    del facts["native"], facts["dropout"]
    assert facts == {
        "unknown precision": "ValueError",
        "logits without dropout": True,
        "kinds of logits": "float32",
        "kinds of weights": ["float32"],
        "weights are copies": True,
        "weights changed": True,
        "losses are finite": True,
        "kind of epoch loss": "float",
        "device memory on a CPU": None,
        "same seed": True,
        "other seed": True,
    }


@of_each_framework("odd")
def test_dropout_has_the_rate_and_the_scale_that_were_asked_for(observed: Observed) -> None:
    """At a rate of 0.2, of which the reverse and a missing scale differ; the share within four standard deviations."""
    found = observed.facts["dropout"]
    deviation = (0.2 * 0.8 / found["active units"]) ** 0.5
    assert found["active units"] > 200
    assert abs(found["share dropped"] - 0.2) < 4 * deviation
    assert found["error of the gradient"] < 1e-4


@of_each_framework("odd")
def test_frameworks_draw_their_own_weights(observed: Observed) -> None:
    """Without given weights, each kernel is drawn anew, in the promised shape, and the seed decides how."""
    native = observed.facts["native"]
    assert {name: tuple(shape) for name, shape in native["shapes"].items()} == ODD.parameter_shapes()
    assert native["kinds"] == ["float32"]
    assert native["finite"]
    assert native["every kernel is drawn"]
    assert native["same seed, same weights"]
    assert native["other seed, other kernels"]
    assert native["other kernels than the given ones"]


@of_each_framework("odd")
def test_frameworks_shuffle_each_epoch_themselves(observed: Observed) -> None:
    """Without an order, every example is visited exactly once, in an order that follows the seed."""
    native = observed.facts["native"]
    in_order, shuffled_at_rest = native["losses at rest, in order and shuffled"]
    # With weights that stay as they are, the mean over all examples does not depend on the order.
    assert shuffled_at_rest == pytest.approx(in_order, rel=1e-5)
    shuffled = np.array(native["shuffled"])
    assert np.isfinite(shuffled).all()
    assert shuffled == pytest.approx(native["shuffled with the same seed"], rel=1e-5)
    for other in ("shuffled with another seed", "in stored order"):
        assert (np.abs(shuffled - native[other]) > 1e-4 * shuffled).all(), other


@pytest.fixture(scope="module")
def mistaken_residuals(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """What all wrong adapters of residual networks did, in one process."""
    folder = tmp_path_factory.mktemp("mistaken-residuals")
    write_cases(folder, "residual")
    return run(folder, {}, "tests.worker.wrong_residuals", *RESIDUAL_MISTAKES)


@pytest.mark.parametrize("name", RESIDUAL_MISTAKES)
def test_mistakes_in_residual_networks_are_caught(name: str, mistaken_residuals: Observed) -> None:
    """Each kind of mistake differs in the stages where it must."""
    report = mistaken_residuals.report(name, "residual", Forms())
    blamed = {line.partition(":")[0] for line in report.differences}
    assert RESIDUAL_MISTAKES[name] <= blamed, report.errors


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_caught_and_named(name: str, mistaken: Observed) -> None:
    """Each wrong adapter fails parity, the first line names what is wrong, and no earlier stage is blamed."""
    begins, stages, form = MISTAKES[name]
    report = mistaken.report(name, "odd", Forms(form))  # type: ignore[arg-type]
    blamed = {line.partition(":")[0] for line in report.differences}
    assert not report.passed
    assert report.differences[0].startswith(begins)
    assert stages <= blamed
    assert not blamed & INNOCENT.get(name, set())

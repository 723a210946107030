"""Real frameworks, each in a process of its own: they train the network that is asked for, and mistakes are caught."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from models.forms import Forms
from models.lower_precision import judge_lower, rounded_case
from models.parity import Observation, ParityReport, expect, judge, parity_case
from models.registry import FRAMEWORKS
from models.spec import (
    SGD,
    AdamW,
    AveragePool,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Residual,
    Spec,
    Steps,
    WarmupCosine,
)
from models.spec_format import to_plain
from models.workloads import WORKLOADS
from tests.worker.observe_adapter import load_cases

ROOT = Path(__file__).parents[2]

ODD = Spec(
    "odd",
    (27, 20, 2),
    (
        Convolution(8, 5, "same"),
        MaxPool(),
        Convolution(12, 4, "same"),
        MaxPool(3),
        Flatten(),
        Dense(16, relu=True),
        Dropout(0.5),
        Dense(10),
    ),
)
"""All that the workload's network lacks: same padding, an even kernel, channels, sides that differ, dropped rows."""


def _plain(filters: int, kernel: int, padding: int, stride: int = 1, groups: int = 1) -> Convolution:
    """A convolution as it stands before batch normalisation."""
    return Convolution(filters, kernel, padding, stride, groups, bias=False, activation="none")


RESIDUAL = Spec(
    "residual",
    (27, 20, 2),
    (
        _plain(8, 3, 1, 2),
        BatchNorm(0.9, 1e-5, "relu"),
        MaxPool(3, 2, 1),
        Residual((_plain(8, 3, 1), BatchNorm(activation="relu"), _plain(8, 3, 1), BatchNorm())),
        Residual(
            (_plain(12, 3, 1, 2), BatchNorm(0.8, 1e-3, "relu"), _plain(12, 3, 1), BatchNorm()),
            (_plain(12, 1, 0, 2), BatchNorm()),
        ),
        GlobalAveragePool(),
        Dense(10),
    ),
    SGD(0.05, 0.9, nesterov=True, weight_decay=1e-3, schedule=Steps((20, 40), 0.1)),
    label_smoothing=0.1,
)
"""As residual networks are trained: stride, shortcuts with and without arrays, momentum, decay, a falling rate."""

DEPTHWISE = Spec(
    "depthwise",
    (27, 20, 2),
    (
        _plain(8, 3, 1),
        BatchNorm(activation="relu6"),
        AveragePool(3, 2, 1),
        _plain(16, 3, 1, 2, groups=8),
        BatchNorm(0.7, activation="gelu"),
        Convolution(8, 3, groups=4, activation="gelu"),
        Residual((_plain(24, 1, 0), BatchNorm(activation="relu6"), _plain(8, 1, 0), BatchNorm()), activation="none"),
        Dropout(0.2),
        Flatten(),
        Dense(16, relu=True),
        BatchNorm(),
        Dense(10),
    ),
    AdamW(1e-3, schedule=WarmupCosine(warmup_steps=5, decay_steps=50)),
)
"""As mobile networks are: depthwise and grouped convolutions, other activations, AdamW, a warm-up, a flat
normalisation."""

FLAT = Spec(
    "flat",
    (27, 20, 2),
    (
        Convolution(4, 3, stride=4),
        Residual((Flatten(), BatchNorm(activation="relu")), (Flatten(), Dense(140))),
        Residual((Dense(140, relu=True),)),
        Residual((Dense(16, relu=True),), (Dense(16),)),
        Dense(10),
    ),
)
"""Not always does a dense layer, whose kernel can be turned, follow a flattening: the order must be canonical."""

NETWORKS = {"odd": ODD, "residual": RESIDUAL, "depthwise": DEPTHWISE, "flat": FLAT}

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

CASES = ("digits", *NETWORKS)


@dataclass(frozen=True)
class Observed:
    """What one process wrote."""

    folder: Path
    facts: dict[str, Any]

    def report(self, name: str, case: str, forms: Forms) -> ParityReport:
        """The judgement of one class on one case."""
        return judge(expect(load_cases(self.folder)[case], forms), self.observation(f"{name}-{case}"))

    def lower_report(self, name: str, case: str, forms: Forms) -> ParityReport:
        """Likewise, of what it did in bfloat16."""
        asked, observed = load_cases(self.folder)[case], self.observation(f"{name}-{case}-bfloat16")
        exact, rounded = (expect(each, forms, "bfloat16") for each in (asked, rounded_case(asked, "bfloat16")))
        return judge_lower(exact, rounded, observed, "bfloat16")

    def observation(self, file: str) -> Observation:
        """What a file holds."""
        with np.load(self.folder / f"{file}.npz", allow_pickle=False) as archive:
            return Observation.from_arrays(dict(archive))


def digits() -> tuple[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.int64]]]:
    """Real digits on a black background, 28x28, shape (1797, 28, 28, 1)."""
    images, labels = load_digits(return_X_y=True)
    small = (images.reshape(-1, 8, 8) / 16.0).astype(np.float32)
    large = np.pad(small.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    return large[..., None], labels.astype(np.int64)


def write_cases(folder: Path, *names: str) -> None:
    """Write the cases that a process is to run."""
    images, labels = digits()
    two_channels = np.concatenate([images[:, :27, :20], images[:, 1:, 8:]], axis=-1)
    for name in names:
        spec = NETWORKS.get(name, WORKLOADS["digits"].spec)
        case = parity_case(spec, images if name == "digits" else two_channels, labels, seed=42)
        plain = to_plain(spec)
        (folder / f"{name}.json").write_text(json.dumps(plain), encoding="utf-8")
        np.savez(folder / f"{name}.npz", **case.to_arrays())  # type: ignore[arg-type]


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
    facts = folder / "facts"
    return Observed(folder, json.loads(facts.read_text(encoding="utf-8")) if facts.exists() else {})


@pytest.fixture(scope="module", params=[name for name, entry in FRAMEWORKS.items() if not entry.requirements])
def observed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """What the adapter of each registered framework did."""
    framework = FRAMEWORKS[request.param]
    if framework.missing():
        pytest.skip(f"not installed: {', '.join(framework.missing())}")
    if framework.missing_programs():
        pytest.skip(f"not on the PATH: {', '.join(framework.missing_programs())}")
    folder = tmp_path_factory.mktemp(request.param)
    write_cases(folder, *CASES)
    write_lower_cases(folder, "residual")
    return run(folder, dict(framework.environment), framework.module, "Adapter")


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """What all wrong adapters did, in one process."""
    folder = tmp_path_factory.mktemp("mistaken")
    write_cases(folder, "odd")
    return run(folder, {}, "tests.worker.wrong_adapters", *MISTAKES)


@pytest.mark.parametrize("case", CASES)
def test_adapters_train_the_same_network(case: str, observed: Observed) -> None:
    """Logits, gradients, steps of the declared Adam and an epoch are the reference's, on the workload's network and an
    odd one.
    """
    report = observed.report("Adapter", case, Forms.declared(observed.facts["forms"]))
    assert report.passed, "\n".join(report.differences)


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


def test_dropout_has_the_rate_and_the_scale_that_were_asked_for(observed: Observed) -> None:
    """At a rate of 0.2, of which the reverse and a missing scale differ; the share within four standard deviations."""
    found = observed.facts["dropout"]
    deviation = (0.2 * 0.8 / found["active units"]) ** 0.5
    assert found["active units"] > 200
    assert abs(found["share dropped"] - 0.2) < 4 * deviation
    assert found["error of the gradient"] < 1e-4


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

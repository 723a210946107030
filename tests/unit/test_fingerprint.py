"""What tells two trainings apart: real numbers of the reference, trained rightly and wrongly."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.measuring.arm_process import ArmProcess
from fixtures.measuring.fingerprint import Fingerprint
from fixtures.workers import messages
from fixtures.workers.session import Session
from models.registry import FRAMEWORKS
from models.spec import Adam
from models.weights import epoch_order, initial_weights
from tests.stand_in_worker import ARM, SPEC, WORKLOAD, ReferenceAdapter, Stage, small_setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.contract import Adapter, Weights

SEEDS = st.integers(0, 10_000)
BATCHES = (0, 1, 2, 3)


def trained(
    seed: int = 42,
    *,
    rate: float = 1.0,
    batches: Sequence[int] = BATCHES,
    rounding: float = 0.0,
    without: str = "",
) -> Fingerprint:
    """The fingerprint of four steps, on batches of pictures that come in this order.

    Args:
        seed: of the initial weights.
        rate: by which the learning rate is multiplied.
        batches: which ones.
        rounding: relative size of random changes to every pixel, as another order of summing would make them.
        without: an array of weights that the program does not have.
    """
    generator = np.random.default_rng(1)
    images, labels = generator.random((64, 8, 8, 1), dtype=np.float32), generator.integers(0, 4, 64)
    noise = np.random.default_rng(2)
    weights = initial_weights(SPEC, seed)
    session, adapter = Session(), ReferenceAdapter(SPEC.with_optimizer(Adam(1e-3 * rate)), weights, "cpu", "float32", 0)
    losses = []
    for batch in batches:
        pictures = images[16 * batch : 16 * batch + 16].astype(np.float64)
        pictures *= 1.0 + rounding * noise.standard_normal(pictures.shape)
        losses.append(adapter.training_step((pictures, labels[16 * batch : 16 * batch + 16])))  # type: ignore[arg-type]
    found = {name: array for name, array in adapter.weights().items() if name != without}
    adapter.weights = lambda: found  # type: ignore[method-assign]
    session._adapter, session._weights = cast("Adapter", adapter), weights
    taken = session.take_fingerprint(messages.TakeFingerprint())
    return Fingerprint((losses[0], losses[-1]), taken.sizes, taken.projections)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_the_same_training_agrees_within_rounding(seed: int) -> None:
    """To the last bit, and with pixels that are off by as much as float32 rounds."""
    proven = trained(seed)
    assert proven.agrees_with(trained(seed))
    assert proven.agrees_with(trained(seed, rounding=1e-7))
    assert trained(seed, rounding=1e-7).agrees_with(proven)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_another_training_does_not(seed: int) -> None:
    """Other weights, another learning rate, other data, another order of the same data, more steps."""
    proven = trained(seed)
    others = {
        "seed": trained(seed + 1),
        "rate": trained(seed, rate=1.5),
        "other batch": trained(seed, batches=(0, 1, 0, 3)),
        "swapped batches": trained(seed, batches=(0, 2, 1, 3)),
        "one step more": trained(seed, batches=(0, 1, 2, 2, 3)),
    }
    assert [what for what, other in others.items() if proven.agrees_with(other) or other.agrees_with(proven)] == []


def test_a_rate_that_is_off_by_a_tenth_is_told() -> None:
    """The losses of so few steps would hardly show it; the size of what has changed does."""
    proven, other = trained(), trained(rate=1.1)
    assert not proven.agrees_with(other)
    assert not replace(other, losses=proven.losses).agrees_with(proven)


@pytest.mark.parametrize("name", SPEC.parameter_shapes())
def test_a_missing_array_is_told(name: str) -> None:
    """Whichever it is."""
    assert not trained().agrees_with(trained(without=name))
    assert not trained(without=name).agrees_with(trained())


@pytest.mark.parametrize("part", ["losses", "sizes", "projections"])
def test_each_part_alone_tells_a_difference(part: str) -> None:
    """The last number of it is off by a tenth, or is no number."""
    proven = trained()
    values = getattr(proven, part)
    for wrong in (1.1 * values[-1], math.nan, math.inf):
        assert not replace(proven, **{part: (*values[:-1], wrong)}).agrees_with(proven)


def test_an_array_that_hardly_changes_is_within_rounding_of_not_changing() -> None:
    """Its own size would else be the measure of what is only rounding; of the one that changes most it is nothing."""
    proven = Fingerprint((2.3, 2.1), (1e-3, 1e-9), (5e-4, 1e-9))
    assert proven.agrees_with(replace(proven, sizes=(1e-3, 3e-9), projections=(5e-4, -2e-9)))
    assert not proven.agrees_with(replace(proven, sizes=(1e-3, 1e-6)))


def test_nothing_agrees_with_nothing() -> None:
    """Weights that did not change at all are no reason to divide by zero."""
    still = Fingerprint((2.3, 2.3), (0.0, 0.0), (0.0, 0.0))
    assert still.agrees_with(still)
    assert not still.agrees_with(trained())


class Moved:
    """An adapter whose weights are as they are."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def weights(self) -> Weights:
        """These."""
        return self._weights


def fingerprint_of(before: Weights, after: Weights) -> messages.Fingerprinted:
    """What a session says of a model that was built with the one and has the other."""
    session = Session()
    session._adapter, session._weights = cast("Adapter", Moved(after)), before
    reply = session.answer(messages.TakeFingerprint())
    assert isinstance(reply, messages.Fingerprinted)
    return reply


def test_a_worker_says_how_far_each_array_has_moved_from_where_it_began() -> None:
    """The root mean square of the change; its projection is of the same size, and no larger than all of it."""
    before = {"kernel": np.full((3, 4), 5.0, np.float32), "bias": np.zeros(4, np.float32)}
    after = {"kernel": before["kernel"] + np.float32(0.5), "bias": np.array([0.0, 0.0, 0.0, -2.0], np.float32)}
    taken = fingerprint_of(before, after)
    assert taken.sizes == (0.5, 1.0)
    assert abs(taken.projections[0]) <= 0.5 * math.sqrt(12)
    assert abs(taken.projections[1]) == pytest.approx(1.0)
    assert taken == fingerprint_of(before, after)


def test_a_worker_tells_changes_of_the_same_size_apart() -> None:
    """What was added to one weight and taken from another shows in the projection alone."""
    before = {"kernel": np.zeros(64, np.float32)}
    changes = np.random.default_rng(3).standard_normal(64).astype(np.float32)
    one, other = fingerprint_of(before, {"kernel": changes}), fingerprint_of(before, {"kernel": changes[::-1].copy()})
    assert one.sizes == pytest.approx(other.sizes)
    assert one.projections != pytest.approx(other.projections, rel=0.05)


def test_weights_that_a_framework_drew_itself_count_from_zero() -> None:
    """A session that was given none knows none; another draw is then another fingerprint."""
    assert fingerprint_of({}, {"kernel": np.array([3.0, 4.0], np.float32)}).sizes == pytest.approx((math.sqrt(12.5),))


def test_no_fingerprint_is_taken_of_nothing() -> None:
    """There must be a model."""
    with pytest.raises(RuntimeError, match="no model is built yet"):
        Session().answer(messages.TakeFingerprint())


@pytest.mark.usefixtures("stage")
def test_a_process_is_told_by_its_first_and_its_fourth_loss(tmp_path: Path) -> None:
    """And by its weights after that: of the workload's own optimiser, weights and batches, as an epoch orders them."""
    setting = small_setting(tmp_path)
    process = ArmProcess(ARM, setting, "process-1", noise_control=True)
    process.launch()
    process.prepare()
    process.take_first_step()
    found = process.fingerprint()

    weights = initial_weights(SPEC, WORKLOAD.seed)
    adapter = ReferenceAdapter(SPEC, weights, "cpu", "float32", 0)
    order = epoch_order(88, WORKLOAD.seed, 0)
    images, labels = setting.dataset.load("x_train"), setting.dataset.load("y_train")
    losses = [
        adapter.training_step((images[order[start : start + 16]], labels[order[start : start + 16]]))
        for start in (0, 16, 32, 48)
    ]
    assert found.losses == pytest.approx((losses[0], losses[3]))
    changed = [np.sqrt(np.mean((array - weights[name]) ** 2)) for name, array in adapter.weights().items()]
    assert found.sizes == pytest.approx(changed, rel=1e-4)


@pytest.mark.parametrize(("folder", "elsewhere"), [("plain", False), ("with a space", True), ("with'quote", True)])
def test_compilers_get_a_temporary_folder_that_they_understand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, *, elsewhere: bool
) -> None:
    """Wherever the checkout lies; it is gone with the process."""
    (tmp_path / folder).mkdir()
    stage, setting = Stage(), small_setting(tmp_path / folder)
    commands: list[str] = []

    def worker(name: str, command: str, directory: Path) -> object:
        commands.append(command)
        return stage.worker(name, command, directory)

    monkeypatch.setattr("fixtures.measuring.arm_process.Worker", worker)
    process = ArmProcess(ARM, setting, "process-1", noise_control=True)
    process.launch()
    variables = dict(word.split("=", 1) for word in shlex.split(commands[0]) if "=" in word)
    temporary = Path(variables["TMPDIR"])
    assert temporary.is_dir()
    assert (tmp_path / folder not in temporary.parents) is elsewhere
    process.close()
    assert temporary.exists() is not elsewhere


@pytest.mark.parametrize(("framework", "shared"), [("pytorch-compile", True), ("pytorch", False)])
def test_warm_processes_of_an_arm_share_what_was_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, framework: str, *, shared: bool
) -> None:
    """Where no first step is read, compiling for twenty seconds would only make blocks long; cold ones find nothing."""
    setting, commands = small_setting(tmp_path), []

    def worker(name: str, command: str, directory: Path) -> object:
        commands.append(command)
        return Stage().worker(name, command, directory)

    monkeypatch.setattr("fixtures.measuring.arm_process.Worker", worker)
    arm = replace(ARM, framework=FRAMEWORKS[framework])
    for number, (which, cold) in enumerate(
        [(arm, False), (arm, False), (replace(arm, tag="other"), False), (arm, True)]
    ):
        ArmProcess(which, setting, f"process-{number}", noise_control=True, cold=cold).launch()
    folders = [re.search(r"TORCHINDUCTOR_CACHE_DIR=(\S+)", command) for command in commands]
    found = [each and each[1] for each in folders]
    assert (found[0] is not None) is shared
    assert found[0] == found[1]
    assert not shared or found[2] not in (None, found[0])
    assert found[3] is None

"""Who proves that it trains the same, who is only held against that proof, and what happens to who does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Copied, Current
from fixtures.measuring.arm_process import ArmProcess, ParityError
from fixtures.measuring.progress import Progress
from fixtures.measuring.proof import FEW_MODULES, Proofs
from fixtures.plugin.display import PlainDisplay
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from tests.stand_in_worker import ARM, WORKLOAD, Stage, small_setting

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.measuring.setting import Setting

OTHER = Arm(WORKLOAD, FRAMEWORKS["tensorflow"], "cpu")
ELSEWHERE = replace(ARM, source=Copied(), tag="identical copy")


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    """That these arms share."""
    return small_setting(tmp_path, Current(), Copied())


@pytest.fixture
def told() -> list[str]:
    """What a user is told."""
    return []


@pytest.fixture
def proofs(setting: Setting, told: list[str]) -> Proofs:
    """None yet."""
    return Proofs(setting, Progress(PlainDisplay(told.append)))


def started(arm: Arm, setting: Setting, label: str = "process-1", seed: int | None = None) -> ArmProcess:
    """A process that has taken its first step, from the weights of a seed."""
    process = ArmProcess(arm, setting, label, noise_control=True)
    process.launch()
    process.prepare()
    if seed is not None:
        process.build(seed)
    process.take_first_step()
    return process


def is_proven(process: ArmProcess) -> bool:
    """Whether its readings count."""
    assert process.readings is not None
    return process.readings.proven


def test_each_arm_is_proven_once_in_a_process_of_its_own(proofs: Proofs, stage: Stage) -> None:
    """The report, the fingerprint and the version are kept; the process is ended."""
    proofs.prove([ARM, OTHER])
    proofs.prove([OTHER, ARM])
    assert sorted(stage.proven()) == sorted(stage.closed) == [f"{ARM.identifier} proof", f"{OTHER.identifier} proof"]
    for arm in (ARM, OTHER):
        proof = proofs.of(arm)
        assert proof is not None
        assert proof.report is not None
        assert proof.report.passed
        assert proof.version == "1.0"
        assert len(proof.fingerprint.sizes) == len(WORKLOAD.spec.parameter_shapes())
        assert proofs.failure(arm) is None


def test_parity_is_proven_before_anything_is_trained(proofs: Proofs, stage: Stage) -> None:
    """What trains something else never comes to its first step."""
    proofs.prove([ARM])
    assert [kind for _, kind in stage.asked] == [
        "ImportFramework",
        "ObserveParity",
        "OpenData",
        "BuildModel",
        "TrainSteps",
        "TrainSteps",
        "TakeFingerprint",
    ]


def test_copies_and_handicaps_of_a_program_share_one_proof(proofs: Proofs, stage: Stage) -> None:
    """They train the same: planted work changes no number, and a tag is but a name."""
    copies = [ARM, replace(ARM, tag="copy"), replace(ARM, tag="slower", handicap=0.03)]
    proofs.prove(copies)
    proofs.prove(reversed(copies))
    assert len(stage.proven()) == 1
    assert proofs.of(copies[0]) is proofs.of(copies[1]) is proofs.of(copies[2]) is not None


@pytest.mark.parametrize(
    "other", [ELSEWHERE, OTHER, replace(ARM, defaults="native")], ids=["environment", "framework", "defaults"]
)
def test_another_program_has_a_proof_of_its_own(proofs: Proofs, stage: Stage, setting: Setting, other: Arm) -> None:
    """The same packages built once more may still be others; and so for whatever else an arm is made of."""
    del setting
    proofs.prove([ARM])
    assert proofs.of(other) is None
    stage.raises[f"{other.identifier} proof", "ImportFramework"] = WorkerError("not here", "died")
    proofs.prove([ARM, other])
    failure = proofs.failure(other)
    assert failure is not None
    assert failure.cause == "not here"
    assert proofs.failure(ARM) is None
    assert proofs.of(ARM) is not None


def test_what_is_proven_of_a_network_holds_for_every_batch_size(proofs: Proofs, stage: Stage, setting: Setting) -> None:
    """A parity case has a batch size of its own, so a curve would only repeat it; first steps are each one's own."""
    proofs.prove([ARM])
    sized = replace(WORKLOAD, batch_size=2 * WORKLOAD.batch_size, identifier=f"{WORKLOAD.identifier}-batch2")
    further = Proofs(replace(setting, workload=sized), proofs.progress)
    arm, other = replace(ARM, workload=sized), replace(OTHER, workload=sized)
    further.prove([arm, other])
    assert stage.proven() == [f"{ARM.identifier} proof", f"{other.identifier} proof"]
    first, second = proofs.of(ARM), further.of(arm)
    assert first is not None
    assert second is not None
    assert first.report is second.report
    assert first.fingerprint != second.fingerprint


def test_who_failed_in_one_batch_size_is_asked_again(proofs: Proofs, stage: Stage, setting: Setting) -> None:
    """Only what passed is kept."""
    stage.rates["tensorflow"] = 1.5
    proofs.prove([OTHER])
    sized = replace(WORKLOAD, batch_size=2 * WORKLOAD.batch_size, identifier=f"{WORKLOAD.identifier}-batch2")
    further = Proofs(replace(setting, workload=sized), proofs.progress)
    further.prove([replace(OTHER, workload=sized)])
    assert isinstance(further.failure(replace(OTHER, workload=sized)), ParityError)


def test_who_trains_something_else_loses_itself_alone(proofs: Proofs, stage: Stage) -> None:
    """It is not asked again; what differs is named by layer."""
    stage.rates["tensorflow"] = 1.5
    proofs.prove([ARM, OTHER])
    assert proofs.of(ARM) is not None
    assert proofs.of(OTHER) is None
    error = proofs.failure(OTHER)
    assert isinstance(error, ParityError)
    assert "parity failed: adam_1: " in error.cause
    assert "dense_2/kernel" in error.detail
    proofs.prove([ARM, OTHER])
    assert len(stage.proven()) == 2


@pytest.mark.parametrize("kind", ["ImportFramework", "ObserveParity", "BuildModel", "TrainSteps", "TakeFingerprint"])
@pytest.mark.parametrize("error", [WorkerError("it died", "died"), OSError("full"), ValueError("no")], ids=repr)
def test_whatever_fails_costs_the_arm_its_proof(proofs: Proofs, stage: Stage, kind: str, error: Exception) -> None:
    """Also what comes after parity: without a fingerprint there is nothing to hold later processes against."""
    stage.raises["tensorflow", kind] = error
    proofs.prove([ARM, OTHER])
    assert proofs.of(ARM) is not None
    assert proofs.of(OTHER) is None
    assert proofs.failure(OTHER) is not None


def test_a_process_with_the_same_first_steps_is_asked_for_nothing_more(
    proofs: Proofs, stage: Stage, setting: Setting, told: list[str]
) -> None:
    """It counts as proven, without seconds of parity in every block."""
    proofs.prove([ARM])
    process = started(ARM, setting)
    assert not is_proven(process)
    proofs.check(process, process.fingerprint())
    assert is_proven(process)
    assert stage.proven() == [f"{ARM.identifier} proof"]
    assert told == []


def test_a_process_with_other_first_steps_is_proven_in_full(
    proofs: Proofs, stage: Stage, setting: Setting, told: list[str]
) -> None:
    """Every such process; of each arm that is said once. Who began elsewhere and trains the same is proven again."""
    proofs.prove([ARM, OTHER])
    for label in ("process-1", "process-2"):
        for arm in (ARM, OTHER):
            process = started(arm, setting, label, seed=7)
            proofs.check(process, process.fingerprint())
            assert is_proven(process)
    assert stage.proven()[2:] == [
        f"{arm.identifier} {label}" for label in ("process-1", "process-2") for arm in (ARM, OTHER)
    ]
    assert [line.partition(":")[0] for line in told] == [ARM.identifier, OTHER.identifier]
    assert all("its first steps are not those of its proven process" in line for line in told)


def test_a_process_that_trains_something_else_never_counts(proofs: Proofs, stage: Stage, setting: Setting) -> None:
    """Its arm was proven; it itself is not: its worker has another learning rate."""
    proofs.prove([ARM])
    stage.rates["process-2"] = 1.5
    process = started(ARM, setting, "process-2")
    fingerprint = process.fingerprint()
    with pytest.raises(ParityError, match=r"process-2: parity failed: adam_1"):
        proofs.check(process, fingerprint)
    assert not is_proven(process)


def test_a_process_of_an_arm_without_proof_proves_itself(proofs: Proofs, stage: Stage, setting: Setting) -> None:
    """For lack of anything to hold it against."""
    process = started(ARM, setting)
    proofs.check(process, process.fingerprint())
    assert is_proven(process)
    assert stage.proven() == [process.name]


def test_an_interruption_ends_the_processes_and_is_no_failure(proofs: Proofs, stage: Stage) -> None:
    """Nobody who was not finished is proven, and all of them can be later."""
    stage.raises["tensorflow", "ObserveParity"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        proofs.prove([ARM, OTHER])
    assert {f"{ARM.identifier} proof", f"{OTHER.identifier} proof"} <= set(stage.closed)
    assert proofs.of(OTHER) is None
    assert proofs.failure(ARM) is proofs.failure(OTHER) is None
    stage.raises.clear()
    proofs.prove([ARM, OTHER])
    assert proofs.of(ARM) is not None
    assert proofs.of(OTHER) is not None


@pytest.mark.parametrize(("uncompiled", "warned"), [(FEW_MODULES, False), (FEW_MODULES + 1, True)])
def test_bytecode_that_cannot_be_kept_is_said(
    proofs: Proofs, stage: Stage, told: list[str], *, uncompiled: int, warned: bool
) -> None:
    """A few modules are nobody's fault, and not kept."""
    stage.uncompiled = uncompiled
    proofs.prove([ARM])
    warnings = [line for line in told if f"cannot keep the bytecode of {uncompiled} modules" in line]
    assert len(warnings) == warned
    proof = proofs.of(ARM)
    assert proof is not None
    assert proof.uncompiled == (uncompiled if warned else 0)

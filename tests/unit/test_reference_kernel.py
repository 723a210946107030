"""The reference kernel: what it is, what a block keeps of it, and what its failure costs."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.launch import LaunchSettings, cores_for
from fixtures.judging.measures import Measure
from fixtures.measuring import kernel_process
from fixtures.measuring.disturbance import Disturbance
from fixtures.measuring.kernel_process import KernelProcess
from fixtures.measuring.progress import Progress
from fixtures.measuring.readings import ArmReadings, Burst, KernelSeconds, ProcessReadings
from fixtures.plugin.display import PlainDisplay
from fixtures.plugin.recording import reference
from fixtures.workers import messages
from fixtures.workers.parent import WorkerError
from fixtures.workers.reference_kernel import VERSION, ReferenceKernel
from fixtures.workers.session import Session
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.measuring.setting import Setting
    from models.contract import Device

TIMED = messages.ReferenceKernelTimed(product_seconds=0.004, copy_seconds=0.001)
moved: list[tuple[int, tuple[int, ...]]] = []


class Process:
    """Stands for the kernel's worker: answers until it has been timed so often."""

    lives_for = math.inf
    fails_to_prepare = False
    pid = 7

    def __init__(self, name: str, command: str, _directory: Path) -> None:
        self.name, self.command = name, command
        self.timed = 0

    def ask(self, request: messages.Request[Any], _timeout: float) -> messages.Reply:
        """Answer, or be dead."""
        if isinstance(request, messages.PrepareReferenceKernel):
            if self.fails_to_prepare:
                raise ValueError("no memory for it")
            return messages.ReferenceKernelReady("version 1")
        self.timed += 1
        if self.timed > self.lives_for:
            raise WorkerError("it died", "died")
        return TIMED

    def close(self) -> None:
        """End."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a user is told; no kernel of a test that asks for this starts a real process."""
    moved.clear()
    monkeypatch.setattr(kernel_process, "Worker", Process)
    monkeypatch.setattr(kernel_process, "move", lambda pid, cores: moved.append((pid, cores)))
    monkeypatch.setattr(Process, "lives_for", math.inf)
    monkeypatch.setattr(Process, "fails_to_prepare", False)
    return []


def kernel(told: list[str], folder: Path) -> KernelProcess:
    """A kernel with one thread."""
    setting = SimpleNamespace(launch=LaunchSettings(1), run_directory=folder)
    return KernelProcess(cast("Setting", setting), "process-1", Progress(PlainDisplay(told.append)))


USUAL = KernelSeconds(mean=math.sqrt(0.004 * 0.001), product=0.004, copy=0.001)


def test_a_reading_is_the_geometric_mean_of_product_and_copy(told: list[str], tmp_path: Path) -> None:
    """Kept by measure, with both parts; what was not timed is not there. The process is launched as an arm's is."""
    process = kernel(told, tmp_path)
    process.start()
    process.time(Measure.STEP)
    process.time(Measure.FIRST_STEP)
    assert process.median_seconds() == {Measure.STEP: USUAL, Measure.FIRST_STEP: USUAL}
    assert process.identity == "version 1"
    command = cast("Process", process._worker).command
    assert {"OPENBLAS_NUM_THREADS=1", "OPENBLAS_THREAD_TIMEOUT=20"} <= set(command.split())
    assert moved == [(Process.pid, cores_for(1))]
    process.close()
    assert process.pid == 0
    assert set(process.median_seconds()) == {Measure.STEP, Measure.FIRST_STEP}
    assert told == []


def test_a_kernel_that_dies_says_so_once_and_keeps_what_was_complete(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a measure is not beside all of it. Nothing is raised, and the kernel is asked no more."""
    monkeypatch.setattr(Process, "lives_for", 8)
    process = kernel(told, tmp_path)
    process.start()
    process.time(Measure.FIRST_STEP)
    for _ in range(5):
        process.time(Measure.STEP)
    assert process.median_seconds() == {Measure.FIRST_STEP: USUAL}
    (said,) = told
    assert said.startswith("it died. What had not been measured by then cannot be normalised")


def test_a_kernel_that_does_not_start_leaves_no_readings(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason."""
    monkeypatch.setattr(Process, "fails_to_prepare", True)
    process = kernel(told, tmp_path)
    process.start()
    process.time(Measure.STEP)
    assert process.median_seconds() == {}
    assert process.identity == ""
    assert len(told) == 1
    assert "no memory for it" in told[0]


def test_a_session_times_the_kernel_that_it_prepared() -> None:
    """And says what its times depend on; before that, asking is an error."""
    session = Session()
    with pytest.raises(RuntimeError, match="no reference kernel is prepared"):
        session.answer(messages.TimeReferenceKernel())
    ready = session.answer(messages.PrepareReferenceKernel(1))
    assert isinstance(ready, messages.ReferenceKernelReady)
    assert ready.identity.startswith(f"version {VERSION}, threads 1, NumPy {np.__version__}, ")
    timed = session.answer(messages.TimeReferenceKernel())
    assert isinstance(timed, messages.ReferenceKernelTimed)
    assert min(timed.product_seconds, timed.copy_seconds) > 0


def test_kernels_with_different_numbers_of_threads_have_different_identities() -> None:
    """Their times cannot be compared."""
    assert ReferenceKernel(1).identity != ReferenceKernel(2).identity
    with pytest.raises(ValueError, match="at least 1 thread, not 0"):
        ReferenceKernel(0)


def test_the_numbers_stay_what_they_are_however_often_the_kernel_is_timed() -> None:
    """Numbers that grew or vanished would take a processor another time."""
    kernel = ReferenceKernel(3)
    for _ in range(3):
        kernel.product_seconds()
        kernel.copy_seconds()
    assert np.all(kernel._factor == 0.5)
    assert np.array_equal(kernel._target, kernel._source)


def process(step: float | None, beside: dict[Measure, float]) -> ProcessReadings:
    """One process, with bursts or without."""
    bursts = [] if step is None else [Burst(1, step, Disturbance(1.0, 0.0, 0.0))]
    kernel_seconds = {measure: seconds_of(mean) for measure, mean in beside.items()}
    return ProcessReadings(1.0, 1.0, 3.0, bursts=bursts, reference_seconds=kernel_seconds)


def seconds_of(mean: float) -> KernelSeconds:
    """A kernel whose product takes twice as long as the mean."""
    return KernelSeconds(mean, 2 * mean, mean / 2)


def readings(*processes: ProcessReadings, device: Device = "cpu") -> ArmReadings:
    """Of one arm with a kernel."""
    arm = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], device)
    return ArmReadings(arm, reference_kernel="version 1", processes=list(processes))


def test_reference_seconds_stand_beside_the_readings() -> None:
    """A process without a reading of the measure has none of the kernel's either."""
    beside = {Measure.STEP: 0.002, Measure.FIRST_STEP: 0.003}
    known = readings(process(0.1, beside), process(None, beside), process(0.2, {**beside, Measure.STEP: 0.004}))
    assert known.step_medians() == [0.1, 0.2]
    assert known.reference_seconds(Measure.FIRST_STEP) == [seconds_of(0.003)] * 3
    assert known.reference_seconds(Measure.EPOCH) == []
    assert reference(Measure.STEP, known) == {
        "reference_seconds": [0.002, 0.004],
        "reference_product_seconds": [0.004, 0.008],
        "reference_copy_seconds": [0.001, 0.002],
        "reference_kernel": "version 1",
    }


def test_one_process_without_the_kernel_leaves_the_fields_empty() -> None:
    """As many as readings, or none: there is no telling which is whose otherwise."""
    known = readings(process(0.1, {Measure.STEP: 0.002}), process(0.2, {}))
    assert reference(Measure.STEP, known)["reference_seconds"] == []
    assert reference(Measure.STEP, known)["reference_kernel"] == ""


@pytest.mark.parametrize(("measure", "expected"), [(Measure.STEP, []), (Measure.FIRST_STEP, [0.003])])
def test_a_step_on_a_gpu_has_no_reference(measure: Measure, expected: list[float]) -> None:
    """The kernel works on the processor, which starts frameworks, but does not take their steps."""
    known = readings(process(0.1, {Measure.STEP: 0.002, Measure.FIRST_STEP: 0.003}), device="cuda")
    assert reference(measure, known)["reference_seconds"] == expected

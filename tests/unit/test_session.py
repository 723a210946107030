"""A session's course, with stand-ins for its questions, its blocks and its clock: proof, budget, looks, Ctrl-C."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.measuring.progress import Progress
from fixtures.measuring.readings import BlockReadings
from fixtures.measuring.requests import BlockRequest
from fixtures.sessions.budget import Budget, Ledger
from fixtures.sessions.session import Session
from fixtures.workers.parent import WorkerError
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS
from tests.scripted_runner import BLOCK_SECONDS, PROOF_SECONDS, Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from fixtures.measuring.block_runner import BlockRunner
    from fixtures.measuring.proof import ProofTable

ONE, OTHER = (Arm(WORKLOADS["digits"], FRAMEWORKS[name], "cpu") for name in ("pytorch", "jax"))
STEPS, MEMORY, TRAINING = (
    BlockRequest((ONE, OTHER), frozenset({measure})) for measure in (Measure.STEP, Measure.MEMORY, Measure.ACCURACY)
)
DIED = WorkerError("jax-cpu proof: the worker died", "died")
ALPHA = 0.01


class Asked:
    """Stands for what is asked: these rounds, one after another.

    Args:
        rounds: of requests.
    """

    def __init__(self, *rounds: Sequence[BlockRequest]) -> None:
        self.waiting = list(rounds)
        self.unproven: list[Arm] = []
        self.taken: list[tuple[BlockRequest, BlockReadings, Mapping[Arm, WorkerError]]] = []
        self.looks: list[float] = []
        self.last_looks: list[float] = []

    def arms(self) -> list[Arm]:
        """All of them."""
        return list(dict.fromkeys(arm for each in self.waiting for request in each for arm in request.arms))

    def prove(self, proofs: Mapping[str, ProofTable]) -> None:
        """Note who has no proof."""
        self.unproven = [arm for arm in self.arms() if proofs[arm.group].of(arm) is None]

    def round(self) -> Sequence[BlockRequest]:
        """The next."""
        return self.waiting.pop(0) if self.waiting else []

    def take(self, request: BlockRequest, block: BlockReadings, failures: Mapping[Arm, WorkerError]) -> None:
        """Note it."""
        self.taken.append((request, block, failures))

    def look(self, level: float) -> None:
        """Note it."""
        self.looks.append(level)

    def last_look(self, level: float) -> None:
        """Note it."""
        self.last_looks.append(level)

    def share(self) -> float:
        """Nobody knows."""
        return 0.0

    def state(self) -> str:
        """Of the rounds."""
        return f"{len(self.waiting)} rounds to go"


def run(script: Script, asked: Asked, seconds: float | None = None, **budget: Any) -> Session:
    """A session that has ended."""
    return script.session(asked, Budget(seconds, ALPHA, **budget))


def test_all_are_proven_before_the_budget_begins() -> None:
    """What happens once in a run is no part of the measuring."""
    script, asked = Script(), Asked([STEPS], [STEPS])
    session = run(script, asked, 100.0)
    assert script.proven == [ONE, OTHER]
    assert script.begun_at == [PROOF_SECONDS, PROOF_SECONDS + BLOCK_SECONDS]
    assert session.elapsed_seconds == 2 * BLOCK_SECONDS
    assert script.phases[0][0].startswith("proving that 2 arms train ")


def test_who_cannot_be_proven_is_told_and_the_rest_goes_on() -> None:
    """One line for a cause, however many arms it concerns; what it means for the questions is theirs to say."""
    script, asked = Script(unproven={OTHER: DIED, replace(OTHER, tag="copy"): DIED}), Asked([STEPS])
    run(script, asked)
    assert script.notes == ["FAILED jax-cpu proof: the worker died"]
    assert asked.unproven == [OTHER]
    assert script.requests == [STEPS]


def test_arms_of_several_groups_are_measured_by_runners_of_their_own() -> None:
    """Each proves its arms and runs their blocks."""
    on_gpu = BlockRequest((replace(ONE, device="cuda"), replace(OTHER, device="cuda")), frozenset({Measure.STEP}))
    cpu, gpu, asked = Script(), Script(), Asked([STEPS, on_gpu])
    session = Session(asked, {"digits-cpu": cpu, "digits-cuda": gpu}, Ledger(Budget(None, ALPHA)), Progress(cpu))  # type: ignore[dict-item]
    session.run()
    assert (cpu.proven, gpu.proven) == ([ONE, OTHER], list(on_gpu.arms))
    assert (cpu.requests, gpu.requests) == ([STEPS], [on_gpu])


def test_a_budget_is_kept_within_a_round_too() -> None:
    """The time is looked at before each block, also in the first round."""
    script, asked = Script(), Asked([STEPS, MEMORY, STEPS])
    run(script, asked, 25.0)
    assert script.kinds() == ["steps", "memory"]
    assert asked.last_looks == [pytest.approx(ALPHA)]


def test_what_is_required_is_measured_whatever_the_budget_says() -> None:
    """The rest of the round is not, and a later round's required blocks come too."""
    must = replace(TRAINING, required=True)
    script, asked = Script(), Asked([replace(STEPS, required=True), MEMORY, must], [STEPS, must], [STEPS, must])
    run(script, asked, 15.0)
    assert script.kinds() == ["steps", "training", "training", "training"]


def test_time_that_is_up_ends_a_session() -> None:
    """Rounds that are all too late are asked for once, not for ever."""
    script, asked = Script(), Asked(*[[STEPS]] * 10)
    run(script, asked, 35.0)
    assert script.kinds() == ["steps"] * 3
    assert len(asked.waiting) == 6


@pytest.mark.parametrize(("exempt", "steps"), [(True, 4), (False, 1)])
def test_trainings_are_no_part_of_the_budget_where_it_says_so(*, exempt: bool, steps: int) -> None:
    """They take as long as a workload has epochs; the user's own budget is of everything."""
    script = Script(seconds=lambda request: 100.0 if request.kind == "training" else BLOCK_SECONDS)
    asked = Asked([STEPS, replace(TRAINING, required=True)], *[[STEPS]] * 10)
    session = run(script, asked, 40.0, trainings_exempt=exempt)
    assert script.kinds().count("steps") == steps
    assert session.elapsed_seconds == steps * BLOCK_SECONDS + (0.0 if exempt else 100.0)


def test_a_long_first_block_does_not_end_a_session_of_short_ones() -> None:
    """The first one times whole epochs, those after it do not: each is expected to last as long as its like."""
    script = Script(seconds=lambda request: 60.0 if request.whole else BLOCK_SECONDS)
    asked = Asked([replace(STEPS, whole=True)], [replace(STEPS, required=True)], *[[STEPS]] * 10)
    run(script, asked, 120.0)
    assert len(script.requests) == 7


def test_looks_and_the_last_one_spend_exactly_what_they_may() -> None:
    """The first after as many rounds as the budget says; the last one gets what is left, whatever ended the session."""
    asked = Asked(*[[STEPS]] * 20)
    run(Script(), asked, 200.0, first_look=3, late=3.0)
    assert asked.looks[0] == pytest.approx(ALPHA * (3 / 20) ** 3)
    assert asked.looks == sorted(asked.looks)
    assert sum(asked.looks) + sum(asked.last_looks) == pytest.approx(ALPHA)
    assert len(asked.last_looks) == 1
    assert asked.last_looks[0] > ALPHA / 2


def test_a_round_that_was_not_finished_gets_no_look() -> None:
    """Only the last one, which comes anyway."""
    asked = Asked(*[[STEPS, MEMORY]] * 4)
    run(Script(), asked, 75.0, first_look=4)
    assert asked.looks == []
    assert asked.last_looks == [pytest.approx(ALPHA)]


def test_what_is_answered_ends_a_session_before_its_time() -> None:
    """Nothing is measured for nobody."""
    script, asked = Script(), Asked([STEPS])
    session = run(script, asked, 3600.0)
    assert len(asked.taken) == 1
    assert not session.interrupted
    assert asked.last_looks == [pytest.approx(ALPHA)]


def interrupts(_: Script, __: BlockRequest, number: int) -> None:
    """Ctrl-C in the third block."""
    if number == 2:
        raise KeyboardInterrupt


def test_an_interruption_keeps_what_was_read() -> None:
    """Of the block that was cut short too; all error that is left is spent on it."""
    script, asked = Script(happens=interrupts), Asked(*[[STEPS]] * 9)
    session = run(script, asked, 1000.0, first_look=4)
    assert session.interrupted
    assert [block.complete for _, block, _ in asked.taken] == [True, True, False]
    assert asked.last_looks == [pytest.approx(ALPHA)]


@pytest.mark.parametrize("error", [pytest.fail.Exception("time is up"), RuntimeError("a bug"), SystemExit(3)], ids=repr)
def test_whatever_ends_it_from_outside_leaves_what_was_read(error: BaseException) -> None:
    """A time limit of a test, for example: it is interrupted, judged, and says what is to be raised again."""

    def ends(_: Script, __: BlockRequest, number: int) -> None:
        if number == 2:
            raise error

    asked = Asked(*[[STEPS]] * 9)
    session = run(Script(happens=ends), asked, 1000.0, first_look=4)
    assert (session.interrupted, session.ended_by) == (True, error)
    assert len(asked.taken) == 2
    assert asked.last_looks == [pytest.approx(ALPHA)]


def test_an_interruption_while_arms_are_proven_is_one() -> None:
    """Nothing is measured; no error."""

    class Impatient(Script):
        def prove(self, _: object) -> None:
            raise KeyboardInterrupt

    script, asked = Impatient(), Asked([STEPS])
    session = run(script, asked)
    assert session.interrupted
    assert asked.taken == []
    assert asked.last_looks == [pytest.approx(ALPHA)]


def test_a_worker_that_fails_is_told_and_the_rest_goes_on() -> None:
    """Whose it was is handed to the questions."""
    script, asked = Script(happens=lambda *_: {OTHER: DIED}), Asked([STEPS, MEMORY])
    run(script, asked)
    assert script.notes == ["FAILED jax-cpu proof: the worker died"] * 2
    assert [failures for _, _, failures in asked.taken] == [{OTHER: DIED}] * 2


def test_progress_tells_the_block_the_time_and_what_is_open() -> None:
    """One line for each block: who is measured, how much of the budget is used, what is decided."""
    script = Script(seconds=lambda _: 65.0)
    run(script, Asked([STEPS, MEMORY], [STEPS]), 200.0)
    assert script.phases[1:] == [
        ("0:00 of 3:20 | 1 rounds to go | digits-cpu, block 1: steps of pytorch, jax", 0.0),
        ("1:05 of 3:20 | 1 rounds to go | digits-cpu, block 2: memory of pytorch, jax", 0.325),
        ("2:10 of 3:20 | 0 rounds to go | digits-cpu, block 3: steps of pytorch, jax", 0.65),
    ]


def test_progress_of_a_session_without_an_end_tells_the_time_that_has_passed() -> None:
    """And claims no share of anything; one framework against itself is named once."""
    itself = BlockRequest((ONE, replace(ONE, tag="copy")), frozenset({Measure.STEP}))
    script = Script()
    run(script, Asked([itself], [itself]))
    assert script.phases[2] == ("0:10 passed | 0 rounds to go | digits-cpu, block 2: steps of pytorch", 0.0)


@pytest.mark.parametrize(
    ("seconds", "own", "expected"),
    [
        (30.0, False, ["--budget 30s is too short to be certain of anything: give --budget 2m, or fewer benchmarks"]),
        (80.0, False, []),
        (None, False, []),
        (30.0, True, []),
    ],
    ids=["short", "enough", "endless", "the-suites-own"],
)
def test_a_budget_that_cannot_suffice_is_said_to_be_so_at_once(
    seconds: float | None, expected: list[str], *, own: bool
) -> None:
    """After the first block; what the user did not choose needs no advice."""
    script = Script()
    run(script, Asked([STEPS, MEMORY], [STEPS, MEMORY]), seconds, trainings_exempt=own)
    told = [note.removeprefix("WARNING ") for note in script.notes]
    assert told == expected


@pytest.mark.parametrize(
    ("measures", "cold"),
    [
        ({Measure.STEP}, False),
        ({Measure.STEP, Measure.EPOCH}, False),
        ({Measure.STEP, Measure.FIRST_STEP}, True),
        ({Measure.MEMORY}, True),
        ({Measure.ACCURACY}, True),
    ],
)
def test_compiling_is_a_part_of_what_starts_cold(measures: set[Measure], cold: bool) -> None:  # noqa: FBT001
    """First steps, peak memory, and training to the final accuracy; steps and epochs are timed after it."""
    assert BlockRequest((ONE,), frozenset(measures)).cold is cold


def test_a_host_that_has_failed_is_not_asked_again_while_another_measures() -> None:
    """The other one still measures when it fails; nor does it tell how long a block takes."""
    failed = threading.Event()

    class Gone(Script):
        def run(self, request: BlockRequest) -> tuple[BlockReadings, dict[Arm, WorkerError]]:
            self.requests.append(request)
            failed.set()
            return BlockReadings(measures=request.measures), dict.fromkeys(request.arms, DIED)

    class Slow(Script):
        def run(self, request: BlockRequest) -> tuple[BlockReadings, dict[Arm, WorkerError]]:
            assert failed.wait(10)
            failed.clear()
            failed.wait(0.2)  # whoever asks the other host again does it now
            return super().run(request)

    requests = {
        host: replace(STEPS, arms=tuple(replace(arm, host=host) for arm in STEPS.arms)) for host in ("gone", "slow")
    }
    scripts = {"gone": Gone(), "slow": Slow()}
    runners = {requests[host].arms[0].group: cast("BlockRunner", script) for host, script in scripts.items()}
    asked, ledger = Asked(list(requests.values())), Ledger(Budget(600.0, ALPHA))
    Session(asked, runners, ledger, Progress(scripts["slow"]), lambda: scripts["slow"].now).run()
    assert [len(script.requests) for script in scripts.values()] == [1, 1]
    assert ledger.longest_block_seconds == BLOCK_SECONDS
    assert [bool(failures) for _request, _block, failures in asked.taken] == [True, False]

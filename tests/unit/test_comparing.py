"""Comparing two versions: what a block is worth, what may be spent, and what a user may say."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.comparing.comparer import seconds_needed
from fixtures.comparing.comparison import Comparison, ComparisonReadings, PairedBlock, Side
from fixtures.comparing.disturbed import why_void
from fixtures.comparing.options import DEFAULT_MARGINS, duration, parse, parse_margin
from fixtures.comparing.record import compared, rounds
from fixtures.comparing.spending import Budget, Ledger
from fixtures.disturbance import Disturbance
from fixtures.environments import Changed, Interpreter, Revision
from fixtures.gate.verdicts import Judgement, Margins, Verdict
from fixtures.measurement.arms import Arm, Measure
from fixtures.measurement.readings import Burst, Evaluation, MemoryReadings, ProcessReadings, Training
from fixtures.memory import MemoryTrace
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")
OTHER = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu", source=Changed(("torch==2.13.0",)), tag="torch==2.13.0")


def side(steps: Sequence[float], *, accuracy: float = 0.9, memory: int = 1000, stolen: float = 0.0) -> Side:
    """One side's readings; every burst is one step."""
    process = ProcessReadings(1.0, 1.0, first_step_seconds=0.5)
    process.bursts = [Burst(1, seconds, Disturbance(seconds, stolen * seconds, 0.0)) for seconds in steps]
    process.epoch_seconds = [seconds * 10 for seconds in steps]
    evaluation = Evaluation((0,), accuracy, 1.0)
    return Side(
        process,
        Training(42, (1.0,), (0.5,), (evaluation,), ("a",), (0,)),
        MemoryReadings(MemoryTrace((), {}), memory, None, 1.0, "default"),
    )


def readings(*blocks: PairedBlock) -> ComparisonReadings:
    """Of PyTorch against its older version."""
    return ComparisonReadings(Comparison(ARM, OTHER), schedule="duet", blocks=list(blocks))


def test_a_block_is_worth_its_log_ratios() -> None:
    """Ten per cent longer steps and epochs, twice the memory, two points of accuracy lost."""
    block = PairedBlock(side([1.1] * 4, accuracy=0.88, memory=2000), side([1.0] * 4))
    values = {measure: block.value(measure) for measure in Measure}
    assert values == {
        Measure.STEP: pytest.approx(math.log(1.1)),
        Measure.EPOCH: pytest.approx(math.log(1.1)),
        Measure.FIRST_STEP: 0.0,
        Measure.MEMORY: pytest.approx(math.log(2.0)),
        Measure.ACCURACY: pytest.approx(0.02),
    }


def test_what_was_not_measured_on_both_sides_has_no_value() -> None:
    """A worker that failed half-way leaves a block that counts for nothing."""
    block = PairedBlock(side([1.0] * 3), side([1.0] * 4))
    assert block.value(Measure.STEP) is None
    assert all(PairedBlock(side([1.0]), Side()).value(measure) is None for measure in Measure)


def test_void_blocks_are_counted_and_not_judged() -> None:
    """Only what the machine itself recorded voids a block, whatever its ratio."""
    quiet, disturbed = PairedBlock(side([1.0]), side([1.0])), PairedBlock(side([1.0], stolen=0.9), side([1.0]))
    far_off = PairedBlock(side([9.0]), side([1.0]))
    for block in (quiet, disturbed, far_off):
        block.disturbed = why_void(block)
    assert disturbed.disturbed == "the hypervisor withheld 90% of a core"
    assert readings(quiet, disturbed, far_off).values(Measure.STEP) == pytest.approx([0.0, math.log(9.0)])


def test_a_record_travels_as_json_and_keeps_every_block() -> None:
    """With raw readings of both sides, from which the verdict can be made again."""
    found = readings(PairedBlock(side([1.1, 1.1]), side([1.0, 1.0]), seconds=20.0))
    found.judgements[Measure.STEP] = Judgement(Verdict.INCONCLUSIVE, 0.095, -math.inf, math.inf, 1, math.inf, 4)
    record = json.loads(json.dumps(compared(found, Measure.STEP, Margins(0.02)), allow_nan=False))
    assert record["raw"][0]["candidate"] == [1.1, 1.1]
    assert record["raw"][0]["value"] == pytest.approx(math.log(1.1))
    assert record["lower"] is None
    assert record["seconds_needed"] == 60.0
    assert rounds(found, Measure.STEP) == [1.1, 1.1]


def test_a_decided_comparison_needs_no_more_time() -> None:
    """And one that no time would decide says so by None."""
    found = readings(PairedBlock(side([1.0]), side([1.0]), seconds=20.0))
    assert seconds_needed(found, Measure.STEP) is None


@given(st.floats(1, 3600), st.floats(0.5, 600), st.floats(0.001, 0.1))
def test_no_run_spends_more_than_its_budget(seconds: float, each: float, alpha: float) -> None:
    """Neither time, as long as rounds last as long as they did, nor probability."""
    ledger = Ledger(Budget(seconds, alpha))
    elapsed, spent = 0.0, 0.0
    while ledger.allows_another(elapsed) and ledger.rounds < 10_000:
        elapsed += each
        spent += ledger.round_passed(each) or 0.0
    assert elapsed <= max(seconds, each)
    assert spent + ledger.rest() == pytest.approx(alpha)


def test_a_run_until_decided_never_spends_all() -> None:
    """Something is left for every later look."""
    ledger = Ledger(Budget(None, 0.01))
    spent = sum(ledger.round_passed(10.0) or 0.0 for _ in range(5000))
    assert 0.008 < spent < 0.01
    assert ledger.allows_another(1e9)
    assert ledger.expected_rounds() is None


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0)])
def test_durations_have_a_unit(text: str, seconds: float) -> None:
    """Seconds, minutes, hours."""
    assert duration("--budget", text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "0s", "1d", "1e3s", "nan"])
def test_bad_durations_are_refused(text: str) -> None:
    """With an example of a good one."""
    with pytest.raises(pytest.UsageError, match="give a duration such as 90s, 10m"):
        duration("--budget", text)


def test_margins_are_per_cent_and_points() -> None:
    """Accuracy is counted in points: one per cent of 0.99 is not what anybody means."""
    assert parse_margin("step=3%") == (Measure.STEP, 0.03)
    assert parse_margin("accuracy=0.5pp") == (Measure.ACCURACY, 0.005)


@pytest.mark.parametrize(
    "text", ["step", "step=3", "step=0%", "step=-1%", "step=3pp", "accuracy=1%", "speed=3%", "=3%"]
)
def test_bad_margins_are_refused(text: str) -> None:
    """The message says what is wrong with it."""
    with pytest.raises(pytest.UsageError, match=r"--margin .*(must be one of|write)"):
        parse_margin(text)


def configured(tmp_path: Path, **given: object) -> pytest.Config:
    """A configuration with these options."""
    options: Mapping[str, Any] = {f"--{name.replace('_', '-')}": value for name, value in given.items()}
    directory = SimpleNamespace(dir=tmp_path)
    return cast("pytest.Config", SimpleNamespace(getoption=options.get, invocation_params=directory, rootpath=tmp_path))


def test_against_takes_requirements_a_file_an_interpreter_or_a_revision(tmp_path: Path) -> None:
    """Each is told from the others by what it looks like."""
    (tmp_path / "old.txt").write_text("torch==2.13.0  # before\n", encoding="utf-8")
    (tmp_path / "python").touch()
    given = ["torch==2.13.0 torchvision==0.28.0", "old.txt", "python", "git:main"]
    assert parse(configured(tmp_path, against=given)).sources == (
        Changed(("torch==2.13.0", "torchvision==0.28.0")),
        Changed(("torch==2.13.0",)),
        Interpreter(tmp_path / "python"),
        Revision(tmp_path, "main"),
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"against": ["no/such/python"]}, "there is no such file"),
        ({"against": ["--pre"]}, "is not a requirement"),
        ({"against": [""]}, "no requirement is given"),
        ({"until_decided": True, "budget": "10m"}, "exclude each other"),
    ],
    ids=["path", "option", "empty", "both"],
)
def test_what_cannot_be_compared_is_a_usage_error(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    """Before anything is built."""
    with pytest.raises(pytest.UsageError, match=message):
        parse(configured(tmp_path, **given))


def test_every_measure_has_a_margin_and_a_floor_below_it(tmp_path: Path) -> None:
    """And a user's margin replaces the default one."""
    margins = parse(configured(tmp_path, margin=["memory=20%"])).margins
    assert set(margins) == set(Measure) == set(DEFAULT_MARGINS)
    assert all(0 < one.floor < one.minimum_effect < one.margin for one in margins.values())
    assert margins[Measure.MEMORY].margin == pytest.approx(math.log(1.2))

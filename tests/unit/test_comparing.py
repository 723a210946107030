"""Comparing two versions: what a block is worth, what may be spent, and what a user may say."""

from __future__ import annotations

import json
import math
import mmap
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.comparing.advice import blocks_to_plan, seconds_needed
from fixtures.comparing.affected import affected, changed_packages, split_requirements
from fixtures.comparing.against import slugs
from fixtures.comparing.comparison import Comparison, ComparisonReadings, PairedBlock, Side
from fixtures.comparing.disturbed import why_void
from fixtures.comparing.options import duration, parse
from fixtures.comparing.plugin import exit_status
from fixtures.comparing.record import compared, rounds
from fixtures.comparing.spending import Budget, Ledger
from fixtures.disturbance import Disturbance
from fixtures.environments import Changed, Interpreter, Revision
from fixtures.gate.verdicts import Judgement, Margins, Verdict, blocks_needed
from fixtures.margins import DEFAULT_MARGINS, parse_margin
from fixtures.measurement.arms import Arm, Measure
from fixtures.measurement.readings import Burst, Evaluation, MemoryReadings, ProcessReadings, Training
from fixtures.memory import MemoryTrace
from fixtures.verdict_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from models.registry import DEFAULT_FRAMEWORKS, FRAMEWORKS, Framework
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")
OTHER = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu", source=Changed(("torch==2.13.0",)), tag="torch==2.13.0")


def side(steps: Sequence[float], *, accuracy: float = 0.9, memory: int = 1000, stolen: float = 0.0) -> Side:
    """One side's readings; every burst is one step."""
    process = ProcessReadings(1.0, 1.0, first_step_seconds=0.5)
    disturbances = [Disturbance(seconds, stolen * seconds, 0.0) for seconds in steps]
    process.bursts = [Burst(1, one.seconds, one) for one in disturbances]
    process.epoch_seconds = [seconds * 10 for seconds in steps]
    evaluation = Evaluation((0,), accuracy, 1.0)
    return Side(
        process,
        Training(42, (1.0,), (0.5,), (evaluation,), ("a",), (0,)),
        MemoryReadings(MemoryTrace((), {}), memory, None, 1.0, "default"),
        disturbances,
    )


def readings(*blocks: PairedBlock) -> ComparisonReadings:
    """Of PyTorch against its older version."""
    return ComparisonReadings(Comparison(ARM, OTHER), schedule="duet", blocks=list(blocks))


def test_where_a_device_counts_its_memory_that_is_judged() -> None:
    """The host's memory is twice the other's, the device's a half more: the device's is what is scarce."""
    candidate, baseline = side([1.0], memory=2000), side([1.0], memory=1000)
    assert candidate.memory is not None
    assert baseline.memory is not None
    candidate.memory = replace(candidate.memory, device_peak_bytes=300)
    baseline.memory = replace(baseline.memory, device_peak_bytes=200)
    assert PairedBlock(candidate, baseline).value(Measure.MEMORY) == pytest.approx(math.log(1.5))


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
    """Only what the machine itself recorded voids a block, whatever its ratio; and only times can be disturbed."""
    quiet, disturbed = PairedBlock(side([1.0]), side([1.0])), PairedBlock(side([1.0], stolen=0.9), side([1.0]))
    far_off = PairedBlock(side([9.0]), side([1.0]))
    for block in (quiet, disturbed, far_off):
        block.disturbed = why_void(block)
    assert disturbed.disturbed == "the hypervisor withheld 90% of a core"
    found = readings(quiet, disturbed, far_off)
    for measure in (Measure.STEP, Measure.EPOCH):
        assert found.values(measure) == pytest.approx([0.0, math.log(9.0)])
    assert [len(found.values(measure)) for measure in (Measure.MEMORY, Measure.ACCURACY)] == [3, 3]


def test_a_block_without_bursts_can_be_void() -> None:
    """What the machine recorded around its start and its epochs counts as well."""
    block = PairedBlock(side([], stolen=0.0), side([]))
    block.baseline.disturbances = [Disturbance(10.0, 0.0, 9.0)]
    assert why_void(block) == "other processes used 90% of a core"


def test_the_resolution_is_that_of_the_readings() -> None:
    """One test example, and one page of memory."""
    found = readings(PairedBlock(side([1.0], memory=2**20), side([1.0], memory=2**21)))
    assert found.resolution(Measure.ACCURACY) == 1.0
    assert found.resolution(Measure.MEMORY) == mmap.PAGESIZE / 2**20
    assert found.resolution(Measure.STEP) == 0.0


def test_a_record_travels_as_json_and_keeps_every_block() -> None:
    """With raw readings of both sides, from which the verdict can be made again."""
    found = readings(PairedBlock(side([1.1, 1.1]), side([1.0, 1.0]), seconds=20.0))
    found.judgements[Measure.STEP] = Judgement(Verdict.INCONCLUSIVE, 0.095, -math.inf, math.inf, 1, math.inf, 0.002)
    found.elapsed_seconds, found.round_seconds, found.family, found.alpha = 60.0, 25.0, 5, 0.01
    record = json.loads(json.dumps(compared(found, Measure.STEP, Margins(0.02)), allow_nan=False))
    assert record["raw"][0]["candidate"] == [1.1, 1.1]
    assert record["raw"][0]["value"] == pytest.approx(math.log(1.1))
    assert record["lower"] is None
    assert record["blocks_needed"] == 4
    assert record["budget_needed_seconds"] == 60.0 + 3 * 25.0
    assert (record["level"], record["family"], record["alpha"]) == (0.002, 5, 0.01)
    assert record["raw"][0]["complete"] is True
    assert record["raw"][0]["settled"] is False
    assert record["raw"][0]["disturbance_shares"] == {
        "steal_seconds": 0.0,
        "throttled_seconds": None,
        "throttled_gpu_seconds": None,
        "foreign_cpu_seconds": 0.0,
    }
    found.judgements[Measure.MEMORY] = found.judgements[Measure.STEP]
    block = compared(found, Measure.MEMORY, Margins(0.02))["raw"][0]
    assert (block["settled"], block["disturbance_shares"]) == (None, {})
    assert rounds(found, Measure.STEP) == [1.1, 1.1]


def test_a_decided_comparison_needs_no_more_time() -> None:
    """And one that no time would decide says so by None, too."""
    found = readings(PairedBlock(side([1.0]), side([1.0]), seconds=20.0))
    found.round_seconds = 20.0
    for verdict, estimate in ((Verdict.NO_REGRESSION, 0.0), (Verdict.INCONCLUSIVE, 0.02)):
        found.judgements[Measure.STEP] = Judgement(verdict, estimate, -0.1, 0.1, 8, 0.01, 0.002)
        assert seconds_needed(found, Measure.STEP, Margins(0.02, 0.02)) is None


def test_more_time_is_no_advice_on_a_machine_that_is_too_busy() -> None:
    """Where every block was void. Memory is never void, and gets its advice."""
    found = readings(*(PairedBlock(side([1.0]), side([1.0]), disturbed="busy") for _ in range(3)))
    found.round_seconds = 20.0
    nothing = Judgement(Verdict.INCONCLUSIVE, math.nan, -math.inf, math.inf, 0, math.inf, 0.002)
    found.judgements = {Measure.STEP: nothing, Measure.MEMORY: replace(nothing, blocks=3)}
    assert seconds_needed(found, Measure.STEP, Margins(0.02)) is None
    assert seconds_needed(found, Measure.MEMORY, Margins(0.02)) == 20.0


@pytest.mark.parametrize(("estimate", "worse"), [(0.005, 0.01), (0.02, 0.015)], ids=["equal", "slower"])
def test_advice_allows_for_a_worse_estimate(estimate: float, worse: float) -> None:
    """By one standard error towards where nothing can be told, from either side."""
    margins = Margins(0.02, 0.002, 0.005)
    judged = Judgement(Verdict.INCONCLUSIVE, estimate, -0.1, 0.1, 8, 0.005, 0.002)
    needed = blocks_needed(replace(judged, estimate=worse), margins)
    assert needed is not None
    assert needed > (blocks_needed(judged, margins) or 0)
    assert blocks_to_plan(judged, margins) == needed


def test_a_block_is_expected_to_last_as_long_as_its_like() -> None:
    """Not as long as the first, which took every measure; of a kind that was not seen yet, as long as any."""
    ledger = Ledger(Budget(100.0, 0.01))
    ledger.block_passed(60.0, "all measures")
    assert not ledger.allows_block(60.0, "fewer")
    ledger.block_passed(10.0, "fewer")
    assert ledger.allows_block(90.0, "fewer")
    assert not ledger.allows_block(91.0, "fewer")
    assert not ledger.allows_block(70.0, "all measures")


@given(st.floats(1, 3600), st.floats(0.5, 600), st.floats(0.001, 0.1))
def test_no_run_spends_more_than_its_budget(seconds: float, each: float, alpha: float) -> None:
    """Neither time, as long as blocks last as long as they did, nor probability."""
    ledger = Ledger(Budget(seconds, alpha))
    elapsed, spent = 0.0, 0.0
    while ledger.allows_block(elapsed) and ledger.rounds < 10_000:
        elapsed += each
        ledger.block_passed(each)
        spent += ledger.round_passed(elapsed) or 0.0
    assert elapsed <= max(seconds, each)
    assert spent + ledger.rest() == pytest.approx(alpha)


def test_a_run_until_decided_never_spends_all() -> None:
    """Something is left for every later look."""
    ledger = Ledger(Budget(None, 0.01))
    spent = sum(ledger.round_passed(10.0 * number) or 0.0 for number in range(1, 5001))
    assert 0.008 < spent < 0.01
    assert ledger.endless
    assert ledger.allows_block(1e9)
    assert ledger.expected_rounds() is None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (
            240.0,
            "about 2 blocks, and no verdict is possible from fewer than 4: give --budget 7m or fewer benchmarks",
        ),
        (400.0, ""),
        (None, ""),
    ],
)
def test_a_budget_that_cannot_suffice_is_said_to_be_so_at_once(seconds: float | None, expected: str) -> None:
    """After one block of 50 s of two comparisons."""
    warning = Ledger(Budget(seconds, 0.01)).warning(50.0, 2)
    assert warning.removeprefix("the budget allows ") == expected


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
    config = SimpleNamespace(getoption=options.get, getini=lambda _: [], invocation_params=directory, rootpath=tmp_path)
    return cast("pytest.Config", config)


def test_against_takes_requirements_a_file_an_interpreter_or_a_revision(tmp_path: Path) -> None:
    """Each is told from the others by what it looks like."""
    (tmp_path / "old.txt").write_text("torch==2.13.0  # before\n", encoding="utf-8")
    (tmp_path / "python").touch()
    (tmp_path / "other" / "bin").mkdir(parents=True)
    (tmp_path / "other" / "bin" / "python").touch()
    given = ["torch==2.13.0 torchvision==0.28.0", "old.txt", "python", "git:main", "git:main:old.txt", "other"]
    assert parse(configured(tmp_path, against=given)).sources == (
        Changed(("torch==2.13.0", "torchvision==0.28.0")),
        Changed(("torch==2.13.0",)),
        Interpreter(tmp_path / "python"),
        Revision(tmp_path, "main"),
        Revision(tmp_path, "main", "old.txt"),
        Interpreter(tmp_path / "other" / "bin" / "python"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("torch==2.13.0 torchvision==0.28.0", ("torch==2.13.0", "torchvision==0.28.0")),
        ("torch >= 2.1, < 2.3", ("torch >= 2.1, < 2.3",)),
        ('jax ; python_version > "3"', ('jax ; python_version > "3"',)),
        ("keras[extra]", ("keras[extra]",)),
    ],
)
def test_requirements_are_split_where_each_part_is_one(text: str, expected: tuple[str, ...]) -> None:
    """And nowhere else."""
    assert split_requirements(text) == expected


@pytest.mark.parametrize("text", ["torch==", "torch >= 2.1 torchvision", "=2"])
def test_what_is_no_requirement_is_refused(text: str) -> None:
    """Neither one nor several."""
    with pytest.raises(ValueError, match="is no requirement"):
        split_requirements(text)


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("Torch==2.13.0", {"pytorch", "pytorch-compile"}),
        ("jax==0.9", {"jax"}),
        ("optax", {"jax"}),
        ("Keras", {"keras-tensorflow", "keras-jax", "keras-torch"}),
        ("numpy<2.4", set(DEFAULT_FRAMEWORKS)),
    ],
)
def test_a_change_concerns_those_who_are_made_of_it(
    requirement: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else those who need it, else the default ones; of all that are registered and live in this environment."""
    monkeypatch.setattr(Framework, "missing", lambda _: ())
    monkeypatch.setattr(Framework, "missing_programs", lambda _: ())
    default = tuple(FRAMEWORKS[name] for name in DEFAULT_FRAMEWORKS)
    found = affected(changed_packages([requirement]), default)
    assert {framework.identifier for framework in found} == expected


def test_a_change_does_not_concern_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody uses it here, so its absence leaves no question open."""
    monkeypatch.setattr(Framework, "missing", lambda _: ())
    monkeypatch.setattr(Framework, "missing_programs", lambda framework: framework.programs)
    assert [one.identifier for one in affected({"torch"}, ())] == ["pytorch"]


def test_equal_names_in_different_folders_are_told_apart(tmp_path: Path) -> None:
    """In the tests' names and in the report; other sources that come to the same slug get a number."""
    for folder, version in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "req.txt").write_text(f"torch=={version}\n", encoding="utf-8")
    sources = parse(configured(tmp_path, against=["a/req.txt", "b/req.txt"])).sources
    assert [one.label for one in sources] == ["a/req.txt", "b/req.txt"]
    assert list(slugs(sources).values()) == ["a_req.txt", "b_req.txt"]
    assert list(slugs([Revision(tmp_path, "a/b"), Revision(tmp_path, "a_b")]).values()) == ["git_a_b", "git_a_b_2"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"against": ["no/such/python"]}, "there is no such file"),
        ({"against": ["--pre"]}, "is not a requirement"),
        ({"against": [""]}, "no requirement is given"),
        ({"against": ["torch=="]}, "is no requirement"),
        ({"against": ["folder"]}, "no virtual environment"),
        ({"against": ["bad.txt"]}, "bad.txt: 'torch==' is no requirement"),
        ({"against": ["six"], "until_decided": True, "budget": "10m"}, "exclude each other"),
    ],
    ids=["path", "option", "empty", "half", "folder", "file", "both"],
)
def test_what_cannot_be_compared_is_a_usage_error(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    """Before anything is built."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "bad.txt").write_text("six\ntorch==\n", encoding="utf-8")
    with pytest.raises(pytest.UsageError, match=message):
        parse(configured(tmp_path, **given))


def test_every_measure_has_a_margin_and_a_floor_below_it(tmp_path: Path) -> None:
    """And a user's margin replaces the default one."""
    margins = parse(configured(tmp_path, against=["six"], margin=["memory=20%"])).margins
    assert set(margins) == set(Measure) == set(DEFAULT_MARGINS)
    assert all(0 < one.floor < one.minimum_effect < one.margin for one in margins.values())
    assert margins[Measure.MEMORY].margin == pytest.approx(math.log(1.2))


AGAINST, CALIBRATE = {"against": ["six"]}, {"calibrate": True}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        *(
            (mode | {option: value}, "leave it away")
            for mode in (AGAINST, CALIBRATE)
            for option, value in (
                ("defaults", "native"),
                ("seeds", "3"),
                ("study", ["mnist-3conv"]),
                ("quick", True),
                ("thorough", True),
                ("processes", "4"),
            )
        ),
        (CALIBRATE | {"budget": "10m"}, "leave it away"),
        (CALIBRATE | {"until_decided": True}, "leave it away"),
        (CALIBRATE | {"margin": ["step=1%"]}, "leave it away"),
        ({"budget": "10m"}, "--budget is for --against"),
        ({"until_decided": True}, "--until-decided is for --against"),
        ({"margin": ["step=1%"]}, "--margin is for --against"),
        ({"schedule": "duet"}, "--schedule is for"),
        ({"calibrate_blocks": "8"}, "--calibrate-blocks is for"),
        (AGAINST | {"calibrate_blocks": "8"}, "--calibrate-blocks is for"),
    ],
    ids=str,
)
def test_options_that_do_nothing_are_refused(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    """Whoever gives one expects something of it."""
    with pytest.raises(pytest.UsageError, match=message):
        parse(configured(tmp_path, **given))


def test_exit_statuses_are_none_of_pytests() -> None:
    """Today's; new ones are added at the end."""
    taken = {int(status) for status in pytest.ExitCode}
    assert not {EXIT_INCONCLUSIVE, EXIT_REGRESSION} & taken
    assert min(EXIT_INCONCLUSIVE, EXIT_REGRESSION) > max(taken) + 2


CPU, GPU = Comparison(ARM, OTHER), Comparison(replace(ARM, device="cuda"), replace(OTHER, device="cuda"))


@pytest.mark.parametrize(
    ("status", "asked", "verdicts", "expected"),
    [
        (0, {"a": CPU}, {"a": Verdict.NO_REGRESSION}, 0),
        (0, {"a": CPU, "b": GPU}, {"a": Verdict.IMPROVEMENT}, 0),
        (0, {"a": CPU, "b": CPU}, {"a": Verdict.NO_REGRESSION}, EXIT_INCONCLUSIVE),
        (0, {"a": GPU}, {}, EXIT_INCONCLUSIVE),
        (0, {"a": CPU}, {"a": Verdict.INCONCLUSIVE}, EXIT_INCONCLUSIVE),
        (1, {"a": CPU, "b": CPU}, {"a": Verdict.INCONCLUSIVE}, 1),
        (1, {"a": CPU, "b": CPU}, {"a": Verdict.INCONCLUSIVE, "b": Verdict.REGRESSION}, EXIT_REGRESSION),
        (0, {}, {}, 0),
        (5, {}, {}, 5),
    ],
)
def test_the_exit_status_is_the_worst_that_was_found(
    status: int, asked: dict[str, Comparison], verdicts: dict[str, Verdict], expected: int
) -> None:
    """And never 0 while anything that could be measured here has no verdict, or nothing has one."""
    assert exit_status(status, asked, verdicts) == expected

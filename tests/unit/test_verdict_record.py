"""What is kept of a benchmark that was judged, that failed after some blocks, or that nothing is known of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.arm import Arm
from fixtures.judging.measures import Measure
from fixtures.judging.verdicts import Judgement, Margins, Verdict
from fixtures.measuring.memory_trace import MemoryTrace
from fixtures.measuring.readings import ArmBlock, Failure, MemoryReadings
from fixtures.plugin import terminal, verdict_record
from fixtures.plugin.bridge import RECORDED
from fixtures.plugin.comparing_options import COMPARING
from fixtures.plugin.options import OPTIONS
from fixtures.plugin.upgrade_run import UPGRADE_RUN, UpgradeRun
from fixtures.plugin.verdict_record import VerdictRecord
from fixtures.sessions.comparisons import Comparison, ComparisonReadings, PairedBlock
from fixtures.sessions.unanswered import Unanswered
from models.registry import FRAMEWORKS
from models.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterator

ARM = Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu")
COMPARISON = Comparison(ARM, Arm(WORKLOADS["digits"], FRAMEWORKS["pytorch"], "cpu", tag="other"))
JUDGEMENT = Judgement(Verdict.NO_REGRESSION, 0.0, -0.01, 0.01, 1, 0.001, 0.01)


def readings(*, judged: bool, failure: str = "") -> ComparisonReadings:
    """One block of peak memory."""
    side = ArmBlock(memory=MemoryReadings(MemoryTrace((), {}), 1000, None, 1.0, "default"))
    found = ComparisonReadings(COMPARISON, blocks=[PairedBlock(side, side)])
    if judged:
        found.judgements[Measure.MEMORY] = JUDGEMENT
    if failure:
        found.fail([Measure.MEMORY], Failure(failure, "its last words"))
    return found


CONFIG = cast(
    "pytest.Config",
    SimpleNamespace(
        stash={
            OPTIONS: SimpleNamespace(),
            COMPARING: SimpleNamespace(margins={Measure.MEMORY: Margins(0.02)}),
        }
    ),
)


@pytest.fixture
def run() -> UpgradeRun:
    """Of peak memory, not begun."""
    found = UpgradeRun(CONFIG, [], [])
    found.wanted[COMPARISON] = {Measure.MEMORY}
    found._skipped.append(Unanswered(COMPARISON, Measure.STEP, "skipped", "not wanted"))
    return found


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was put into pytest-benchmark's record."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(verdict_record, "measure_of", lambda _: Measure.MEMORY)
    monkeypatch.setattr(verdict_record, "put_into_benchmark", lambda *given: found.append(given[-1]))
    return found


def judge(run: UpgradeRun, found: ComparisonReadings, monkeypatch: pytest.MonkeyPatch) -> Judgement:
    """As the benchmark's test does."""
    measured = {COMPARISON: found}
    monkeypatch.setattr(run, "_measure", lambda: setattr(run, "_readings", measured))
    request = cast("pytest.FixtureRequest", SimpleNamespace(node=None, config=CONFIG))
    return VerdictRecord(request, run).judge(COMPARISON)


def test_a_judgement_is_kept(run: UpgradeRun, kept: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a failure."""
    assert judge(run, readings(judged=True), monkeypatch) is JUDGEMENT
    assert [(info["verdict"], info["failure"]) for info in kept] == [("no regression", "")]


@pytest.mark.parametrize("in_time", [True, False])
def test_a_failure_stays_one_and_loses_nothing(
    run: UpgradeRun, kept: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, *, in_time: bool
) -> None:
    """What was judged before it is kept beside its reason, with all blocks."""
    with pytest.raises(pytest.fail.Exception, match="the worker died\nits last words"):
        judge(run, readings(judged=in_time, failure="the worker died"), monkeypatch)
    assert [(info["failure"], len(info["raw"])) for info in kept] == [("the worker died", 1)] * in_time
    assert [one["outcome"] for one in run.unanswered()] == ["skipped", "failed"]


def test_what_was_not_measured_is_skipped(
    run: UpgradeRun, kept: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For want of time, or because somebody ended the run."""
    found = readings(judged=False)
    with pytest.raises(pytest.skip.Exception, match="the time was up before it was measured"):
        judge(run, found, monkeypatch)
    found.interrupted = True
    with pytest.raises(pytest.skip.Exception, match="the run was interrupted before it was measured"):
        judge(run, found, monkeypatch)
    assert kept == []


def told(run: UpgradeRun, recorded: list[Any]) -> str:
    """What the terminal shows of it, where so much is saved."""
    lines: list[str] = []
    reporter = SimpleNamespace(section=lines.append, write_line=lines.append)
    config = SimpleNamespace(stash=CONFIG.stash | {UPGRADE_RUN: run, RECORDED: recorded}, getoption=lambda _: None)  # type: ignore[operator]
    shown: Iterator[None] = terminal.pytest_terminal_summary(
        cast("pytest.TerminalReporter", reporter), cast("pytest.Config", config)
    )
    assert list(shown) == [None]
    return "\n".join(lines)


@pytest.mark.usefixtures("kept")
def test_a_run_of_which_everything_failed_says_so(run: UpgradeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line; where something was saved, its report says it, and of what has not begun nothing is said."""
    assert told(run, []) == ""
    with pytest.raises(pytest.fail.Exception):
        judge(run, readings(judged=False, failure="the worker died"), monkeypatch)
    assert "**NOT COMPLETE**: 1 of 2 failed (PyTorch's peak memory: the worker died);" in told(run, [])
    assert told(run, [{}]) == ""


def test_a_measuring_that_failed_leaves_everything_unanswered(run: UpgradeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its reason."""

    def fails() -> None:
        raise OSError("no space left")

    monkeypatch.setattr(run, "_measure", fails)
    with pytest.raises(OSError, match="no space left"):
        run.readings(COMPARISON)
    assert "**NOT COMPLETE**: 1 of 2 failed" in told(run, [])
    assert "no space left" in told(run, [])

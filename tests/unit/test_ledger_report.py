"""The report of a ledger: which layer is named, what is not told apart, and what must not be trusted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fixtures.reports.ledger import ledger_report, main
from fixtures.reports.markdown import NOTHING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def row(title: str, change: float, half: float | None = 0.1e-3) -> dict[str, Any]:
    """A part of 2 ms that takes so many seconds more, within so much."""
    ends = {"lower": None, "upper": None} if half is None else {"lower": change - half, "upper": change + half}
    return {"title": title, "seconds": 2e-3, "change": change, **ends}


def benchmark(**given: Any) -> dict[str, Any]:
    """Whose ledger differs by these from one of a single slow layer."""
    found = {
        "titles": ["PyTorch", "PyTorch"],
        "arms": ["digits-pytorch-cpu", "digits-pytorch-cpu@torch==2.13.0"],
        "rows": [row("the rest", 0.0), row("convolution_1", 0.5e-3), row("dense_1", 0.05e-3)],
        "total": row("the whole step", 0.55e-3),
        "residual": row("unexplained", 0.02e-3),
        "blocks": 8,
        "seconds": 91.0,
        "reason": "",
        "schedule": "duet",
        "threads": 1,
    }
    return {"extra_info": {"workload": "digits", "device": "cpu", "ledger": found | given}}


def test_the_layer_that_carries_the_difference_is_named_first() -> None:
    """With the whole difference beside it, and every row below, marked where it is certain."""
    text = ledger_report([benchmark()])
    rows = " ".join(text.split())
    assert "**convolution_1 (+0.500 ms)**: the whole step differs by +0.550 ms (+0.450 to +0.650)." in text
    assert "| convolution_1 <- | 2.000 | +0.500 | +0.400 | +0.600 |" in rows
    assert "| sum | 2.000 | +0.550 |" in rows
    assert f"| unexplained | {NOTHING} | +0.020 |" in rows
    assert "8 blocks of fresh processes, 91 s." in text
    assert "Both ran at once with 1 thread each" in text
    assert "at once with" not in ledger_report([benchmark(schedule="alternating")])


def test_kernels_that_differ_are_shown_with_their_number() -> None:
    """And it is said where nothing differs, or nothing is known."""
    differs = [{"name": "oneDNN reorder, jit:uni", "sides": [[2.0, 1.25], None]}]
    text = ledger_report([benchmark(kernels_seen=[3, 2], kernels=differs)])
    assert "| oneDNN reorder, jit:uni | 2, 1.250 ms |" in text
    assert "tell of their kernels, nothing differs" in ledger_report([benchmark(kernels_seen=[3, 3], kernels=[])])
    assert "Neither oneDNN nor XLA told" in ledger_report([benchmark(kernels_seen=[0, 0], kernels=[])])


def test_kernels_of_which_one_side_says_nothing_are_not_compared() -> None:
    """All of them would differ."""
    differs = [{"name": "XLA dot", "sides": [[2.0, 0.0], None]}]
    text = ledger_report([benchmark(kernels_seen=[3, 0], kernels=differs)])
    assert "told of a kernel in torch==2.13.0, so nothing is said" in text
    assert "XLA dot" not in text


def test_operators_that_differ_are_shown_with_what_they_take() -> None:
    """The first dozen of them; where none differs that is said, and where only one side has any, nothing is."""
    differs = [{"name": f"aten::op{number}", "sides": [[2.0, 1.25], [1.0, 0.5]]} for number in range(13)]
    text = " ".join(ledger_report([benchmark(operators_seen=[50, 50], operators=differs)]).split())
    assert "| aten::op0 | 2, 1.250 ms | 1, 0.500 ms |" in text
    assert "the first 12 of 13:" in text
    assert "aten::op12" not in text
    assert "none of them longer" in ledger_report([benchmark(operators_seen=[50, 50], operators=[])])
    assert "operator" not in ledger_report([benchmark(operators_seen=[50, 0], operators=[])])


def test_what_else_was_counted_is_shown_with_both_numbers() -> None:
    """Allocations and compilations; a run of an earlier version has none."""
    text = " ".join(ledger_report([benchmark(facts=[{"name": "graph breaks", "sides": [2.0, 0.0]}])]).split())
    assert "| graph breaks | 2 | 0 |" in text
    assert "counted:" not in ledger_report([benchmark()])


def test_kept_traces_are_named() -> None:
    """With the folder as it was given."""
    text = ledger_report([benchmark(traces=["a-operators.json", "b-operators.json"], trace_folder="traces")])
    assert "kept in traces: a-operators.json and b-operators.json." in text


def test_two_ledgers_of_a_run_are_told_apart() -> None:
    """By the environment; of two precisions, by the arms' names."""
    assert "digits on cpu, current against torch==2.13.0" in ledger_report([benchmark()])
    arms = ["digits-pytorch-bfloat16-cpu", "digits-pytorch-cpu"]
    text = ledger_report([benchmark(arms=arms)])
    assert "digits on cpu, digits-pytorch-bfloat16-cpu against digits-pytorch-cpu" in text
    assert "| digits-pytorch-cpu, ms |" in text


def test_nothing_is_named_that_is_not_told_apart() -> None:
    """The whole difference is shown all the same."""
    text = ledger_report([benchmark(rows=[row("dense_1", 0.05e-3)])])
    assert "+0.550 ms (+0.450 to +0.650); no part of it is told apart from nothing." in text
    assert "<- " not in text


def test_a_ledger_that_explains_something_else_says_so_first() -> None:
    """Its rows are of another difference than the gate's."""
    assert "**Not to be trusted**: the whole step" in ledger_report([benchmark(residual=row("unexplained", 1e-3))])
    assert "difference is 1.000 ms less" in ledger_report([benchmark(residual=row("unexplained", -1e-3))])


def test_what_is_missing_is_said() -> None:
    """No rows and why; too few blocks for a range; frameworks against each other have no gate."""
    assert "Not taken apart: it died." in ledger_report([benchmark(rows=[], reason="it died")])
    short = row("the whole step", 1.0, None)
    few = ledger_report([benchmark(rows=[short], total=short, reason="interrupted", residual=None, blocks=1)])
    assert "for ranges, three blocks are the fewest" in few
    assert "with 95 %" not in few
    assert "1 block of fresh processes, 91 s; ended early: interrupted." in few
    assert "unexplained" not in few
    assert "| Keras, ms |" in ledger_report([benchmark(titles=["PyTorch", "Keras"])])
    assert ledger_report([{"extra_info": {}}]) == ""


def test_a_saved_run_is_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the command that the documentation names; a run without a ledger is a usage error."""
    saved, other = tmp_path / "saved.json", tmp_path / "other.json"
    saved.write_text(json.dumps({"benchmarks": [benchmark()]}), encoding="utf-8")
    other.write_text(json.dumps({"benchmarks": [{"extra_info": {}}]}), encoding="utf-8")
    assert main([str(saved)]) == 0
    assert "convolution_1" in capsys.readouterr().out
    assert main([str(other)]) == 2
    assert "without --explain" in capsys.readouterr().err

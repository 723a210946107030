"""Reports of a run of several machines: each host has its own part, and is ranked with nobody else's figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixtures.baselines.findings import Finding
from fixtures.baselines.hosts import benchmark_on
from fixtures.judging.margins import on_its_scale
from fixtures.judging.measures import Measure
from fixtures.reports.calibration import calibration_report
from fixtures.reports.ledger import ledger_report
from fixtures.reports.origin import origin
from fixtures.reports.page.document import page
from fixtures.reports.regression import findings_of, regression_report
from fixtures.reports.search import search_report
from fixtures.reports.study import main as study
from fixtures.reports.summary import tables
from fixtures.reports.verdicts import verdict_report
from tests.saved_studies import pair
from tests.shown_runs import Reader, figures, run
from tests.unit.test_ledger_report import benchmark as ledger_benchmark
from tests.unit.test_summary import row, step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

READINGS = Path(__file__).resolve().parents[2] / "docs" / "readings"


def two_hosts(first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The benchmarks of a run that two were merged into."""
    return [benchmark_on(each, host) for host, own in (("a", first), ("b", second)) for each in own]


def test_a_host_has_tables_of_its_own() -> None:
    """The best of a column is that of the host, however fast another machine is."""
    slow, fast = [step("one", 3.0), step("two", 6.0)], [step("one", 0.02), step("two", 0.01)]
    text = tables(two_hosts(slow, fast))
    assert text.startswith("Host a\n\ndigits on cpu, 2 threads")
    first, second = text.split("Host b\n\n")
    assert (row(first, "One")[4], row(first, "Two")[4]) == ("1.00", "2.00")
    assert (row(second, "One")[4], row(second, "Two")[4]) == ("2.00", "1.00")
    assert tables(slow) == first.removeprefix("Host a\n\n").rstrip("\n")


def test_the_page_has_each_host_in_sections_of_its_own() -> None:
    """With an answer for each, its own machine's facts, and no picture in which two machines stand."""
    found = run(*two_hosts([*figures("A"), *figures("B")], [*figures("A"), *figures("C")]))
    found["machine_info"]["cnn_dyno"]["hosts"] = {
        host: {"cpu": {"name": f"Processor of {host}"}, "versions": {}, "usable_cores": [0]} for host in ("a", "b")
    }
    read = Reader(page(found, "run"))
    assert "a: By step time: A 1.0 is fastest; B 1.0 takes 1.50 times as long" in read.text
    assert "b: By step time: A 1.0 is fastest; C 1.0 takes 1.50 times as long" in read.text
    first, second = read.text.split("\na: Contrasts\n")[-1].split("\nb: Contrasts\n")
    assert ("Processor of a" in first, "Processor of b" in first, "C 1.0" in first) == (True, False, False)
    assert ("Processor of a" in second, "Processor of b" in second, "B 1.0" in second) == (False, True, False)
    identifiers = [one["id"] for _, one in read.elements if one.get("id")]
    assert len(identifiers) == len(set(identifiers))


def test_verdicts_are_those_of_each_host() -> None:
    """Each with its conclusion and its table; those of one machine look as ever."""
    own = json.loads((READINGS / "upgrade-keras.json").read_text(encoding="utf-8"))["benchmarks"]
    report = verdict_report(own)
    on_a, on_b = (report.replace(" on cpu: the current", f" on cpu, host {host}: the current") for host in "ab")
    assert verdict_report(two_hosts(own, own)) == f"{on_a}\n\n{on_b}"


def test_searches_and_ledgers_are_those_of_each_host() -> None:
    """Which machine it was stands above them."""
    search = json.loads((READINGS / "search-jax.json").read_text(encoding="utf-8"))["benchmarks"]
    ledger = [{"name": "test_training_step[digits-pytorch-cpu]", **ledger_benchmark()}]
    for report, own in ((search_report, search), (ledger_report, ledger)):
        alone = report(own)
        assert alone
        assert report(two_hosts(own, own)).count("# Host ") == 2
        assert report(two_hosts(own, own)).startswith(f"# Host a\n\n{alone.splitlines()[0]}")


def test_where_a_host_was_measured_is_said_of_each() -> None:
    """By the reports that begin with it."""
    facts = {host: {"cpu": {"name": f"Processor of {host}"}} for host in ("a", "b")}
    merged = {
        "machine_info": {"cnn_dyno": {"hosts": facts}},
        "benchmarks": two_hosts([step("x", 1.0)], [step("x", 1.0)]),
    }
    assert origin(merged) == "a: Machine: Processor of a.\nb: Machine: Processor of b."
    assert origin({"datetime": "2026-03-01T10:00:00", "benchmarks": []}) == "Measured on 2026-03-01."


def test_a_calibration_names_its_host() -> None:
    """Each is of one machine anyway."""
    info: dict[str, Any] = {
        "calibration": "digits-x-cpu",
        "framework_title": "X",
        "framework_version": "1",
        "workload": "digits",
    }
    info |= {"device": "cpu", "interrupted": True, "blocks": {"0": []}}
    text = calibration_report(two_hosts([{"name": "c", "extra_info": info}], [{"name": "c", "extra_info": info}]))
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## X 1, digits on cpu of a",
        "## X 1, digits on cpu of b",
    ]


def finding(verdict: str, host: str = "") -> dict[str, Any]:
    """Of a benchmark that was held against a baseline."""
    margins, ends = on_its_scale(Measure.MEMORY, 0.03), (0.4, 0.3, 0.5)
    name = "test_peak_memory[digits-pytorch-cpu]"
    found = Finding(name, "memory", "PyTorch", "digits on cpu", verdict, ("1", "1"), 2e9, 3e9, *ends, margins)
    return replace(found, host=host).as_plain()


def held_against(baseline: str, verdict: str, missing: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The record of a machine whose run was compared with a baseline."""
    baselines = [{"label": baseline, "recorded": "2026-03-01T10:00:00+00:00", "commit": ""}]
    whole = {"name": baseline, "baselines": baselines, "versions": {}, "family": 1, "unasked": 0, "missing": [*missing]}
    found = finding(verdict)
    return {"name": found["benchmark"], "extra_info": {"measure": "memory", "regression": found | {"run": whole}}}


def test_findings_are_told_against_each_hosts_own_baseline() -> None:
    """A merged run holds what each machine was compared with, and what each lacked."""
    own = [held_against("A", "regression")], [held_against("B", "no regression", [finding("missing")])]
    first, second = regression_report(two_hosts(*own)).split("# Host b")
    assert ("against A" in first, "**REGRESSION**" in first, "| missing " in first) == (True, True, False)
    assert ("against B" in second, "**NOT COMPLETE**" in second, "| missing " in second) == (True, True, True)


def test_what_a_host_lacks_is_said_of_that_host_alone() -> None:
    """Where one run measured several, all of its findings are kept with each."""
    whole = [finding("missing", host) for host in ("a", "b")]
    infos = [held_against("A", "regression", whole)["extra_info"] | {"host": "b"}]
    assert [each["host"] for each in findings_of(infos)] == ["", "b"]


def test_a_study_is_repeated_on_each_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a section and a line of provenance for each machine; files of one host must be of one machine."""
    names = {host: {"cpu": {"name": f"Processor of {host}"}} for host in ("a", "b")}
    whole = {
        "benchmarks": two_hosts(pair(100.0, 150.0), pair(10.0, 30.0)),
        "machine_info": {"cnn_dyno": {"hosts": names}},
    }
    files = [tmp_path / name for name in ("merged.json", "other.json")]
    files[0].write_text(json.dumps(whole), encoding="utf-8")
    names["b"]["cpu"]["name"] = "Another"
    files[1].write_text(json.dumps(whole), encoding="utf-8")
    assert study([str(files[0])]) == 0
    report = capsys.readouterr().out
    assert "- b: measured on Processor of b" in report
    first, second = report.split("## mnist-3conv on a: ")[1].split("## mnist-3conv on b: ")
    assert ("1.50" in first, "3.00" in first) == (True, False)
    assert ("1.50" in second, "3.00" in second) == (False, True)
    assert study(list(map(str, files))) == 2
    assert "Another, 0 cores" in capsys.readouterr().err

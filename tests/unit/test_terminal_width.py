"""The tables of a run on terminals of several widths: nothing is wrapped, and what is left out has an order."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len

from fixtures.reports import regression, search, summary, verdicts
from fixtures.reports.curves import curves
from fixtures.reports.fitting import shortened
from fixtures.reports.ledger import ledger_report
from fixtures.reports.range_bars import HEADING, LEGEND, range_bar
from fixtures.reports.search import search_report
from fixtures.reports.summary import tables
from fixtures.reports.verdicts import verdict_report
from models.registry import FRAMEWORKS
from tests.unit.test_curves import info as point
from tests.unit.test_ledger_report import benchmark as taken_apart
from tests.unit.test_summary import benchmark, step

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
READINGS = ROOT / "docs" / "readings"
WIDTHS = (60, 80, 100, 140)
TITLES = [framework.title for framework in FRAMEWORKS.values()]
NAMES = [f"{title} {index + 10}.15.1" for index, title in enumerate(TITLES)]
BAR = re.compile("[█▉▊▋▌▍▎▏]")


def everything(titles: Sequence[str] = TITLES, gpu_memory: int | None = None) -> list[dict[str, Any]]:
    """A saved run of several frameworks with every measure, each slower than the one before."""
    found = []
    for index, title in enumerate(titles):
        times = 1.0 + 0.2 * index
        beside = {"times": times, "at_least": times / 1.04, "at_most": times * 1.04, "equal": False, "certain": True}
        place: dict[str, Any] = {"first": "arm-0"} | ({"beside_first": {"arm": "arm-0", **beside}} if index else {})
        common = {"framework_title": title, "framework_version": f"{index + 10}.15.1", "standing": place}
        common |= {"arm": f"arm-{index}"}
        name, seconds = f"framework-{index}", 0.01 * times
        medians = {"process_medians_seconds": [0.3 * times] * 3, "relative_half_width": 0.031}
        found += [
            step(name, seconds, share_of_peak=0.31, **common),
            benchmark(name, "epoch", seconds=0.3 * times, **medians, **common),
            benchmark(name, "first_step", first_step_seconds=0.054 * times, **common),
            benchmark(
                name,
                "memory",
                peak_memory_bytes=1_200 * 2**20 * times,
                peak_device_memory_bytes=gpu_memory,
                **common,
            ),
            benchmark(name, "accuracy", accuracy=0.96, seconds_to_accuracy=1.66 * times, **common),
        ]
    return found


def saved(name: str) -> list[dict[str, Any]]:
    """The benchmarks of a kept run."""
    found: list[dict[str, Any]] = json.loads((READINGS / name).read_text(encoding="utf-8"))["benchmarks"]
    return found


def table_of(text: str, rows: int) -> list[str]:
    """The lines of a table of frameworks, its headings included."""
    lines = text.splitlines()
    rule = next(index for index, line in enumerate(lines) if "───" in line)
    return lines[rule - 2 : rule + 1 + rows]


def piped(text: str) -> list[str]:
    """The lines of all tables in Markdown."""
    return [line for line in text.splitlines() if line.startswith("| ")]


def left_out(text: str) -> list[str]:
    """What a report says that it does not show."""
    found = re.search(r"Left out, to fit \d+ columns: (.*)\. A wider", text)
    return found[1].split(", ") if found else []


@pytest.mark.parametrize("width", WIDTHS)
def test_nine_frameworks_fit(width: int) -> None:
    """Whole names, the step and how it stands to the best one in every width; more in wider ones."""
    text = tables(everything(), width)
    lines = table_of(text, 9)
    assert len(TITLES) == 9
    assert max(map(cell_len, lines)) <= width
    for index, (name, line) in enumerate(zip(NAMES, lines[3:], strict=True)):
        assert line.startswith(f" {name} ")
        _, times, *_ = line.removeprefix(f" {name} ").split()
        assert times == ("1" if index == 0 else f"{1 + 0.2 * index:.2f}")
    assert bool(BAR.search(text)) is (width == 140)


@pytest.mark.parametrize("gpu_memory", [None, 2**30], ids=["cpu", "gpu"])
@pytest.mark.parametrize("width", range(50, 190, 11))
def test_columns_go_in_the_stated_order(width: int, gpu_memory: int | None) -> None:
    """The later ones only after the earlier ones; and what is said to be missing is what is missing."""
    text = tables(everything(gpu_memory=gpu_memory), width)
    gone = left_out(text)
    absent = {"bars", "peak MiB"} if gpu_memory else {"bars", "host MiB", "GPU MiB"}
    order = [key for key in summary.LEFT_OUT if key not in absent]
    assert set(gone) == set(order[: len(gone)])
    heads = " ".join(table_of(text, 9)[:2])
    memory = "GPU MiB" if gpu_memory else "peak MiB"  # the last of them that goes
    for key, heading in {memory: "MiB", "% of peak": "% of", "±": "±", "images/s": "images"}.items():
        assert (heading in heads) is (key not in gone)
    assert ("reached after: training seconds" in text) is ("reached after s" not in gone)


def test_a_file_or_a_pipe_gets_every_column_and_no_bar() -> None:
    """As it always has."""
    text = tables(everything())
    assert left_out(text) == []
    assert "reached" in text
    assert not BAR.search(text)


def test_bars_are_as_long_as_the_ratio() -> None:
    """From nothing on, so that twice the time is twice the length."""
    text = tables([step("one", 0.02), step("two", 0.04), step("three", 0.01)], 80)
    assert [line.count("█") for line in table_of(text, 3)[3:]] == [4, 8, 16]
    assert not BAR.search(tables([benchmark("one", "accuracy", accuracy=0.5)], 80))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("tail", ["w" * 200, "環" * 60], ids=["long", "wide"])
def test_absurd_names_are_shortened_in_the_middle(width: int, tail: str) -> None:
    """Where nothing else would help; both ends are kept, by which arms differ."""
    text = tables(everything([f"A{tail}", f"B{tail}"]), width)
    lines = table_of(text, 2)
    assert max(map(cell_len, lines)) <= width
    assert [line[1] for line in lines[3:]] == ["A", "B"]
    assert all(f"…{'' if len(tail) < 100 else 'w'}" in line for line in lines[3:])
    assert "10.15.1" in lines[3]


def test_a_name_that_fits_stays_as_it_is() -> None:
    """And one that does not keeps its beginning and its end."""
    assert shortened("PyTorch 2.15.0", 14) == "PyTorch 2.15.0"
    assert shortened("PyTorch 2.15.0", 10) == "PyTor…15.0"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["upgrade-torch", "upgrade-keras", "upgrade-tf", "upgrade-copy"])
def test_verdicts_fit(name: str, width: int) -> None:
    """Of real runs; the benchmark and its verdict are always there."""
    text = verdict_report(saved(f"{name}.json"), width=width)
    lines = piped(text)
    assert max(map(cell_len, lines)) <= width
    assert lines[0].split("|")[1].strip() == "benchmark"
    assert "verdict" in lines[0]
    gone = left_out(text)
    assert set(gone) == {*verdicts.LEFT_OUT[: len(gone) + (HEADING in verdicts.LEFT_OUT[: len(gone) + 1])]} - {HEADING}
    assert (HEADING in lines[0]) is (width == 140)
    assert (LEGEND in text) is (width == 140)


def test_a_wide_terminal_shows_all_columns_and_bars() -> None:
    """A pipe the columns alone."""
    wide, whole = (verdict_report(saved("upgrade-torch.json"), width=width) for width in (200, None))
    place = verdicts.HEADINGS.index("margin")
    expected = [*verdicts.HEADINGS[:place], HEADING, *verdicts.HEADINGS[place:]]
    assert [cell.strip() for cell in piped(wide)[0].strip("|").split("|")] == expected
    assert HEADING not in whole


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_held_against_saved_runs_fits_and_still_says_what_would_decide(width: int) -> None:
    """Two real runs; where the column is left out, below the table."""
    folder = READINGS / "repeated-runs" / "2026-11-25"
    command = [sys.executable, "-m", "fixtures.baselines", "compare", "unchanged/0001.json", "broken/0001.json"]
    files = [str(folder / name) for name in command[4:]]
    text = in_terminal([*command[:4], *files], width)
    lines = piped(text)
    assert max(map(cell_len, lines)) <= width
    gone = left_out(text)
    assert ("To decide PyTorch's training step" in text) is ("to decide" in gone)
    assert set(gone) <= {*regression.LEFT_OUT}


@pytest.mark.parametrize("width", WIDTHS)
def test_searches_ledgers_and_curves_fit(width: int) -> None:
    """Names of kernels are shortened; of a curve, sizes in between are left out."""
    assert max(map(cell_len, piped(search_report(saved("search-jax.json"), width)))) <= width
    assert set(left_out(search_report(saved("search-jax.json"), width))) <= {*search.LEFT_OUT}
    kernels = [{"name": "oneDNN convolution, " + "jit:avx2 " * 20, "sides": [[2.0, 1.25], None]}]
    assert max(map(cell_len, piped(ledger_report([taken_apart(kernels_seen=[3, 2], kernels=kernels)], width)))) <= width
    sizes = [point("Keras (TensorFlow)", 2**index, 1000.0 * index) for index in range(1, 14)]
    (text,) = curves(sizes, width)
    assert max(map(cell_len, table_of(text, 1)[1:])) <= width
    assert ("64" in left_out(text)) is (width < 140)
    assert not {"2", "8192", "gains until"} & {*left_out(text)}


def in_terminal(command: Sequence[str], width: int) -> str:
    """What a command writes to a terminal of that width."""
    ours, its = pty.openpty()
    environment = os.environ | {"COLUMNS": str(width), "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(command, stdout=its, cwd=ROOT, env=environment) as process:
        os.close(its)
        written = b""
        try:
            while read := os.read(ours, 65536):
                written += read
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(ours)
    assert process.returncode in (0, 11), written
    return written.decode().replace("\r\n", "\n")


def test_a_report_that_is_printed_again_fits_the_terminal_it_is_printed_to(tmp_path: Path) -> None:
    """And not what it is piped to."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"benchmarks": everything()}), encoding="utf-8")
    command = [sys.executable, "-m", "fixtures.reports.summary", str(file)]
    assert in_terminal(command, 80).rstrip("\n") == tables(everything(), 80)
    environment = os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.rstrip("\n") == tables(everything())


def one(estimate: float | None, lower: float | None, upper: float | None, margin: float = 0.02) -> dict[str, Any]:
    """A benchmark's range."""
    return {"estimate": estimate, "lower": lower, "upper": upper, "margins": {"margin": margin}}


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (one(0.0, -0.01, 0.01), "      ├─●─┤ ║        "),
        (one(0.03, 0.01, 0.05), "        │ ├─╫─●───┤  "),
        (one(0.0, -0.02, 0.02), "    ├───●───╢        "),
        (one(0.04, 0.02, 0.06), "        │   ╟───●───┤"),
        (one(0.0, None, 0.01), "◄───────●─┤ ║        "),
        (one(0.0, None, None), "◄───────●───╫───────►"),
        (one(0.5, 0.4, 0.6), "        │   ║       ►"),
        (one(-0.5, -0.6, 0.0), "◄───────┤   ║        "),
        (one(None, None, None), " " * 21),
        (one(0.0, -1.0, 1.0, margin=0.0), " " * 21),
    ],
)
def test_a_range_is_drawn_in_margins(info: dict[str, Any], expected: str) -> None:
    """Every benchmark's margin at the same place, whatever it is; what is further off ends in an arrow."""
    assert range_bar(info) == expected


@pytest.mark.parametrize(
    ("page", "order"),
    [
        (
            "first_run.md",
            [key.removesuffix(" s").removesuffix(" %").replace("MiB", "memory") for key in summary.LEFT_OUT],
        ),
        ("before_an_upgrade.md", verdicts.LEFT_OUT),
    ],
)
def test_the_documents_state_the_order(page: str, order: Sequence[str]) -> None:
    """In which columns are left out."""
    text = (ROOT / "docs" / "tutorials" / page).read_text(encoding="utf-8")
    (paragraph,) = [one for one in text.split("\n\n") if "is left out" in one and "wrapped" in one]
    words = " ".join(paragraph.replace("*", "").split())
    found = re.findall("|".join(map(re.escape, ["the bars", *order])), words.partition(";")[0])
    assert list(dict.fromkeys(found)) == ["the bars" if key in ("bars", HEADING) else key for key in order]

"""Whole runs of the gate are counted as they were saved, and planted work goes into the package it is meant for."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.figures import counted_gate
from tests.figures.counted_gate import counted_table, main, read
from tests.figures.planted_packages import PLACES, Place, worsened_wheel
from tests.tiny_package import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

TINY = Place("tiny", "tiny.py", "answer += {products}\n")


def run_of(verdict: str | None, **facts: object) -> dict[str, object]:
    """A run as the file holds it."""
    return {
        "framework": "jax",
        "workload": "digits",
        "products": 0,
        "vectors": "AVX2",
        "verdict": verdict,
        "estimate": 0.001,
        "measured_seconds": 40.0,
        **facts,
    }


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder into which the tiny package has been unpacked, as an installer does it."""
    place = tmp_path / "site-packages"
    with zipfile.ZipFile(write_wheel(tmp_path)) as wheel:
        wheel.extractall(place)
    (place / "tiny-1.0.dist-info" / "INSTALLER").write_text("uv", encoding="utf-8")
    record = place / "tiny-1.0.dist-info" / "RECORD"
    names = ("METADATA", "WHEEL", "INSTALLER", "RECORD")
    record.write_text("\n".join(["tiny.py,,", *(f"tiny-1.0.dist-info/{name},," for name in names)]), encoding="utf-8")
    return place


def test_the_wheel_is_the_installed_package_with_lines_at_the_end_of_one_file(installed: Path, tmp_path: Path) -> None:
    """What an installer has added stays out, and the module does more."""
    wheel = worsened_wheel(installed, TINY, 8, tmp_path / "made")
    assert wheel.name == "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "unpacked")
    assert names == {"tiny.py", *(f"tiny-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD"))}
    asked = [sys.executable, "-S", "-c", "import tiny; print(tiny.answer)"]
    told = subprocess.run(asked, cwd=tmp_path / "unpacked", capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "50"


@pytest.mark.parametrize("place", [Place("absent", "a.py", ""), Place("tiny", "other.py", "")])
def test_a_package_or_file_that_is_not_there_is_named(installed: Path, tmp_path: Path, place: Place) -> None:
    """No wheel is left behind."""
    with pytest.raises(LookupError, match=r"absent is not installed|tiny 1\.0 has no other\.py"):
        worsened_wheel(installed, place, 8, tmp_path / "made")
    assert not list((tmp_path / "made").glob("*.whl"))


def test_planted_lines_are_python() -> None:
    """A fault in them would show only in a long run."""
    for place in PLACES.values():
        compile(place.lines.format(products=3), place.file, "exec")


def test_runs_are_counted_by_what_was_planted() -> None:
    """Equal ones are added up once more, and silent ones are failures."""
    runs = [run_of("no regression"), run_of("improvement", measured_seconds=60.0), run_of("inconclusive"), run_of(None)]
    runs.append(run_of("regression", products=9, estimate=0.021))
    equal, planted, together = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in counted_table(runs).splitlines()[2:]
    )
    assert equal[3:] == ["0", "3", "+0.10 %", "1 (0.8 to 90.6 %)", "0", "2", "1", "1", "40", "60"]
    assert planted[3:] == ["9", "1", "+2.10 %", "1 (2.5 to 100.0 %)", "1", "0", "0", "0", "40", "40"]
    assert together[:5] == ["AVX2", "all", "equal", "0", "3"]


def test_runs_of_other_vector_instructions_are_not_mixed() -> None:
    """Processors with AVX-512 run other kernels."""
    table = counted_table([run_of("no regression"), run_of("no regression", vectors="AVX-512")])
    totals = [line for line in table.splitlines() if "equal" in line]
    assert [line.split("|")[1].strip() for line in totals] == ["AVX-512", "AVX2"]
    assert all(line.split("|")[5].strip() == "1" for line in totals)


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    """A series may have been killed while it wrote."""
    file = tmp_path / "runs.jsonl"
    file.write_text(json.dumps(run_of("regression")) + '\n{"framework": "ja', encoding="utf-8")
    assert [run["verdict"] for run in read(file)] == ["regression"]


def test_each_run_is_kept_at_once_and_a_silent_one_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file is made with its folder."""
    said = iter([{"verdict": "no regression"}, {"verdict": None}])
    monkeypatch.setattr(counted_gate, "environment", lambda *_: tmp_path)
    monkeypatch.setattr(counted_gate, "one_run", lambda *_: next(said))
    file = tmp_path / "kept" / "runs.jsonl"
    assert main(["--framework", "jax", "--runs", "2", "--save", str(file)]) == 1
    assert [run["verdict"] for run in read(file)] == ["no regression", None]


@pytest.mark.parametrize(
    "arguments", [(), ("--framework", "tensorflow", "--products", "3"), ("--framework", "jax", "--runs", "0")]
)
def test_a_request_that_cannot_be_met_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """Before anything is built."""
    with pytest.raises(SystemExit, match="2"):
        main(list(arguments))
    assert "error: --" in capsys.readouterr().err.splitlines()[-1]

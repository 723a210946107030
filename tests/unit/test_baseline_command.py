"""``python -m fixtures.baselines``: what it prints, and its exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.baselines.__main__ import main
from tests.saved_runs import saved_benchmark, saved_run, write_run

if TYPE_CHECKING:
    from pathlib import Path


def save(root: Path, hour: int, *, seconds: float = 0.01, reference: float = 0.5) -> Path:
    """A run of a step and of memory."""
    step = saved_benchmark(readings=[seconds] * 2, reference_seconds=[reference] * 2)
    run = saved_run(step, saved_benchmark("memory"), recorded=f"2026-03-01T{hour:02}:00:00+00:00")
    return write_run(root / ".benchmarks" / f"{hour:04}_run.json", run)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was printed, a line each; nothing went to standard error."""
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


def test_a_run_is_kept_listed_shown_pruned_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a user goes through it."""
    save(tmp_path, 1)
    assert main(["keep", "main"], tmp_path) == 0
    assert lines(capsys)[0].endswith("(1 run of main)")
    assert main(["keep", "main", str(save(tmp_path, 2, seconds=0.02, reference=1.0))], tmp_path) == 0
    assert lines(capsys)[0].endswith("(2 runs of main)")
    assert main(["list"], tmp_path) == 0
    assert lines(capsys)[1].split()[:4] == ["main", "2", "2026-03-01", "02:00"]
    assert main(["prune", "main", "--keep", "1"], tmp_path) == 0
    assert [line.partition("-")[0] for line in lines(capsys)] == ["removed baselines/main/20260301T010000.000000Z"]
    assert main(["prune", "main"], tmp_path) == 0
    assert lines(capsys) == ["nothing to remove"]
    assert main(["remove", "main"], tmp_path) == 0
    assert len(lines(capsys)) == 1
    assert main(["list"], tmp_path) == 0
    assert lines(capsys) == ["no run is kept; python -m fixtures.baselines keep NAME"]


def test_keeping_another_version_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A baseline's mean over two versions is that of neither; and what was left out as newest is said."""
    for hour, version in ((1, "2.13.0"), (2, "2.15.0")):
        run = saved_run(saved_benchmark(framework_version=version), recorded=f"2026-03-01T{hour:02}:00:00+00:00")
        write_run(tmp_path / ".benchmarks" / f"{hour:04}_run.json", run)
        assert main(["keep", "main"], tmp_path) == 0
    first, second, warning = lines(capsys)
    assert (first[-16:], second[-17:]) == (" (1 run of main)", " (2 runs of main)")
    assert warning.startswith("warning: PyTorch 2.13.0 there, 2.15.0 here; ")
    (tmp_path / ".benchmarks" / "0009_cut.json").write_text("{", encoding="utf-8")
    assert main(["keep", "other"], tmp_path) == 0
    assert "0009_cut.json: not JSON" in lines(capsys)[0]


def test_show_tells_the_spread_between_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twice the time on a machine that took twice as long for the reference kernel is no difference beside it."""
    for hour, factor in ((1, 1.0), (2, 2.0)):
        main(["keep", "main", str(save(tmp_path, hour, seconds=0.01 * factor, reference=0.5 * factor))], tmp_path)
    lines(capsys)
    assert main(["show", "main"], tmp_path) == 0
    printed = lines(capsys)
    assert "  cpu: Example 9000" in printed
    (step,) = [line.split() for line in printed if line.startswith("test_training_step")]
    assert step == ["test_training_step[digits-pytorch-cpu]", "2.15.0", "2+2", "0.02", "s", "49.0", "%", "0.0", "%"]
    (memory,) = [line.split() for line in printed if line.startswith("test_peak_memory")]
    assert memory[2:] == ["1+1", "700", "MiB", "0.0", "%", "-"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["keep", "main"], "no run has been saved yet"),
        (["keep", "../x", "file.json"], "is no name of a baseline"),
        (["keep", "main", "none.json"], "there is no such file"),
        (["show", "main"], "no run is kept under this name"),
        (["prune", "main"], "no run is kept under this name"),
        (["remove", "main"], "no run is kept under this name"),
    ],
)
def test_bad_input_is_one_line_and_2(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is created."""
    assert main(arguments, tmp_path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert len(captured.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "²"])
def test_at_least_one_run_is_kept(number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever wants none says remove."""
    with pytest.raises(SystemExit, match="2"):
        main(["prune", "main", f"--keep={number}"], tmp_path)
    assert "is not a number of runs, 1 or more" in capsys.readouterr().err


def test_a_broken_baseline_is_listed_and_said_to_be_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are still listed; showing it is an error."""
    for name in ("broken", "whole"):
        main(["keep", name, str(save(tmp_path, 1))], tmp_path)
    lines(capsys)
    (file,) = (tmp_path / "baselines" / "broken").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert main(["list"], tmp_path) == 0
    broken, whole = lines(capsys)[1:]
    assert "cannot be used" in broken
    assert "Example 9000, 2 cores" in whole
    assert main(["show", "broken"], tmp_path) == 2
    assert "not JSON, or cut off" in capsys.readouterr().err


def test_show_mixes_no_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Times of another machine have a line of their own, without a spread; memory is one series."""
    for hour, name in ((1, "Example 9000"), (2, "Other")):
        recorded = f"2026-03-01T{hour:02}:00:00+00:00"
        run = saved_run(saved_benchmark(), saved_benchmark("memory"), recorded=recorded, cpu={"name": name})
        main(["keep", "main", str(write_run(tmp_path / f"{hour}.json", run))], tmp_path)
    lines(capsys)
    main(["show", "main"], tmp_path)
    printed = lines(capsys)
    assert "  cpu: Example 9000, then Other" in printed
    assert [line.split()[2:] for line in printed if line.startswith("test_")] == [
        ["3", "0.01097", "s", "-", "-"],
        ["1+1", "700", "MiB", "0.0", "%", "-"],
        ["3", "0.01097", "s", "-", "-"],
    ]


def test_a_file_in_the_place_of_the_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do about it, and the file stays as it was."""
    save(tmp_path, 1)
    (tmp_path / "baselines").write_text("mine", encoding="utf-8")
    assert main(["keep", "main"], tmp_path) == 2
    error = capsys.readouterr().err
    assert "cannot be written (Not a directory); make baselines/main a folder" in error
    assert len(error.splitlines()) == 1
    assert (tmp_path / "baselines").read_text(encoding="utf-8") == "mine"


def test_what_the_system_refuses_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the suite's own words, not as a bare number of an error."""
    (tmp_path / "baselines").mkdir()

    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    assert main(["list"], tmp_path) == 2
    said = capsys.readouterr().err
    assert said == f"{tmp_path / 'baselines'}: Permission denied; see that it can be read and written\n"


def test_a_broken_file_is_named_by_whatever_stumbles_over_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever is told by keep, and prunes then, is told the same; a folder is no run, and not counted."""
    main(["keep", "main", str(save(tmp_path, 1))], tmp_path)
    folder = tmp_path / "baselines" / "main"
    (folder / "x.json").mkdir()
    lines(capsys)
    main(["list"], tmp_path)
    assert lines(capsys)[1].split()[:2] == ["main", "1"]
    (folder / "broken.json").symlink_to("nowhere")
    for arguments in (["keep", "main", str(save(tmp_path, 2))], ["prune", "main"], ["show", "main"]):
        assert main(arguments, tmp_path) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith(f"{folder / 'broken.json'}: ")
        assert len(captured.err.splitlines()) == 1


def test_an_edited_copy_among_kept_runs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both files are named: only a person knows which is the true one."""
    main(["keep", "main", str(save(tmp_path, 1))], tmp_path)
    (kept,) = (tmp_path / "baselines" / "main").iterdir()
    edited = kept.with_name("a-copy.json")
    edited.write_bytes(kept.read_bytes())
    lines(capsys)
    assert main(["show", "main"], tmp_path) == 0
    edited.write_bytes(kept.read_bytes().replace(b'"peak_memory_bytes": 734003200', b'"peak_memory_bytes": 934003200'))
    capsys.readouterr()
    assert main(["show", "main"], tmp_path) == 2
    error = capsys.readouterr().err
    assert str(kept) in error
    assert str(edited) in error
    assert len(error.splitlines()) == 1

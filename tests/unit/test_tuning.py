"""``--tune``: settings of an imitated machine are changed, recorded and set back."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from fixtures.plugin import tuning
from fixtures.plugin.check_machine import pytest_runtestloop
from fixtures.plugin.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Two cores that save power, with Intel's turbo on; no other driver's files."""
    cores = tmp_path / "root" / "sys" / "devices" / "system" / "cpu"
    for core in ("cpu0", "cpu1"):
        (cores / core / "cpufreq").mkdir(parents=True)
        (cores / core / "cpufreq" / "scaling_governor").write_text("powersave\n", encoding="utf-8")
    (cores / "intel_pstate").mkdir()
    (cores / "intel_pstate" / "no_turbo").write_text("0\n", encoding="utf-8")
    return tmp_path / "root"


def settings(machine: Path) -> list[list[str]]:
    """What it is set to."""
    return [tuning.values(knob, machine) for knob in tuning.KNOBS]


def test_settings_are_read_where_they_are(machine: Path, tmp_path: Path) -> None:
    """A container has none of them."""
    assert settings(machine) == [["powersave"], [], ["0"]]
    assert settings(tmp_path / "nowhere") == [[], [], []]


def test_what_is_tuned_can_be_undone(machine: Path, tmp_path: Path) -> None:
    """Tuned twice, it still goes back to the first values."""
    record = tmp_path / "workspace" / "tuned.json"
    assert len(tuning.tune(record, machine)) == 3
    assert settings(machine) == [["performance"], [], ["1"]]
    assert tuning.tune(record, machine) == []
    (machine / "sys/devices/system/cpu/intel_pstate/no_turbo").write_text("0", encoding="utf-8")
    assert len(tuning.tune(record, machine)) == 1
    assert len(tuning.undo(record, machine)) == 3
    assert settings(machine) == [["powersave"], [], ["0"]]
    assert not record.exists()
    with pytest.raises(tuning.TuningError, match="nothing to undo"):
        tuning.undo(record, machine)


def refusing(machine: Path) -> Callable[[Path, str], None]:
    """A kernel that lets nobody touch the turbo."""
    turbo = machine / "sys/devices/system/cpu/intel_pstate/no_turbo"

    def refused(path: Path, value: str) -> None:
        if path == turbo:
            raise tuning.TuningError(f"{path} can be set by root alone")
        path.write_text(value, encoding="utf-8")

    return refused


def test_what_cannot_be_set_is_one_line_with_what_was_changed(machine: Path, tmp_path: Path) -> None:
    """The record has that, and nothing that was not changed."""
    record = tmp_path / "tuned.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "_write", refusing(machine))
        with pytest.raises(tuning.TuningError, match="root alone") as caught:
            tuning.tune(record, machine)
    assert [line.rpartition(": ")[2] for line in caught.value.changed] == ["powersave → performance"] * 2
    assert list(json.loads(record.read_text(encoding="utf-8")).values()) == ["powersave", "powersave"]
    # Set by somebody else meanwhile, it must not be set back to what it was when it was refused.
    (machine / "sys/devices/system/cpu/intel_pstate/no_turbo").write_text("1", encoding="utf-8")
    tuning.undo(record, machine)
    assert settings(machine) == [["powersave"], [], ["1"]]


@pytest.mark.parametrize("act", [tuning.tune, tuning.undo], ids=["tune", "undo"])
def test_one_that_cannot_be_set_keeps_no_other_from_it(
    machine: Path, tmp_path: Path, act: Callable[[Path, Path], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are told, and what is not undone stays recorded: somebody else may be allowed to."""
    record, write = tmp_path / "tuned.json", tuning._write
    if act is tuning.undo:
        tuning.tune(record, machine)

    def refused(path: Path, value: str) -> None:
        if "cpufreq" in str(path):
            raise tuning.TuningError(f"{path} can be set by root alone")
        write(path, value)

    with monkeypatch.context() as patch:
        patch.setattr(tuning, "_write", refused)
        with pytest.raises(tuning.TuningError, match=r"/cpu0/.* root alone \(1 more: see above\)$") as caught:
            act(record, machine)
    assert [line.partition(":")[0].rpartition("/")[2] for line in caught.value.changed] == ["no_turbo"]
    assert ["cpu1" in line for line in caught.value.others] == [True]
    assert len(json.loads(record.read_text(encoding="utf-8"))) == (2 if act is tuning.undo else 1)
    tuning.undo(record, machine)
    assert settings(machine) == [["powersave"], [], ["0"]]


def test_what_was_changed_before_it_failed_is_told_with_how_to_undo_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the one line of the error."""

    def refused(_: Path) -> list[str]:
        raise tuning.TuningError("no_turbo cannot be set", ["cpu0: powersave → performance"], ["nor can cpu1"])

    monkeypatch.setattr(tuning, "tune", refused)
    config = SimpleNamespace(
        getoption={"--check-machine": True, "--tune": "set"}.get,
        option=SimpleNamespace(collectonly=False),
        stash={OPTIONS: SimpleNamespace(workspace=tmp_path)},
    )
    with pytest.raises(pytest.UsageError, match=r"^--tune: no_turbo cannot be set \(1 more: see above\)$"):
        pytest_runtestloop(cast("pytest.Session", SimpleNamespace(config=config)))
    told = ["cpu0: powersave → performance", "nor can cpu1", "To undo it: pytest bench --check-machine --tune=undo"]
    assert capsys.readouterr().out.splitlines() == told


def test_where_nothing_could_be_set_nothing_is_to_be_undone(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for everybody who is not root."""

    def refused(path: Path, _: str) -> None:
        raise tuning.TuningError(f"{path} can be set by root alone")

    monkeypatch.setattr(tuning, "_write", refused)
    with pytest.raises(tuning.TuningError) as caught:
        tuning.tune(tmp_path / "tuned.json", machine)
    assert caught.value.changed == []
    assert not (tmp_path / "tuned.json").exists()


def test_first_values_are_known_whatever_ends_it(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept, as a whole, before the first is changed."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    record = tmp_path / "tuned.json"
    with monkeypatch.context() as patch:
        patch.setattr(tuning, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tuning.tune(record, machine)
    kept = record.read_bytes()
    assert sorted(json.loads(kept).values()) == ["0", "powersave", "powersave"]
    monkeypatch.setattr(os, "fsync", interrupted)
    (machine / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").write_text("schedutil", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        tuning.tune(record, machine)
    assert record.read_bytes() == kept


@pytest.mark.parametrize(
    "content",
    [
        '{"sys/devices/system/cpu/cpufreq/bo',
        "[]",
        '{"etc/passwd": "root::0:0::/:/bin/sh"}',
        '{"/etc/passwd": "0"}',
        '{"home/sys/devices/system/cpu/cpufreq/boost": "0"}',
        '{"sys/devices/system/cpu/cpu0/../../../../../etc/cpufreq/scaling_governor": "0"}',
        '{"sys/devices/system/cpu/cpu0\\u0000/cpufreq/scaling_governor": "0"}',
        '{"sys/devices/system/cpu/cpufreq/boost": 0}',
        '{"sys/devices/system/cpu/cpufreq/boost": "\\ud800"}',
    ],
)
def test_a_damaged_record_is_refused_by_name_and_nothing_is_written(
    machine: Path, tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root would write anything that is in it; and first values that are lost must not be recorded anew."""
    record = tmp_path / "tuned.json"
    record.write_text(content, encoding="utf-8")
    monkeypatch.setattr(tuning, "_write", lambda *_: pytest.fail("written"))
    for act in (tuning.tune, tuning.undo):
        with pytest.raises(tuning.TuningError, match=r"tuned\.json is damaged") as caught:
            act(record, machine)
        assert len(str(caught.value).splitlines()) == 1
    assert record.read_text(encoding="utf-8") == content


def test_a_record_that_cannot_be_kept_is_one_line_and_nothing_is_changed(machine: Path, tmp_path: Path) -> None:
    """A file where its folder should be, and a folder where it should be."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    for record in (tmp_path / "file" / "tuned.json", tmp_path):
        with pytest.raises(tuning.TuningError, match=r"cannot be (read|written): "):
            tuning.tune(record, machine)
    assert settings(machine) == [["powersave"], [], ["0"]]

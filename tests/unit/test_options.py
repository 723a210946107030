"""fixtures.plugin.options: what the options are where the user says nothing, and what is refused."""

from __future__ import annotations

import os
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.launch import default_threads
from fixtures.measuring.schedule import NORMAL, QUICK, THOROUGH
from fixtures.plugin.options import QUICK_BLOCKS, THOROUGH_BLOCKS, Options, parse
from tests.bench_run import PROJECT_ROOT
from tests.one_line import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.mark.parametrize(
    ("cores", "quota", "expected"),
    [(8, None, 8), (8, 2.0, 2), (8, 1.5, 2), (8, 0.2, 1), (2, 16.0, 2)],
    ids=["no-quota", "whole", "rounded-up", "less-than-a-core", "more-than-there-are"],
)
def test_threads_are_limited_by_the_containers_quota(cores: int, quota: float | None, expected: int) -> None:
    """As many as can run at once, and at least one."""
    assert default_threads(cores, quota) == expected


@pytest.mark.parametrize("given", [{"numprocesses": 2, "dist": "load"}, {"dist": "each"}], ids=["n", "dist"])
def test_measuring_in_several_processes_at_once_is_refused(given: Mapping[str, object]) -> None:
    """pytest-xdist is not among the requirements, so a user's own is imitated."""
    config = cast("pytest.Config", SimpleNamespace(getoption=given.get))
    with pytest.raises(pytest.UsageError, match=r"pytest-xdist .* leave -n and --dist away"):
        parse(config)


def parsed(directory: Path, **given: object) -> Options:
    """The options of a session in which the user gives these."""
    usual: dict[str, Any] = {"--defaults": "equal", "--worker-timeout": "1800", "--download": False, "dist": "no"}
    found = usual | {f"--{name.replace('_', '-')}": value for name, value in given.items()}

    def getoption(name: str, default: object = None) -> object:
        return found.get(name, default)

    invocation = SimpleNamespace(dir=directory)
    config = SimpleNamespace(getoption=getoption, invocation_params=invocation, rootpath=directory)
    return parse(cast("pytest.Config", config))


@pytest.mark.parametrize(
    ("given", "blocks", "effort"),
    [
        ({}, None, NORMAL),
        ({"processes": "5"}, 5, NORMAL),
        ({"quick": True}, QUICK_BLOCKS, QUICK),
        ({"thorough": True}, THOROUGH_BLOCKS, THOROUGH),
        ({"quick": True, "processes": "3"}, 3, QUICK),
    ],
    ids=str,
)
def test_a_run_is_of_a_fixed_size_where_the_user_says_how_much(
    tmp_path: Path, given: dict[str, Any], blocks: int | None, effort: object
) -> None:
    """Else it goes on until the order is certain, or its time is up."""
    found = parsed(tmp_path, **given)
    assert (found.blocks, found.effort, found.budget) == (blocks, effort, None)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0)])
def test_an_ordinary_run_takes_a_budget(tmp_path: Path, text: str, seconds: float) -> None:
    """And is then of no fixed size."""
    found = parsed(tmp_path, budget=text)
    assert (found.budget, found.blocks) == (seconds, None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budget": "10m", "processes": "3"}, "--processes fixes how much is measured, --budget how long"),
        ({"budget": "10m", "quick": True}, "--quick fixes how much is measured, --budget how long"),
        ({"budget": "10m", "thorough": True}, "--thorough fixes how much is measured, --budget how long"),
        ({"budget": "10"}, "--budget 10: give a duration such as 90s, 10m or 1.5h"),
        ({"budget": "0s"}, "--budget 0s: give a duration"),
        ({"budget": ""}, "--budget : give a duration"),
        ({"budget": "9" * 400 + "h"}, "give a duration"),
        ({"processes": "0"}, "--processes 0: give a whole number of at least 1"),
        ({"processes": "two"}, "--processes two: give a whole number of at least 1"),
        ({"quick": True, "thorough": True}, "--quick and --thorough exclude each other"),
        ({"worker_timeout": "nan"}, "--worker-timeout nan: give a number above 0"),
        ({"threads": ["99999"]}, "--threads 99999: this process may use only"),
        ({"device": ["tpu"]}, "--device 'tpu' is not known"),
        ({"data_dir": "nowhere"}, "--data-dir nowhere: there is no such directory"),
        ({"data_dir": ""}, "--data-dir names nothing: give a path, or leave it away"),
        ({"workspace": " "}, "--workspace names nothing: give a path, or leave it away"),
    ],
    ids=lambda value: None if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    """Which names the option, what was given, and what would do."""
    with pytest.raises(pytest.UsageError) as refusal:
        parsed(tmp_path, **given)
    assert message in str(refusal.value)
    assert one_line(str(refusal.value))


def test_a_path_may_begin_with_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every option that takes one: a shell leaves the ``~`` in ``--data-dir=~/data`` as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert parsed(elsewhere, data_dir="~/data").data_dir == tmp_path / "data"
    assert parsed(elsewhere, workspace="~/work").workspace == tmp_path / "work"
    shutil.copy(PROJECT_ROOT / "models" / "adapters" / "jax.py", tmp_path / "mine.py")
    assert parsed(elsewhere, framework=["~/mine.py"]).choices[0].frameworks[0].module == str(tmp_path / "mine.py")
    with pytest.raises(pytest.UsageError, match=r"~nobody-of-this-name/data: there is no such directory"):
        parsed(elsewhere, data_dir="~nobody-of-this-name/data")


ODD = os.fsdecode(b"/odd\xff")


@pytest.mark.parametrize(
    ("given", "begin"),
    [
        ({"workspace": ODD}, "--workspace, "),
        ({"framework": [f"{ODD}/mine.py"]}, "--framework, "),
        ({"program": [f"{ODD}/train.py"]}, "--program, "),
        ({"against": [f"{ODD}/bin/python"]}, "--against, "),
        ({"checkout": ODD}, "the path of the checkout, "),
        ({"python": ODD}, "the path of Python, "),
        ({"temporary": ODD}, "the temporary folder, "),
    ],
)
def test_a_path_that_is_no_text_is_refused_in_one_line(
    tmp_path: Path, given: dict[str, Any], begin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers are told paths as text; a disk of other times has names in other encodings."""
    places = {
        "checkout": "fixtures.plugin.options._CHECKOUT",
        "python": "sys.executable",
        "temporary": "tempfile.tempdir",
    }
    for name in places.keys() & given:
        monkeypatch.setattr(places[name], given[name])
    options = {name: value for name, value in given.items() if name not in places}
    with pytest.raises(pytest.UsageError, match=rf"^{begin}'/odd\\udcff.* is not text in UTF-8: ") as caught:
        parsed(tmp_path, **options)
    assert one_line(str(caught.value))


def test_the_workspace_lies_in_the_checkout_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    """A relative one is meant from where pytest was started."""
    assert parsed(tmp_path).workspace == tmp_path / ".cnn-dyno"
    assert parsed(tmp_path, workspace="there").workspace == tmp_path / "there"

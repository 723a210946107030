"""What a user may ask to compare, what is refused, and which frameworks a change of packages concerns."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.arms.affected import affected, changed_packages, split_requirements
from fixtures.arms.environments import Changed, Interpreter, Revision
from fixtures.judging.margins import DEFAULT_MARGINS
from fixtures.judging.measures import Measure
from fixtures.plugin.against import slugs
from fixtures.plugin.choices import duration
from fixtures.plugin.comparing_options import DEFAULT_BUDGET_SECONDS, parse
from fixtures.plugin.options import OPTIONS
from models.registry import DEFAULT_FRAMEWORKS, FRAMEWORKS, Framework
from tests.one_line import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0)])
def test_durations_have_a_unit(text: str, seconds: float) -> None:
    """Seconds, minutes, hours."""
    assert duration("--budget", text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "0s", "1d", "1e3s", "nan", "9" * 400 + "h"])
def test_bad_durations_are_refused(text: str) -> None:
    """In one line, with an example of a good one."""
    with pytest.raises(pytest.UsageError, match="give a duration such as 90s, 10m") as refusal:
        duration("--budget", text)
    assert one_line(str(refusal.value))


def configured(tmp_path: Path, **given: object) -> pytest.Config:
    """A configuration with these options."""
    options: Mapping[str, Any] = {f"--{name.replace('_', '-')}": value for name, value in given.items()}
    directory, budget = SimpleNamespace(dir=tmp_path), options.get("--budget")
    config = SimpleNamespace(getoption=options.get, getini=lambda _: [], invocation_params=directory, rootpath=tmp_path)
    config.stash = {OPTIONS: SimpleNamespace(budget=duration("--budget", budget) if budget else None, choices=())}
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


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell leaves the ``~`` in ``--against=~/other`` as it is; the label is what the user wrote."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "other" / "bin").mkdir(parents=True)
    (tmp_path / "other" / "bin" / "python").touch()
    (tmp_path / "old.txt").write_text("torch==2.13.0\n", encoding="utf-8")
    sources = parse(configured(tmp_path / "elsewhere", against=["~/other", "~/old.txt"])).sources
    assert sources == (Interpreter(tmp_path / "other" / "bin" / "python"), Changed(("torch==2.13.0",)))
    assert [one.label for one in sources] == ["~/other", "~/old.txt"]


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
        ({"against": ["torch\n=="]}, "--against torch == is no requirement"),
        ({"against": ["folder"]}, "no virtual environment"),
        ({"against": ["folder/../folder"]}, "--against folder/../folder: the folder is no virtual environment"),
        ({"against": ["~nobody-of-this-name/x"]}, "--against ~nobody-of-this-name/x: there is no such file"),
        ({"against": ["six==1.0 " * 60]}, "File name too long: write a long list of requirements into a file"),
        ({"against": ["folder/pre.txt"]}, "--against folder/pre.txt: '--pre' is not a requirement"),
        ({"against": ["bad.txt"]}, "bad.txt: 'torch==' is no requirement"),
        ({"against": ["six"], "until_decided": True, "budget": "10m"}, "exclude each other"),
    ],
    ids=[
        "path",
        "option",
        "empty",
        "half",
        "lines",
        "folder",
        "folder's path",
        "user",
        "long",
        "file's path",
        "file",
        "both",
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    """Before anything is built."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "pre.txt").write_text("--pre\n", encoding="utf-8")
    (tmp_path / "bad.txt").write_text("six\ntorch==\n", encoding="utf-8")
    with pytest.raises(pytest.UsageError, match=message) as refusal:
        parse(configured(tmp_path, **given))
    assert one_line(str(refusal.value))


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, DEFAULT_BUDGET_SECONDS),
        ({"budget": "90s"}, 90.0),
        ({"until_decided": True}, None),
    ],
    ids=["default", "budget", "until-decided"],
)
def test_a_comparison_takes_as_long_as_the_user_says(
    tmp_path: Path, given: dict[str, Any], seconds: float | None
) -> None:
    """Or ten minutes; or until every benchmark has its verdict."""
    assert parse(configured(tmp_path, against=["six"], **given)).budget.seconds == seconds


def test_an_ordinary_run_and_a_calibration_have_their_own_budgets(tmp_path: Path) -> None:
    """``--budget`` is no usage error without ``--against``; a calibration measures its blocks however long it takes."""
    assert parse(configured(tmp_path, budget="10m")).sources == ()
    assert parse(configured(tmp_path, calibrate=True)).budget.seconds is None
    assert parse(configured(tmp_path, calibrate=True, calibrate_blocks="40")).calibrate == 40


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
        ({"until_decided": True}, "--until-decided is for --against"),
        ({"margin": ["step=1%"]}, "--margin is for --against"),
        ({"schedule": "duet"}, "--schedule is for"),
        ({"calibrate_blocks": "8"}, "--calibrate-blocks is for"),
        (AGAINST | {"calibrate_blocks": "8"}, "--calibrate-blocks is for"),
        (CALIBRATE | AGAINST, "leave --against away"),
        (CALIBRATE | {"calibrate_blocks": "3"}, "the gate says nothing from fewer than 4 blocks"),
        (CALIBRATE | {"calibrate_blocks": "x"}, "--calibrate-blocks x: give a whole number"),
    ],
    ids=str,
)
def test_options_that_do_nothing_are_refused(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    """Whoever gives one expects something of it."""
    with pytest.raises(pytest.UsageError, match=message) as refusal:
        parse(configured(tmp_path, **given))
    assert one_line(str(refusal.value))

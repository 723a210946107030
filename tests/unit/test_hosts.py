"""fixtures.arms.hosts and ``--host``: names, tables of hosts.toml, and what is refused before anything is measured."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from fixtures.arms.hosts import FOLDER, Host, HostError, find_hosts
from fixtures.plugin import host_options
from fixtures.plugin.station import _listed

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of tables."""
    path = tmp_path / "hosts.toml"
    path.write_text(
        """
[gpu1]
ssh = "me@gpu1.example"
options = ["-p", "2222"]
python = "python3.12"
folder = "/scratch/me"
gpus = [0, 2]
silence = 60

[box]
environment = "~/venv/bin/python"
cores = [4, 5]
""",
        encoding="utf-8",
    )
    return path


def test_a_host_is_a_table_or_what_ssh_knows(file: Path) -> None:
    """Whoever has no table is reached by its name; this machine needs no ssh."""
    local, box, other = find_hosts(["local", "box", "me@laptop"], file)
    assert local == Host("local")
    assert box == Host("box", "box", environment="~/venv/bin/python", cores=(4, 5))
    assert other == Host("me@laptop", "me@laptop", folder=FOLDER)
    assert other.label == "me_laptop"


def test_each_gpu_is_a_place_of_its_own(file: Path) -> None:
    """With its part of the cores."""
    first, second = find_hosts(["gpu1"], file)
    assert (first.name, first.gpu, first.part) == ("gpu1-gpu0", "0", (0, 2))
    assert (second.name, second.gpu, second.part) == ("gpu1-gpu2", "2", (1, 2))
    assert (first.address, first.options, first.python) == ("me@gpu1.example", ("-p", "2222"), "python3.12")
    assert first.apart_from(second)
    assert first.allowed_silence < first.silence == 60


def test_a_file_need_not_exist(tmp_path: Path) -> None:
    """Names are enough."""
    assert find_hosts(["gpu1"], tmp_path / "hosts.toml") == (Host("gpu1", "gpu1"),)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (Host("a", "a", cores=(0,)), Host("b", "b", cores=(1, 2)), True),
        (Host("a", "a", cores=(0, 1)), Host("b", "b", cores=(1, 2)), False),
        (Host("a", "a"), Host("b", "b", cores=(1,)), False),
        (Host("a-gpu0", "a", gpu="0", part=(0, 2)), Host("b", "b", cores=(1,)), False),
    ],
)
def test_two_names_of_one_machine_are_apart_if_their_cores_are(one: Host, other: Host, apart: bool) -> None:  # noqa: FBT001
    """Otherwise they would disturb each other."""
    assert one.apart_from(other) is apart


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gpu1", "is not TOML"),
        ("gpu1 = 3", "must be a table"),
        ("[gpu1]\nport = 22", "'port' is not known. Known: ssh, options"),
        ("[gpu1]\nssh = 3", "ssh must be a text"),
        ('[gpu1]\nssh = "-oProxyCommand=evil"', "ssh must be a text"),
        ('[gpu1]\npython = "a//b"', "python must be a text"),
        ('[gpu1]\noptions = "-p 22"', "options must be a list"),
        ('[gpu1]\noptions = ["-p 22"]', "options must be texts without spaces"),
        ("[gpu1]\ncores = [1, -1]", "cores must be whole numbers from 0, got -1"),
        ("[gpu1]\ncores = [true]", "cores must be whole numbers"),
        ("[gpu1]\ncores = [1, 1]", "cores names 1 twice"),
        ("[gpu1]\ngpus = [0, 0]", "gpus names 0 twice"),
        ("[gpu1]\nsilence = 1", "silence must be 4 seconds or more, got 1"),
        ('[gpu1]\nsilence = "9s"', "silence must be whole numbers from 0, got '9s'"),
    ],
)
def test_a_bad_table_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    """It names the file, the table and the field."""
    file = tmp_path / "hosts.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(HostError) as error:
        find_hosts(["gpu1"], file)
    assert said in str(error.value)
    assert str(error.value).startswith(f"{file}: ")


@pytest.mark.parametrize("name", ["", "-oProxyCommand=evil", "a b", "a//b"])
def test_no_name_is_an_option_of_ssh(name: str, tmp_path: Path) -> None:
    """Nothing is run that the user did not name."""
    with pytest.raises(HostError, match="--host"):
        find_hosts([name], tmp_path / "hosts.toml")


def test_this_machine_is_measured_as_it_is(tmp_path: Path) -> None:
    """It may have cores of its own, and nothing that is about ssh."""
    file = tmp_path / "hosts.toml"
    file.write_text("[local]\ncores = [0]\n", encoding="utf-8")
    assert find_hosts(["local"], file) == (Host("local", cores=(0,)),)
    file.write_text('[local]\npython = "python3.12"\n', encoding="utf-8")
    with pytest.raises(HostError, match="python is for other machines"):
        find_hosts(["local"], file)


def test_two_hosts_with_one_label_are_refused(tmp_path: Path) -> None:
    """Benchmarks are told apart by it."""
    with pytest.raises(HostError, match="two of them are called 'me_box'"):
        find_hosts(["me@box", "me_box"], tmp_path / "hosts.toml")


def options(folder: Path, **given: Any) -> Any:
    """A configuration with these options."""
    found = {f"--{name.replace('_', '-')}": value for name, value in given.items()}
    place = SimpleNamespace(dir=folder)
    return cast("Any", SimpleNamespace(getoption=lambda name, *_: found.get(name), invocation_params=place))


def test_hosts_are_named_by_repeating_or_by_commas(tmp_path: Path) -> None:
    """Each once."""
    found = host_options.hosts_of(options(tmp_path, host=["a,b", "b", "local"]))
    assert [host.name for host in found] == ["a", "b", "local"]
    assert host_options.hosts_of(options(tmp_path)) == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hosts_file": "hosts.toml"}, "--hosts-file does nothing without --host"),
        ({"host": ["a"], "hosts_file": "absent.toml"}, "there is no such file"),
        ({"host": ["a"], "calibrate": True}, "--calibrate is measured on this machine alone"),
        ({"host": ["a"], "bisect": ["jax==1..2"]}, "--bisect is measured on this machine alone"),
    ],
)
def test_what_hosts_cannot_do_is_refused(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Before anybody is reached."""
    with pytest.raises(pytest.UsageError, match=said):
        host_options.hosts_of(options(tmp_path, **given))


def test_cores_are_listed_in_runs() -> None:
    """A machine may have a hundred."""
    assert _listed((0, 1, 2, 3, 8, 10, 11)) == "0-3, 8, 10-11"

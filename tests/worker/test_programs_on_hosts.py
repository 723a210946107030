"""Programs of somebody's own on a host, with a real ssh: what is brought over, and where it is run."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.bench_run import demand_nothing_left, run_bench
from tests.ssh_server import SshServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRAINING = """
import os
import time
from utils.numbers import first

batch_size = 8
assert "/contents/program-" in __file__, __file__
assert not os.path.exists(os.path.join(os.path.dirname(__file__), ".hidden"))
with open("numbers.txt") as file:
    told = int(file.read())


def training(device, seed):
    for step in range(1000):
        time.sleep(0.002)
        yield first + told + step
"""
STEPS = ("-m", "cpu and step", "--quick", "--processes", "2")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """The host's ssh server."""
    with closing(SshServer(tmp_path_factory.mktemp("server"))) as started:
        yield started


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program with a neighbour, data, and a file that nobody needs."""
    folder = tmp_path / "own"
    (folder / "utils").mkdir(parents=True)
    (folder / "train.py").write_text(TRAINING, encoding="utf-8")
    (folder / "utils" / "numbers.py").write_text("first = 1000\n", encoding="utf-8")
    (folder / "numbers.txt").write_text("7", encoding="utf-8")
    (folder / ".hidden").write_text("secret", encoding="utf-8")
    return folder / "train.py"


def test_a_program_is_brought_over_with_its_folder_and_measured_there(
    server: SshServer, program: Path, tmp_path: Path
) -> None:
    """Under its own name, in the copy of its folder; held against another interpreter there, it is the same program."""
    hosts = server.hosts(tmp_path, left={})
    ran = run_bench(
        *(tmp_path / "results", "--program", str(program), "--hosts-file", str(hosts), "--host", "left"),
        *("--against", sys.executable, "-m", "cpu and step", "--budget", "1s"),
    )
    assert "Same program: the losses of the first 20 steps are equal to the last bit." in ran.output, ran.output
    (benchmark,) = ran.saved["benchmarks"]
    assert benchmark["extra_info"]["host"] == "left"
    assert benchmark["extra_info"]["framework"] == "train"
    assert benchmark["extra_info"]["raw"], ran.output
    demand_nothing_left()


def test_its_relative_paths_begin_in_a_folder_that_the_host_has(
    server: SshServer, program: Path, tmp_path: Path
) -> None:
    """Data that is too much to bring lies there already."""
    (program.parent / "numbers.txt").unlink()
    data = tmp_path / "data"
    data.mkdir()
    (data / "numbers.txt").write_text("8", encoding="utf-8")
    hosts = server.hosts(tmp_path, left={"working_folder": str(data)}, right={"working_folder": str(data / "none")})
    named = ("--program", str(program), "--hosts-file", str(hosts))
    ran = run_bench(tmp_path / "results", *named, "--host", "left", *STEPS)
    assert ran.status == pytest.ExitCode.OK, ran.output
    assert "1 passed" in ran.output
    wrong = run_bench(tmp_path / "wrong", *named, "--host", "right", *STEPS)
    assert wrong.status != pytest.ExitCode.OK
    assert f'working_folder = "{data / "none"}" is no folder there' in wrong.output
    assert "Traceback" not in wrong.output
    demand_nothing_left()

"""Hosts over a real ssh that cannot be used, or drop: one line says why, and no process is left on either side."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fixtures.arms.hosts import Host, HostError, find_hosts
from fixtures.measuring.readings import BlockReadings
from fixtures.measuring.remote.connection import Connection
from fixtures.measuring.remote.orders import Run
from fixtures.measuring.remote.preparing import ROOT, Place, suite
from fixtures.measuring.remote.runner import LOST_IN_A_ROW, Away
from fixtures.measuring.requests import BlockRequest
from tests.bench_run import END_SECONDS, demand_nothing_left, processes_of_runs, workers
from tests.ssh_server import SshServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDER = Run("no-such-group", BlockRequest((), frozenset(), 0))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """An ssh server of these tests' own."""
    with closing(SshServer(tmp_path_factory.mktemp("sshd"))) as server:
        yield server


@pytest.fixture
def host(server: SshServer, tmp_path: Path) -> Host:
    """A host that can be used, and is soon taken for gone."""
    (host,) = find_hosts(["left"], server.hosts(tmp_path, left={"silence": 4}))
    return host


def refusal(host: Host, folder: Path) -> str:
    """The line that says why a host cannot be used; nothing is left of the attempt."""
    place = Place(host, folder / "ssh.txt", print)
    try:
        with pytest.raises(HostError) as refused:
            place.reach()
    finally:
        place.close()
    demand_nothing_left()
    assert str(refused.value).startswith("--host left: ")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def script(path: Path, *lines: str) -> str:
    """A program that does this before it is Python."""
    path.write_text("\n".join(["#!/bin/sh", *lines, f'exec {sys.executable} "$@"', ""]), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_a_host_that_nobody_knows(host: Host, tmp_path: Path) -> None:
    """As ssh says it."""
    unknown = replace(host, address="no-such-host.invalid", options=())
    assert "no-such-host.invalid" in refusal(unknown, tmp_path)


def test_a_key_that_is_refused(server: SshServer, host: Host, tmp_path: Path) -> None:
    """No password is asked for."""
    server.make_key("other_key")
    keys = server.folder / "authorized_keys"
    allowed = keys.read_bytes()
    shutil.copy(server.folder / "other_key.pub", keys)
    try:
        assert "Permission denied" in refusal(host, tmp_path)
    finally:
        keys.write_bytes(allowed)


@pytest.mark.parametrize(("known", "said"), [(" ", "verification failed"), ("changed", "has changed")])
def test_a_host_key_that_is_not_known(server: SshServer, host: Host, tmp_path: Path, known: str, said: str) -> None:
    """It is checked as ssh does: a new one, and one that is another than it was."""
    server.know_host((server.folder / "user_key.pub").read_text(encoding="utf-8") if known.strip() else known)
    try:
        assert said in refusal(host, tmp_path)
    finally:
        server.know_host()


def test_a_python_that_is_too_old(host: Host, tmp_path: Path) -> None:
    """The line says where to name another."""
    start = "import sys; sys.version_info = (3, 9, 18); exec(eval(sys.stdin.readline()))"
    old = script(tmp_path / "python3", f'exec {sys.executable} -u -c "{start}"')
    said = refusal(replace(host, python=old), tmp_path)
    assert "is Python 3.9.18 there, and 3.11 or later is needed" in said
    assert "`python = …` in a table [left] of hosts.toml" in said


def test_no_python(host: Host, tmp_path: Path) -> None:
    """The shell over there says so."""
    assert "no-such-python does not start there" in refusal(replace(host, python="no-such-python"), tmp_path)


@pytest.mark.parametrize("greeting", ["Welcome", "1 message waits"])
def test_a_shell_that_prints_something_at_login(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, greeting: str
) -> None:
    """It comes where Python's own words must; one that looks like them is waited for in vain."""
    monkeypatch.setattr("fixtures.measuring.remote.connection.START_SECONDS", 6.0)
    loud = script(tmp_path / "python3", f"echo '{greeting}'")
    assert "prints something at login" in refusal(replace(host, python=loud), tmp_path)


def test_a_shell_that_prints_errors_at_login(host: Host, tmp_path: Path) -> None:
    """They disturb nobody."""
    with closing(Place(replace(host, python=script(tmp_path / "p", "echo hello >&2")), tmp_path / "log", print)) as one:
        one.reach()


def test_a_folder_that_cannot_be_written(host: Host, tmp_path: Path) -> None:
    """The line names it."""
    (tmp_path / "file").touch()
    folder = str(tmp_path / "file" / "folder")
    assert f"{folder}/contents cannot be written: Not a directory" in refusal(replace(host, folder=folder), tmp_path)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of 16 MiB."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "cnn-dyno-test", str(folder)]
    if (
        os.geteuid()
        or shutil.which("mount") is None
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("a small disk needs root, and a kernel that lets it mount one")
    try:
        yield
    finally:
        subprocess.run([shutil.which("umount") or "umount", "--lazy", str(folder)], check=True)


def test_no_room(host: Host, tmp_path: Path) -> None:
    """Nothing is sent, and the line says how much is free and needed."""
    with small_disk(tmp_path / "small"):
        place = Place(replace(host, folder=str(tmp_path / "small")), tmp_path / "ssh.txt", print)
        with closing(place):
            place.reach()
            with pytest.raises(HostError, match=r"no room in .*: 16 MiB are free, \d+ MiB are needed"):
                place.bring(suite())
        demand_nothing_left()


def test_nothing_is_brought_twice(host: Host, tmp_path: Path) -> None:
    """A second visit finds what the first one has left."""
    for brought in (True, False):
        with closing(Place(host, tmp_path / "ssh.txt", print)) as place:
            place.reach()
            folder = place.bring(suite())
            assert (place.brought_bytes > 0) is brought
    assert os.path.samefile(tmp_path / "left" / "contents", os.path.dirname(folder))  # noqa: PTH120, PTH121
    demand_nothing_left()


def test_an_installation_whose_connection_is_cut_ends(server: SshServer, host: Host, tmp_path: Path) -> None:
    """With all that it has started; what is half made is no environment."""
    place = Place(replace(host, environment=""), tmp_path / "ssh.txt", print)
    place.reach()
    refused: list[HostError] = []

    def install() -> None:
        try:
            place.interpreter(["pytest"])
        except HostError as error:
            refused.append(error)

    installing = threading.Thread(target=install)
    installing.start()
    while installing.is_alive() and not any("venv" in each.cmdline() for each in processes_of_runs()):
        time.sleep(0.05)
    server.cut()
    installing.join()
    place.close()
    demand_nothing_left()
    assert "the connection is lost" in str(refused)
    assert all(each.name.startswith(".unfinished") for each in (tmp_path / "left" / "environments").iterdir())


@pytest.fixture
def away(host: Host, tmp_path: Path) -> Iterator[Away]:
    """An agent that has started; whatever happens, nothing of it is left."""
    notes: list[str] = []
    one = Away(host, str(ROOT), host.environment, host.folder, tmp_path / "ssh.txt", notes.append)
    one.start()
    assert workers()
    try:
        yield one
    finally:
        one.close()
        demand_nothing_left()


def test_an_environment_without_the_suites_packages(host: Host, tmp_path: Path) -> None:
    """The line says what installs them there."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    away = Away(host, str(ROOT), str(bare / "bin" / "python"), host.folder, tmp_path / "ssh.txt", print)
    with (
        closing(away),
        pytest.raises(HostError, match=r"--host left: .*No module named .* -m pip install -r .*suite\.txt"),
    ):
        away.start()
    demand_nothing_left()


def test_a_block_in_which_the_connection_is_cut_is_lost_and_the_host_tried_again(server: SshServer, away: Away) -> None:
    """It is counted, and so is one whose agent is killed; after several in a row, the host is out, for good."""
    notes: list[str] = []
    away.note = notes.append
    for number in range(1, LOST_IN_A_ROW):
        if number == 1:
            server.cut()
        else:
            workers()[0].kill()
        read, failures = away.run(ORDER)
        assert read == BlockReadings(measures=frozenset())
        assert failures == {}
        assert f"this block is lost ({number} by now)" in notes[-2]
        assert notes[-1] == "left is there again"
        assert away.lost_blocks == number
    server.cut()
    for _ in range(2):
        with pytest.raises(HostError, match=f"left is out: it has lost {LOST_IN_A_ROW} blocks one after another"):
            away.run(ORDER)
    demand_nothing_left()


def test_a_host_that_is_lost_while_it_proves_proves_again(
    server: SshServer, away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No block is lost; but a host that is lost in every proof is out."""
    notes: list[str] = []
    away.note = notes.append
    ask, asked, cuts = away.ask, [], 1

    def cut_before(name: str, *arguments: Any) -> Any:
        asked.append(name)
        if name != "prove":
            return ask(name, *arguments)
        if asked.count("prove") > cuts:
            return {}
        server.cut()
        return ask(name, *arguments)

    monkeypatch.setattr(away, "ask", cut_before)
    assert away.prove("digits-cpu-on-left", ()) == {}
    assert notes[-1] == "left is there again"
    assert away.lost_blocks == 0
    cuts = 100
    away._proven.clear()  # else it would be lost while it is restored, and be gone
    for _ in range(2):
        with pytest.raises(HostError, match=f"left is out: it has lost {LOST_IN_A_ROW} connections one after another"):
            away.prove("digits-cpu-on-left", ())


def test_a_run_that_ends_loses_no_block(away: Away) -> None:
    """Its own end closes the connection."""
    notes: list[str] = []
    away.note = notes.append
    away.close()
    for ask in (lambda: away.run(ORDER), lambda: away.prove("digits-cpu-on-left", ())):
        with pytest.raises(HostError, match="left: the run has ended"):
            ask()
    assert (away.lost_blocks, notes) == (0, [])


def test_a_host_that_does_not_come_back_is_gone(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried a few times."""
    monkeypatch.setattr("fixtures.measuring.remote.runner._TRY_AGAIN_SECONDS", 0.1)
    with closing(SshServer(tmp_path_factory.mktemp("ends"))) as server:
        (host,) = find_hosts(["left"], server.hosts(tmp_path, left={}))
        away = Away(host, str(ROOT), host.environment, host.folder, tmp_path / "ssh.txt", print)
        with closing(away):
            away.start()
            server.close()
            for _ in range(2):
                with pytest.raises(HostError, match=r"left is gone: .*Connection refused"):
                    away.run(ORDER)
    demand_nothing_left()


def test_an_agent_that_freezes_is_taken_for_gone(away: Away) -> None:
    """It has not ended, but answers nobody; when it wakes up, it ends."""
    (agent,) = workers()
    agent.suspend()
    try:
        read, _failures = away.run(ORDER)
    finally:
        agent.resume()
    assert read == BlockReadings(measures=frozenset())


def test_an_agent_that_hears_nothing_ends(away: Away) -> None:
    """As when the network is gone without a word: ssh over here still runs, and says nothing."""
    (agent,) = workers()
    (ssh,) = [each for each in psutil.Process().children() if each.name() == "ssh"]
    ssh.suspend()
    try:
        agent.wait(timeout=END_SECONDS)
    finally:
        ssh.send_signal(signal.SIGCONT)
    with pytest.raises(HostError):
        away.ask("run", ORDER)


def test_a_start_that_hangs_can_be_ended(host: Host, tmp_path: Path) -> None:
    """By another thread, as Ctrl-C does."""
    connection = Connection(host, "cat > /dev/null;", tmp_path / "ssh.txt")
    ending = threading.Timer(1.0, connection.close)
    ending.start()
    with pytest.raises(HostError):
        connection.open()
    ending.join()
    demand_nothing_left()

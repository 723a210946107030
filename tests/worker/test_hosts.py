"""Blocks on hosts, with a real ssh and a real framework: what is said and saved, and what faults in a block cost."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.bench_run import BenchRun, RunningBench, demand_nothing_left, run_bench, workers
from tests.other_network import other_network
from tests.ssh_server import SshServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STARTED_SECONDS = 2.0
"""After so long, a block that was begun has started its workers."""
AGAINST_ITSELF = ("--framework", "pytorch", "--against", sys.executable)
MEMORY = ("-m", "cpu and memory", "--budget", "6m", "--margin", "memory=30%")
STEPS = ("-m", "cpu and step", "--framework", "pytorch")
SECRET = "a-token-that-nobody-may-see"  # noqa: S105 - of nothing

pytestmark = pytest.mark.skipif((psutil.cpu_count() or 1) < 2, reason="two hosts on this machine need a core each")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where hosts keep their files: all runs here find what the first one has brought."""
    return tmp_path_factory.mktemp("hosts")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """One host's ssh server."""
    with closing(SshServer(tmp_path_factory.mktemp("left"))) as server:
        yield server


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """Another one's."""
    with closing(SshServer(tmp_path_factory.mktemp("right"))) as server:
        yield server


@pytest.fixture(scope="module")
def hosts(folder: Path, left: SshServer, right: SshServer) -> Path:
    """``hosts.toml`` that names both, with a core each."""
    left.hosts(folder, left={"cores": [0]})
    return right.hosts(folder, right={"cores": [1]})


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, hosts: Path, left: SshServer) -> BenchRun:
    """A table for each of two hosts; the connection of one is cut in its first block."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TF_VAR_password", SECRET)
        quick = (*STEPS, "--quick", "--processes", "2")
        names = ("--hosts-file", str(hosts), "--host", "left,right")
        running = RunningBench(tmp_path_factory.mktemp("results"), *quick, *names)
    running.wait_for("-on-left, block")
    time.sleep(STARTED_SECONDS)
    left.cut()
    return running.finish()


def test_a_block_whose_connection_is_cut_is_lost_and_the_run_goes_on(both: BenchRun) -> None:
    """Said and counted; the host is measured on after it."""
    assert both.status == pytest.ExitCode.OK, both.output
    assert "2 passed" in both.output
    assert "left: the connection is lost" in both.output
    assert "this block is lost (1 by now), and the host is tried again" in both.output
    assert "left is there again" in both.output
    demand_nothing_left()


def test_every_reading_has_a_host_whose_facts_are_saved(both: BenchRun) -> None:
    """In the benchmark's name, its parameters and the run's facts."""
    saved = {each["extra_info"]["host"]: each for each in both.saved["benchmarks"]}
    assert set(saved) == {"left", "right"}
    facts = both.saved["machine_info"]["cnn_dyno"]["hosts"]
    for host, benchmark in saved.items():
        assert f"-on-{host}]" in benchmark["name"]
        assert benchmark["params"]["host"] == host
        assert facts[host]["python"] == ".".join(map(str, sys.version_info[:3]))
        assert f"{host}: Python {facts[host]['python']}, " in both.output


def test_no_secret_is_kept_here_or_there(both: BenchRun, folder: Path, left: SshServer) -> None:
    """Neither of this side's environment nor how ssh is called."""
    texts = [both.output, str(both.saved)]
    texts += [each.read_text(encoding="utf-8", errors="replace") for each in folder.rglob("logs/*") if each.is_file()]
    for text in texts:
        assert SECRET not in text
        assert str(left.config) not in text


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_in_a_block_leaves_nothing_there(tmp_path: Path, hosts: Path, how: signal.Signals) -> None:
    """Whoever ends it; of SIGKILL, the other side hears because its channel closes."""
    running = RunningBench(tmp_path, *STEPS, "--thorough", "--hosts-file", str(hosts), "--host", "left")
    running.wait_for("block 1: steps of pytorch")
    time.sleep(STARTED_SECONDS)
    assert workers()
    running.end(how)
    ended = running.finish()
    demand_nothing_left()
    assert "Traceback" not in ended.output
    if how != signal.SIGKILL:
        assert ended.status == pytest.ExitCode.INTERRUPTED, ended.output


def test_a_host_whose_network_is_gone_without_a_word(tmp_path: Path, folder: Path, hosts: Path) -> None:
    """Both sides notice: the host is out, its processes end, and the others go on."""
    with ExitStack() as cleaning:
        network = cleaning.enter_context(other_network())
        (tmp_path / "sshd").mkdir()
        far = cleaning.enter_context(closing(SshServer(tmp_path / "sshd", network.address, network.inside)))
        far.hosts(folder, far={"cores": [1], "silence": 4, "folder": str(folder / "right")})
        one_block = (*AGAINST_ITSELF, "-m", "cpu and step", "--budget", "1s")
        running = RunningBench(tmp_path, *one_block, "--hosts-file", str(hosts), "--host", "left,far")
        running.wait_for("-on-far, block")
        time.sleep(STARTED_SECONDS)
        network.lose()
        ended = running.finish()
        demand_nothing_left()
    assert "far: the connection is lost" in ended.output
    assert "far is gone: " in ended.output
    assert ended.status == pytest.ExitCode.TESTS_FAILED, ended.output
    assert "**NOT COMPLETE**: 1 of 1 failed" in ended.output
    assert "1 of 1 undecided" in ended.output  # one block on the other host decides nothing


def test_this_machine_is_a_host_too(tmp_path: Path) -> None:
    """An agent in a process of its own; nothing is brought."""
    run = run_bench(tmp_path, *STEPS, "--quick", "--processes", "1", "--host", "local")
    assert run.status == pytest.ExitCode.OK, run.output
    (benchmark,) = run.saved["benchmarks"]
    assert benchmark["extra_info"]["host"] == "local"
    assert "brought over" not in run.output
    demand_nothing_left()


def refusal(results: Path, *arguments: str) -> str:
    """What a run says that is refused before anything is measured."""
    run = run_bench(results, *STEPS, *arguments)
    assert run.status == pytest.ExitCode.USAGE_ERROR, run.output
    assert "Traceback" not in run.output
    assert not run.saved
    demand_nothing_left()
    return run.output


def test_one_machine_that_is_named_twice_is_refused(tmp_path: Path, left: SshServer) -> None:
    """Each would disturb the other; with cores of its own each, none does."""
    file = left.hosts(tmp_path, one={}, other={"cores": [0]})
    said = refusal(tmp_path, "--hosts-file", str(file), "--host", "one", "--host", "other")
    assert "--host one and other are one machine, and would disturb each other" in said


def test_more_threads_than_a_host_has_cores_are_refused(tmp_path: Path, hosts: Path) -> None:
    """Its cores are those that its table allows."""
    said = refusal(tmp_path, "--hosts-file", str(hosts), "--host", "left", "--threads", "2")
    assert "--host left: --threads 2: only 1 core" in said


def test_a_host_without_a_gpu_skips_what_needs_one(tmp_path: Path, hosts: Path) -> None:
    """With the reason."""
    gpu = ("-m", "gpu and step", "--framework", "pytorch", "--device", "cuda", "-rs")
    run = run_bench(tmp_path, *gpu, "--hosts-file", str(hosts), "--host", "left")
    if "passed" in run.output:
        pytest.skip("this machine has a GPU")
    assert "1 skipped" in run.output, run.output
    demand_nothing_left()


@pytest.mark.slow
def test_hosts_that_agree_are_judged_together(tmp_path: Path, hosts: Path) -> None:
    """The same interpreter on both sides: no regression, said of both hosts."""
    run = run_bench(tmp_path, *AGAINST_ITSELF, *MEMORY, "--hosts-file", str(hosts), "--host", "left,right")
    assert run.status == pytest.ExitCode.OK, run.output
    assert "**NO REGRESSION**" in run.output
    assert "2 passed" in run.output
    demand_nothing_left()

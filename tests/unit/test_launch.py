"""fixtures.arms.launch: how a worker's interpreter is started."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import execnet
import pytest

from fixtures.arms import launch
from fixtures.arms.launch import (
    MALLOC_TUNABLES,
    LaunchSettings,
    allocator_setting,
    cores_for,
    environment,
    python_command,
)
from models.registry import FRAMEWORKS

NEW_GLIBC = ("glibc", "2.36")
OLD_GLIBC = ("glibc", "2.34")
OTHER_LIBC = ("", "")


def test_threads_reach_every_pool() -> None:
    """Every thread pool that a framework may use is told the same number of threads."""
    variables = environment(FRAMEWORKS["pytorch"], "cpu", LaunchSettings(threads=3))
    pools = ["OMP", "MKL", "OPENBLAS", "TF"]
    of_pools = {name: value for name, value in variables.items() if name.split("_")[0] in pools}
    assert len(of_pools) == 5
    assert set(of_pools.values()) == {"3"}


def test_a_cpu_arm_sees_no_gpu_and_a_gpu_arm_sees_what_the_user_shows() -> None:
    """GPUs are hidden from CPU arms; a CUDA arm keeps the user's own choice."""
    settings = LaunchSettings(threads=1)
    assert environment(FRAMEWORKS["pytorch"], "cpu", settings)["CUDA_VISIBLE_DEVICES"] == "-1"
    assert "CUDA_VISIBLE_DEVICES" not in environment(FRAMEWORKS["pytorch"], "cuda", settings)


def test_a_frameworks_own_variables_are_set() -> None:
    """What the registry says that a framework needs is in its environment."""
    framework = FRAMEWORKS["keras-tensorflow"]
    variables = environment(framework, "cpu", LaunchSettings(threads=1))
    assert framework.environment.items() <= variables.items()


@pytest.mark.parametrize("noise_control", [True, False], ids=["with", "without"])
def test_hash_seed_is_fixed_and_the_wait_policy_is_left_alone(*, noise_control: bool) -> None:
    """Hashing is the same in every process, and threads wait as OpenMP lets them."""
    variables = environment(FRAMEWORKS["pytorch"], "cpu", LaunchSettings(1, noise_control), NEW_GLIBC)
    assert variables["PYTHONHASHSEED"] == "0"
    assert variables["PYTHONDONTWRITEBYTECODE"] == ""
    assert "OMP_WAIT_POLICY" not in variables


@pytest.mark.parametrize(
    ("noise_control", "libc", "expected"),
    [
        pytest.param(True, NEW_GLIBC, MALLOC_TUNABLES, id="controlled"),
        pytest.param(True, ("glibc", "2.35"), MALLOC_TUNABLES, id="first-glibc-that-can"),
        pytest.param(True, OLD_GLIBC, None, id="old-glibc"),
        pytest.param(True, OTHER_LIBC, None, id="other-library"),
        pytest.param(False, NEW_GLIBC, None, id="as-users-launch-it"),
    ],
)
def test_the_allocator_is_tuned_only_where_it_can_be(
    *, noise_control: bool, libc: tuple[str, str], expected: str | None
) -> None:
    """Tunables are set if noise control is on and the C library knows them."""
    variables = environment(FRAMEWORKS["pytorch"], "cpu", LaunchSettings(1, noise_control), libc)
    assert variables.get("GLIBC_TUNABLES") == expected


@pytest.mark.parametrize(
    ("noise_control", "libc", "inherited", "expected"),
    [
        pytest.param(True, NEW_GLIBC, {}, MALLOC_TUNABLES, id="controlled"),
        pytest.param(False, NEW_GLIBC, {}, "glibc defaults", id="as-users-launch-it"),
        pytest.param(
            True, OLD_GLIBC, {}, "glibc defaults (noise control needs glibc 2.35, found glibc 2.34)", id="old-glibc"
        ),
        pytest.param(
            True, ("musl", "1.2"), {}, "musl defaults (noise control needs glibc 2.35, found musl 1.2)", id="musl"
        ),
        pytest.param(False, NEW_GLIBC, {"GLIBC_TUNABLES": "a=1"}, "a=1", id="users-own-tunables"),
        pytest.param(
            False, NEW_GLIBC, {"LD_PRELOAD": "jemalloc.so"}, "glibc defaults; LD_PRELOAD=jemalloc.so", id="preloaded"
        ),
    ],
)
def test_the_allocator_setting_is_put_in_words(
    *, noise_control: bool, libc: tuple[str, str], inherited: dict[str, str], expected: str
) -> None:
    """Results say which allocator setting they were taken with, the user's own included."""
    assert allocator_setting(LaunchSettings(1, noise_control), libc, inherited) == expected


def test_a_worker_has_at_least_one_thread() -> None:
    """No threads is refused when settings are made, not when a worker fails."""
    with pytest.raises(ValueError, match="at least 1 thread, not 0"):
        LaunchSettings(threads=0)


def test_the_command_survives_the_split_that_execnet_does() -> None:
    """Spaces and quotes in a value or in the interpreter's path stay in their word."""
    command = python_command(Path("/opt/my python/bin/python"), {"FLAGS": "a b'c", "N": "1"})
    assert shlex.split(command) == ["env", "FLAGS=a b'c", "N=1", "/opt/my python/bin/python"]


@pytest.mark.parametrize("value", ["https://x", "//", "a'///b c"], ids=["address", "slashes", "quoted"])
def test_two_slashes_do_not_break_the_specification(value: str) -> None:
    """They would end the interpreter's part of execnet's specification, and still mean what they do."""
    command = python_command(Path("//opt/bin/python"), {"ADDRESS": value})
    assert "//" not in command
    assert shlex.split(command) == ["env", f"ADDRESS={value}", "//opt/bin/python"]


@pytest.mark.parametrize("folder", ["plain", "a=b c", "$(exit 1)'\""], ids=["plain", "equals-and-space", "shell-words"])
def test_a_gateway_starts_with_the_variables_already_set(tmp_path: Path, folder: str) -> None:
    """A worker's interpreter has its variables before it starts, and wherever it lies it is one process.

    The hash seed is read only at start.
    """
    interpreter = tmp_path / folder / "python"
    interpreter.parent.mkdir()
    interpreter.symlink_to(sys.executable)
    command = python_command(interpreter, {"PYTHONHASHSEED": "0", "GREETING": "good day"})
    group = execnet.Group()
    try:
        gateway = group.makegateway(f"popen//python={command}")
        channel = gateway.remote_exec(
            "import os, sys; channel.send((os.environ['GREETING'], sys.flags.hash_randomization, os.getppid()))"
        )
        assert channel.receive(60) == ("good day", 0, os.getpid())
    finally:
        group.terminate(timeout=5)


@pytest.mark.skipif(not launch._has_tunables(platform.libc_ver()), reason="needs a glibc that knows hugetlb")
def test_with_noise_control_freed_memory_is_kept() -> None:
    """A large block that was freed stays with the process, so that the next step does not map it anew."""
    code = (
        "from fixtures.workers.kernel_memory import resident_bytes as now\n"
        "before = now(); block = bytearray(200 << 20); del block; print(now() - before)"
    )

    def kept(settings: LaunchSettings) -> int:
        # PYTHONMALLOC=malloc would be another allocator; 200 MiB are beyond Python's own in any case.
        variables = os.environ | environment(FRAMEWORKS["pytorch"], "cpu", settings)
        root = Path(__file__).parents[2]
        output = subprocess.run(
            [sys.executable, "-c", code], env=variables, cwd=root, check=True, capture_output=True, text=True
        )
        return int(output.stdout)

    assert kept(LaunchSettings(1, noise_control=True)) > 190 << 20
    assert kept(LaunchSettings(1, noise_control=False)) < 20 << 20


def test_cores_are_distinct_and_allowed() -> None:
    """A worker gets one core a thread, all of them cores that this process may use."""
    allowed = launch.allowed_cores()
    cores = cores_for(len(allowed))
    assert sorted(cores) == list(allowed)


def test_more_threads_than_cores_are_refused() -> None:
    """Asking for more cores than there are says how many there are."""
    available = len(launch.allowed_cores())
    with pytest.raises(ValueError, match=f"this process may use {available}"):
        cores_for(available + 1)


def test_hyper_threads_of_one_core_are_used_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are spread over physical cores before two of them share one."""
    for core, siblings in enumerate(["0-1", "0-1", "2,3", "2,3"]):
        (tmp_path / str(core)).write_text(siblings)
    monkeypatch.setattr(launch, "_SIBLINGS", f"{tmp_path}/{{core}}")
    monkeypatch.setattr(launch, "allowed_cores", lambda: (0, 1, 2, 3))
    assert cores_for(2) == (0, 2)
    assert cores_for(4) == (0, 2, 1, 3)

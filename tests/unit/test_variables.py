"""Which of the user's environment variables reach workers, which are recorded, and that no secret is."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.arms.launch import LaunchSettings, python_command, unused_variables
from fixtures.arms.variables import WITHHELD, recorded, withheld
from fixtures.baselines.conditions import differences
from fixtures.baselines.runs import run_from_plain
from fixtures.plugin.options import OPTIONS
from fixtures.plugin.resources import Resources
from models.registry import FRAMEWORKS
from tests.saved_runs import saved_benchmark, saved_run

if TYPE_CHECKING:
    from fixtures.baselines.runs import SavedRun

SPEED = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=2",
    "KMP_AFFINITY": "granularity=fine,compact",
    "LD_PRELOAD": "/usr/lib/libjemalloc.so.2",
    "MALLOC_ARENA_MAX": "1",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "PYTHONTRACEMALLOC": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TORCHINDUCTOR_MAX_AUTOTUNE": "1",
    "XLA_FLAGS": "--xla_cpu_enable_fast_math=true",
}
OTHERS = {
    "TF_VAR_db_password": "hunter2",
    "TF_TOKEN_app_terraform_io": "abc",
    "TF_CLI_CONFIG_FILE": "~/.terraformrc",
    "TF_API_TOKEN": "abc",
    "TORCH_HOME": "/home/somebody/.cache/torch",
    "KERAS_CREDENTIALS": "abc",
    "JAX_TOKEN": "abc",
    "CUDA_REGISTRY_PASSWORD": "abc",
    "MKL_LICENSE_TOKEN": "abc",
    "OMP_AUTH_KEY": "abc",
    "TORCHINDUCTOR_REDIS_URL": "redis://host",
    "MY_OMP_NUM_THREADS": "3",
    "KMP_INIT_AT_FORK": "FALSE",
    "LD_PRELOADED": "1",
}


def test_what_decides_speed_is_recorded_and_nothing_else() -> None:
    """By explicit lists: neither another program's variables nor secrets, whatever their prefix."""
    assert recorded(SPEED | OTHERS) == SPEED


def test_no_address_with_a_password_is_recorded() -> None:
    """Though the name is one that is recorded otherwise."""
    assert recorded({"XLA_FLAGS": "--cache=redis://user:hunter2@host"}) == {}


def test_no_home_folder_is_recorded() -> None:
    """A person's name is often a part of it."""
    assert recorded({"HOME": "/home/somebody", "LD_PRELOAD": "/home/somebody/lib/a.so:/lib/b.so"}) == {
        "LD_PRELOAD": "~/lib/a.so:/lib/b.so"
    }


def test_workers_own_settings_are_recorded_as_such() -> None:
    """What the user had is another matter: workers do not have it."""
    assert recorded({"OMP_NUM_THREADS": "1", "KERAS_BACKEND": "jax", "TORCHDYNAMO_DISABLE": "1"}) == {}


@pytest.mark.parametrize(
    "name",
    [
        "TORCHDYNAMO_DISABLE",
        "JAX_DISABLE_JIT",
        "TORCHINDUCTOR_CACHE_DIR",
        "JAX_COMPILATION_CACHE_DIR",
        "KERAS_MAX_EPOCHS",
        "NVIDIA_TF32_OVERRIDE",
        "TF_XLA_FLAGS",
    ],
)
def test_what_would_make_an_arm_another_one_reaches_no_worker(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with what it would do, and a process that is started as a worker is has it no more."""
    monkeypatch.setenv(name, "1")
    assert withheld()[name] == WITHHELD[name]
    command = python_command(Path(sys.executable), {"GREETING": "hello"})
    told = "import json, os; print(json.dumps(dict(os.environ)))"
    finished = subprocess.run([*shlex.split(command), "-c", told], capture_output=True, text=True, check=True)
    seen = json.loads(finished.stdout)
    assert name not in seen
    assert seen["GREETING"] == "hello"
    assert seen["PATH"] == os.environ["PATH"]


def test_a_frameworks_own_setting_wins_over_what_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that the launch sets is set."""
    monkeypatch.setenv("KERAS_HOME", "/home/somebody/.keras")
    command = python_command(Path(sys.executable), {"KERAS_HOME": "/mine"})
    told = [*shlex.split(command), "-c", "import os; print(os.environ['KERAS_HOME'])"]
    assert subprocess.run(told, capture_output=True, text=True, check=True).stdout == "/mine\n"


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_no_framework_needs_what_is_withheld(framework: Any) -> None:
    """Of the variables that a registry entry sets, none is one that would make it another arm."""
    assert not set(framework.environment) & WITHHELD.keys()


def test_what_workers_do_not_get_is_said_in_a_line_each() -> None:
    """Nothing of the user's reaches the terminal unescaped; threads that workers have anyway are no matter."""
    users = {"TORCHDYNAMO_DISABLE": "1", "OMP_NUM_THREADS": "1\x1b[31m", "MKL_NUM_THREADS": "2", "PATH": "/bin"}
    assert unused_variables(LaunchSettings(2), users) == [
        "TORCHDYNAMO_DISABLE is kept from the workers: with it, PyTorch (compile) might not compile",
        "OMP_NUM_THREADS='1\\x1b[31m' is not used: workers have 2 (--threads sets it)",
    ]


def test_it_is_said_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While environments are prepared, by every kind of run."""
    monkeypatch.setenv("JAX_DISABLE_JIT", "1")
    config: Any = SimpleNamespace(stash={OPTIONS: SimpleNamespace(threads=2, noise_control=True)})
    Resources(config).prepare_environments([])
    assert "WARNING JAX_DISABLE_JIT is kept from the workers: with it, JAX" in capsys.readouterr().out


def run_with(variables: dict[str, str] | None) -> SavedRun:
    """A saved run of a step and of memory."""
    plain = saved_run(saved_benchmark("step"), saved_benchmark("memory"))
    del plain["machine_info"]["cnn_dyno"]["variables"]
    if variables is not None:
        plain["machine_info"]["cnn_dyno"]["variables"] = variables
    return run_from_plain(plain, "run")


@pytest.mark.parametrize("index", [0, 1], ids=["step", "memory"])
def test_a_variable_that_differs_is_named_beside_the_verdict(index: int) -> None:
    """With both values; an older run, which does not say what was set, is compared as before."""
    now, before, older = run_with({"TF_ENABLE_ONEDNN_OPTS": "0"}), run_with({}), run_with(None)
    name = list(now.benchmarks)[index]
    assert differences(now, before, name) == (
        {},
        {"variables": "none set there, TF_ENABLE_ONEDNN_OPTS=0 here"},
    )
    assert differences(now, older, name) == ({}, {})
    assert differences(before, before, name) == ({}, {})

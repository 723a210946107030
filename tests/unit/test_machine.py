"""fixtures.arms.machine: facts about the machine that decide speed."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pynvml
import pytest

from fixtures.arms import machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GPUS = tuple({"name": f"GPU {letter}", "uuid": f"GPU-{letter}{letter}", "mig": False} for letter in "abc")


@pytest.fixture(autouse=True)
def _forget_gpus() -> Iterator[None]:
    """Let no test see the GPUs of another."""
    machine.installed_gpus.cache_clear()
    yield
    machine.installed_gpus.cache_clear()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with one H100 whose driver does not support every question."""

    def unsupported(*_arguments: Any) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: "595.10",
        "nvmlSystemGetCudaDriverVersion_v2": lambda: 13020,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda _: "NVIDIA H100 80GB HBM3",
        "nvmlDeviceGetUUID": lambda _: "GPU-1234",
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=85_520_809_984),
        "nvmlDeviceGetPowerManagementLimit": lambda _: 700_000,
        "nvmlDeviceGetMaxClockInfo": lambda _, clock: {pynvml.NVML_CLOCK_SM: 1980, pynvml.NVML_CLOCK_MEM: 2619}[clock],
        "nvmlDeviceGetMigMode": unsupported,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)


def no_library() -> None:
    """What NVML raises where no driver is installed."""
    raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)


def test_facts_are_plain_json_and_name_what_decides_speed() -> None:
    """Facts survive JSON unchanged and name the processor, its cores, the memory, the kernel and the libraries."""
    facts = machine.machine_facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["cpu"]["name"]
    assert facts["cpu"]["logical_cores"] >= len(facts["usable_cores"]) >= 1
    assert facts["memory_bytes"] > 0
    assert facts["system"]["kernel"] == platform.release()
    assert facts["versions"]["numpy"] == version("numpy")
    assert facts["versions"]["python"] == platform.python_version()


def test_facts_of_one_caller_are_not_changed_by_another() -> None:
    """Who alters the facts it got alters nobody else's."""
    machine.machine_facts()["cpu"]["name"] = "abacus"
    assert machine.machine_facts()["cpu"]["name"] != "abacus"


@pytest.mark.parametrize(
    ("brand", "expected"),
    [
        pytest.param("AMD EPYC", "AMD EPYC (family 25, model 17, stepping 1)", id="brand-of-many-models"),
        pytest.param("AMD EPYC 9654 96-Core Processor", "AMD EPYC 9654 96-Core Processor", id="full-name"),
    ],
)
def test_a_processor_name_tells_the_generation(monkeypatch: pytest.MonkeyPatch, brand: str, expected: str) -> None:
    """A brand that a hypervisor cut short is completed by the numbers that tell the generation."""
    info = {"brand_raw": brand, "family": 25, "model": 17, "stepping": 1, "flags": ["avx2", "fpu"]}
    monkeypatch.setattr("cpuinfo.get_cpu_info", lambda: info)
    facts = machine._cpu.__wrapped__()
    assert facts["name"] == expected
    assert facts["vector_flags"] == ["avx2"]


def test_an_instruction_set_is_named_once() -> None:
    """Linux and the processor spell some instruction sets differently; each appears once, as Linux spells it."""
    flags = ["fpu", "avx512vnni", "avx512_vnni", "avx512f", "avx2"]
    assert machine._vector_flags(flags) == ["avx2", "avx512_vnni", "avx512f"]


def write(root: Path, files: dict[str, str]) -> None:
    """Write files below ``root``."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "cores", "memory"),
    [
        pytest.param({}, None, None, id="no-cgroups"),
        pytest.param(
            {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, None, None, id="no-limit"
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/a/b/memory.max": "max\n",
                "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/a/memory.max": "2048\n",
            },
            1.5,
            2048,
            id="version-2-enclosing-group-is-tighter",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:memory:/job\n1:cpu,cpuacct:/job\n",
                "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "4096\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            0.5,
            4096,
            id="version-1",
        ),
    ],
)
def test_limits_of_a_container_are_found(
    tmp_path: Path, files: dict[str, str], cores: float | None, memory: int | None
) -> None:
    """The tightest limit of a control group and of those around it holds, in both versions of cgroups."""
    write(tmp_path, files)
    assert machine.cgroup_limits(tmp_path) == {"cpu_quota": cores, "memory_bytes": memory}


def test_settings_of_the_system_are_read(tmp_path: Path) -> None:
    """Huge pages, governor, boost and the maker of a virtual machine are read from where Linux writes them."""
    write(
        tmp_path,
        {
            "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
            "sys/devices/system/cpu/intel_pstate/no_turbo": "1\n",
            "sys/class/dmi/id/sys_vendor": "QEMU\n",
            "sys/class/dmi/id/product_name": "Standard PC\n",
        },
    )
    facts = machine.system_facts(tmp_path)
    expected = {
        "transparent_huge_pages": "madvise",
        "governor": "performance",
        "boost": "off",
        "machine": "QEMU Standard PC",
    }
    assert expected.items() <= facts.items()


def test_inherited_variables_that_change_speed_are_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the user set them, see ``test_variables.py``."""
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert machine.machine_facts()["variables"]["TF_ENABLE_ONEDNN_OPTS"] == "0"


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    """A system that shows nothing gives None for each setting."""
    facts = machine.system_facts(tmp_path)
    unknown = ("transparent_huge_pages", "governor", "boost", "machine")
    assert [facts[name] for name in unknown] == [None] * len(unknown)


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """No NVIDIA driver means no GPU, and that is the reason given."""
    monkeypatch.setattr(pynvml, "nvmlInit", no_library)
    assert machine.gpu_available() == (False, "no NVIDIA driver found")
    facts = machine.machine_facts()
    assert (facts["gpus"], facts["gpu_reason"]) == ([], "no NVIDIA driver found")


@pytest.mark.usefixtures("driver")
def test_a_gpu_is_described_and_what_it_does_not_tell_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU's facts come from the driver; a question that it does not support has no answer."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert machine.machine_facts()["gpus"] == [
        {
            "name": "NVIDIA H100 80GB HBM3",
            "uuid": "GPU-1234",
            "memory_bytes": 85_520_809_984,
            "power_limit_watts": 700.0,
            "maximum_sm_megahertz": 1980,
            "maximum_memory_megahertz": 2619,
            "mig": None,
            "driver": "595.10",
            "cuda_driver": "13.2",
        }
    ]
    assert machine.gpu_available() == (True, "NVIDIA H100 80GB HBM3")


@pytest.mark.usefixtures("driver")
def test_a_user_who_hides_the_gpu_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that CUDA_VISIBLE_DEVICES hides is not available, and the reason says so."""
    monkeypatch.setitem(os.environ, "CUDA_VISIBLE_DEVICES", "-1")
    assert machine.gpu_available() == (False, "CUDA_VISIBLE_DEVICES=-1 hides every GPU")


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        pytest.param(None, ["GPU a", "GPU b", "GPU c"], id="not-set"),
        pytest.param("", [], id="empty"),
        pytest.param("-1", [], id="none"),
        pytest.param("2, 0", ["GPU c", "GPU a"], id="numbers"),
        pytest.param("1,-1,0", ["GPU b"], id="stops-at-an-invalid-entry"),
        pytest.param("0,9", ["GPU a"], id="number-too-high"),
        pytest.param("GPU-b", ["GPU b"], id="beginning-of-an-identifier"),
        pytest.param("GPU-", [], id="ambiguous-identifier"),
        pytest.param("MIG-xy", [], id="no-partitioned-gpu"),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(setting: str | None, names: list[str]) -> None:
    """Entries are numbers or beginnings of identifiers, and those after an invalid one do not count."""
    assert [gpu["name"] for gpu in machine.visible_gpus(GPUS, setting)] == names

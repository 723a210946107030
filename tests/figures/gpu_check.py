"""Everything that the suite claims of an NVIDIA GPU, tried on the one at hand, in under eight minutes.

``python -m tests.figures.gpu_check --out DIR`` needs what ``requirements/suite.txt`` names and PyTorch, in the
environment that is there; JAX and Keras take part if they are installed. No network, no TensorFlow. It writes
``DIR/gpu_check.json``, every figure, and ``DIR/gpu_check.log``, what each command said. A step that fails or takes too
long is named, and the others go on. ``--device cpu`` is its dry run on a machine without a GPU, with small workloads.

What is tried: the numbers of each precision (is TF32 off?), CUDA's own events beside the wall clock, parity and all
measures of a small network, ResNet-18 in each precision, a curve over batch sizes, ``--against`` an equal environment
and one whose optimiser does more, heat, and another program on the same GPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixtures.arms.machine import gpu_available, machine_facts
from fixtures.measuring.throttling import throttled_gpu_seconds
from fixtures.reports.markdown import NOTHING, table
from models.registry import FRAMEWORKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[2]
TRIED = ("pytorch", "pytorch-compile", "jax", "keras-torch", "keras-jax")
STEPS = (
    *("numbers", "clock", "measures", "equal", "worsened", "another-program"),
    *("precisions", "curve", "keras", "compiled", "jax-precisions"),
)
"""The most telling first: time may run out. XLA tunes convolutions for minutes, so JAX's large network is last."""
_PLANTED = """
import importlib.util
import sys


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "torch.optim.adam":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def worsened(module):
            execute(module)
            import torch

            plain = module.Adam.step

            def step(self, closure=None):
                first = self.param_groups[0]["params"][0]
                work = torch.ones(256, 256, device=first.device)
                for _ in range({products}):
                    torch.mm(work, work)
                return plain(self, closure)

            module.Adam.step = step

        spec.loader.exec_module = worsened
        return spec


sys.meta_path.insert(0, Finder())
"""


@dataclass
class Check:
    """One run of all steps.

    Args:
        out: folder of the results.
        device: where.
        deadline: seconds of the monotonic clock after which nothing more is started.
        frameworks: who takes part.
        found: results by step; grows.
    """

    out: Path
    device: str
    deadline: float
    frameworks: tuple[str, ...]
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def on_gpu(self) -> bool:
        """Whether this is the real thing."""
        return self.device == "cuda"

    def those(self, *names: str) -> str:
        """Those of these that take part, as ``--framework`` wants them."""
        return ",".join(name for name in names if name in self.frameworks)

    def run(self, command: Sequence[str], seconds: float, environment: dict[str, str] | None = None) -> tuple[int, str]:
        """Run a command to its end or to a limit, and log what it said; status 124 says that it was ended."""
        began = time.monotonic()
        limit = max(1.0, min(seconds, self.deadline - began))
        started = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            said, _ = started.communicate(timeout=limit)
            status = started.returncode
        except subprocess.TimeoutExpired:
            started.terminate()  # a run that is asked to end saves and reports what it has
            try:
                said, _ = started.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                started.kill()
                said, _ = started.communicate()
            status = 124
        with (self.out / "gpu_check.log").open("a", encoding="utf-8") as log:
            log.write(f"\n$ python {' '.join(command)}\n{said}\n[status {status}, {time.monotonic() - began:.0f} s]\n")
        return status, said

    def asked(self, *arguments: str, seconds: float = 90, framework: str = "pytorch") -> Any:
        """The answer of ``tests.figures.device_facts``, or its last words."""
        variables = dict(FRAMEWORKS[framework].environment)
        status, said = self.run(["-m", "tests.figures.device_facts", *arguments], seconds, variables)
        lines = said.strip().splitlines() or [""]
        with suppress(ValueError):
            return json.loads(lines[-1])
        return {"status": status, "said": lines[-3:]}

    def benchmarks(self, *arguments: str, seconds: float) -> dict[str, Any]:
        """``pytest bench`` of this device: its status, and of each benchmark what a reader wants to know."""
        if not arguments[arguments.index("--framework") + 1]:
            return {"left_out": "none of its frameworks takes part"}
        with tempfile.TemporaryDirectory() as folder:
            saved = Path(folder) / "saved.json"
            common = ["--device", self.device, f"--benchmark-json={saved}", "-p", "no:cacheprovider"]
            status, said = self.run(["-m", "pytest", "bench", *arguments, *common], seconds)
            found: dict[str, Any] = {"command": " ".join(["pytest bench", *arguments]), "status": status}
            with suppress(OSError, ValueError):
                content = json.loads(saved.read_text(encoding="utf-8"))
                found["benchmarks"] = [one["extra_info"] | {"name": one["name"]} for one in content["benchmarks"]]
                return found
        return found | {"said": said.strip().splitlines()[-20:]}


def numbers(check: Check) -> Any:
    """How far each precision is from float64: float32 must not be TF32."""
    with ThreadPoolExecutor() as pool:  # nothing is timed here
        found = pool.map(lambda name: check.asked("errors", name, check.device, framework=name), check.frameworks)
        asked = dict(zip(check.frameworks, found, strict=True))
    silent = [name for name, found in asked.items() if "said" in found]
    wrong = [name for name, found in asked.items() if name not in silent and not _is_float32(found.get("float32"))]
    return {"errors": asked, "float32_is_float32": not wrong, "wrong": wrong, "silent": silent}


def _is_float32(found: Any) -> bool:
    """TF32 keeps 10 bits, an error of about 3e-4; float32 24, far below 1e-5."""
    return isinstance(found, dict) and all(isinstance(one, float) and one < 1e-5 for one in found.values())


def clock(check: Check) -> Any:
    """The wall clock of the suite beside the events of the GPU."""
    networks = ("digits", "resnet18-224") if check.on_gpu else ("digits",)
    return {name: check.asked("clock", "pytorch", check.device, name, "64") for name in networks}


def measures(check: Check) -> Any:
    """Parity and every measure, of a small network, in float32."""
    names = check.those("pytorch", "jax")
    workload = ("--workload", "digits-resnet8" if check.on_gpu else "digits")
    return check.benchmarks("--framework", names, *workload, "--quick", seconds=120)


def keras(check: Check) -> Any:
    """Parity and steps of Keras on the backends that are there."""
    names = check.those("keras-torch", "keras-jax")
    workload = ("--workload", "digits-resnet8" if check.on_gpu else "digits")
    return check.benchmarks("--framework", names, *workload, "-m", "step", "--processes", "1", seconds=70)


def precisions(check: Check) -> Any:
    """A network and a batch that fill a GPU, in all precisions, with the share of its peak."""
    return _in_all_precisions(check, "pytorch", "step or memory", 90)


def jax_precisions(check: Check) -> Any:
    """The same of JAX."""
    return _in_all_precisions(check, "jax", "step", 240)


def _in_all_precisions(check: Check, framework: str, measures: str, seconds: float) -> Any:
    kinds = "float32,tf32,bfloat16" if check.on_gpu else "float32,bfloat16"
    network = ("--workload", "resnet18-224", "--batch-size", "64") if check.on_gpu else ("--workload", "digits-resnet8")
    which = ("--precision", kinds, "-m", measures, "--processes", "1")
    return check.benchmarks("--framework", check.those(framework), *network, *which, seconds=seconds)


def curve(check: Check) -> Any:
    """Images a second over batch sizes."""
    network, sizes = ("resnet18-224", "16,64,256") if check.on_gpu else ("digits", "32,64")
    which = ("--precision", "bfloat16", "-m", "step", "--processes", "1")
    names = check.those("pytorch")
    return check.benchmarks("--framework", names, "--workload", network, "--batch-size", sizes, *which, seconds=80)


def compiled(check: Check) -> Any:
    """What a compiler gains on a GPU, and what it costs."""
    names = check.those("pytorch", "pytorch-compile")
    which = ("--workload", "digits", "-m", "step or first_step", "--processes", "1")
    return check.benchmarks("--framework", names, *which, seconds=120)


def equal(check: Check) -> Any:
    """The gate, with nothing to be found."""
    return _against(check, 0)


def worsened(check: Check) -> Any:
    """The gate, against an environment whose optimiser does more: this one must come out as better."""
    return _against(check, 12 if check.on_gpu else 4)


def _against(check: Check, products: int) -> Any:
    """One gate; in the other environment, each update does so many products of 256 x 256 more."""
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other"
        _copy_of_this_environment(other)
        gate = ("--against", str(other), "--framework", "pytorch", "--workload", "digits", "-m", "step")
        if not products:
            return check.benchmarks(*gate, "--budget", "75s", seconds=110)
        planted = Path(folder) / "planted"
        _copy_of_this_environment(planted)
        (_site_packages(planted) / "planted.py").write_text(_PLANTED.format(products=products), encoding="utf-8")
        (_site_packages(planted) / "planted.pth").write_text("import planted\n", encoding="utf-8")
        found = check.benchmarks("--against", str(planted), *gate[2:], "--budget", "75s", seconds=110)
        return found | {"products_in_the_other_environment": products}


def another_program(check: Check) -> Any:
    """Does a run say that somebody else worked on the GPU?"""
    command = [sys.executable, "-m", "tests.figures.device_facts", "load", check.device, "60"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
        try:
            time.sleep(8)  # it imports PyTorch first
            which = ("--framework", "pytorch", "--workload", "digits", "-m", "step", "--processes", "1")
            found = check.benchmarks(*which, seconds=60)
        finally:
            other.kill()
    void = [reason for one in found.get("benchmarks", ()) for reason in one.get("void_blocks") or ()]
    found["noticed"] = [reason for reason in void if "GPU" in str(reason) or not check.on_gpu]
    return found


def _copy_of_this_environment(folder: Path) -> None:
    """Another interpreter with the same packages: it reads them where they are."""
    venv.create(folder, symlinks=True, with_pip=False)
    places = [place for place in sys.path if place.endswith(("site-packages", "dist-packages"))]
    places += [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place and place not in places]
    (_site_packages(folder) / "packages.pth").write_text("\n".join([*places, ""]), encoding="utf-8")


def _site_packages(folder: Path) -> Path:
    return next((folder / "lib").glob("python3*")) / "site-packages"


_RUN: dict[str, Callable[[Check], Any]] = dict(
    zip(
        STEPS,
        (
            *(numbers, clock, measures, equal, worsened, another_program),
            *(precisions, curve, keras, compiled, jax_precisions),
        ),
        strict=True,
    )
)


def main(arguments: Sequence[str]) -> int:
    """Run the steps; status 1 if one of them shows what must not be, 2 for a request that cannot be met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu is the dry run")
    parser.add_argument("--only", help=f"some of {', '.join(STEPS)}, separated by commas")
    parser.add_argument("--framework", help=f"some of {', '.join(TRIED)}, separated by commas")
    parser.add_argument("--seconds", type=float, default=470.0, help="after which nothing more is started (470)")
    options = parser.parse_args(arguments)
    steps = tuple(options.only.split(",")) if options.only else STEPS
    frameworks = tuple(options.framework.split(",")) if options.framework else TRIED
    for option, given, known in (("--only", steps, STEPS), ("--framework", frameworks, TRIED)):
        unknown = [name for name in given if name not in known]
        if unknown:
            parser.error(f"{option}: {', '.join(unknown)} is none of {', '.join(known)}")
    available, reason = gpu_available()
    if options.device == "cuda" and not available:
        parser.error(f"{reason}: --device cpu is the dry run")
    if importlib.util.find_spec("torch") is None:
        parser.error("PyTorch is not installed here: the clock and the gate need it")
    here = tuple(name for name in frameworks if not FRAMEWORKS[name].missing())
    options.out.mkdir(parents=True, exist_ok=True)
    check = Check(options.out, options.device, time.monotonic() + options.seconds, here)
    check.found["machine"] = machine_facts()
    check.found["left_out"] = [name for name in frameworks if name not in here]
    hot = throttled_gpu_seconds()
    for name in steps:
        began = time.monotonic()
        late = began > check.deadline
        check.found[name] = {"left_out": "no time was left"} if late else _RUN[name](check)
        check.found[name]["seconds"] = round(time.monotonic() - began, 1)
        print(f"{name}: {check.found[name]['seconds']} s", flush=True)
        check.found["heat_seconds"] = None if hot is None else (throttled_gpu_seconds() or hot) - hot
        text = json.dumps(check.found, indent=1, default=str)
        (options.out / "gpu_check.json").write_text(text, encoding="utf-8")
    print(report(check.found))
    return int(not all(problem == "" for problem in problems(check.found)))


def problems(found: dict[str, Any]) -> list[str]:
    """What must not be, in words."""
    said = []
    if not found.get("numbers", {}).get("float32_is_float32", True):
        said.append(f"float32 is not float32: {', '.join(found['numbers']['wrong'])}")
    if found.get("numbers", {}).get("silent"):
        said.append(f"no numbers of {', '.join(found['numbers']['silent'])}: see the log")
    for name in STEPS:
        step = found.get(name, {})
        failed = [one["name"] for one in step.get("benchmarks", ()) if (one.get("parity") or {}).get("passed") is False]
        said += [f"{name}: another network is trained: {', '.join(failed)}"] if failed else []
        if "said" in step:
            said.append(f"{name}: status {step['status']}, no figure")
    verdicts = {name: [one.get("verdict") for one in found.get(name, {}).get("benchmarks", ())] for name in STEPS}
    if {"regression", "improvement"} & set(verdicts["equal"]):
        said.append(f"equal environments: {verdicts['equal'][0]}")
    if verdicts["worsened"] and verdicts["worsened"] != ["improvement"]:
        said.append(f"the other environment does more, and the gate says {verdicts['worsened'][0]}")
    if "another-program" in found and not found["another-program"].get("noticed"):
        said.append("another program on the GPU was not noticed")
    return said


def report(found: dict[str, Any]) -> str:
    """Everything as Markdown."""
    gpus = found["machine"]["gpus"]
    lines = [f"# {', '.join(gpu['name'] for gpu in gpus) or 'dry run on the CPU'}", ""]
    if "errors" in found.get("numbers", {}):
        lines += ["How far from float64:", "", _numbers_table(found["numbers"]["errors"]), ""]
    for name, one in found.get("clock", {}).items():
        if isinstance(one, dict) and one.get("events_seconds"):
            wall, events = one["wall_seconds"] * 1e3, one["events_seconds"] * 1e3
            lines.append(f"{name}: a step takes {wall:.3f} ms by the wall clock, {events:.3f} ms by CUDA's events")
    for name in STEPS[2:]:
        if "benchmarks" in found.get(name, {}):
            lines += ["", f"{name}: `{found[name]['command']}`, {found[name]['seconds']} s", ""]
            lines += [_figures(found[name]["benchmarks"])]
    lines += ["", f"Heat slowed GPUs down for {found['heat_seconds']} s."]
    said = problems(found)
    return "\n".join([*lines, "", *(f"PROBLEM: {one}" for one in said), "" if said else "No problem was found."])


def _numbers_table(errors: dict[str, Any]) -> str:
    rows = [
        (framework, precision, *(f"{one:.1e}" if isinstance(one, float) else str(one) for one in products.values()))
        for framework, found in errors.items()
        for precision, products in found.items()
        if isinstance(products, dict)
    ]
    return table(("framework", "precision", "matrix product", "convolution"), rows, texts=2)


_FIGURES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "seconds": lambda one: one.get("seconds"),
    "±": lambda one: _percent(one.get("relative_half_width")),
    "images/s": lambda one: one.get("images_per_second"),
    "of peak": lambda one: _percent(one.get("share_of_peak")),
    "device MB": lambda one: _megabytes(one.get("peak_device_memory_bytes")),
    "host MB": lambda one: _megabytes(one.get("peak_memory_bytes")),
    "accuracy": lambda one: one.get("accuracy"),
    "verdict": lambda one: one.get("verdict"),
    "change": lambda one: _percent(one.get("estimate")),
    "from": lambda one: _percent(one.get("lower")),
    "to": lambda one: _percent(one.get("upper")),
    "blocks": lambda one: one.get("blocks"),
    "void": lambda one: "; ".join(map(str, one.get("void_blocks") or ())) or None,
}


def _figures(benchmarks: list[dict[str, Any]]) -> str:
    columns = {name: [column(one) for one in benchmarks] for name, column in _FIGURES.items()}
    kept = {name: cells for name, cells in columns.items() if any(cell is not None for cell in cells)}
    rows = [
        (one["name"], *(NOTHING if cells[index] is None else _short(cells[index]) for cells in kept.values()))
        for index, one in enumerate(benchmarks)
    ]
    return table(("benchmark", *kept), rows, texts=1)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.2f} %"


def _megabytes(size: float | None) -> str | None:
    return None if size is None else f"{size / 1e6:.0f}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

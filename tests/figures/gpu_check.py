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
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixtures.arms.machine import gpu_available, machine_facts
from fixtures.measuring.throttling import throttled_gpu_seconds
from models.registry import FRAMEWORKS
from tests.figures.gpu_check_report import STEPS, problems, report
from tests.figures.planted_interpreter import interpreter_like_this, plant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[2]
TRIED = ("pytorch", "pytorch-compile", "jax", "keras-torch", "keras-jax")


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
    return _against(check, None)


def worsened(check: Check) -> Any:
    """The gate, against an environment whose optimiser does more: this one must come out as better."""
    # About a tenth of a step: of ResNet-18's SGD on an H200, and of the small network's Adam on a processor.
    return _against(check, (("SGD", 1, 4096) if check.on_gpu else ("Adam", 4, 256)))


def _against(check: Check, planted: tuple[str, int, int] | None) -> Any:
    """One gate; in the other environment, an update of the optimiser does so many products of such matrices more.

    On a GPU with a network that fills it: steps of a small one are all launches, and differ by 10 %.
    """
    with tempfile.TemporaryDirectory() as folder:
        other = interpreter_like_this(Path(folder) / ("planted" if planted else "equal"))
        if planted:
            plant(other, *planted)
        workload = ("--workload", "resnet18-224", "--batch-size", "64") if check.on_gpu else ("--workload", "digits")
        gate = ("--against", str(other), "--framework", "pytorch", *workload, "-m", "step", "--budget", "75s")
        found = check.benchmarks(*gate, seconds=130)
        return found | {"planted": planted}


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

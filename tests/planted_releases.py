"""Small local wheels of one package with work planted at a release, and a real training that uses the package.

No framework need be rebuilt, and no registry is asked: wheels come from a folder.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROGRAM = """
import numpy
{imports}
batch_size = 64
def training(seed):
    random = numpy.random.default_rng(seed)
    images, labels = random.normal(size=(512, 64)), random.integers(0, 10, size=512)
    weights = numpy.zeros((64, 10))
    while True:
        for start in range(0, 512, 64):
            batch, truth = images[start : start + 64], labels[start : start + 64]
            scores = batch @ weights
            scores -= scores.max(axis=1, keepdims=True)
            shares = numpy.exp(scores) / numpy.exp(scores).sum(axis=1, keepdims=True)
            loss = -numpy.log(shares[numpy.arange(64), truth]).mean()
            shares[numpy.arange(64), truth] -= 1.0
            weights -= 0.1 * batch.T @ shares / 64.0
{calls}
            yield float(loss)
"""
"""A softmax regression in NumPy, whose step does the work of each package, too."""
_METADATA = "Metadata-Version: 2.1\n"
_MODULE = """import numpy
_held = numpy.ones({held} * 2**17)
_matrix = numpy.ones((64, 64))
def work():
    for _ in range({work}):
        _matrix @ _matrix
"""


def write_release(
    folder: Path, name: str, version: str, *, work: int = 1, held: int = 1, needs: str = "", fault: str = ""
) -> Path:
    """A wheel whose module does so many matrix products in every step.

    Args:
        folder: for the wheel; created if need be.
        name: of package and module.
        version: of the release.
        work: matrix products of 64 x 64.
        held: MiB that it holds from its import on: as certain on a busy machine as on an idle one.
        needs: a requirement that it has, for a solver to keep.
        fault: a line of Python that its module begins with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    wheel = folder / f"{module}-{version}-py3-none-any.whl"
    required = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        f"{module}.py": f"{fault}\n{_MODULE.format(work=work, held=held)}",
        f"{module}-{version}.dist-info/METADATA": f"{_METADATA}Name: {name}\nVersion: {version}\n{required}",
        f"{module}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{module}-{version}.dist-info/RECORD": f"{module}.py,,\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel


def write_program(folder: Path, names: tuple[str, ...]) -> Path:
    """The training that uses these packages."""
    file = folder / "train.py"
    modules = [name.replace("-", "_") for name in names]
    imports = "\n".join(f"import {module}" for module in modules)
    calls = "\n".join(f"            {module}.work()" for module in modules)
    file.write_text(PROGRAM.format(imports=imports, calls=calls), encoding="utf-8")
    return file


def write_row(folder: Path, held: Mapping[str, int], faults: Mapping[str, str] | None = None) -> None:
    """Releases of the package ``planted``, each with the MiB that it holds."""
    for version, size in held.items():
        write_release(folder, "planted", version, held=size, fault=(faults or {}).get(version, ""))

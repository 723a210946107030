"""Which frameworks there are, and where their adapters live. Importing this imports no framework."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from models.precisions import PRECISIONS
from models.releases import Proven

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.contract import Adapter, Precision


@dataclass(frozen=True)
class Framework:
    """One framework, and how it is run.

    Args:
        identifier: what a user types after ``--framework``.
        title: its name in tables.
        module: dotted name or file of the adapter's module; the class in it is called ``Adapter``.
        distribution: the installed package whose version is reported.
        requires: installed packages without which the adapter cannot be imported.
        packages: top-level modules that belong to the framework; a worker hides those of all others. If there are
            none, nothing is hidden.
        environment: environment variables that must be set before the framework is imported.
        requirements: for a framework that cannot live in the suite's own environment, the pinned requirements file of
            another one, relative to the project's root; it is built when the framework is asked for.
        python: version of Python that this other environment needs.
        programs: what must be on the PATH, for example a C++ compiler.
        compiler_caches: variables that name the folders in which its compiler keeps what it has compiled.
        proven: the releases on which the adapter trains the same network, by distribution.
        precisions: that its adapter trains in.
        newest_python: the last Python that the framework has wheels for; empty where it has them for every one.
    """

    identifier: str
    title: str
    module: str
    distribution: str
    requires: tuple[str, ...]
    packages: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    requirements: str = ""
    python: str = ""
    programs: tuple[str, ...] = ()
    compiler_caches: tuple[str, ...] = ()
    proven: tuple[Proven, ...] = ()
    precisions: tuple[Precision, ...] = PRECISIONS
    newest_python: tuple[int, ...] = ()

    def missing(self) -> tuple[str, ...]:
        """The required packages that are not installed in this interpreter."""
        return tuple(name for name in self.requires if not installed_version(name))

    def beyond_python(self, running: tuple[int, ...] = sys.version_info[:2]) -> str:
        """Why the framework cannot be installed in this Python, in one line; empty if it can."""
        if not self.newest_python or running <= self.newest_python:
            return ""
        found, newest = (".".join(map(str, version)) for version in (running, self.newest_python))
        return f"{self.title} cannot be had for Python {found}: its releases are for Python up to {newest}"

    def missing_programs(self) -> tuple[str, ...]:
        """The required programs that are not on the PATH."""
        return tuple(name for name in self.programs if shutil.which(name) is None)

    def unproven(self, packages: Mapping[str, str]) -> str:
        """What is installed outside the range that the adapter is proven on, in one line; empty if nothing is.

        Args:
            packages: of one environment, the version by a distribution's name (lower case, hyphens).
        """
        clauses = []
        for one in self.proven:
            version = packages.get(one.distribution) or packages.get(NIGHTLIES.get(one.distribution, ""))
            clauses.append(one.outside(version, f"the adapter of {self.title}") if version else "")
        return "; ".join(filter(None, clauses))

    def hidden_packages(self) -> tuple[str, ...]:
        """Top-level modules that a worker of this framework must not see.

        Keras imports scikit-learn if it finds it, and TensorFlow imports JAX: seconds of import time and
        hundreds of megabytes that a user who installed only that framework would not have.
        """
        if not self.packages:
            return ()
        return tuple(name for name in _OPTIONAL_PACKAGES if name not in self.packages)


_TENSORFLOW = MappingProxyType(
    {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # Else it takes nearly all memory of a GPU, and the arms beside it find none.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
)

# Else it takes three quarters of a GPU's memory, and the arms beside it find little.
_JAX = MappingProxyType({"XLA_PYTHON_CLIENT_PREALLOCATE": "false"})

# The oldest are two years and more older than the newest, which are those of requirements.txt.
_TORCH_RELEASES = Proven("torch", "2.4.0", "2.15.0")
_TENSORFLOW_RELEASES = Proven("tensorflow", "2.16.1", "2.21.0")
_JAX_RELEASES = Proven("jax", "0.4.30", "0.10.2")
_TENSORFLOW_NEWEST_PYTHON = (3, 13)
"""requirements.in says so, too."""
_KERAS_RELEASES = Proven("keras", "3.4.1", "3.15.1")

FRAMEWORKS = MappingProxyType(
    {
        framework.identifier: framework
        for framework in (
            Framework(
                identifier="pytorch",
                title="PyTorch",
                module="models.adapters.pytorch",
                distribution="torch",
                requires=("torch",),
                packages=("torch",),
                proven=(_TORCH_RELEASES,),
            ),
            Framework(
                identifier="pytorch-compile",
                title="PyTorch (compile)",
                module="models.adapters.pytorch_compile",
                distribution="torch",
                requires=("torch",),
                packages=("torch",),
                programs=("g++",),
                compiler_caches=("TORCHINDUCTOR_CACHE_DIR",),
                proven=(_TORCH_RELEASES,),
            ),
            Framework(
                identifier="tensorflow",
                title="TensorFlow",
                module="models.adapters.tensorflow",
                distribution="tensorflow",
                requires=("tensorflow",),
                packages=("tensorflow", "keras"),
                environment=_TENSORFLOW,
                proven=(_TENSORFLOW_RELEASES,),
                newest_python=_TENSORFLOW_NEWEST_PYTHON,
            ),
            Framework(
                identifier="tensorflow-xla",
                title="TensorFlow (XLA)",
                module="models.adapters.tensorflow_xla",
                distribution="tensorflow",
                requires=("tensorflow",),
                packages=("tensorflow", "keras"),
                environment=_TENSORFLOW,
                proven=(_TENSORFLOW_RELEASES,),
                newest_python=_TENSORFLOW_NEWEST_PYTHON,
            ),
            Framework(
                identifier="jax",
                title="JAX (Flax NNX)",
                module="models.adapters.jax",
                distribution="jax",
                requires=("jax", "flax", "optax"),
                packages=("jax", "flax", "optax"),
                environment=_JAX,
                proven=(_JAX_RELEASES, Proven("flax", "0.8.5", "0.12.8"), Proven("optax", "0.2.3", "0.2.8")),
            ),
            Framework(
                identifier="keras-tensorflow",
                title="Keras (TensorFlow)",
                module="models.adapters.keras",
                distribution="keras",
                requires=("keras", "tensorflow"),
                packages=("keras", "tensorflow"),
                environment=MappingProxyType({"KERAS_BACKEND": "tensorflow", **_TENSORFLOW}),
                proven=(_KERAS_RELEASES, _TENSORFLOW_RELEASES),
                newest_python=_TENSORFLOW_NEWEST_PYTHON,
            ),
            Framework(
                identifier="keras-jax",
                title="Keras (JAX)",
                module="models.adapters.keras",
                distribution="keras",
                requires=("keras", "jax"),
                packages=("keras", "jax", "scipy"),  # JAX cannot be without SciPy, and Keras makes it import it
                environment=MappingProxyType({"KERAS_BACKEND": "jax", **_JAX}),
                proven=(_KERAS_RELEASES, _JAX_RELEASES),
            ),
            Framework(
                identifier="keras-torch",
                title="Keras (PyTorch)",
                module="models.adapters.keras",
                distribution="keras",
                requires=("keras", "torch"),
                packages=("keras", "torch"),
                environment=MappingProxyType({"KERAS_BACKEND": "torch"}),
                proven=(_KERAS_RELEASES, _TORCH_RELEASES),
            ),
            Framework(
                identifier="tf-estimator",
                title="TF Estimator",
                module="models.adapters.tf_estimator",
                distribution="tensorflow-cpu",
                requires=(),
                packages=("tensorflow", "keras"),
                environment=_TENSORFLOW,
                requirements="requirements/tf-estimator.txt",
                python="3.11",
                precisions=("float32",),
                proven=(Proven("tensorflow-cpu", "2.15.1", "2.15.1"),),
            ),
        )
    }
)
DEFAULT_FRAMEWORKS = ("pytorch", "tensorflow", "keras-tensorflow")

NIGHTLIES = MappingProxyType({"tensorflow": "tf-nightly", "keras": "keras-nightly"})
"""Distribution -> the one of another name that installs the same modules as they were last night."""

_OPTIONAL_PACKAGES = (
    "torch",
    "torchvision",
    "tensorflow",
    "keras",
    "jax",
    "flax",
    "optax",
    "sklearn",
    "scipy",
    "pandas",
)
"""Packages that a framework imports when they happen to be installed, and slows down by."""


def resolve(name: str) -> Framework | None:
    """The framework that a user means by ``name``: a known identifier, or the path of an adapter's file."""
    if name in FRAMEWORKS:
        return FRAMEWORKS[name]
    path = Path(name)
    if path.suffix != ".py" or not path.is_file():
        return None
    # A copy of the suite's own adapter is another arm, named by its folder too.
    name = path.stem if path.stem not in FRAMEWORKS else f"{path.resolve().parent.name}-{path.stem}"
    return Framework(identifier=name, title=name, module=str(path.resolve()), distribution="", requires=(), packages=())


def load_adapter(module: str) -> type[Adapter]:
    """Import an adapter's module, and with it its framework, and return the class.

    A file may import its neighbours. They come last on the path, so that a neighbour called torch.py does not stand in
    for torch, and ``models`` is always this suite's, on which adapters are built.

    Args:
        module: dotted name, or the path of a Python file.

    Raises:
        ImportError: if there is no such module or file.
        AttributeError: if it holds no ``Adapter``.
    """
    if not module.endswith(".py"):
        return cast("type[Adapter]", importlib.import_module(module).Adapter)
    # The prefix keeps a file called torch.py from standing in for torch.
    specification = importlib.util.spec_from_file_location(f"adapter_file_{Path(module).stem}", module)
    if specification is None or specification.loader is None:
        raise ImportError(f"cannot import {module}")
    sys.path.append(str(Path(module).resolve().parent))
    loaded = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = loaded
    specification.loader.exec_module(loaded)
    return cast("type[Adapter]", loaded.Adapter)


def installed_version(distribution: str) -> str | None:
    """Version of an installed distribution, or of the nightly that stands in for it; None if neither is installed.

    None also for a file's adapter, which has no distribution.
    """
    for name in filter(None, (distribution, NIGHTLIES.get(distribution))):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None

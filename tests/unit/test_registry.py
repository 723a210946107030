"""The registry: framework identifiers to adapters, without importing any framework."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from models.registry import DEFAULT_FRAMEWORKS, FRAMEWORKS, Framework, installed_version, load_adapter, resolve

ROOT = Path(__file__).parents[2]


def test_importing_the_registry_imports_no_framework() -> None:
    """In a fresh interpreter, the registry and the workloads load none of any framework's packages."""
    packages = sorted({package for framework in FRAMEWORKS.values() for package in framework.packages})
    program = f"import sys, models.registry, models.workloads; print([p for p in {packages} if p in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


@pytest.mark.parametrize("identifier", FRAMEWORKS)
def test_every_framework_has_an_adapter(identifier: str) -> None:
    """The module of each framework's adapter exists, and the framework is keyed by its own identifier."""
    framework = FRAMEWORKS[identifier]
    assert framework.identifier == identifier
    assert importlib.util.find_spec(framework.module) is not None


@pytest.mark.parametrize("identifier", FRAMEWORKS)
def test_a_framework_never_hides_itself(identifier: str) -> None:
    """A worker does not hide the packages that its own framework needs."""
    framework = FRAMEWORKS[identifier]
    assert not set(framework.hidden_packages()) & set(framework.packages)


def test_default_frameworks_exist() -> None:
    """What runs without ``--framework`` is known."""
    assert set(DEFAULT_FRAMEWORKS) <= set(FRAMEWORKS)


def test_a_missing_package_is_named() -> None:
    """A framework that is not installed says which packages it lacks."""
    absent = Framework("absent", "Absent", "models.adapters.absent", "no-such-package", ("no-such-package",), ())
    assert absent.missing() == ("no-such-package",)
    assert installed_version("no-such-package") is None
    assert installed_version("numpy") is not None


def test_a_python_too_new_for_a_framework_is_the_reason() -> None:
    """TensorFlow has no wheels for Python 3.14; what stands on it cannot be had there either."""
    beyond = [name for name, framework in FRAMEWORKS.items() if framework.beyond_python((3, 14))]
    assert beyond == [name for name, framework in FRAMEWORKS.items() if "tensorflow" in framework.requires]
    assert FRAMEWORKS["keras-tensorflow"].beyond_python((3, 14)) == (
        "Keras (TensorFlow) cannot be had for Python 3.14: its releases are for Python up to 3.13"
    )
    assert not any(framework.beyond_python((3, 13)) for framework in FRAMEWORKS.values())


def test_the_pins_say_so_too() -> None:
    """TensorFlow is left out where the registry says that it has no release."""
    newest = FRAMEWORKS["tensorflow"].newest_python
    after = f"{newest[0]}.{newest[1] + 1}"
    pins = (ROOT / "requirements" / "requirements.txt").read_text(encoding="utf-8")
    assert re.findall(r"^tensorflow==\S+ ; (.*) \\$", pins, flags=re.MULTILINE) == [f"python_full_version < '{after}'"]


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A framework says which of its programs are not on the PATH."""
    framework = Framework("absent", "Absent", "", "", (), (), programs=("no-such-program", "present"))
    (tmp_path / "present").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert framework.missing_programs() == ("no-such-program",)


def test_keras_is_alone_with_its_backend() -> None:
    """Each of the three Keras chooses a backend, sees its package, and none of the others'."""
    backends = {"tensorflow", "jax", "torch"}
    for backend in backends:
        framework = FRAMEWORKS[f"keras-{backend}"]
        assert framework.environment["KERAS_BACKEND"] == backend
        assert backends & set(framework.hidden_packages()) == backends - {backend}


def test_a_file_is_a_framework(tmp_path: Path) -> None:
    """The path of a Python file with an ``Adapter`` in it is a framework that hides nothing."""
    path = tmp_path / "mine.py"
    path.write_text("class Adapter:\n    adam_form = 'epsilon-hat'\n", encoding="utf-8")
    framework = resolve(str(path))
    assert framework is not None
    assert framework.identifier == "mine"
    assert framework.hidden_packages() == ()
    assert load_adapter(framework.module).adam_form == "epsilon-hat"


def test_an_adapters_file_may_import_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But none that has the name of an installed package, nor one in the place of the suite's own models."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beside_it.py").write_text("FORM = 'epsilon-hat'\n", encoding="utf-8")
    for name in ("models", "packaging"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported in the place of another')\n", encoding="utf-8")
    imports = "import packaging.version\nfrom beside_it import FORM\nfrom models.spec import Spec\n"
    content = f"{imports}class Adapter:\n    adam_form = FORM\n"
    (tmp_path / "mine.py").write_text(content, encoding="utf-8")
    assert load_adapter(str(tmp_path / "mine.py")).adam_form == "epsilon-hat"


def test_a_nightly_stands_in_for_its_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only ``tf-nightly`` is installed, TensorFlow is there, in that version."""

    def version(name: str) -> str:
        if name != "tf-nightly":
            raise importlib.metadata.PackageNotFoundError(name)
        return "2.22.0.dev20261121"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert installed_version("tensorflow") == "2.22.0.dev20261121"
    assert installed_version("torch") is None


def test_an_unknown_name_is_no_framework() -> None:
    """A name that is neither known nor a file resolves to nothing."""
    assert resolve("caffe") is None

"""A package of a few bytes, as a wheel or as a folder to build it from, for tests that install without a network."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PROJECT = """[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny"
version = "1.0"
"""
_BACKEND = """import zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{wheel_directory}/tiny-1.0-py3-none-any.whl", "w") as archive:
        archive.write("tiny.py")
        for name in ("METADATA", "WHEEL", "RECORD"):
            archive.write(name, f"tiny-1.0.dist-info/{name}")
    return "tiny-1.0-py3-none-any.whl"
"""


def write_wheel(folder: Path, answer: int = 42, version: str = "1.0") -> Path:
    """The wheel, whose module ``tiny`` has an ``answer``; the same bytes whenever it is written."""
    wheel = folder / f"tiny-{version}-py3-none-any.whl"
    files = {f"tiny-{version}.dist-info/{name}": text for name, text in _facts(version).items()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {"tiny.py": f"answer = {answer}\n", **files}.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # of 1980: writestr alone would note the moment
    return wheel


def write_project(folder: Path, answer: int = 42) -> Path:
    """A folder that the same wheel is built from, by a backend of its own; only the module is written anew."""
    project = folder / "tiny"
    if not project.is_dir():
        project.mkdir()
        for name, text in {"pyproject.toml": _PROJECT, "backend.py": _BACKEND, **_facts("1.0")}.items():
            (project / name).write_text(text, encoding="utf-8")
    (project / "tiny.py").write_text(f"answer = {answer}\n", encoding="utf-8")
    return project


def _facts(version: str) -> dict[str, str]:
    return {
        "METADATA": f"Metadata-Version: 2.1\nName: Tiny\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "tiny.py,,\n",
    }

"""The script that builds an environment beside the pinned one, with uv itself and packages of a folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.workflows.workflow_files import ROOT

UV = Path(sys.executable).with_name("uv")


def write_wheel(folder: Path, name: str, version: str, package: str) -> Path:
    """A distribution with one package that has nothing in it."""
    information = f"{name}-{version}.dist-info"
    contents = {
        f"{package}/__init__.py": "",
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*contents, f"{information}/RECORD"))
    file = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in (contents | {f"{information}/RECORD": record}).items():
            archive.writestr(path, text)
    return file


def offline(suite: Path) -> dict[str, str]:
    """Variables with which uv sees the packages of a folder and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "GITHUB_"))}
    settings = {"UV_FIND_LINKS": str(suite / "wheels"), "UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_NO_CONFIG": "1"}
    return {**kept, **settings, "UV_CACHE_DIR": str(suite / "cache"), "GITHUB_OUTPUT": str(suite / "output.txt")}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A checkout whose ``.venv`` is made as ``make setup`` makes it, with one pinned package, ``tiny`` 1.0."""
    shutil.copytree(ROOT / ".github" / "scripts", tmp_path / ".github" / "scripts")
    for name in ("wheels", "requirements"):
        (tmp_path / name).mkdir()
    wheel = write_wheel(tmp_path / "wheels", "tiny", "1.0", "tiny")
    pins = tmp_path / "requirements" / "requirements.txt"
    pins.write_text(f"tiny==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n", encoding="utf-8")
    python = str(tmp_path / ".venv" / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / ".venv")], check=True)
    (tmp_path / ".venv" / "bin" / "uv").symlink_to(UV)
    uv = [str(UV), "pip"]
    variables = offline(tmp_path)
    # The real pins have setuptools, in place of the one that came with Python.
    subprocess.run([*uv, "uninstall", "--quiet", "--python", python, "setuptools"], check=True, env=variables)
    sync = [*uv, "sync", "--quiet", "--python", python, "--require-hashes", str(pins)]
    subprocess.run(sync, check=True, env=variables)
    return tmp_path


def build(suite: Path, *requirements: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    return subprocess.run(
        [str(suite / ".github" / "scripts" / "environment.sh"), "new", *requirements],
        cwd=suite,
        env=offline(suite) | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_only_a_newer_version_is_a_difference(suite: Path) -> None:
    """The pip of the pinned environment is none."""
    finished = build(suite, "tiny")
    assert finished.returncode == 0, finished.stderr
    assert (suite / "output.txt").read_text(encoding="utf-8") == "differs=false\n"
    write_wheel(suite / "wheels", "tiny", "2.0", "tiny")
    finished = build(suite, "tiny")
    assert finished.returncode == 0, finished.stderr
    assert "> tiny==2.0" in finished.stdout
    assert (suite / "output.txt").read_text(encoding="utf-8") == "differs=false\ndiffers=true\n"


def test_a_nightly_is_never_mixed_with_the_release(suite: Path) -> None:
    """It takes the release's place, or the step fails and says what to name."""
    write_wheel(suite / "wheels", "tiny_nightly", "3.0", "tiny")
    finished = build(suite, "tiny-nightly")
    assert finished.returncode == 1
    assert "tiny was written by tiny and tiny_nightly: name what has to go in REPLACES" in finished.stderr
    assert not (suite / "output.txt").exists()
    finished = build(suite, "tiny-nightly", REPLACES="tiny")
    assert finished.returncode == 0, finished.stderr
    assert (suite / "output.txt").read_text(encoding="utf-8") == "differs=true\n"

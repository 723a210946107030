"""Adapters' files, read and never imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.arms.adapter_files import MEMBERS, check_adapter_file, measured_like_its_base
from fixtures.arms.python_files import PythonFileError, with_neighbours
from models.registry import FRAMEWORKS, Framework, resolve

ROOT = Path(__file__).parents[2]
WHOLE = "class Adapter:\n    adam_form = 'bias-corrected'\n" + "".join(
    f"    def {name}(self): ...\n" for name in MEMBERS if name != "adam_form"
)


def test_what_a_file_imports_from_its_folder_is_found(tmp_path: Path) -> None:
    """Also within a function, and by what it imports; neither the standard library nor what merely lies there."""
    files = {
        "mine.py": "import os, helper\ndef f():\n    from layers.blocks import Block\n",
        "helper.py": "from deeper import x\n",
        "deeper.py": "this is no Python, and is found all the same (",
        "unrelated.py": "",
        "layers/__init__.py": "",
        "layers/blocks.py": "import mine\n",
        "layers/parts/inner.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = {path.relative_to(tmp_path).as_posix() for path in with_neighbours(tmp_path / "mine.py")}
    assert found == files.keys() - {"unrelated.py"}


def test_the_contract_is_all_that_is_asked() -> None:
    """Its members are those of models/contract.py: one constant, the constructor and seven methods."""
    assert set(MEMBERS) == {
        "adam_form",
        "__init__",
        "to_device",
        "training_step",
        "train_epoch",
        "logits",
        "weights",
        "synchronize",
        "peak_device_memory_bytes",
    }


@pytest.mark.parametrize(
    "file",
    [
        *sorted(ROOT.glob("models/adapters/[a-z]*.py")),
        *sorted(ROOT.glob("tests/adapters/[a-z]*.py")),
        *sorted(ROOT.glob("docs/examples/*.py")),
    ],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_every_adapter_here_passes(file: Path) -> None:
    """Those of the suite, of its tests and of its examples, whether written out or inherited."""
    if "class Adapter" in file.read_text(encoding="utf-8"):
        check_adapter_file(file)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(WHOLE, id="whole"),
        pytest.param(f"if True:\n    {WHOLE.replace(chr(10), chr(10) + '    ')}", id="in-a-condition"),
        pytest.param(WHOLE.replace("adam_form =", "adam_form: str ="), id="annotated"),
        pytest.param("class Adapter(Other): pass", id="inherited"),
        pytest.param("from other import Mine as Adapter", id="imported"),
        pytest.param("Adapter = make_adapter()", id="assigned"),
        pytest.param("raise SystemExit('imported')\n" + WHOLE, id="never-run"),
    ],
)
def test_what_may_be_an_adapter_passes(tmp_path: Path, source: str) -> None:
    """A class with all members passes, and so does one of which reading cannot tell what it inherits."""
    file = tmp_path / "mine.py"
    file.write_text(source)
    check_adapter_file(file)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param(b"", "defines no class Adapter", id="empty"),
        pytest.param(b"class Other: pass", "defines no class Adapter", id="other-name"),
        pytest.param(b"def f():\n    class Adapter: pass", "defines no class Adapter", id="in-a-function"),
        pytest.param(b"class Adapter: pass", "class Adapter lacks adam_form, __init__, to_device", id="nothing-in-it"),
        pytest.param(WHOLE.replace("logits", "logit").encode(), "class Adapter lacks logits;", id="misspelt"),
        pytest.param(WHOLE.replace("form =", "form:").encode(), "class Adapter lacks adam_form;", id="annotation"),
        pytest.param(b"class Adapter:\n  def", "line 2 is not Python", id="syntax"),
        pytest.param(b"\0", "is not Python", id="null"),
        pytest.param(b"\xff\xfe", "is not Python", id="not-utf-8"),
    ],
)
def test_what_is_no_adapter_is_named(tmp_path: Path, source: bytes, message: str) -> None:
    """The message begins with the file's path and says what is missing, or where it is no Python."""
    file = tmp_path / "mine.py"
    file.write_bytes(source)
    with pytest.raises(PythonFileError, match=message) as raised:
        check_adapter_file(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert "\n" not in str(raised.value)


def own(folder: Path, source: str) -> Framework:
    """The framework that a file with these lines is measured as."""
    (folder / "mine.py").write_text(source)
    found = resolve(str(folder / "mine.py"))
    assert found is not None
    return measured_like_its_base(found)


@pytest.mark.parametrize(
    ("source", "identifier"),
    [
        pytest.param("from models.adapters.pytorch import Adapter as PyTorch", "pytorch", id="adapter"),
        pytest.param("from models.adapters import tensorflow", "tensorflow", id="adapter-from-its-package"),
        pytest.param("import models.adapters.keras as base\nimport tensorflow", "keras-tensorflow", id="adapter-first"),
        pytest.param("try:\n    import torch.nn as nn\nexcept ImportError:\n    pass", "pytorch", id="torch"),
        pytest.param("from tensorflow import nn", "tensorflow", id="tensorflow"),
        pytest.param(
            "import os\nos.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\nimport tensorflow", "tensorflow", id="own-setting"
        ),
        pytest.param("import keras", "keras-tensorflow", id="keras"),
        pytest.param("import tensorflow\nfrom keras import layers", "keras-tensorflow", id="keras-and-tensorflow"),
        pytest.param("import keras, jax", "keras-jax", id="keras-and-jax"),
        pytest.param("import keras\nimport torch", "keras-torch", id="keras-and-torch"),
        pytest.param("import jax.numpy as jnp\nimport optax", "jax", id="jax"),
        pytest.param("from flax import nnx\nimport jax\nimport scipy", "jax", id="what-says-nothing"),
        pytest.param("from models.adapters import pytorch_compile", "pytorch-compile", id="variant"),
        pytest.param("from models.adapters import keras\nimport torch", "keras-torch", id="adapter-and-backend"),
        pytest.param("from models.adapters import tensorflow_xla as xla", "tensorflow-xla", id="variant-renamed"),
    ],
)
def test_a_file_is_measured_like_its_base(tmp_path: Path, source: str, identifier: str) -> None:
    """A file's imports tell its framework; it hides, sets, needs and reports the same, under its own name."""
    base, framework = FRAMEWORKS[identifier], own(tmp_path, source)
    assert (framework.identifier, framework.title) == ("mine", "mine")
    assert framework.module == str(tmp_path / "mine.py")
    imported_anyway = {"scipy"} if "scipy" in source else set()
    assert set(framework.hidden_packages()) == set(base.hidden_packages()) - imported_anyway != set()
    assert framework.environment == base.environment
    assert (framework.requires, framework.distribution) == (base.requires, base.distribution)


def test_what_a_file_imports_is_not_hidden_from_it(tmp_path: Path) -> None:
    """A package that the base would hide stays visible if the file imports it, in a function too."""
    framework = own(tmp_path, "import torch, torchvision\ndef f():\n    from scipy import special")
    hidden = FRAMEWORKS["pytorch"].hidden_packages()
    assert set(hidden) - set(framework.hidden_packages()) == {"torchvision", "scipy"}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import numpy", id="none"),
        pytest.param("def f():\n    import torch", id="in-a-function"),
        pytest.param("from .torch import nn", id="relative"),
        pytest.param("import torch_geometric", id="longer-name"),
        pytest.param("import torch, tensorflow", id="two"),
        pytest.param("import keras, jax, torch", id="two-backends"),
        pytest.param("import jax, torch", id="jax-and-torch"),
        pytest.param("import optax", id="part-of-one"),
        pytest.param("from models.adapters import pytorch, pytorch_compile", id="two-variants"),
        pytest.param("import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras", id="own-backend"),
        pytest.param("from models.adapters import pytorch, keras", id="two-adapters"),
    ],
)
def test_a_file_of_no_known_framework_hides_nothing(tmp_path: Path, source: str) -> None:
    """Where the imports do not tell one framework, nothing is hidden and no version is claimed."""
    framework = own(tmp_path, source)
    assert framework.hidden_packages() == ()
    assert (framework.environment, framework.requires, framework.distribution) == ({}, (), "")

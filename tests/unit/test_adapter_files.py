"""Adapters' files, read and never imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.adapter_files import MEMBERS, AdapterFileError, check_adapter_file

ROOT = Path(__file__).parents[2]
WHOLE = "class Adapter:\n    adam_form = 'bias-corrected'\n" + "".join(
    f"    def {name}(self): ...\n" for name in MEMBERS if name != "adam_form"
)


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
    with pytest.raises(AdapterFileError, match=message) as raised:
        check_adapter_file(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert "\n" not in str(raised.value)

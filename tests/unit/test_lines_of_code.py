"""Lines of code, counted in programs whose lines can be counted by eye, and in the adapters themselves."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.reports.lines_of_code import LinesOfCode, UncountableError, lines_of_code
from models.registry import FRAMEWORKS, Framework

if TYPE_CHECKING:
    from pathlib import Path

ADAPTER = '''
"""A docstring
of two lines."""
from __future__ import annotations
from typing import TYPE_CHECKING
import array
import json, math as m
from models.spec import Spec
if TYPE_CHECKING:
    from collections.abc import Iterator

SCALE: float = m.pi

class Adapter:
    """Its docstring."""
    kind: str = "plain"

    def __init__(self, spec: Spec) -> None:
        # A comment.
        self.device = _device("cpu")
        self.layers = _layers(
            spec,
        )
        self.weights = self._from_canonical(self.kind)

    def training_step(self, batch: array.array) -> float:
        """Its docstring."""
        return SCALE * self._forward(batch)

    def train_epoch(self, batches):
        return sum(map(self.training_step, batches))

    def logits(self):
        return json.dumps(self._only_for_logits())

    def _forward(self, batch):
        return batch

    def _only_for_logits(self):
        return 1

    def _from_canonical(self, array):
        return _turned(array)

def _layers(spec: Spec) -> Iterator[int]:
    yield from spec

def _device(name):
    return name

def _turned(array):
    return array
'''
TRAINING = (
    "import json, math as m",
    "SCALE = m.pi",
    "class Adapter:",
    "    kind = 'plain'",
    "    def __init__(self, spec):",
    "        self.device = _device('cpu')",
    "        self.layers = _layers(spec)",
    "        self.weights = self._from_canonical(self.kind)",
    "    def training_step(self, batch):",
    "        return SCALE * self._forward(batch)",
    "    def train_epoch(self, batches):",
    "        return sum(map(self.training_step, batches))",
    "    def _forward(self, batch):",
    "        return batch",
    "def _layers(spec):",
    "    yield from spec",
)


def counted(folder: Path, source: str) -> LinesOfCode:
    """The lines of an adapter with this source."""
    file = folder / "adapter.py"
    file.write_text(source, encoding="utf-8")
    return lines_of_code(Framework("mine", "Mine", str(file), "", (), ()))


def test_model_and_training_are_what_they_reach(tmp_path: Path) -> None:
    """Not docstrings, comments, annotations, other members, the suite's weights and device, nor what these reach."""
    assert counted(tmp_path, ADAPTER).training == len(TRAINING)


def test_the_whole_adapter_has_every_definition(tmp_path: Path) -> None:
    """Everything but docstrings, comments and what only annotations need."""
    left_out = 6  # lines that only logits, the device and the weights need: members and functions of two lines each
    imports_of_the_whole = 3  # typing, array and models, which the training does not use
    assert counted(tmp_path, ADAPTER).adapter == len(TRAINING) + 2 * left_out - 2 + imports_of_the_whole


def test_formatting_does_not_change_the_count(tmp_path: Path) -> None:
    """What a formatter does to a program makes it neither longer nor shorter."""
    bare = ADAPTER.replace("        # A comment.\n", "\n\n").replace(
        "_layers(\n            spec,\n        )", "_layers(spec)"
    )
    assert bare != ADAPTER
    assert counted(tmp_path, bare) == counted(tmp_path, ADAPTER)
    assert counted(tmp_path, ast.unparse(ast.parse(ADAPTER))) == counted(tmp_path, ADAPTER)


def test_a_line_more_in_the_training_is_a_line_more(tmp_path: Path) -> None:
    """Of the training and of the whole; one in another member only of the whole."""
    before = counted(tmp_path, ADAPTER)
    step = "        return SCALE * self._forward(batch)\n"
    assert counted(tmp_path, ADAPTER.replace(step, f"        batch = batch\n{step}")) == LinesOfCode(
        before.training + 1, before.adapter + 1
    )
    other = "        return json.dumps(self._only_for_logits())\n"
    assert counted(tmp_path, ADAPTER.replace(other, f"        self\n{other}")) == LinesOfCode(
        before.training, before.adapter + 1
    )


def test_an_adapter_that_inherits_from_another_needs_its_lines_too(tmp_path: Path) -> None:
    """The members that it overrides count only where it calls them."""
    base = lines_of_code(FRAMEWORKS["pytorch"])
    head = "from models.adapters import pytorch\nclass Adapter(pytorch.Adapter):\n"
    same = counted(tmp_path, head + "    adam_form = 'other'\n")
    assert same == LinesOfCode(base.training, base.adapter + 3)
    replaced = counted(tmp_path, head + "    def train_epoch(self):\n        return 0.0\n")
    assert replaced.training < base.training
    calling = counted(tmp_path, head + "    def train_epoch(self, *a):\n        return super().train_epoch(*a)\n")
    assert calling == LinesOfCode(base.training + 3, base.adapter + 4)
    other_name = (
        "from models.adapters.pytorch import Adapter as Eager\nclass Adapter(Eager):\n    adam_form = 'other'\n"
    )
    assert counted(tmp_path, other_name) == same


@pytest.mark.parametrize("identifier", FRAMEWORKS)
def test_every_adapter_is_counted_without_being_imported(identifier: str) -> None:
    """Its training is a part of it, and reading it loads no framework."""
    loaded = set(sys.modules)
    lines = lines_of_code(FRAMEWORKS[identifier])
    assert 20 < lines.training < lines.adapter
    assert set(sys.modules) - loaded == set()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("def broken(", "is not Python", id="broken"),
        pytest.param("Adapter = 3", "holds no class Adapter", id="no-class"),
    ],
)
def test_what_cannot_be_counted_is_said_with_the_file(tmp_path: Path, source: str, reason: str) -> None:
    """One line: which file, and why."""
    with pytest.raises(UncountableError, match=rf"adapter\.py: {reason}"):
        counted(tmp_path, source)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """As of an adapter that was moved."""
    with pytest.raises(UncountableError, match=r"gone\.py: cannot be read"):
        lines_of_code(Framework("gone", "Gone", str(tmp_path / "gone.py"), "", (), ()))

"""Answers with something that cannot travel to the parent."""

from __future__ import annotations

from typing import Any, ClassVar

from models.adapters.pytorch import Adapter as PyTorch


class Adapter(PyTorch):
    """Declares an Adam that is no word."""

    adam_form: ClassVar[Any] = object()

"""Another interpreter with this environment's packages, one of whose optimisers may do more: for ``--against``.

Where there is no network, no package can be built or installed; an interpreter that reads these packages where they are
needs nothing.
"""

from __future__ import annotations

import os
import sys
import venv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_WORSENED = """
import importlib.util
import sys


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "torch.optim.{module}":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def worsened(module):
            execute(module)
            import torch

            plain = module.{name}.step

            def step(self, closure=None):
                first = self.param_groups[0]["params"][0]
                work = torch.ones({size}, {size}, device=first.device)
                for _ in range({products}):
                    torch.mm(work, work)
                return plain(self, closure)

            module.{name}.step = step

        spec.loader.exec_module = worsened
        return spec


sys.meta_path.insert(0, Finder())
"""


def interpreter_like_this(folder: Path) -> Path:
    """Make one with the same packages in a folder, and return that."""
    venv.create(folder, symlinks=True, with_pip=False)
    places = [place for place in sys.path if place.endswith(("site-packages", "dist-packages"))]
    places += [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place and place not in places]
    (_site_packages(folder) / "packages.pth").write_text("\n".join([*places, ""]), encoding="utf-8")
    return folder


def plant(folder: Path, optimizer: str, products: int, size: int) -> None:
    """Let an optimiser of PyTorch do real work more in every update.

    Args:
        folder: of the other interpreter.
        optimizer: its class: ``Adam`` or ``SGD``.
        products: of matrices, in every update.
        size: rows and columns of them.
    """
    places = _site_packages(folder)
    content = _WORSENED.format(module=optimizer.lower(), name=optimizer, products=products, size=size)
    (places / "planted.py").write_text(content, encoding="utf-8")
    (places / "planted.pth").write_text("import planted\n", encoding="utf-8")


def _site_packages(folder: Path) -> Path:
    return next((folder / "lib").glob("python3*")) / "site-packages"

"""On which releases of its framework an adapter is proven, and what to say of the others."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PARTS = re.compile(r"v?(?:\d+!)?(?P<release>\d+(?:\.\d+)*)(?P<rest>[^+]*)", re.IGNORECASE)

_PRE_RELEASE, _FINAL, _POST_RELEASE = -1, 0, 1

Order = tuple[tuple[int, ...], int]


@dataclass(frozen=True)
class Proven:
    """From which release of a distribution to which parity is proven, both included.

    Args:
        distribution: its name on the package index, for example ``torch``.
        oldest: ``tests/worker/test_proven_versions.py`` builds it, and proves parity there.
        newest: what requirements.txt pins.
    """

    distribution: str
    oldest: str
    newest: str

    def outside(self, version: str, adapter: str) -> str:
        """One clause on a version that nothing is proven of; empty for one inside, and for one that cannot be read.

        Args:
            version: what is installed; ``2.13.0+cpu``, ``2.16.0rc1`` and ``0.9.0.dev20261121`` are understood.
            adapter: whose, as people call it.
        """
        found, oldest, newest = order(version), _known(self.oldest), _known(self.newest)
        if found is None or oldest <= found <= newest:
            return ""
        old = found < oldest
        compared = f"older than {self.oldest}, the oldest" if old else f"newer than {self.newest}, the newest"
        return f"{self.distribution} {version} is {compared} release that {adapter} is proven on"


def order(version: str) -> Order | None:
    """A key that sorts versions as package indexes do, as far as a range needs it: ``packaging`` is not everywhere.

    Pre-releases come before their release and what was released again comes after it; among themselves they are equal.
    A local part such as ``+cpu`` does not count. None for what is no version.
    """
    found = _PARTS.match(version.strip())
    if found is None:
        return None
    release = [int(number) for number in found["release"].split(".")]
    while release and not release[-1]:
        release.pop()  # 2.4 is 2.4.0
    rest = found["rest"].strip().lower().lstrip(".-_")
    if not rest:
        return tuple(release), _FINAL
    return tuple(release), _POST_RELEASE if rest.startswith(("post", "rev")) or rest.isdigit() else _PRE_RELEASE


def _known(version: str) -> Order:
    found = order(version)
    if found is None:
        raise ValueError(f"{version!r} is no version")
    return found

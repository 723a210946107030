"""A network of its own for a machine that tests reach through a cable that they can pull."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of the block that is kept for measuring between networks (RFC 2544).
_HERE, _THERE = "198.18.77.1", "198.18.77.2"
_NAME = f"cnn-dyno-{os.getpid()}"
_CABLE = f"cd{os.getpid()}"


@dataclass(frozen=True)
class OtherNetwork:
    """A network namespace.

    Args:
        address: of the machine in it.
        inside: begins a command that is run in it.
    """

    address: str
    inside: tuple[str, ...]

    def lose(self) -> None:
        """Pull the cable: nobody is told."""
        _ip("-n", _NAME, "link", "set", f"{_CABLE}b", "down").check_returncode()


@contextmanager
def other_network() -> Iterator[OtherNetwork]:
    """A network namespace, joined to this one by a pair of virtual interfaces; skips where none can be made."""
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("a network of its own needs root and ip: apt-get install iproute2")
    try:
        for command in (
            ("netns", "add", _NAME),
            ("link", "add", f"{_CABLE}a", "type", "veth", "peer", "name", f"{_CABLE}b", "netns", _NAME),
            ("address", "add", f"{_HERE}/30", "dev", f"{_CABLE}a"),
            ("link", "set", f"{_CABLE}a", "up"),
            ("-n", _NAME, "address", "add", f"{_THERE}/30", "dev", f"{_CABLE}b"),
            ("-n", _NAME, "link", "set", f"{_CABLE}b", "up"),
        ):
            made = _ip(*command)
            if made.returncode:
                pytest.skip(f"this machine makes no network of its own: ip {' '.join(command)}: {made.stderr.strip()}")
        yield OtherNetwork(_THERE, ("ip", "netns", "exec", _NAME))
    finally:
        _ip("link", "delete", f"{_CABLE}a")
        _ip("netns", "delete", _NAME)


def _ip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)  # noqa: S607 - of the PATH

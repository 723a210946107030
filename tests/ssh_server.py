"""A real ssh server on this machine for tests, with keys and settings of its own, and ``hosts.toml`` that names it."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.bench_run import RUN_MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

_START_SECONDS = 20.0
_PRIVILEGES_FOLDER = Path("/run/sshd")
_SERVER = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
SetEnv {mark}={pid}
MaxStartups 100
PidFile none
"""
_CLIENT = """\
Host *
  HostName {address}
  Port {port}
  User {user}
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
"""


class SshServer:
    """A running sshd that takes one key, of the user who runs the tests.

    Args:
        folder: for keys, settings and logs, and what hosts keep.
        address: that it listens on.
        command: that starts it, in another network namespace for example.
    """

    def __init__(self, folder: Path, address: str = "127.0.0.1", command: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.config = folder / "ssh_config"
        sshd = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if sshd is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
            pytest.skip("an ssh server and client are needed: apt-get install openssh-server openssh-client")
        if os.geteuid() == 0:
            _PRIVILEGES_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name in ("host_key", "user_key"):
            self.make_key(name)
        values = {"port": _free_port(), "address": address, "folder": folder, "user": getpass.getuser()}
        values |= {"mark": RUN_MARK, "pid": os.getpid()}  # so that tests find what runs over there
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
        self._known = f"[{address}]:{values['port']} {(folder / 'host_key.pub').read_text(encoding='utf-8')}"
        self.know_host()
        (folder / "sshd_config").write_text(_SERVER.format(**values), encoding="utf-8")
        self.config.write_text(_CLIENT.format(**values), encoding="utf-8")
        log = (folder / "sshd.log").open("wb")
        arguments = [*command, sshd, "-D", "-e", "-f", str(folder / "sshd_config")]
        self._process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        self._wait()

    def make_key(self, name: str) -> None:
        """A pair of keys in its folder."""
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def know_host(self, key: str = "") -> None:
        """Have its key among the known ones, or another in its place, or none if it is a space."""
        text = f"{self._known.split()[0]} {key}" if key.strip() else self._known
        (self.folder / "known_hosts").write_text("" if key.isspace() else text, encoding="utf-8")

    def ssh(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command over there."""
        ssh = ["ssh", "-F", str(self.config), "-oBatchMode=yes", "server", *command]
        return subprocess.run(ssh, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60)

    def hosts(self, folder: Path, **tables: Mapping[str, object]) -> Path:
        """Add to ``hosts.toml`` in a folder: each table is a host of this server, which measures in this environment.

        Args:
            folder: of the file, and of what hosts keep, unless a table says otherwise.
            tables: further keys of each host, or other values.
        """
        lines = []
        for name, own in tables.items():
            values = {
                "options": [f"-F{self.config}"],
                "python": sys.executable,
                "environment": sys.executable,
                "folder": str(folder / name),
                **own,
            }
            lines += [f"[{name}]", *(f"{key} = {value!r}" for key, value in values.items() if value != "")]
        file = folder / "hosts.toml"
        with file.open("a", encoding="utf-8") as more:
            more.write("\n".join(lines) + "\n")
        return file

    def sessions(self) -> list[psutil.Process]:
        """Its processes that hold a connection each."""
        found = psutil.Process(self._process.pid).children(recursive=True)
        return [each for each in found if each.name().startswith("sshd")]

    def cut(self) -> None:
        """Drop all connections, as a machine does that loses its power."""
        for session in self.sessions():
            session.kill()

    def close(self) -> None:
        """End it, and every connection."""
        if self._process.poll() is None:
            for session in self.sessions():
                session.kill()
            self._process.kill()
            self._process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self.ssh("true").returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "sshd.log").read_text(encoding="utf-8", errors="replace")
                pytest.skip(f"the ssh server of this machine cannot be used by this user: {said.strip()[-300:]}")
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])

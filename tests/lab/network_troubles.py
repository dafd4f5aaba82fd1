"""What goes wrong on the way to the database: packets are dropped, its name is gone.

Only in a network of our own (`unshare --net --mount`, as root): rules and name servers are the whole machine's.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.places import HOST, REPOSITORY, LabError, Places
from tests.lab.processes import wait_until
from tests.lab.reach import resolves

DATABASE_NAME = "database.signalcraft.test"
_TABLE = "inet lab"


def open_up() -> None:
    """The loopback device of a new network, and a name server of our own as the only one."""
    _own_network()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".resolv") as own:
        own.write(f"nameserver {HOST}\noptions timeout:1 attempts:2\n")
        own.flush()
        subprocess.run(["mount", "--bind", own.name, Path("/etc/resolv.conf").resolve()], check=True)


@contextmanager
def names_served(directory: Path) -> Iterator[None]:
    """A name server that knows the database of the lab in this directory."""
    _own_network()
    command = [sys.executable, "-m", "tests.lab.name_server", DATABASE_NAME, str(_gone(directory))]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: resolves(DATABASE_NAME), "the name server")
            yield
        finally:
            server.kill()


def drop_all(places: Places) -> None:
    """Whatever goes to the database vanishes, of old sessions too."""
    _rules(f"tcp dport {places.postgres_port} drop")


def drop_new(places: Places) -> None:
    """What a changed rule does: connections that are tracked live on, new ones get no answer."""
    _rules(f"tcp dport {places.postgres_port} tcp flags & (syn | ack) == syn drop")


def let_pass(_: Places) -> None:
    """Nothing is dropped."""
    _own_network()
    _nft(f"add table {_TABLE}", f"delete table {_TABLE}")


def forget_name(places: Places) -> None:
    """The name server knows the name no more."""
    _own_network()
    _gone(places.directory).touch()
    wait_until(lambda: not resolves(DATABASE_NAME), "the end of the name")


def remember_name(places: Places) -> None:
    """It does again."""
    _gone(places.directory).unlink(missing_ok=True)
    wait_until(lambda: resolves(DATABASE_NAME), "the name")


def _rules(rule: str) -> None:
    _own_network()
    chain = "{ type filter hook input priority 0; policy accept; }"
    _nft(
        f"add table {_TABLE}",
        f"delete table {_TABLE}",
        f"add table {_TABLE}",
        f"add chain {_TABLE} arriving {chain}",
        f"add rule {_TABLE} arriving {rule}",
    )


def _nft(*lines: str) -> None:
    subprocess.run(["nft", "-f", "-"], input="\n".join(lines).encode() + b"\n", check=True)


def _gone(directory: Path) -> Path:
    return directory / "name-is-gone"


def _own_network() -> None:
    """Never in the machine's: it has a device that leads out."""
    if os.geteuid() != 0 or [name for _, name in socket.if_nameindex()] != ["lo"]:
        raise LabError("this fault is made in a network of its own: root, and `unshare --net --mount`")

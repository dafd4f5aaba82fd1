"""Who listens where and is connected to whom: real processes that hold real sockets, as PM2 and its workers do."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from monitor.sources.pm2_network import AppNetwork, AppTree, networks
from monitor.sources.sockets import socket_inodes
from tests.sources.test_sockets import listening, running

OPENS = """
import socket, sys
made = [socket.create_connection(("127.0.0.1", int(port))) for port in sys.argv[1:]]
print("ready", flush=True)
sys.stdin.read()
"""
LISTENS = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    print("ready", flush=True)
    sys.stdin.read()
"""
NOTHING = """
import sys
print("ready", flush=True)
sys.stdin.read()
"""


def tree(*pids: int) -> AppTree:
    return AppTree(pids[:1], pids)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_an_app_that_listens_itself_has_its_port_and_the_other_ends_of_what_it_has_begun() -> None:
    port = closed_port()
    with (
        listening() as database,
        running(sys.executable, "-c", LISTENS, str(port)) as master,
        running(sys.executable, "-c", OPENS, str(database), str(database)) as worker,
    ):
        found = networks(os.getpid(), {"python": tree(master.pid, worker.pid)})
    assert found == {"python": AppNetwork(frozenset({port}), (f"127.0.0.1:{database}",))}


def test_a_port_of_the_daemon_is_the_apps_that_has_it_as_port_in_its_environment() -> None:
    with listening() as one, listening() as other:
        with (
            running(sys.executable, "-c", NOTHING, env={**os.environ, "PORT": str(one)}) as first,
            running(sys.executable, "-c", NOTHING, env={**os.environ, "PORT": "http"}) as second,
        ):
            found = networks(os.getpid(), {"first": tree(first.pid), "second": tree(second.pid)})
        assert found["first"].ports == {one}
        assert other in found["second"].ports, "the only app without a port has what is left"
        assert one not in found["second"].ports


def test_of_two_silent_apps_neither_is_guessed_to_have_the_daemons_port() -> None:
    with (
        listening(),
        running(sys.executable, "-c", NOTHING) as first,
        running(sys.executable, "-c", NOTHING) as second,
    ):
        found = networks(os.getpid(), {"first": tree(first.pid), "second": tree(second.pid)})
    assert found == {"first": AppNetwork(), "second": AppNetwork()}


def test_what_has_gone_is_left_out_and_a_daemon_that_has_gone_is_told() -> None:
    with running(sys.executable, "-c", NOTHING) as process:
        pid = process.pid
    assert networks(os.getpid(), {"app": tree(pid)}) == {}
    with pytest.raises(OSError, match=str(pid)):
        networks(pid, {})
    with pytest.raises(ProcessLookupError):
        socket_inodes(pid)


def test_files_are_no_sockets(tmp_path: Path) -> None:
    before = socket_inodes(os.getpid())
    with (tmp_path / "file").open("w"), socket.socket() as opened:
        more = socket_inodes(os.getpid()) - before
        assert more == {os.fstat(opened.fileno()).st_ino}

"""What a process holds open: real processes, real sockets, real files, also those of somebody else."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.core.wiring import Connection
from monitor.sources import tcp_table
from monitor.sources.sockets import Connections, descriptors
from monitor.sources.tcp_table import LISTENING, Row, canonical, rows
from tests.sources.real_pm2 import eventually

PEER = """
import os, socket, sys
made = [socket.create_connection(("{host}", int(port))) for port in sys.argv[1:]]
print("ready", flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")


@contextmanager
def running(*command: str | Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that says `ready` and lives until the block ends."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


@contextmanager
def listening(host: str = "127.0.0.1", family: socket.AddressFamily = socket.AF_INET) -> Iterator[int]:
    """A port that takes connections and keeps them, in this process."""
    with socket.create_server((host, 0), family=family) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    kept.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for each in kept:
                each.close()


def connections(pid: int) -> tuple[Connection, ...]:
    return Connections().of(pid, descriptors(pid).sockets)


def test_a_process_shows_the_connections_it_has_begun() -> None:
    with (
        listening() as one,
        listening() as two,
        running(sys.executable, "-c", PEER.format(host="127.0.0.1"), str(one), str(one), str(two)) as process,
    ):
        found = connections(process.pid)
        assert sorted(each.port for each in found) == sorted([one, one, two])
        assert {each.address for each in found} == {"127.0.0.1"}
        assert all(each.established for each in found)


def test_who_only_visits_is_no_connection_of_ours() -> None:
    """The other ends are in this process, which listens on their local ports."""
    with listening() as port, running(sys.executable, "-c", PEER.format(host="127.0.0.1"), str(port)):
        ours = connections(os.getpid())
        assert not any(each.port == port for each in ours)
        assert any(row.local_port == port and row.state == LISTENING for row in rows(os.getpid()))


def test_an_ipv4_address_in_an_ipv6_socket_is_an_ipv4_address() -> None:
    with listening() as port, socket.socket(socket.AF_INET6) as mapped:
        mapped.connect(("::ffff:127.0.0.1", port))
        assert Connection("127.0.0.1", port) in connections(os.getpid())


def test_ipv6_is_read_as_it_is_written_by_people() -> None:
    with listening("::1", socket.AF_INET6) as port, socket.create_connection(("::1", port)):
        assert Connection("::1", port) in connections(os.getpid())


def test_a_connection_that_is_still_tried_is_none_that_stands() -> None:
    """A listener whose queue is full answers no more."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        tries = [socket.socket() for _ in range(4)]
        for each in tries:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        states = [each.established for each in connections(os.getpid()) if each.port == port]
        for each in tries:
            each.close()
    assert False in states


def test_both_ways_tell_the_same() -> None:
    with (
        listening() as port,
        listening("::1", socket.AF_INET6) as six,
        socket.create_connection(("127.0.0.1", port)),
        socket.create_connection(("::1", six)),
        socket.socket(socket.AF_INET6) as mapped,
    ):
        mapped.connect(("::ffff:127.0.0.1", port))
        ours = {port, six}
        eventually(lambda: all(row.inode for row in tcp_table._by_netlink() if ours & {row.local_port, row.port}))
        by_netlink = [row for row in tcp_table._by_netlink() if ours & {row.local_port, row.port}]
        by_text = [row for row in tcp_table._by_text(os.getpid(), "/proc") if ours & {row.local_port, row.port}]
        assert sorted(by_netlink) == sorted(by_text)
        assert len(by_text) == 8


FORBIDDEN = """
import ctypes, errno, os, platform, socket, struct
from monitor.sources import tcp_table
LOAD, IS, RETURN = 0x20, 0x15, 0x06
number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
rules = [(LOAD, 0, 0, 0), (IS, 0, 3, number), (LOAD, 0, 0, 16), (IS, 0, 1, socket.AF_NETLINK),
         (RETURN, 0, 0, 0x50000 | errno.EAFNOSUPPORT), (RETURN, 0, 0, 0x7FFF0000)]
raw = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in rules))
program = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(raw))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.c_char_p(program)) == 0, ctypes.get_errno()
try:
    tcp_table._by_netlink()
except OSError as error:
    print(errno.errorcode[error.errno])
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1] in {row.local_port for row in tcp_table.rows(os.getpid())})
"""


def test_where_netlink_is_forbidden_the_text_is_read() -> None:
    """As a unit with RestrictAddressFamilies= forbids it."""
    done = subprocess.run([sys.executable, "-c", FORBIDDEN], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["EAFNOSUPPORT", "True"]


def test_a_socket_that_was_inherited_is_held_by_both() -> None:
    code = PEER.format(host="127.0.0.1").replace("print(", "if os.fork(): print(")
    with listening() as port, running(sys.executable, "-c", code, str(port)) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        (child,) = map(int, children.read_text().split())
        assert descriptors(process.pid).sockets == descriptors(child).sockets
        assert connections(process.pid) == connections(child) == (Connection("127.0.0.1", port),)


@pytest.mark.root
@needs_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare")
def test_another_network_namespace_has_a_table_of_its_own() -> None:
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0)); port = server.getsockname()[1]
made = socket.create_connection(("127.0.0.1", port)); taken = server.accept()
print("ready", flush=True); print(port, flush=True); input()
"""
    up = 'ip link set lo up && exec "$@"'
    with running("unshare", "-n", "sh", "-c", up, "sh", sys.executable, "-c", code) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        assert connections(process.pid) == (Connection("127.0.0.1", port),)
        assert not any(row.port == port for row in rows(os.getpid()))


HOLD = """
import sqlite3, sys
held = []
for path in sys.argv[1:]:
    if path.endswith(("txt.db", "empty.db", "pipe.db")):
        held.append(open(path, "r+b", buffering=0))
    else:
        held.append(sqlite3.connect(path)); held[-1].execute("create table if not exists t (x)"); held[-1].commit()
print("ready", flush=True); sys.stdin.read()
"""


def test_open_sqlite_files_are_seen_by_name_and_content(tmp_path: Path) -> None:
    (tmp_path / "txt.db").write_text("not a database at all")
    (tmp_path / "empty.db").touch()
    os.mkfifo(tmp_path / "pipe.db")
    names = ["app.db", "app.SQLite3", "data.sqlite", "plain.dat", "txt.db", "empty.db", "pipe.db"]
    with running(sys.executable, "-c", HOLD, *(str(tmp_path / name) for name in names)) as process:
        wanted = ["app.SQLite3", "app.db", "data.sqlite", "empty.db"]
        assert descriptors(process.pid).sqlite_files == tuple(sorted(str(tmp_path / name) for name in wanted))
        (tmp_path / "app.db").unlink()
        assert str(tmp_path / "app.db") in descriptors(process.pid).sqlite_files, "deleted, and written to all the same"


def test_looking_takes_no_lock_from_who_writes(tmp_path: Path) -> None:
    """Closing a file drops the locks of the process that closes it, and of no other."""
    path = tmp_path / "app.db"
    ours = sqlite3.connect(path, isolation_level=None)
    ours.execute("create table t (x)")
    with running(sys.executable, "-c", HOLD, str(path)) as process:
        ours.execute("begin exclusive")
        assert descriptors(process.pid).sqlite_files == (str(path),)
        ours.execute("insert into t values (1)")
        ours.execute("commit")
    ours.close()


@needs_root
def test_the_files_of_another_user_are_not_ours_to_see() -> None:
    code = """
import json, os, sys
from monitor.sources.sockets import descriptors
try:
    descriptors(int(sys.argv[1])); said = "seen"
except PermissionError as error:
    said = type(error).__name__
print(json.dumps(said))
"""

    def asked(*how: str) -> str:
        command = ["setpriv", *how, sys.executable, "-c", code, str(os.getpid())]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        )
        return str(json.loads(done.stdout))

    other = ("--reuid=65534", "--regid=65534", "--clear-groups")
    both = "+sys_ptrace,+dac_read_search"
    assert asked(*other) == "PermissionError"
    assert asked(*other, f"--inh-caps={both}", f"--ambient-caps={both}") == "seen", "what the message tells to grant"


def test_a_process_that_has_gone_is_told_apart_from_one_that_is_hidden() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
        with pytest.raises(ProcessLookupError):
            descriptors(gone.pid)
        with pytest.raises(ProcessLookupError):
            Connections().of(gone.pid, {1})


@pytest.mark.parametrize(
    "table",
    [b"", b"garbage\n" * 3, b"  sl  local_address rem_address   st\n   0: ZZ:1 2:3 01", b"\xff" * 4096],
)
def test_a_table_that_makes_no_sense_is_empty(tmp_path: Path, table: bytes) -> None:
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "tcp").write_bytes(table)
    (tmp_path / "7" / "ns").mkdir()
    (tmp_path / "7" / "ns" / "net").touch()
    assert list(rows(7, str(tmp_path))) == []


def test_a_row_of_the_text_is_read_in_the_machines_order(tmp_path: Path) -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    row = (
        "   3: 0A01A8C0:9C40 0501000A:1538 01 00000000:00000000 02:00000A1B 00000000  1000        0 4242 2 0000 20 4\n"
    )
    waiting = row.replace(" 01 ", " 06 ")
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "tcp").write_text(head + row + waiting)
    (tmp_path / "7" / "ns").mkdir()
    (tmp_path / "7" / "ns" / "net").touch()
    assert list(rows(7, str(tmp_path))) == [Row(1, 40000, "10.0.1.5", 5432, 4242)]


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("0:0::1", "::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("x", "x"),
    ],
)
def test_an_address_has_one_spelling(address: str, plain: str) -> None:
    assert canonical(address) == plain

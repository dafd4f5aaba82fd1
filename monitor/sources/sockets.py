"""What a process holds open: SQLite files, and the TCP connections that it has begun."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from monitor.core.wiring import Connection
from monitor.sources.tcp_table import ESTABLISHED, LISTENING, content, namespace, rows

_SOCKET: Final = "socket:["
_DELETED: Final = " (deleted)"
_SQLITE_NAME: Final = re.compile(r"\.(db|sqlite[^/-]*)$", re.IGNORECASE)
_SQLITE_BEGINS: Final = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What one process has open: sockets by their inodes, and SQLite files by their paths."""

    sockets: frozenset[int] = frozenset()
    sqlite_files: tuple[str, ...] = ()


def descriptors(pid: int, root: str = "/proc") -> Descriptors:
    """Raises PermissionError where we may not look, ProcessLookupError when there is no such process any more."""
    sockets, files = set[int](), set[str]()
    directory = f"{root}/{pid}/fd"
    try:
        numbers = os.listdir(directory)  # noqa: PTH208 — hot
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    for number in numbers:
        try:
            target = os.readlink(f"{directory}/{number}")  # noqa: PTH115 — hot
        except (FileNotFoundError, ProcessLookupError):
            continue  # closed meanwhile
        if target.startswith(_SOCKET):
            sockets.add(int(target[len(_SOCKET) : -1]))
        elif target.startswith("/") and _is_sqlite(target, f"{directory}/{number}"):
            files.add(target.removesuffix(_DELETED))
    return Descriptors(frozenset(sockets), tuple(sorted(files)))


def socket_inodes(pid: int, root: str = "/proc") -> frozenset[int]:
    """The sockets alone; raises as `descriptors` does. No file is touched, so that no disk can hold it up."""
    found = set[int]()
    try:
        for number in os.listdir(f"{root}/{pid}/fd"):  # noqa: PTH208 — hot
            with suppress(FileNotFoundError, ProcessLookupError):  # closed meanwhile
                target = os.readlink(f"{root}/{pid}/fd/{number}")  # noqa: PTH115 — hot
                if target.startswith(_SOCKET):
                    found.add(int(target[len(_SOCKET) : -1]))
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    return frozenset(found)


class Connections:
    """The TCP connections of one moment, read once for each network namespace; make a new one for each look."""

    def __init__(self, root: str = "/proc") -> None:
        self._root = root
        self._tables = dict[int, dict[int, Connection]]()

    def of(self, pid: int, sockets: Collection[int]) -> tuple[Connection, ...]:
        """Those among `sockets` that the process has begun itself: what came in to a port on which somebody in its
        namespace listens is a visitor. Raises as `descriptors` does."""
        where = namespace(pid, self._root)
        if where not in self._tables:
            self._tables[where] = self._begun(pid)
        table = self._tables[where]
        return tuple(table[inode] for inode in sorted(sockets) if inode in table)

    def _begun(self, pid: int) -> dict[int, Connection]:
        found = list(rows(pid, self._root))
        listening = {each.local_port for each in found if each.state == LISTENING}
        return {
            each.inode: Connection(each.address, each.port, each.state == ESTABLISHED)
            for each in found
            if each.state != LISTENING and each.local_port not in listening
        }


def _is_sqlite(path: str, descriptor: str) -> bool:
    """By its name, unless what it holds is something else. An empty file may be a database that is just being made."""
    if not _SQLITE_NAME.search(path.removesuffix(_DELETED)):
        return False
    try:
        if not stat.S_ISREG(os.stat(descriptor).st_mode):  # noqa: PTH116 — hot
            return False
    except OSError:
        return False
    return content(descriptor, most=len(_SQLITE_BEGINS)) in (b"", _SQLITE_BEGINS)

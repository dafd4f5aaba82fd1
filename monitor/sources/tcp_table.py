"""The kernel's table of TCP sockets: by netlink for our own network namespace, else by the text in /proc.

The text costs about ten times as much: the kernel then prints every socket, the waiting ones too, and on a machine with
much memory even an empty table takes milliseconds.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import struct
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

ESTABLISHED: Final = 1
TRYING: Final = 2
LISTENING: Final = 10
_STATES: Final = 1 << ESTABLISHED | 1 << TRYING | 1 << LISTENING

_SOCK_DIAG: Final = 4  # NETLINK_SOCK_DIAG
_BY_FAMILY: Final = 20  # SOCK_DIAG_BY_FAMILY
_REQUEST_DUMP: Final = 0x301
_ERROR: Final = 2
_DONE: Final = 3
_HEADER: Final = struct.Struct("=IHHII")
_REQUEST: Final = struct.Struct("=BBBBI48x")
_ANSWER: Final = struct.Struct("=BBxxHH16x16s12x16xI")
_BUFFER_BYTES: Final = 256 * 1024
_LIMIT_SECONDS: Final = 2.0

_ROW: Final = re.compile(
    rb" [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) (01|02|0A) \S+ \S+ +\S+ +\d+ +\d+ (\d+) "
)


class Row(NamedTuple):
    """One socket that is established, trying to be, or listening."""

    state: int
    local_port: int
    address: str
    port: int
    inode: int


def rows(pid: int, root: str = "/proc") -> Iterator[Row]:
    """All such sockets in the network namespace of that process. Raises ProcessLookupError when it has gone, and
    PermissionError where its namespace may not be known."""
    if namespace(pid, root) == namespace("self"):
        try:
            return iter(_by_netlink())
        except OSError:
            pass  # not in this kernel, or forbidden to this service
    return _by_text(pid, root)


def namespace(pid: int | str, root: str = "/proc") -> int:
    """The number of a process's network namespace. Raises as `rows` does."""
    try:
        return os.stat(f"{root}/{pid}/ns/net").st_ino  # noqa: PTH116 — hot
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None


def _by_netlink() -> list[Row]:
    found = list[Row]()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
        kernel.settimeout(_LIMIT_SECONDS)
        for family in (socket.AF_INET, socket.AF_INET6):
            request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _STATES)
            kernel.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _REQUEST_DUMP, family, 0) + request)
            while _take(kernel.recv(_BUFFER_BYTES), found):
                pass
    return found


def _take(data: bytes, found: list[Row]) -> bool:
    """Take in one datagram of the answer; False after the last one."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        if kind == _DONE:
            return False
        if kind == _ERROR or length < _HEADER.size + _ANSWER.size:
            raise OSError("the kernel does not tell its sockets by netlink")
        family, state, local_port, port, remote, inode = _ANSWER.unpack_from(data, offset + _HEADER.size)
        raw = remote if family == socket.AF_INET6 else remote[:4]
        found.append(Row(state, _ordered(local_port), _shown(raw), _ordered(port), inode))
        offset += (length + 3) & ~3
    return True


def _by_text(pid: int, root: str) -> Iterator[Row]:
    for name in ("tcp", "tcp6"):
        table = content(f"{root}/{pid}/net/{name}")
        for local_port, address, port, state, inode in _ROW.findall(table):
            yield Row(int(state, 16), int(local_port, 16), _of_words(address), int(port, 16), int(inode))


def _ordered(port: int) -> int:
    return socket.ntohs(port)


@lru_cache(maxsize=1024)
def _of_words(digits: bytes) -> str:
    """The text has 32-bit words in the machine's own order."""
    raw = bytes.fromhex(digits.decode())
    if sys.byteorder == "little":
        raw = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    return _shown(raw)


@lru_cache(maxsize=1024)
def _shown(raw: bytes) -> str:
    return _plain(ipaddress.ip_address(raw))


def canonical(address: str) -> str:
    """An address as this module writes it; a text that is none stays as it is."""
    try:
        return _plain(ipaddress.ip_address(address))
    except ValueError:
        return address


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """An IPv4 address in an IPv6 socket is an IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def content(path: str, most: int = sys.maxsize) -> bytes:
    """As much of the file as we may read."""
    data = b""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return data
    try:
        while len(data) < most and (chunk := os.read(descriptor, min(_BUFFER_BYTES, most - len(data)))):
            data += chunk
    except OSError:
        return data
    finally:
        os.close(descriptor)
    return data

"""`python -m tests.lab.name_server NAME FILE`: a name server that knows one name, until the file is there."""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

from tests.lab.places import HOST

_ANSWER, _NO_ERROR, _NO_SUCH_NAME = 0x8580, 0, 3
_TYPE_A, _CLASS_IN, _SECONDS = 1, 1, 1


def answer(query: bytes, name: str, *, known: bool) -> bytes:
    """The address of this machine for `name`, asked as an A record; nothing else exists."""
    end = query.index(b"\0", 12) + 1
    asked = b".".join(_labels(query[12:end])).decode("ascii", "replace").lower()
    (kind,) = struct.unpack(">H", query[end : end + 2])
    exists = known and asked == name
    told = exists and kind == _TYPE_A
    code = _ANSWER | (_NO_ERROR if exists else _NO_SUCH_NAME)
    head = query[:2] + struct.pack(">HHHHH", code, 1, int(told), 0, 0)
    record = struct.pack(">HHHIH4s", 0xC00C, _TYPE_A, _CLASS_IN, _SECONDS, 4, socket.inet_aton(HOST))
    return head + query[12 : end + 4] + (record if told else b"")


def _labels(written: bytes) -> list[bytes]:
    found = []
    while written and (size := written[0]):
        found.append(written[1 : size + 1])
        written = written[size + 1 :]
    return found


def serve(name: str, gone: Path) -> None:
    """Until killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind((HOST, 53))
        while True:
            query, sender = ours.recvfrom(512)
            ours.sendto(answer(query, name, known=not gone.exists()), sender)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))

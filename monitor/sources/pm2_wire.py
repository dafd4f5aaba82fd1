"""PM2's RPC socket byte by byte: the two requests we may send, and replies put together from whatever pieces arrive.

The requests are literals on purpose. PM2's daemon dies of a malformed frame, and there is no read-only access: what
stands here is everything this program ever writes to that socket.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_REPLY_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One call: its frame, and the id its reply will carry."""

    frame: bytes
    id: bytes


LIST: Final = Request(
    b'\x12\x00\x00\x00\x37j:{"type":"call","method":"getMonitorData","args":[{}]}\x00\x00\x00\x06s:list', b"s:list"
)
VERSION: Final = Request(
    b'\x12\x00\x00\x00\x33j:{"type":"call","method":"getVersion","args":[{}]}\x00\x00\x00\x09s:version', b"s:version"
)

_VERSION_NIBBLE: Final = 1
_LENGTH_BYTES: Final = 4
_REPLY_ARGUMENTS: Final = 2


class ProtocolBroken(Exception):  # noqa: N818 — it is a finding about the other side, not an error of ours
    """What arrived is not what PM2 says. The text never holds a byte of it: it could be somebody's environment."""


class FrameReader:
    """Bytes in, whole frames out; holds at most one unfinished frame, never more than MAX_REPLY_BYTES of it."""

    def __init__(self, limit: int = MAX_REPLY_BYTES) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._needed = 1

    def feed(self, data: bytes) -> Iterator[tuple[bytes, ...]]:
        """The frames that `data` completes. Raises ProtocolBroken; the stream is of no use afterwards."""
        self._buffer += data
        while len(self._buffer) >= self._needed:
            frame = self._take()
            if frame is not None:
                yield frame

    def _take(self) -> tuple[bytes, ...] | None:
        """The first frame, if it is whole; else None, and `_needed` says how many bytes could change that."""
        head = self._buffer[0]
        if head >> 4 != _VERSION_NIBBLE or not head & 0x0F:
            raise ProtocolBroken("the answer does not begin like a frame of PM2")
        spans, at = list[tuple[int, int]](), 1
        for _ in range(head & 0x0F):
            start = at + _LENGTH_BYTES
            if len(self._buffer) < start:
                self._needed = start
                return None
            at = start + int.from_bytes(self._buffer[at:start], "big")
            if at > self._limit:
                raise ProtocolBroken(f"the answer is larger than {self._limit} bytes")
            spans.append((start, at))
            if len(self._buffer) < at:
                self._needed = at
                return None
        frame = tuple(bytes(self._buffer[start:end]) for start, end in spans)
        del self._buffer[:at]
        self._needed = 1
        return frame


def reply_id(frame: tuple[bytes, ...]) -> bytes:
    """Which request this frame answers. Raises ProtocolBroken when it is no reply at all."""
    if len(frame) != _REPLY_ARGUMENTS or not frame[0].startswith(b"j:"):
        raise ProtocolBroken("the answer is not shaped like a reply of PM2")
    return frame[1]


def result(frame: tuple[bytes, ...]) -> object:
    """What the call returned. Raises ProtocolBroken when PM2 answers with an error or with something else."""
    try:
        body = json.loads(frame[0][2:])
    except (ValueError, RecursionError):
        body = None  # the error itself carries the whole document, with every app's secrets: it must not be chained
    match body:
        case None:
            raise ProtocolBroken("the answer is not JSON")
        case {"args": [answer, *_]}:
            return answer
        case {"error": _}:
            raise ProtocolBroken("PM2 answered with an error")
        case _:
            raise ProtocolBroken("the answer holds no result")

"""PM2's bus: of all that it says, only which app's process ended or began, and whether PM2 itself had told it to end.

Nothing is ever written to it: one malformed byte ends PM2. Every byte is taken at once, for PM2 keeps what a reader
leaves, without bound. Whatever is no `process:event` is passed over unparsed, so that log lines cost next to nothing.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitor.sources.pm2_entries import printable
from monitor.sources.pm2_home import owner_of
from monitor.sources.pm2_link import dial, trusted_peer
from monitor.sources.pm2_wire import ProtocolBroken

LARGEST_EVENT_BYTES: Final = 1024 * 1024
_TOPIC: Final = b"s:process:event"
_VERSION_NIBBLE: Final = 1
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class BusEvent:
    """Something happened to a process of that app. `planned`: it ended because PM2 had told it to, by an operator's
    order or by PM2's own rules (memory, cron, watched files)."""

    app: str
    planned: bool


class BusReader:
    """Bytes in, the bodies of process events out. Holds at most one unfinished event."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0
        self._arguments = 0
        self._topic: bytes | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies that `data` completes. Raises ProtocolBroken; the stream is of no use afterwards."""
        self._buffer += data
        while self._has_passed_over() and self._has_begun() and len(self._buffer) >= _LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
            if not self._is_wanted(length):
                del self._buffer[:_LENGTH_BYTES]
                self._skip = length
                self._took(b"")
                continue
            end = _LENGTH_BYTES + length
            if len(self._buffer) < end:
                return
            argument = bytes(self._buffer[_LENGTH_BYTES:end])
            del self._buffer[:end]
            if self._topic is not None:
                yield argument
            self._took(argument)

    def _has_passed_over(self) -> bool:
        """Whether all has arrived that is not wanted."""
        passed = min(self._skip, len(self._buffer))
        del self._buffer[:passed]
        self._skip -= passed
        return not self._skip

    def _has_begun(self) -> bool:
        """Whether a frame is under way; if not, the next byte begins one."""
        if self._arguments:
            return True
        if not self._buffer:
            return False
        head = self._buffer[0]
        if head >> 4 != _VERSION_NIBBLE or not head & 0x0F:
            raise ProtocolBroken("PM2's bus does not speak in PM2's frames")
        del self._buffer[:1]
        self._arguments, self._topic = head & 0x0F, None
        return True

    def _is_wanted(self, length: int) -> bool:
        if self._topic is None:
            return length == len(_TOPIC)
        return self._topic == _TOPIC and length <= LARGEST_EVENT_BYTES

    def _took(self, argument: bytes) -> None:
        self._arguments -= 1
        if self._topic is None:
            self._topic = argument


def event_of(body: bytes) -> BusEvent | None:
    """What a body says; None if it is not shaped like an event. An app can say anything under any topic, but then what
    it says stands under `data`, and `event` is missing."""
    try:
        said = json.loads(body[2:]) if body.startswith(b"j:") else None
    except (ValueError, RecursionError):
        return None  # nothing of it may be chained: it holds the app's environment
    match said:
        case {"event": str(event), "process": {"name": str(name), **process}} if printable(name):
            return BusEvent(name, event == "exit" and _was_told_to_end(process))
        case _:
            return None


def _was_told_to_end(process: Mapping[object, object]) -> bool:
    """PM2 says `stopping` of a process before it ends it, and calls one `_old_N` that it has replaced."""
    pm_id = process.get("pm_id")
    return process.get("status") == "stopping" or (isinstance(pm_id, str) and pm_id.startswith("_old_"))


class Bus(asyncio.Protocol):
    """One connection, which only ever reads."""

    def __init__(self, heard: Callable[[BusEvent], None], lost: Callable[[], None]) -> None:
        self._heard = heard
        self._lost = lost
        self._reader = BusReader()
        self._transport: asyncio.Transport | None = None

    def hang_up(self) -> None:
        """Close without telling anybody."""
        self._lost = _nobody
        if self._transport is not None:
            self._transport.abort()

    def cut(self) -> None:
        """End it from whatever thread, while the loop may stand still. What is told of it is told by the loop."""
        transport = self._transport
        end: socket.socket | None = transport.get_extra_info("socket") if transport else None
        if end is not None:
            with suppress(OSError):  # it has just ended by itself
                end.shutdown(socket.SHUT_RDWR)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 — a socket is one; it tells the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take all of it, and tell what is worth it."""
        try:
            for body in self._reader.feed(data):
                if (event := event_of(body)) is not None:
                    self._heard(event)
        except ProtocolBroken:
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, _: Exception | None) -> None:
        """PM2 has gone, or what came made no sense."""
        self._lost()


async def listen(home: Path, *, heard: Callable[[BusEvent], None], lost: Callable[[], None]) -> Bus:
    """A connection to the bus of that home. Raises Pm2Unanswered or Pm2Unreadable."""
    owner = owner_of(home)
    connection = dial(home / "pub.sock")
    try:
        trusted_peer(connection, home, owner)
        _, bus = await asyncio.get_running_loop().create_unix_connection(lambda: Bus(heard, lost), sock=connection)
    except BaseException:
        connection.close()
        raise
    return bus


def _nobody() -> None:
    """Whom to tell after we ourselves have hung up."""

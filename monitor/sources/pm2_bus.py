"""PM2's bus: of all that it says, only which app's process ended or began, by which signal, whether PM2 itself had told
it to end, and that PM2 itself ends because it was told to.

Nothing is ever written to it: one malformed byte ends PM2. Every byte is taken at once, or as good as that, for PM2
keeps what a reader leaves, without bound. What the apps log is passed over unparsed, so that it costs next to nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitor.sources.pm2_entries import printable
from monitor.sources.pm2_home import owner_of
from monitor.sources.pm2_link import dial, trusted_peer
from monitor.sources.pm2_wire import ProtocolBroken

LARGEST_EVENT_BYTES: Final = 1024 * 1024
REST_SECONDS: Final = 0.05
LOUD_REST_SECONDS: Final = 0.01
"""PM2 sends each log line by itself, and waking up for each would cost more than reading it. So after a reading that
emptied the socket nothing is read for a moment: as long as the kernel can hold what comes meanwhile."""

EMPTIED_BYTES: Final = 64 * 1024
"""Less than this at once was all that there was."""

LOUD_BYTES: Final = 16 * 1024
"""From this much between two rests on they are short."""

_TOPICS: Final = frozenset({b"s:process:event", b"s:log:PM2", b"s:pm2:kill"})
_TOPIC_LENGTHS: Final = frozenset(len(topic) for topic in _TOPICS)
_EXITED: Final = re.compile(r"App \[(.+):(\d{1,9})\] exited with code \[\d+\] via signal \[(SIG[A-Z0-9]{2,9})\]\n?")
_NO_SIGNAL: Final = "SIGINT"
"""PM2 writes this also of a process that ended by itself."""

_VERSION_NIBBLE: Final = 1
_LENGTH_BYTES: Final = 4


ITSELF: Final = ""
"""Whom an event is about that is about no app, but about PM2."""


@dataclass(frozen=True, slots=True)
class BusEvent:
    """Something happened to a process of that app. `planned`: it ended because PM2 had told it to, by an operator's
    order or by PM2's own rules (memory, cron, watched files). Of `ITSELF`: PM2 was told to end, by `pm2 kill`, `pm2
    update`, or a signal that asks for it."""

    app: str
    planned: bool


@dataclass(frozen=True, slots=True)
class Exit:
    """A process of that app has ended, the one that PM2 lists as `pm_id`; by which signal, empty if by none, or by one
    of which PM2 does not tell it apart."""

    app: str
    pm_id: int
    signal: str


class BusReader:
    """Bytes in, the bodies of what is worth reading out. Holds at most one unfinished body."""

    def __init__(self) -> None:
        self._rest = b""
        self._skip = 0
        self._arguments = 0
        self._topic: bytes | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that `data` completes. Raises ProtocolBroken; the stream is of no use afterwards."""
        found = list[bytes]()
        data, at = self._rest + data, min(self._skip, len(data))  # who passes something over has no rest
        self._skip -= at
        while at < len(data):
            if not self._arguments:
                self._begin(data[at])
                at += 1
                continue
            begin = at + _LENGTH_BYTES
            if begin > len(data):
                break
            end = begin + int.from_bytes(data[at:begin], "big")
            wanted = self._is_wanted(end - begin)
            if wanted and end > len(data):
                break
            argument = data[begin:end] if wanted else b""
            if wanted and self._topic is not None:
                found.append(argument)
            elif self._topic is None:
                self._topic = argument
            self._arguments -= 1
            self._skip = max(0, end - len(data))
            at = min(end, len(data))
        self._rest = data[at:]
        return found

    def _begin(self, head: int) -> None:
        """A frame says first of how many arguments it is made."""
        if head >> 4 != _VERSION_NIBBLE or not head & 0x0F:
            raise ProtocolBroken("PM2's bus does not speak in PM2's frames")
        self._arguments, self._topic = head & 0x0F, None

    def _is_wanted(self, length: int) -> bool:
        if self._topic is None:
            return length in _TOPIC_LENGTHS
        return self._topic in _TOPICS and length <= LARGEST_EVENT_BYTES


def event_of(body: bytes) -> BusEvent | Exit | None:
    """What a body says; None if it has the shape of nothing that PM2 says itself. An app can say anything under any
    topic, but then what it says stands under `data`, beside a `process` that is its own."""
    try:
        said = json.loads(body[2:]) if body.startswith(b"j:") else None
    except (ValueError, RecursionError):
        return None  # nothing of it may be chained: it holds the app's environment
    match said:
        case {"event": str(event), "process": {"name": str(name), **process}} if printable(name):
            return BusEvent(name, event == "exit" and _was_told_to_end(process))
        case {"process": {"pm_id": "PM2", "name": "PM2"}, "data": str(line)}:
            return _exit_of(line)
        case {"status": "killed", "msg": str(), **rest} if "process" not in rest:
            return BusEvent(ITSELF, planned=True)
        case _:
            return None


def _exit_of(line: str) -> Exit | None:
    """What PM2 writes into its own log when a process ends. The words are PM2's and may change; then this says nothing
    any more, and nothing else depends on it."""
    found = _EXITED.fullmatch(line)
    if found is None or not printable(found[1]):
        return None
    return Exit(found[1], int(found[2]), "" if found[3] == _NO_SIGNAL else found[3])


def _was_told_to_end(process: Mapping[object, object]) -> bool:
    """PM2 says `stopping` of a process before it ends it, and calls one `_old_N` that it has replaced."""
    pm_id = process.get("pm_id")
    return process.get("status") == "stopping" or (isinstance(pm_id, str) and pm_id.startswith("_old_"))


class Bus(asyncio.Protocol):
    """One connection, which only ever reads."""

    def __init__(self, heard: Callable[[BusEvent | Exit], None], lost: Callable[[], None]) -> None:
        self._heard = heard
        self._lost = lost
        self._reader = BusReader()
        self._transport: asyncio.Transport | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._taken = 0

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
        self._taken += len(data)
        if self._transport is not None and len(data) < EMPTIED_BYTES:
            seconds = REST_SECONDS if self._taken < LOUD_BYTES else LOUD_REST_SECONDS
            self._taken = 0
            self._transport.pause_reading()
            self._rest = asyncio.get_running_loop().call_later(seconds, self._transport.resume_reading)

    def connection_lost(self, _: Exception | None) -> None:
        """PM2 has gone, or what came made no sense."""
        if self._rest is not None:
            self._rest.cancel()
        self._lost()


async def listen(home: Path, *, heard: Callable[[BusEvent | Exit], None], lost: Callable[[], None]) -> Bus:
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

"""One connection to PM2's daemon: made only to a daemon we trust, used only for the constant requests."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from monitor.sources.pm2_home import Pm2Unreadable, owner_of, user_name
from monitor.sources.pm2_wire import FrameReader, ProtocolBroken, Request, reply_id, result
from monitor.sources.processes import in_own_namespace

_CREDENTIALS: Final = struct.Struct("3i")


class Pm2Unanswered(Exception):  # noqa: N818 — it is a finding about PM2, not an error of ours
    """PM2 should be there but does not answer. Phase connect: missing_socket, refused, timeout; phase reply: timeout,
    protocol."""

    def __init__(self, phase: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.phase = phase
        self.reason = reason


class LinkLost(Exception):  # noqa: N818 — it tells the source to try another connection
    """The other end has closed the connection."""


class Link(asyncio.Protocol):
    """One connection. One request is under way at a time; the source sees to that."""

    def __init__(self, pid: int, home: Path, tell_gone: Callable[[], None]) -> None:
        self.pid = pid
        self.home = home
        self.version: str | None = None
        self.lost = False
        self._tell_gone = tell_gone
        self._transport: asyncio.Transport | None = None
        self._frames = FrameReader()
        self._wanted = b""
        self._answer: asyncio.Future[tuple[bytes, ...]] | None = None

    async def ask(self, request: Request) -> object:
        """Send one of the constant requests and wait for what it returns. Raises LinkLost or ProtocolBroken.

        Whoever stops waiting has to hang up: a late answer would be taken for the next one.
        """
        if self.lost or self._transport is None:
            raise LinkLost
        self._wanted = request.id
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request.frame)
        return result(await self._answer)

    def hang_up(self) -> None:
        """Close without telling anybody."""
        self._tell_gone = _nobody
        self.lost = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 — a socket is one; it tells the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Replies to others are dropped unread; a second one to us would pass for the answer to our next request."""
        try:
            for frame in self._frames.feed(data):
                if reply_id(frame) == self._wanted and not self._settle(frame):
                    self.hang_up()
        except ProtocolBroken as broken:
            self._settle(broken)
            self.hang_up()

    def connection_lost(self, _: Exception | None) -> None:
        """PM2's daemon has gone, or has closed this connection."""
        self.lost = True
        self._settle(LinkLost())
        self._tell_gone()

    def _settle(self, outcome: tuple[bytes, ...] | Exception) -> bool:
        """Whether anybody was waiting for it."""
        if self._answer is None or self._answer.done():
            return False
        if isinstance(outcome, Exception):
            self._answer.set_exception(outcome)
        else:
            self._answer.set_result(outcome)
        return True


async def connect(home: Path, *, tell_gone: Callable[[], None]) -> Link:
    """A link to the daemon of that home. Raises Pm2Unanswered or Pm2Unreadable."""
    owner = owner_of(home)
    connection = dial(home / "rpc.sock")
    try:
        pid = trusted_peer(connection, home, owner)
        _, link = await asyncio.get_running_loop().create_unix_connection(
            lambda: Link(pid, home, tell_gone), sock=connection
        )
    except BaseException:
        connection.close()
        raise
    return link


def dial(path: Path) -> socket.socket:
    """Local sockets connect at once or not at all."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        connection.connect(os.fspath(path))
    except OSError as error:
        connection.close()
        raise _refusal(error, path) from error
    return connection


def _refusal(error: OSError, path: Path) -> Pm2Unanswered | Pm2Unreadable:
    if isinstance(error, FileNotFoundError):
        return Pm2Unanswered(
            "connect", "missing_socket", f"no socket at {path}: PM2 was stopped, or never started there"
        )
    if isinstance(error, PermissionError):
        return Pm2Unreadable(
            f"{path} is closed to {user_name(os.geteuid())}; run the monitor as {user_name(path.stat().st_uid)}"
        )
    if error.errno == errno.EAGAIN:
        return Pm2Unanswered("connect", "timeout", f"PM2 no longer takes connections at {path}: it hangs")
    return Pm2Unanswered("connect", "refused", f"nobody listens at {path} any more: PM2's daemon has died")


def trusted_peer(connection: socket.socket, home: Path, owner: int) -> int:
    """The daemon's pid. Raises Pm2Unreadable unless it is root's, the home's owner's or ours, and we see it."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _gid = _CREDENTIALS.unpack(credentials)
    if uid not in (0, owner, os.geteuid()):
        raise Pm2Unreadable(f"rpc.sock in {home} is held by {user_name(uid)}, the home belongs to {user_name(owner)}")
    if not in_own_namespace(pid):
        raise Pm2Unreadable(
            f"PM2's processes cannot be seen in /proc; run the monitor where PM2 runs, as {user_name(uid)}"
        )
    return int(pid)


def _nobody() -> None:
    """Whom to tell after we ourselves have hung up."""

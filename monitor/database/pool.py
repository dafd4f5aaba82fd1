"""The one session that is kept open, for statistics and as sentinel.

A pool of one, of our own: psycopg_pool leaves whoever waits for a connection without the reason why there is none until
his time is up, retries by its own schedule, and can end a question that is not answered only by way of the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.database.login import Session


class NoSession(Exception):  # noqa: N818 — a state of the pool
    """There is no session, or it was busy until the deadline; the server was not asked."""


class Pool:
    """At most one session, opened when first needed; one question at a time. While it is idle its socket is watched."""

    def __init__(self, connect: Callable[[float], Awaitable[Session]]) -> None:
        self._connect = connect
        self._session: Session | None = None
        self._turn = asyncio.Lock()
        self._stirred = asyncio.Event()
        self._watched: int | None = None
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether there is a session, as far as we know."""
        return self._session is not None

    @property
    def backend_pid(self) -> int | None:
        """The server's process behind the session."""
        return self._session.backend_pid if self._session is not None else None

    async def ask(self, sql: str, *, deadline: float, connect: bool = True) -> list[str]:
        """The first column of the answer. Raises DatabaseFailed, or NoSession if one is lacking and not `connect`."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._turn.acquire()
        except TimeoutError:
            raise NoSession from None
        try:
            return await self._ask(sql, deadline=deadline, connect=connect)
        finally:
            self._settle()
            self._turn.release()

    async def stir(self, *, at_most: float) -> None:
        """Until the server sends something unasked (most often: the end), or the time has passed."""
        try:
            async with asyncio.timeout(at_most):
                await self._stirred.wait()
        except TimeoutError:
            return

    async def close(self) -> None:
        """Wait for the question in progress to end (cancel whoever asks it first), then say goodbye."""
        self._closed = True
        async with self._turn:
            self._unwatch()
            if self._session is not None:
                self._session.close()
                self._session = None

    async def _ask(self, sql: str, *, deadline: float, connect: bool) -> list[str]:
        self._unwatch()
        self._stirred.clear()
        if self._session is None:
            if self._closed or not connect:
                raise NoSession
            self._session = await self._connect(deadline)
        return await self._session.ask(sql, deadline=deadline)

    def _settle(self) -> None:
        session = self._session
        if session is None:
            return
        if session.broken:
            session.close()
            self._session = None
            return
        self._watched = session.fileno
        asyncio.get_running_loop().add_reader(self._watched, self._stir)

    def _stir(self) -> None:
        self._unwatch()
        self._stirred.set()

    def _unwatch(self) -> None:
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None

"""What the monitor remembers over restarts: the state in pieces, and the notices that are still to be told."""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import structlog

from monitor.core.model import Notice, State
from monitor.pieces import Key, Piece, Unreadable, changed, dump, is_quiet, join, load, load_notice, split
from monitor.state_directory import StoreError, connect, lock, prepare, transaction

__all__ = ["Backlog", "Outgoing", "Store", "StoreError", "Waiting"]

log = structlog.get_logger(__name__)

QUIET_SECONDS: Final = 15.0
KEEP_DONE_SECONDS: Final = 7 * 86400.0
KEEP_DEAD_SECONDS: Final = 90 * 86400.0

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A notice with the labels of the channels that get it."""

    notice: Notice
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that one channel has not taken yet. `id` is its webhook-id: given once, and the same over all tries."""

    id: str
    channel: str
    notice: Notice
    attempts: int
    created_at: float
    next_attempt_at: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one channel still owes, and what it will never take."""

    pending: int = 0
    dead: int = 0
    oldest_created_at: float | None = None


class Store:
    """The database in the state directory, for one daemon. What must be told is on disk before anybody is told.

    One thread does all reading and writing, so that no look waits for a disk.
    """

    def __init__(
        self, directory: Path, *, connection: sqlite3.Connection, writer: ThreadPoolExecutor, lock: int
    ) -> None:
        self._directory = directory
        self._connection = connection
        self._writer = writer
        self._lock = lock
        self._turn = asyncio.Lock()
        self._owed: set[Key] = set()
        self._newest: State | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.errors = 0
        self.trouble: str | None = None

    @classmethod
    def open(cls, directory: Path) -> Store:
        """Take the directory for this process. Raises StoreError: not writable, in use, or of a newer version."""
        prepare(directory)
        held = lock(directory)
        writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            connection, aside = writer.submit(connect, directory).result()
        except BaseException:
            writer.shutdown()
            os.close(held)
            raise
        if aside:
            log.error("store.damaged", kept_as=str(aside), consequence="started with an empty memory")
        return cls(directory, connection=connection, writer=writer, lock=held)

    async def load(self) -> State | None:
        """The state as of the last commit; None when there never was one."""
        return await self._run(self._load)

    async def commit(self, before: State | None, after: State, notices: Sequence[Outgoing]) -> None:
        """Keep what changed from `before`, the last state that was committed, to `after`, with the notices that it
        led to, in one transaction. It is on the disk when this returns; only a quiet change (another look, nothing
        new) may wait for company, `QUIET_SECONDS` at most. Raises StoreError with nothing kept."""
        keys = changed(before, after)
        if not notices and is_quiet(before, after, keys):
            self._later(keys, after)
            return
        # A caller that is cancelled must not leave the books of this object half done.
        commit = self._task(self._commit(keys, after, notices))
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            commit.add_done_callback(_heard_by_nobody)
            raise

    async def next(self, channel: str) -> Waiting | None:
        """The oldest notice that the channel has not taken; a later one never overtakes it."""
        return await self._run(self._next, channel)

    async def taken(self, waiting: Waiting, at: float) -> None:
        """The channel has it: never sent again."""
        await self._run(self._end, waiting.id, "done", at, None)

    async def postpone(self, waiting: Waiting, until: float, error: str) -> None:
        """One more failed try; the next one is not before `until`."""
        await self._run(
            self._execute,
            "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = ?, last_error = ? WHERE id = ?",
            (until, error, waiting.id),
        )

    async def bury(self, waiting: Waiting, at: float, error: str) -> None:
        """It will never be taken; it is kept for people to see."""
        await self._run(self._end, waiting.id, "dead", at, error)

    async def hasten(self, at: float) -> None:
        """Nothing that waits has to wait longer than until then."""
        await self._run(
            self._execute,
            "UPDATE outbox SET next_attempt_at = ?1 WHERE state = 'pending' AND next_attempt_at > ?1",
            (at,),
        )

    async def move(self, by: float) -> None:
        """All notices are so much later, for the clock was put right."""
        await self._run(
            self._execute,
            "UPDATE outbox SET created_at = created_at + ?1, next_attempt_at = next_attempt_at + ?1, "
            "ended_at = ended_at + ?1",
            (by,),
        )

    async def backlog(self) -> dict[str, Backlog]:
        """What is owed, by channel; also channels that are no longer configured."""
        return await self._run(self._backlog)

    async def endings(self) -> dict[str, dict[str, tuple[float, str]]]:
        """By channel, when a notice was last taken (`done`) and when one was last given up (`dead`), and why."""
        return await self._run(self._endings)

    async def prune(self, now: float) -> None:
        """Forget what ended long ago."""
        await self._run(
            self._execute,
            "DELETE FROM outbox WHERE (state = 'done' AND ended_at < ?) OR (state = 'dead' AND ended_at < ?)",
            (now - KEEP_DONE_SECONDS, now - KEEP_DEAD_SECONDS),
        )

    async def ping(self) -> None:
        """Returns when the one thread has come to it. Raises StoreError."""
        await self._run(self._execute, "SELECT 1", ())

    async def close(self) -> None:
        """Write what was put off, and let go of the directory."""
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._flush()
        await self._run(self._connection.close)
        self._writer.shutdown()
        os.close(self._lock)

    # On the event loop -------------------------------------------------------------------------------------------

    def _later(self, keys: Iterable[Key], after: State) -> None:
        self._owed.update(keys)
        self._newest = after
        if self._owed and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._flush_soon)

    def _flush_soon(self) -> None:
        self._timer = None
        self._task(self._flush())

    async def _flush(self) -> None:
        """Write the quiet changes; on failure they stay owed, and go along with the next commit."""
        async with self._turn:
            if self._timer:
                self._timer.cancel()
                self._timer = None
            if not self._owed or self._newest is None:
                return
            try:
                await self._write(frozenset(), self._newest, ())
            except StoreError as error:
                log.error("store.failed", error=str(error))  # noqa: TRY400 — the text is for the operator

    async def _commit(self, keys: frozenset[Key], after: State, notices: Sequence[Outgoing]) -> None:
        async with self._turn:
            await self._write(keys, after, notices)

    async def _write(self, keys: frozenset[Key], after: State, notices: Sequence[Outgoing]) -> None:
        taking, self._owed = self._owed, set()
        try:
            await self._run(self._save, keys | taking, after, notices)
        except StoreError as error:
            self._owed |= taking
            self.trouble = str(error)
            raise
        self.trouble = None

    def _task(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, partial(work, *args, **kwargs))
        except sqlite3.Error as error:
            self.errors += 1
            raise StoreError(f"the state directory {self._directory} cannot be used: {error}") from error

    # In the one thread -------------------------------------------------------------------------------------------

    def _execute(self, statement: str, values: Sequence[object]) -> None:
        self._connection.execute(statement, values)

    def _save(self, keys: frozenset[Key], after: State, notices: Sequence[Outgoing]) -> None:
        pieces = split(after)
        kept = [(*key, dump(pieces[key])) for key in keys if key in pieces]
        gone = [tuple(key) for key in keys if key not in pieces]
        owed = [
            (f"msg_{secrets.token_hex(16)}", channel, dump(each.notice), each.notice.at, each.notice.at)
            for each in notices
            for channel in each.channels
        ]
        with transaction(self._connection):
            self._connection.executemany("INSERT OR REPLACE INTO pieces (kind, id, body) VALUES (?, ?, ?)", kept)
            self._connection.executemany("DELETE FROM pieces WHERE kind = ? AND id = ?", gone)
            self._connection.executemany(
                "INSERT INTO outbox (id, channel, notice, created_at, next_attempt_at) VALUES (?, ?, ?, ?, ?)", owed
            )

    def _load(self) -> State | None:
        pieces: dict[Key, Piece] = {}
        for kind, name, body in self._connection.execute("SELECT kind, id, body FROM pieces ORDER BY kind, id"):
            key = Key(kind, name)
            try:
                pieces[key] = load(key, body)
            except Unreadable as error:
                log.error("store.unreadable", kind=kind, id=name, error=str(error))  # noqa: TRY400 — it is about the row
        return join(pieces) if pieces else None

    def _next(self, channel: str) -> Waiting | None:
        oldest = (
            "SELECT id, notice, attempts, created_at, next_attempt_at FROM outbox "
            "WHERE channel = ? AND state = 'pending' ORDER BY number LIMIT 1"
        )
        while row := self._connection.execute(oldest, (channel,)).fetchone():
            name, body, attempts, created_at, next_attempt_at = row
            try:
                return Waiting(name, channel, load_notice(body), attempts, created_at, next_attempt_at)
            except Unreadable as error:  # it must not hold up the ones behind it
                why = f"cannot be read: {error}"
                log.error("notice.dead", id=name, channel=channel, error=why)  # noqa: TRY400 — it is about the row
                self._end(name, "dead", created_at, why)
        return None

    def _end(self, name: str, state: str, at: float, error: str | None) -> None:
        self._execute(
            "UPDATE outbox SET state = ?, ended_at = ?, last_error = ?, attempts = attempts + 1 WHERE id = ?",
            (state, at, error, name),
        )

    def _backlog(self) -> dict[str, Backlog]:
        rows = self._connection.execute(
            "SELECT owed.channel, owed.state, owed.rows, outbox.created_at FROM outbox JOIN ("
            "SELECT channel, state, count(*) AS rows, min(number) AS first FROM outbox "
            "WHERE state IN ('pending', 'dead') GROUP BY state, channel) AS owed ON outbox.number = owed.first"
        )
        backlog: dict[str, Backlog] = {}
        for channel, state, count, oldest in rows:
            known = backlog.get(channel, Backlog())
            backlog[channel] = (
                replace(known, pending=count, oldest_created_at=oldest)
                if state == "pending"
                else replace(known, dead=count)
            )
        return backlog

    def _endings(self) -> dict[str, dict[str, tuple[float, str]]]:
        # Where `max` is asked for, SQLite gives the other columns of the row that has it.
        rows = self._connection.execute(
            "SELECT channel, state, max(ended_at), last_error FROM outbox WHERE state != 'pending' "
            "GROUP BY state, channel"
        )
        endings: dict[str, dict[str, tuple[float, str]]] = {}
        for channel, state, at, error in rows:
            endings.setdefault(channel, {})[state] = (at, error or "")
        return endings


def _heard_by_nobody(commit: asyncio.Task[None]) -> None:
    if not commit.cancelled() and (error := commit.exception()):
        log.error("store.failed", error=str(error))

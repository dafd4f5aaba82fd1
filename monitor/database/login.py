"""One fresh connection, phase by phase, that is over at its deadline whatever stalls.

libpq's own time limits are per address, whole seconds, and know nothing of names; psycopg reports a dropped SYN, a
silent server and a stalled handshake by the same words. So its state machine is driven here, one step at a time. Only
this module imports psycopg, and it is imported late.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from psycopg import OperationalError, pq
from psycopg.conninfo import make_conninfo

from monitor.database.failures import Attempt, DatabaseFailed, Phase, failure_of
from monitor.database.settings import DatabaseConfig
from monitor.sources.resolver import LookupFailed, Resolver

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

APPLICATION_NAME: Final = "infra-monitor"
_GUARDS: Final = "set transaction read only; set local statement_timeout = {milliseconds}; "
_VERBOSE: Final = 2  # PQERRORS_VERBOSE: texts begin with the SQLSTATE, which no language of the server changes
_ERRNO_REASONS: Final = {errno.ECONNREFUSED: "refused", errno.ETIMEDOUT: "timeout", errno.ECONNRESET: "reset"}
_AUTH_STATES: Final = frozenset(
    {
        pq.ConnStatus.AWAITING_RESPONSE,
        pq.ConnStatus.AUTHENTICATING,
        pq.ConnStatus.AUTH_OK,
        pq.ConnStatus.CONSUME,
        pq.ConnStatus.CHECK_TARGET,
    }
)


class Stopwatch:
    """Which phase we are in, and the seconds that each phase has taken."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since = now()
        self.phase: Phase = "resolve"
        self.phases: dict[str, float] = {}

    def enter(self, phase: Phase) -> None:
        """The next phase begins (or the same one goes on)."""
        now = self._now()
        self.phases[self.phase] = self.phases.get(self.phase, 0.0) + now - self._since
        self._since = now
        self.phase = phase

    def stop(self) -> None:
        """The current phase is over."""
        self.enter(self.phase)


class Session:
    """An authenticated connection that takes one question at a time. Close it."""

    def __init__(self, pgconn: PGconn, address: str, config: DatabaseConfig) -> None:
        self._pgconn = pgconn
        self._config = config
        self.address = address
        self.tls = bool(pgconn.ssl_in_use)

    @property
    def fileno(self) -> int:
        """The socket, for watching it while nothing is asked."""
        return self._pgconn.socket

    @property
    def backend_pid(self) -> int:
        """The process that serves us on the server."""
        return self._pgconn.backend_pid

    @property
    def broken(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._pgconn.status != pq.ConnStatus.OK

    async def ask(self, sql: str, *, deadline: float) -> list[str]:
        """The first column of every row of every statement. Raises DatabaseFailed; a session that was not answered in
        time is closed: the answer would come to the next question. Statements after the first rows may be refused.

        The server itself holds that nothing is written, and gives up in the end: nobody is left waiting behind us."""
        left = max(0.1, deadline - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout_at(deadline):
                results = await self._exchange(_GUARDS.format(milliseconds=int(left * 1000)) + sql)
        except TimeoutError:
            self.close()
            raise self._failed("no answer to the query in time", "timeout") from None
        except OperationalError as error:
            self.close()
            raise self._failed(str(error)) from None
        except BaseException:
            self.close()
            raise
        return self._rows(results)

    def close(self) -> None:
        """Say goodbye if the connection still stands, and let go of it. May be called twice."""
        self._pgconn.finish()

    async def _exchange(self, sql: str) -> list[PGresult]:
        pgconn = self._pgconn
        pgconn.send_query(sql.encode())
        while pgconn.flush():
            await _ready(pgconn.socket, write=True)
        results: list[PGresult] = []
        while True:
            while pgconn.is_busy():
                await _ready(pgconn.socket, write=False)
                pgconn.consume_input()
            if (result := pgconn.get_result()) is None:
                return results
            results.append(result)

    def _rows(self, results: Sequence[PGresult]) -> list[str]:
        rows: list[str] = []
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR and (self.broken or not rows):
                raise self._failed(result.get_error_message())
            rows += [(result.get_value(row, 0) or b"").decode(errors="replace") for row in range(result.ntuples)]
        return rows

    def _failed(self, text: str, reason: str = "") -> DatabaseFailed:
        attempt = Attempt("query", text, self.address, reason)
        return DatabaseFailed(failure_of((attempt,), self._config.secrets), address=self.address)


async def login(
    config: DatabaseConfig,
    resolver: Resolver,
    *,
    deadline: float,
    stopwatch: Stopwatch,
    tcp_deadline: float | None = None,
) -> Session:
    """A session, by `deadline` (on the loop's clock), or DatabaseFailed. A name's addresses are tried in turn: each but
    the last must accept within half of the time that is left; one that has accepted is the server."""
    return await _Login(config, stopwatch, deadline, tcp_deadline or deadline).run(resolver)


class _Login:
    def __init__(self, config: DatabaseConfig, stopwatch: Stopwatch, deadline: float, tcp_deadline: float) -> None:
        self._config = config
        self._stopwatch = stopwatch
        self._deadline = deadline
        self._tcp_deadline = tcp_deadline
        self._attempts: list[Attempt] = []
        self._said = 0
        self._now = asyncio.get_running_loop().time

    async def run(self, resolver: Resolver) -> Session:
        try:
            addresses = await self._resolve(resolver)
            for left, address in zip(reversed(range(len(addresses))), addresses, strict=True):
                if (session := await self._try(address, more_to_come=left > 0)) is not None:
                    return session
        finally:
            self._stopwatch.stop()
        failure = failure_of(self._attempts, self._config.secrets)
        raise DatabaseFailed(failure, phases=dict(self._stopwatch.phases), address=self._attempts[-1].address)

    async def _resolve(self, resolver: Resolver) -> tuple[str, ...]:
        if self._config.is_socket:
            return (self._config.host,)
        try:
            return await resolver.resolve(self._config.host, deadline=self._deadline)
        except LookupFailed as error:
            self._attempts.append(Attempt("resolve", error.message, reason=error.reason))
            return ()

    async def _try(self, address: str, *, more_to_come: bool) -> Session | None:
        """A session; None when another address may do better. An address that accepted us ends the search."""
        self._stopwatch.enter("tcp")
        self._said = 0
        pgconn = pq.PGconn.connect_start(_conninfo(self._config, address))
        try:
            _ask_for_sqlstate(pgconn)
            if not await self._accepted(pgconn, address, more_to_come=more_to_come):
                pgconn.finish()
                return None
            await self._authenticate(pgconn, address)
        except BaseException:
            pgconn.finish()
            raise
        pgconn.nonblocking = 1
        return Session(pgconn, address, self._config)

    async def _accepted(self, pgconn: PGconn, address: str, *, more_to_come: bool) -> bool:
        """Whether the address took our connection. What it did instead is kept."""
        now = self._now()
        limit = now + (self._tcp_deadline - now) / 2 if more_to_come else self._tcp_deadline
        if pgconn.status == pq.ConnStatus.BAD:
            socket.socket().close()  # raises if it is we who have no descriptor left: no fault of the server
            self._attempts.append(Attempt("tcp", pgconn.get_error_message(), address))
            return False
        try:
            async with asyncio.timeout_at(limit):
                await _ready(pgconn.socket, write=True)
        except TimeoutError:
            text = f"no answer to the connection attempt to port {self._config.port} within {self._now() - now:.1f} s"
            self._attempts.append(Attempt("tcp", text, address, "timeout"))
            return False
        if error := _socket_error(pgconn.socket):
            reason = _ERRNO_REASONS.get(error, "unreachable")
            self._attempts.append(Attempt("tcp", os.strerror(error), address, reason))
            return False
        return True

    async def _authenticate(self, pgconn: PGconn, address: str) -> None:
        plain = self._config.is_socket or self._config.tls in {"disable", "allow"}
        self._stopwatch.enter("auth" if plain else "tls")
        began = self._now()
        try:
            async with asyncio.timeout_at(self._deadline):
                await self._poll_until_ready(pgconn, address)
        except TimeoutError:
            phase = self._stopwatch.phase
            text = f"the connection was accepted, then nothing came for {self._now() - began:.1f} s"
            self._fail(Attempt(phase, text, address, "timeout"))

    async def _poll_until_ready(self, pgconn: PGconn, address: str) -> None:
        while (polled := pgconn.connect_poll()) != pq.PollingStatus.OK:
            if polled == pq.PollingStatus.FAILED:
                self._fail(Attempt(self._stopwatch.phase, self._news(pgconn), address))
            status = pgconn.status
            if status == pq.ConnStatus.SSL_STARTUP:
                self._stopwatch.enter("tls")
            elif status in _AUTH_STATES:
                self._stopwatch.enter("auth")
            elif status == pq.ConnStatus.STARTED and self._stopwatch.phase != "tcp":
                # sslmode prefer or allow: the first login failed, libpq begins the other way
                self._attempts.append(Attempt(self._stopwatch.phase, self._news(pgconn), address))
                self._stopwatch.enter("tcp")
            await _ready(pgconn.socket, write=polled == pq.PollingStatus.WRITING)

    def _news(self, pgconn: PGconn) -> str:
        """What libpq has said since we last listened: it adds the text of each try to those before."""
        text = pgconn.get_error_message()
        news, self._said = text[self._said :], len(text)
        return news or text

    def _fail(self, attempt: Attempt) -> None:
        self._stopwatch.stop()
        mine = [a for a in self._attempts if a.address == attempt.address]
        failure = failure_of((*mine, attempt), self._config.secrets)
        raise DatabaseFailed(failure, phases=dict(self._stopwatch.phases), address=attempt.address)


def _conninfo(config: DatabaseConfig, address: str) -> bytes:
    """All that libpq would else take from the environment or the home directory of whoever started us is said."""
    parameters: dict[str, str | int] = {
        "host": config.host,
        "port": config.port,
        "dbname": config.name,
        "user": config.user,
        "sslmode": config.tls,
        "application_name": APPLICATION_NAME,
        "client_encoding": "UTF8",
        "gssencmode": "disable",
        "sslcertmode": "disable",  # an unreadable ~/.postgresql (systemd's ProtectHome) would break TLS
        "target_session_attrs": "any",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    if not config.is_socket:
        parameters["hostaddr"] = address
    if config.password is not None:
        parameters["password"] = config.password.get_secret_value()
    if config.ca_file is not None:
        parameters["sslrootcert"] = str(config.ca_file)
    return make_conninfo("", **parameters).encode()


async def _ready(fd: int, *, write: bool) -> None:
    """Until the socket can be written to (or read from). Registered anew each time: libpq may change sockets."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(fd, _wake, ready)
    try:
        await ready
    finally:
        remove(fd)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _socket_error(fd: int) -> int:
    """How the connection attempt ended (0: well). Reading it clears it, so libpq is not asked after an error."""
    with socket.socket(fileno=os.dup(fd)) as own:
        return own.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _ask_for_sqlstate(pgconn: PGconn) -> None:
    """The wrapper cannot ask for the SQLSTATE of a failed login, libpq can. Without it English texts are matched."""
    pointer = getattr(pgconn, "pgconn_ptr", None)  # in every implementation, but not in the protocol class
    if pointer and (library := _libpq()) is not None:
        library.PQsetErrorVerbosity(pointer, _VERBOSE)


@cache
def _libpq() -> ctypes.CDLL | None:
    """The very library that psycopg has loaded, or None where it cannot be found."""
    with suppress(OSError, AttributeError):
        for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
            path = line.split(maxsplit=5)[-1]
            if Path(path).name.startswith("libpq") and ".so" in path:
                library = ctypes.CDLL(path)
                library.PQsetErrorVerbosity.argtypes = [ctypes.c_void_p, ctypes.c_int]
                return library
    return None

"""The databases we watch, by name: looks, statistics and the sentinel of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from monitor.core.model import Failure, Status
from monitor.database import statistics
from monitor.database.certificate import CertificateWatch
from monitor.database.failures import DatabaseFailed
from monitor.database.pool import NoSession, Pool
from monitor.database.sentinel import OnChange, Sentinel
from monitor.database.settings import DatabaseConfig, NotConfigured
from monitor.database.tokens import IamTokens, NoToken
from monitor.sources.aws import Aws
from monitor.sources.resolver import Resolver

if TYPE_CHECKING:
    from monitor.database.login import Session, Stopwatch

SILENT_SECONDS: Final = 3.0
"""A connection attempt that is not answered for so long is met by silence: packets are dropped."""

_SENTINEL_LIMIT: Final = 0.3
_CERTIFICATE_LIMIT: Final = 0.3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a successful look at a database brought. `phases`: seconds each; the certificate's end in Unix seconds."""

    address: str
    tls: bool
    phases: Mapping[str, float]
    statistics: statistics.Statistics
    certificate_expires_at: float | None


class Database:
    """One database. Everything that speaks to it goes through here."""

    def __init__(self, config: DatabaseConfig, resolver: Resolver, aws: Aws | None = None) -> None:
        self.config = config
        self._resolver = resolver
        self._tokens = IamTokens(aws or Aws())
        self._certificate = CertificateWatch()
        self._pool = Pool(self._connect)
        self._hears_of_silence: list[Callable[[bool], None]] = []
        self._silent = False
        self.sentinel = Sentinel(self._pool)

    async def look(self, *, deadline: float) -> Answer:
        """Connect anew, ask, and be over by `deadline` (on the loop's clock). Raises DatabaseFailed, or NotConfigured
        or NoToken where the fault is on our side."""
        self.config.check_files()
        config = await self._with_secret(deadline)
        # psycopg costs 9 MB and 0.1 s
        from monitor.database.login import Stopwatch, login  # noqa: PLC0415 — only where a database is looked at

        loop = asyncio.get_running_loop()
        began = loop.time()
        stopwatch = Stopwatch(loop.time)
        silence = loop.call_later(SILENT_SECONDS, self._still_connecting, stopwatch)
        try:
            session = await login(
                config,
                self._resolver,
                deadline=deadline,
                tcp_deadline=deadline - self._kept_for_the_sentinel(deadline - loop.time()),
                stopwatch=stopwatch,
            )
        except DatabaseFailed as error:
            raise await self._with_sentinel(error, deadline, began=began) from None
        finally:
            silence.cancel()
        self._tell_silence(silent=False)
        try:
            if session.tls:
                self._certificate.refresh(self.config.host, session.address, self.config.port)
            stopwatch.enter("query")
            seen = await _statistics(session, deadline)
        except DatabaseFailed as error:
            stopwatch.stop()
            raise DatabaseFailed(error.failure, phases=dict(stopwatch.phases), address=session.address) from None
        finally:
            session.close()
        stopwatch.stop()
        await self._certificate.settle(at_most=min(_CERTIFICATE_LIMIT, max(0.0, deadline - loop.time())))
        return Answer(session.address, session.tls, dict(stopwatch.phases), seen, self._certificate.expires_at)

    async def ask(self, sql: str, *, deadline: float) -> list[str]:
        """Statistics, in the pool's one session: the first column of every row. Raises DatabaseFailed or NoSession."""
        return await self._pool.ask(sql, deadline=deadline)

    def watch(self, on_change: OnChange) -> Callable[[], None]:
        """Keep a sentinel; `on_change` is called when it is worth looking at once, until what comes back is called."""
        return self.sentinel.start(on_change)

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants to be told of changes."""
        return self.sentinel.is_heard or bool(self._hears_of_silence)

    def on_silence(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Have `callback` called, on the loop: with True when a look's connection attempt has been met by silence for a
        while, with False when a later one is answered again. What comes back ends that."""
        self._hears_of_silence.append(callback)
        return partial(self._hears_of_silence.remove, callback)

    async def close(self) -> None:
        """Leave nothing behind: no session, no task."""
        await self.sentinel.close()
        await self._certificate.close()
        await self._pool.close()

    async def _with_secret(self, deadline: float) -> DatabaseConfig:
        if self.config.auth == "password":
            return self.config
        return await self._tokens.with_token(self.config, deadline=deadline)

    async def _connect(self, deadline: float) -> Session:
        from monitor.database.login import Stopwatch, login  # noqa: PLC0415 — as in look

        try:
            config = await self._with_secret(deadline)
        except NoToken:
            raise NoSession from None  # looks say why
        stopwatch = Stopwatch(asyncio.get_running_loop().time)
        return await login(config, self._resolver, deadline=deadline, stopwatch=stopwatch)

    def _still_connecting(self, stopwatch: Stopwatch) -> None:
        if stopwatch.phase == "tcp":
            self._tell_silence(silent=True)

    def _tell_silence(self, *, silent: bool) -> None:
        """Each silence, and the end of the last one."""
        if silent or self._silent:
            for callback in tuple(self._hears_of_silence):
                callback(silent)
        self._silent = silent

    def _kept_for_the_sentinel(self, left: float) -> float:
        """Seconds of the deadline in which, after a silent TCP phase, the standing session is asked."""
        return min(_SENTINEL_LIMIT, left / 20) if self.sentinel.armed else 0.0

    async def _with_sentinel(self, error: DatabaseFailed, deadline: float, *, began: float) -> DatabaseFailed:
        """A fresh login has failed, and a question that begins *after* that is answered: only old connections live
        (latent outage). That a socket is established proves nothing, and that a session answers which has come back
        since the look began proves the opposite: somebody was let in meanwhile."""
        if error.failure.phase != "tcp" or not self.sentinel.armed or not self.sentinel.lived_since(began):
            return error
        limit = min(deadline, asyncio.get_running_loop().time() + 2.0)
        if not await self.sentinel.answers(deadline=limit):
            return error
        failure = replace(error.failure, status=Status.CRITICAL)
        return DatabaseFailed(failure, phases=error.phases, address=error.address, latent=True)


class Databases:
    """All databases of the configuration. Those without settings are known, too: by what is missing."""

    def __init__(
        self, configs: Mapping[str, DatabaseConfig | NotConfigured], resolver: Resolver, aws: Aws | None = None
    ) -> None:
        self._configs = configs
        self._resolver = resolver
        self._aws = aws
        self._databases: dict[str, Database] = {}

    def get(self, name: str = "default") -> Database:
        """The database of that name. Raises NotConfigured."""
        if (database := self._databases.get(name)) is not None:
            return database
        config = self._configs.get(name)
        if config is None:
            raise NotConfigured((f"databases.{name}",))
        if isinstance(config, NotConfigured):
            raise NotConfigured(config.missing, why=config.why)
        return self._databases.setdefault(name, Database(config, self._resolver, self._aws))

    async def reload(self, configs: Mapping[str, DatabaseConfig | NotConfigured], aws: Aws | None = None) -> None:
        """From now on these. A database whose settings stayed as they were keeps its session; the others are closed."""
        other_cloud, self._configs, self._aws = aws is not self._aws, configs, aws
        await self._close(
            name for name, each in self._databases.items() if other_cloud or configs.get(name) != each.config
        )

    async def rest(self) -> None:
        """Close what nobody watches; it is opened anew when it is used."""
        await self._close(name for name, each in self._databases.items() if not each.is_watched)

    async def close(self) -> None:
        """Close every database that was used."""
        await self._close(self._databases)

    async def _close(self, names: Iterable[str]) -> None:
        left = [self._databases.pop(name) for name in tuple(names)]
        await asyncio.gather(*(database.close() for database in left))


async def _statistics(session: Session, deadline: float) -> statistics.Statistics:
    rows = await session.ask(statistics.QUERY, deadline=deadline)
    try:
        return statistics.read(rows)
    except ValueError as error:
        raise DatabaseFailed(Failure("query", "protocol", str(error)), address=session.address) from None

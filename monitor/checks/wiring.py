"""Are the processes of an app told of, connected to and writing to the database that they should?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import ClassVar, Final, Literal

from pydantic import Field

from monitor.checks.base import Check, CheckBlind, Env, Family, Seconds, Signs, WatchedDatabase
from monitor.checks.pm2 import Pm2Home
from monitor.core.model import Environment, Fact, Finding, Message, Pools, Reading, Seen, Status
from monitor.core.wiring import (
    Target,
    Wires,
    findings,
    hosts_told,
    right_connections,
    with_addresses,
    wrong_connections,
)
from monitor.database import DatabaseConfig, NotConfigured
from monitor.sources.dotenv import EnvFile
from monitor.sources.pm2 import Pm2Snapshot, Pm2Unanswered, Pm2Unreadable
from monitor.sources.processes import Process
from monitor.sources.resolver import LookupFailed
from monitor.sources.tcp_table import canonical
from monitor.sources.wires import Place, Survey, survey

SHOWN: Final = 3
GRANT: Final = (
    "run infra-monitor as the user that owns PM2, or as root, or give it CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
)
READ_AFTER_SECONDS: Final = 1.0
"""So long after its start a process has read its `.env`; a file that is written earlier may be the one it read."""


class WiringCheck(Check):
    """Hold every process of an app of PM2's against the database (`database`: the service that watches it, or its name
    under `databases`): the connections it really has, the SQLite files it has open, and what its `.env` and its
    environment say of host, port and name.

    A `.env` that says localhost makes localhost right, for a pooler may stand there. No connection at all is no
    trouble: pools let idle ones go. With `pool_max`, the pools of all apps are weighed against the database's sessions.
    """

    families: ClassVar[tuple[Family, ...]] = (
        Family(
            "ok", "infra_wiring_ok", "gauge", "1 if the last look found nothing wrong with the app's wiring, else 0."
        ),
        Family(
            "connections",
            "infra_wiring_connections",
            "gauge",
            "Connections of the app to the database it should use (endpoint), and to others (elsewhere).",
        ),
        Family("processes", "infra_wiring_processes", "gauge", "Processes of the app that were looked at."),
        Family("sqlite_files", "infra_wiring_sqlite_files", "gauge", "SQLite files that the app has open."),
        Family(
            "env_files",
            "infra_wiring_env_files",
            "gauge",
            "Files named .env around the app that say something of a database; more than one is a trap.",
        ),
        Family(
            "pool_connections",
            "infra_wiring_pool_connections",
            "gauge",
            "Sessions that the app's connection pools may open, all together; only with pool_max.",
        ),
    )

    kind: Literal["wiring"]
    every: Seconds = 60.0
    timeout: Seconds = 5.0
    app: str | None = Field(
        default=None, min_length=1, max_length=200, description="The app by its name in PM2. Default: the service's."
    )
    home: Pm2Home | None = Field(default=None, description="PM2's home, as in the `pm2` check.")
    database: WatchedDatabase = Field(
        default="default", description="The service that watches the database, or the database's name in `databases`."
    )
    also: tuple[WatchedDatabase, ...] = Field(default=(), description="Other databases that the app may use, too.")
    ignore_files: tuple[str, ...] = Field(
        default=(), description="SQLite files that are meant to be there, for example `*/cache/*.db`."
    )
    edit_grace: Seconds = Field(
        default=60.0, description="How long an edited `.env` may wait for the restart that belongs to it."
    )
    pool_max: int | None = Field(
        default=None, ge=1, description="How many connections the pool of one process may open, as the app sets it."
    )

    @property
    def needs(self) -> tuple[str, ...]:
        """An app cannot do without PM2's daemon, nor without its database."""
        return (f"pm2 {self.home}" if self.home else "pm2", f"database {self.database}")

    def signs(self, env: Env, facts: Iterable[Fact]) -> Signs:  # noqa: ARG002 — the facts name the files
        """The `.env` files in force."""
        files = (fact.file for fact in facts if isinstance(fact, Environment) and fact.file.startswith("/"))
        return Signs(files=tuple(dict.fromkeys(files)))

    async def look(self, env: Env) -> Seen:
        """Raises CheckBlind when PM2 does not answer, the endpoint is not known, or a process may not be looked at and
        nothing else is wrong: bad news counts also when it was half seen."""
        app = self.app or env.service
        expected, *others = [await _target(env, name) for name in (self.database, *self.also)]
        snapshot = await self._snapshot(env)
        trees = {each.worker: snapshot.processes.tree(each.process) for each in snapshot.of(app) if each.process}
        found = await self._survey(env, trees)
        wires = await self._named(env, found.wires, known=(expected, *others))
        wrong = findings(app, wires, expected, others=others)
        if found.hidden and not wrong:
            raise CheckBlind(f"not permitted to see {_listed(found.hidden)}; {GRANT}")
        facts: list[Fact] = [*wrong, *_remarks(app, wires, expected, found), *self._environments(app, trees, found)]
        numbers = _numbers(wires, expected, others, found)
        if self.pool_max is not None:
            pools = Pools(app, self.database, sum(found.leaves.values()), self.pool_max)
            facts.append(pools)
            numbers.append(("pool_connections", pools.count * pools.most, {}))
        numbers.append(("ok", float(not wrong), {}))
        return Seen(tuple(Reading(name, n, labels={"app": app, **more}) for name, n, more in numbers), tuple(facts))

    async def _snapshot(self, env: Env) -> Pm2Snapshot:
        try:
            return await env.pm2.get(self.home).snapshot(env.deadline)
        except Pm2Unreadable as unreadable:
            raise CheckBlind(str(unreadable)) from unreadable
        except Pm2Unanswered as unanswered:
            raise CheckBlind(f"PM2 does not answer ({unanswered.reason})") from unanswered

    async def _survey(self, env: Env, trees: Mapping[int, tuple[Process, ...]]) -> Survey:
        try:
            return await env.aside.run(
                f"wiring {env.service}/{self.label}", partial(survey, trees), deadline=env.deadline
            )
        except TimeoutError:
            raise CheckBlind("the kernel does not answer: a file or a process there cannot be read in time") from None

    async def _named(self, env: Env, found: Iterable[Wires], *, known: Iterable[Target]) -> tuple[Wires, ...]:
        """With what the names of hosts mean, and without the files that are meant to be there."""
        wires = tuple(replace(each, sqlite_files=self._unexpected(each.sqlite_files)) for each in found)
        addresses = {each.host: each.addresses for each in known}
        for host in hosts_told(wires) - addresses.keys():
            addresses[host] = await _addresses(env, host, absent_is_known=True)
        return tuple(with_addresses(each, addresses) for each in wires)

    def _unexpected(self, files: Iterable[str]) -> tuple[str, ...]:
        return tuple(each for each in files if not any(fnmatchcase(each, pattern) for pattern in self.ignore_files))

    def _environments(self, app: str, trees: Mapping[int, tuple[Process, ...]], found: Survey) -> Iterator[Environment]:
        """What each worker's `.env` says now, for the core to remember. A file that is gone says nothing any more."""
        for worker, place in found.places.items():
            top, file = trees[worker][0], place.file
            yield Environment(
                app,
                worker,
                process=f"{top.pid}:{top.started_ticks}",
                file=file.settings.source if file else ".env",
                marks=file.settings.marks if file else {},
                touched=file is not None and file.written_at > top.started_at + READ_AFTER_SECONDS,
                grace_seconds=self.edit_grace,
            )


async def _target(env: Env, name: str) -> Target:
    """The database as the configuration has it, with all of its addresses. Raises CheckBlind."""
    try:
        config: DatabaseConfig = env.databases.get(name).config
    except NotConfigured as absent:
        raise CheckBlind(str(absent)) from None
    if config.is_socket:
        return Target(config.host, config.port, config.name)
    host = config.host.lower().removesuffix(".")
    return Target(host, config.port, config.name, addresses=await _addresses(env, host, absent_is_known=False))


async def _addresses(env: Env, host: str, *, absent_is_known: bool) -> frozenset[str]:
    """What the name means now. A name that means nothing is known to be no other name for anything."""
    try:
        return frozenset(map(canonical, await env.resolver.resolve(host, deadline=env.deadline)))
    except LookupFailed as failed:
        if absent_is_known and failed.reason == "dns":
            return frozenset()
        raise CheckBlind(failed.message) from None


def _remarks(app: str, wires: Sequence[Wires], expected: Target, found: Survey) -> Iterator[Finding]:
    """What is no trouble, and may explain some."""
    others = sorted({each.settings.source for place in found.places.values() for each in _speaking(place)[1:]})
    if others:
        yield Finding(
            Status.HEALTHY, "second_env", Message("wiring.second_env", {"app": app, "files": _listed(others)})
        )
    if wires and not any(right_connections(each, expected) for each in wires):
        yield Finding(Status.HEALTHY, "no_connection", Message("wiring.no_connection", {"app": app}))


def _numbers(
    wires: Sequence[Wires], expected: Target, others: Sequence[Target], found: Survey
) -> list[tuple[str, float, dict[str, str]]]:
    files = {file.identity for place in found.places.values() for file in _speaking(place)}
    elsewhere = sum(each.established for one in wires for each in wrong_connections(one, expected, others))
    return [
        ("processes", len(wires), {}),
        ("connections", sum(right_connections(each, expected) for each in wires), {"to": "endpoint"}),
        ("connections", elsewhere, {"to": "elsewhere"}),
        ("sqlite_files", len({file for each in wires for file in each.sqlite_files}), {}),
        ("env_files", len(files), {}),
    ]


def _speaking(place: Place) -> tuple[EnvFile, ...]:
    return tuple(each for each in (place.file, *place.others) if each is not None and each.settings.marks)


def _listed(hidden: Sequence[str]) -> str:
    return ", ".join(hidden[:SHOWN]) + (f" and {len(hidden) - SHOWN} more" if len(hidden) > SHOWN else "")

"""From what the processes of one app are told, connected to and hold open, to what is wrong with it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from monitor.core.model import Finding, Message, Status

POSTGRES_PORT: Final = 5432
ENVIRONMENT: Final = "environment"
"""The source of what stands in a process's own environment; every other source is the path of a file."""

MOVED_GRACE_SECONDS: Final = 60.0
"""A name may point elsewhere after a failover; pools that were told the right name have so long to follow it."""

SHOWN: Final = 3
MOST_FINDINGS: Final = 10


@dataclass(frozen=True, slots=True)
class Target:
    """A database as somebody names it. `addresses`: what `host` means, if that is known; `sqlite`: it is a file."""

    host: str = ""
    port: int | None = None
    name: str = ""
    sqlite: bool = False
    addresses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settings:
    """What one source says: in DATABASE_URL, and in DB_HOST, DB_PORT and DB_NAME. `marks` tell one value of a name from
    another without telling the value."""

    source: str
    url: Target | None = None
    plain: Target = Target()
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """One TCP connection that the process has begun, by its other end; not `established`: it is still trying."""

    address: str
    port: int
    established: bool = True


@dataclass(frozen=True, slots=True)
class Wires:
    """What one process of one worker is wired to. Its environment wins over the file, as dotenv libraries have it."""

    pid: int
    worker: int = 0
    environment: Settings | None = None
    file: Settings | None = None
    connections: tuple[Connection, ...] = ()
    sqlite_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Told:
    """What a process is told in the end, and by which source."""

    target: Target
    source: str
    name_source: str


@dataclass(frozen=True, slots=True)
class _Trouble:
    """One finding about one process."""

    status: Status
    reason: str
    key: str
    values: tuple[tuple[str, str], ...]
    grace_seconds: float = 0.0


def findings(
    app: str, processes: Iterable[Wires], expected: Target, *, others: Iterable[Target] = ()
) -> tuple[Finding, ...]:
    """What is wrong, what it is told before what it does. The same trouble of several processes is one finding.

    A `.env` that says localhost makes localhost right: a pooler may stand there. `others` are right, too.
    """
    pids: dict[_Trouble, list[int]] = {}
    right = (expected, *others)
    every = tuple(processes)
    for wires in every:
        family = tuple(each for each in every if each.worker == wires.worker)
        for trouble in _troubles(wires, right, in_effect=_in_effect(family, right)):
            pids.setdefault(trouble, []).append(wires.pid)
    return tuple(_finding(app, trouble, who) for trouble, who in pids.items())[:MOST_FINDINGS]


def right_connections(wires: Wires, expected: Target) -> int:
    """How many established connections go to the database that they should go to, directly or by a local pooler."""
    pooler = _pooler(wires)
    return sum(each.established and (_is(each, expected) or _is_pooler(each, pooler)) for each in wires.connections)


def wrong_connections(wires: Wires, expected: Target, others: Iterable[Target] = ()) -> tuple[Connection, ...]:
    """Those that go to a database's port at a place that nobody named. Anything else is no business of ours."""
    told = (_told(wires.environment, None), _told(None, wires.file))
    right = (expected, *others)
    ports = {POSTGRES_PORT, *(each.port for each in right), *(each.target.port for each in told if each)}
    pooler = _pooler(wires)
    return tuple(
        each
        for each in wires.connections
        if each.port in ports and not _is_pooler(each, pooler) and not any(_is(each, target) for target in right)
    )


def hosts_told(wires: Iterable[Wires]) -> frozenset[str]:
    """The hosts whose addresses `findings` would like to know."""
    targets = (target for each in wires for target in _targets(each))
    return frozenset(each.host for each in targets if each.host and not each.host.startswith("/"))


def with_addresses(wires: Wires, addresses: Mapping[str, frozenset[str]]) -> Wires:
    """The same with what the names of hosts mean."""

    def known(target: Target) -> Target:
        return replace(target, addresses=addresses.get(target.host, frozenset()))

    def settings(each: Settings | None) -> Settings | None:
        return each and replace(each, url=each.url and known(each.url), plain=known(each.plain))

    return replace(wires, environment=settings(wires.environment), file=settings(wires.file))


def is_local(target: Target) -> bool:
    """Whether it is this machine: by name, by address, or by a socket in the file system."""
    if target.host.startswith("/") or target.host == "localhost":
        return True
    return _is_loopback(target.host) or (bool(target.addresses) and all(map(_is_loopback, target.addresses)))


def _targets(wires: Wires) -> Iterator[Target]:
    for settings in (wires.environment, wires.file):
        if settings is not None:
            yield from (settings.plain, settings.url or Target())


def _in_effect(family: Iterable[Wires], right: tuple[Target, ...]) -> bool:
    """Whether what a worker is told may be what it does: its connections do not all go to the right place."""
    every = tuple(family)
    if any(wrong_connections(each, right[0], right[1:]) for each in every):
        return True
    return not any(right_connections(each, right[0]) for each in every)


def _troubles(wires: Wires, right: tuple[Target, ...], *, in_effect: bool) -> Iterator[_Trouble]:
    expected = right[0]
    told = _told(wires.environment, wires.file)
    if told is not None:
        yield from _about_settings(wires, told, right, in_effect=in_effect)
    grace = MOVED_GRACE_SECONDS if told and _same_host(told.target, expected) else 0.0
    for each in wrong_connections(wires, expected, right[1:]):
        yield _about_connection(wires, each, expected, grace=grace)
    if wires.sqlite_files:
        files = _listed(wires.sqlite_files)
        yield _Trouble(Status.WARNING, "sqlite_in_use", "wiring.sqlite_open", (("files", files),))


def _about_settings(wires: Wires, told: _Told, right: tuple[Target, ...], *, in_effect: bool) -> Iterator[_Trouble]:
    """Settings that the connections, or other settings beside them, contradict are trouble ahead, not trouble now."""
    expected, target = right[0], told.target
    plain = _told_plainly(wires.environment, wires.file)
    contradicted = not in_effect or (plain is not None and plain.target != target and _is_right(plain.target, right))
    status = Status.WARNING if contradicted else Status.CRITICAL
    if target.sqlite:
        yield _Trouble(status, "sqlite_in_use", _key("sqlite", told.source), (("source", told.source),))
    elif target.host and not _is_right(target, right):
        values = (("found", _place(target)), ("expected", _place(expected)), ("source", told.source))
        if not is_local(target) or is_local(expected):
            yield _Trouble(status, "wrong_host", _key("wrong_host", told.source), values)
        elif _pooler(wires) is None:
            yield _Trouble(status, "localhost_fallback", "wiring.localhost_environment", values)
    elif target.name and all(target.name != each.name for each in right):
        values = (("found", target.name), ("expected", expected.name), ("source", told.name_source))
        yield _Trouble(status, "wrong_name", _key("wrong_name", told.name_source), values)


def _key(trouble: str, source: str) -> str:
    """What a file says is mended in that file, and what PM2 has kept is mended in PM2."""
    return f"wiring.{trouble}_{'environment' if source == ENVIRONMENT else 'file'}"


def _about_connection(wires: Wires, wrong: Connection, expected: Target, *, grace: float) -> _Trouble:
    place = _place(Target(wrong.address, wrong.port))
    values = (("found", place), ("expected", _place(expected)))
    if not _is_loopback(wrong.address) or any(map(_is_loopback, expected.addresses)):
        return _Trouble(Status.CRITICAL, "wrong_host", "wiring.wrong_host", values, grace)
    source = wires.file.source if wires.file else ".env"
    return _Trouble(Status.CRITICAL, "localhost_fallback", "wiring.localhost", (*values, ("source", source)))


def _told(environment: Settings | None, file: Settings | None) -> _Told | None:
    """DATABASE_URL wins over DB_*, and the environment over the file. None: nothing is said of a database."""
    for each in (environment, file):
        if each is not None and each.url is not None:
            return _Told(each.url, each.source, each.source)
    return _told_plainly(environment, file)


def _told_plainly(environment: Settings | None, file: Settings | None) -> _Told | None:
    """By DB_HOST, DB_PORT and DB_NAME, each from the first source that has it."""
    sources = [each for each in (environment, file) if each is not None]
    by_host = next((each for each in sources if each.plain.host), None)
    by_name = next((each for each in sources if each.plain.name), None)
    port = next((each.plain.port for each in sources if each.plain.port is not None), None)
    first = by_host or by_name
    if first is None:
        return None
    host = by_host.plain if by_host else Target()
    target = Target(host.host, port, by_name.plain.name if by_name else "", addresses=host.addresses)
    return _Told(target, first.source, (by_name or first).source)


def _pooler(wires: Wires) -> Target | None:
    """The place on this machine that the `.env` names; without a `.env`, the one that the environment names."""
    told = _told(None, wires.file) or _told(wires.environment, None)
    return told.target if told and not told.target.sqlite and is_local(told.target) else None


def _is_pooler(connection: Connection, pooler: Target | None) -> bool:
    if pooler is None or connection.address not in pooler.addresses:
        return False
    return connection.port == (pooler.port or POSTGRES_PORT)


def _is(connection: Connection, target: Target) -> bool:
    return connection.address in target.addresses and connection.port == target.port


def _is_right(told: Target, right: Iterable[Target]) -> bool:
    """Whether it names one of these places. A port that is not told is not told wrongly."""
    return any(_same_host(told, each) and told.port in (None, each.port) for each in right)


def _same_host(one: Target, other: Target) -> bool:
    return one.host == other.host or bool(one.addresses & other.addresses)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _place(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{host}:{target.port}" if target.port is not None else host


def _listed(things: Iterable[object]) -> str:
    every = [str(each) for each in things]
    rest = f", +{len(every) - SHOWN}" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + rest


def _finding(app: str, trouble: _Trouble, pids: list[int]) -> Finding:
    values = {"app": app, **dict(trouble.values), "pids": _listed(pids)}
    return Finding(trouble.status, trouble.reason, Message(trouble.key, values), trouble.grace_seconds)

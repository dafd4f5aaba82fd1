"""What a look can find: numbers, and typed findings about servers, processes, rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from monitor.core.words import NO_LABELS, Message, Status


@dataclass(frozen=True, slots=True)
class Reading:
    """A number. `unit` is `seconds`, `bytes`, `ratio`, `percent` or empty; counters stay raw."""

    name: str
    value: float
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)


@dataclass(frozen=True, slots=True)
class Finding:
    """A judgement that the check itself makes of what it saw. With `grace_seconds`, it counts only once it has lasted
    that long or has come back three times in ten minutes: what a supervisor is already mending is not yet trouble.
    `harmless`: it takes nothing away from those who depend on the service, so it explains nobody's outage.
    `of_dependency`: it tells of one that the service depends on; who restarts that one on purpose excuses it."""

    status: Status
    reason: str
    message: Message
    grace_seconds: float = 0.0
    harmless: bool = False
    of_dependency: bool = False


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """The server that answered a database look; `database` is the name that the configuration has for it."""

    address: str
    started_at: float
    in_recovery: bool
    version: str
    database: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class DatabaseEndpoint:
    """Where a database was looked for, and as whom. `address` is what the name came to, empty if it came to none."""

    host: str
    port: int
    name: str
    user: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class SessionHolder:
    """How many sessions one application holds in one state."""

    application: str
    client: str
    state: str
    sessions: int


@dataclass(frozen=True, slots=True)
class Worker:
    """One PM2 entry as the kernel and PM2 together show it. Times are Unix seconds; `pid` 0 = none. `release`: what PM2
    says of its version, script and revision, each empty if nothing. `exit_code`: how its last process ended, where PM2
    says so; 0 also for one that was killed and, if `clustered`, for one that threw an exception. `ended_by`: the signal
    that ended it, empty if by none or if PM2's bus was not heard."""

    app: str
    worker: int
    pid: int
    pm2_status: str
    alive: bool
    gave_up: bool
    restarts: int
    created_at: float | None
    started_at: float | None
    release: tuple[str, ...] = ()
    exit_code: int | None = None
    clustered: bool = False
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class MemoryKills:
    """How many processes the kernel has ended for want of memory since it started, whosesoever they were."""

    since_boot: int


@dataclass(frozen=True, slots=True)
class Supervisor:
    """The daemon that keeps workers alive (PM2's), as the peer of its socket shows it."""

    pid: int
    version: str
    home: str


@dataclass(frozen=True, slots=True)
class PlannedExit:
    """A process of the app ended because its supervisor had told it to, so many seconds before the look saw it: by an
    operator's order, or by the supervisor's own rules (memory, cron, watched files). Without `app`, the supervisor
    itself was told to end."""

    app: str
    seconds_ago: float


@dataclass(frozen=True, slots=True)
class Firewall:
    """The security-group rules around a database's port, and what they come to. `lines` are all that count, in words,
    `admitted_by` those of the rules that let this host in; `open_with` is the command that would open the path where it
    is closed, `close_with` those that would take away what is not meant to be there. `subject` says which port of which
    database this is about; `state` is AWS' word for how that database is, where it says one."""

    subject: str
    port: int
    address: str
    source: str
    groups: tuple[str, ...]
    host_groups: tuple[str, ...]
    reachable: bool | None
    reason: str
    exposure: str
    as_intended: bool | None
    lines: tuple[str, ...]
    unexpected: tuple[str, ...] = ()
    open_with: str = ""
    close_with: tuple[str, ...] = ()
    state: str = ""
    admitted_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What came to the rules and what left them between two looks, in words; `at`: when that was seen."""

    at: float
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """What the `.env` of a worker says of its database now: a short mark for each name, never a value. `process` tells
    the worker's process from every other one; `touched`: the file was written after that process began."""

    app: str
    worker: int
    process: str
    file: str
    marks: Mapping[str, str]
    touched: bool
    grace_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Pools:
    """The connection pools of one app: how many there are, and how many sessions of the database each may open."""

    app: str
    database: str
    count: int
    most: int


@dataclass(frozen=True, slots=True)
class NginxProcesses:
    """Nginx as the kernel shows it. `loaded_at`: since when its workers have the configuration that serves;
    `newest_at`: when the youngest of them began. `digest` tells what is on disk from anything else; `edited_file` is
    the file of it that was written last, at `edited_at` (Unix seconds of the machine)."""

    master: int
    workers: int
    stopped: int
    loaded_at: float | None
    newest_at: float | None = None
    digest: str = ""
    edited_file: str = ""
    edited_at: float = 0.0


@dataclass(frozen=True, slots=True)
class UpstreamPeer:
    """One peer of an upstream, asked directly at the address that Nginx has for it. `answer` is `ok` or why not."""

    upstream: str
    peer: str
    answer: str
    http_status: int | None
    took_seconds: float


@dataclass(frozen=True, slots=True)
class NginxRoute:
    """A route of Nginx and one of the peers to which it leads, as its configuration writes them."""

    route: str
    peer: str


@dataclass(frozen=True, slots=True)
class Sockets:
    """On which ports of this machine an app takes connections, and the other ends (`address:port`) of those it has
    begun, as the kernel shows them."""

    app: str
    ports: tuple[int, ...]
    connected: tuple[str, ...]


Fact: TypeAlias = (
    Finding
    | DatabaseServer
    | DatabaseEndpoint
    | SessionHolder
    | Worker
    | MemoryKills
    | Supervisor
    | PlannedExit
    | Firewall
    | Environment
    | Pools
    | NginxProcesses
    | UpstreamPeer
    | NginxRoute
    | Sockets
)

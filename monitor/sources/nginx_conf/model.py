"""What a configuration of Nginx says: who listens, who is asked, with which certificate, and where it is logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from monitor.sources.nginx_conf.lexer import Problem

HTTP_PROTOCOLS: Final = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens: a host and a port, or the path of a unix socket. An empty host means any address."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host or '*'}:{self.port}"


@dataclass(frozen=True, slots=True)
class Peer:
    """One server that Nginx may ask, with what its group says of it."""

    address: Address
    weight: int = 1
    max_fails: int = 1
    fail_timeout: float = 10.0
    backup: bool = False
    down: bool = False
    resolved: bool = False
    """Nginx looks its name up again and again."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A group of peers. `placeholder`: code in the configuration chooses the peers, those listed mean nothing."""

    name: str
    peers: tuple[Peer, ...]
    placeholder: bool = False


@dataclass(frozen=True, slots=True)
class Listen:
    """One socket of a server."""

    address: Address
    tls: bool = False
    default: bool = False
    proxy_protocol: bool = False
    quic: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a route asks, and how. `name` is that of the group, else the address as it is written. `uri` takes the
    place of the location in what is asked for; None: nothing does."""

    protocol: str
    name: str
    peers: tuple[Peer, ...]
    uri: str | None = None
    grouped: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """What comes in at `listens` under one of `server_names` and fits `location` goes to one of `targets`.

    `dynamic`: where else it goes is decided for each request. `path` is something a client can ask for to take this
    route; None if nothing can be derived. `returns`: the answer is this status, nobody is asked. `guarded`: only some
    may ask (allow, deny, auth, internal), so a refusal means nothing.
    """

    listens: tuple[Listen, ...]
    server_names: tuple[str, ...]
    location: str
    path: str | None
    targets: tuple[Target, ...] = ()
    dynamic: bool = False
    returns: int | None = None
    guarded: bool = False
    read_timeout: float = 60.0
    connect_timeout: float = 60.0
    stream: bool = False
    file: str = ""
    line: int = 0

    @property
    def server_name(self) -> str:
        """The first name, as `$server_name` has it."""
        return self.server_names[0] if self.server_names else ""

    @property
    def host(self) -> str:
        """A name under which a client asks for it; empty if any will do."""
        return next((name for name in self.server_names if is_plain(name)), "")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate file and the names under which it is served. `path` is empty when it is not a file."""

    path: str
    names: tuple[str, ...]
    listens: tuple[Listen, ...]


@dataclass(frozen=True, slots=True)
class StatusPage:
    """Where Nginx shows its counters."""

    listens: tuple[Listen, ...]
    host: str
    path: str
    guarded: bool


@dataclass(frozen=True, slots=True)
class LogFormat:
    """How lines of an access log are written; `escape` is default, json or none."""

    name: str
    escape: str
    text: str


@dataclass(frozen=True, slots=True)
class AccessLog:
    """One access log and its format's name."""

    path: str
    format: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that was read. `changed_at`: Unix seconds of the machine's clock (ctime)."""

    path: str
    digest: str
    changed_at: float


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of it, as far as it could be read; `problems` say what could not, or what Nginx would refuse."""

    path: str
    upstreams: tuple[Upstream, ...] = ()
    routes: tuple[Route, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    status_pages: tuple[StatusPage, ...] = ()
    error_logs: tuple[str, ...] = ()
    access_logs: tuple[AccessLog, ...] = ()
    log_formats: Mapping[str, LogFormat] = field(default_factory=dict)
    pid: str | None = None
    files: tuple[SourceFile, ...] = ()
    problems: tuple[Problem, ...] = ()
    digest: str = ""
    changed_at: float = 0.0
    """When the newest of its files and include directories changed."""

    @property
    def mistakes(self) -> tuple[Problem, ...]:
        """What Nginx would refuse."""
        return tuple(each for each in self.problems if not each.unreadable)


def is_plain(name: str) -> bool:
    """Whether a server name can be asked for as it stands: no pattern, no catch-all."""
    return bool(name) and name != "_" and not any(sign in name for sign in "*~$") and name[0] != "."

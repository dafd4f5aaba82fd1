"""What a look can find: numbers, and typed findings about servers, processes, rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from monitor.core.model.words import NO_LABELS, Message, Status


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
    that long or has come back three times in ten minutes: what a supervisor is already mending is not yet trouble."""

    status: Status
    reason: str
    message: Message
    grace_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """The server that answered a database look."""

    address: str
    started_at: float
    in_recovery: bool
    version: str


@dataclass(frozen=True, slots=True)
class SessionHolder:
    """How many sessions one application holds in one state."""

    application: str
    client: str
    state: str
    sessions: int


@dataclass(frozen=True, slots=True)
class Worker:
    """One PM2 entry as the kernel and PM2 together show it. Times are Unix seconds; `pid` 0 = none."""

    app: str
    worker: int
    pid: int
    pm2_status: str
    alive: bool
    gave_up: bool
    restarts: int
    created_at: float | None
    started_at: float | None


@dataclass(frozen=True, slots=True)
class Supervisor:
    """The daemon that keeps workers alive (PM2's), as the peer of its socket shows it."""

    pid: int
    version: str
    home: str


Fact: TypeAlias = Finding | DatabaseServer | SessionHolder | Worker | Supervisor

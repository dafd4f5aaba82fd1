"""What `init` has found on this machine, and what it could not find."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from monitor.core.model import Message
from monitor.database.settings import DatabaseConfig

Instances = int | Literal["max"] | None


@dataclass(frozen=True, slots=True)
class Gap:
    """What could not be found out, and what to do about it."""

    what: Message
    todo: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app of PM2's. `ports`: where it takes connections; `health`: an address there that answered well;
    `uses_database`: it is connected to the database, or its `.env` is the one that names it."""

    name: str
    instances: Instances = None
    ports: tuple[int, ...] = ()
    health: str | None = None
    directories: tuple[Path, ...] = ()
    connected: tuple[str, ...] = ()
    uses_database: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """PM2: its home, and its apps in the order of their names. `running`: it has answered."""

    home: Path | None = None
    apps: tuple[App, ...] = ()
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Nginx: its configuration, the prefix where that is another directory, and the apps that its routes lead to."""

    config: str
    prefix: str | None = None
    apps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """AWS around us. `endpoint`: the database's name there, where it is reached by another one."""

    region: str
    groups: tuple[str, ...] = ()
    endpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All of it. `variables`: the names that are set in `env_file` or in the environment, never their values."""

    directory: Path
    env_file: Path | None = None
    variables: frozenset[str] = frozenset()
    database: DatabaseConfig | None = None
    supervisor: Supervisor = Supervisor()
    front: Front | None = None
    cloud: Cloud | None = None
    endpoint_url: str | None = None
    behind_firewall: bool = False
    notes: tuple[Message, ...] = ()
    gaps: tuple[Gap, ...] = ()

"""What somebody or something changed: the first thing to ask for when there is trouble."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitor.core.words import Message


class ChangeKind(StrEnum):
    """What was changed. Words for each are in the catalogues under `change.` + this."""

    RULES = "rules"
    RESTARTED = "restarted"
    """Somebody had PM2 restart or reload it."""
    DEPLOYED = "deployed"
    """The same, and it is another version, script or revision since."""
    STOPPED = "stopped"
    """Somebody had PM2 stop it."""
    DIED = "died"
    """It ended unasked, and PM2 started it again."""
    SUPERVISOR_RESTARTED = "supervisor_restarted"
    NGINX_RESTARTED = "nginx_restarted"
    NGINX_RELOADED = "nginx_reloaded"
    NGINX_EDITED = "nginx_edited"
    ENVIRONMENT_EDITED = "environment_edited"
    DATABASE_RESTARTED = "database_restarted"
    DATABASE_PROMOTED = "database_promoted"
    DATABASE_DEMOTED = "database_demoted"
    DATABASE_MOVED = "database_moved"
    CONFIGURATION = "configuration"
    """Ours: the monitor took a configuration anew."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one service; an empty `service` is the monitor itself. It happened at `at` if that is as `since`;
    else between `since`, when it was last seen as it had been, and `at`, when it was first seen changed."""

    kind: ChangeKind
    service: str
    message: Message
    at: float
    since: float

"""The few words everything else is said in: statuses, severities, messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})


class Status(StrEnum):
    """What we believe of a service. Members stand from best to worst; `maintenance` is outside that order."""

    HEALTHY = "healthy"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"
    DOWN = "down"
    MAINTENANCE = "maintenance"

    @property
    def rank(self) -> int:
        """Badness for comparison: healthy 0 … down 4; maintenance counts as healthy."""
        return _RANK[self]

    @property
    def failing(self) -> bool:
        """Whether somebody has to be told."""
        return self in FAILING


_RANK: Final = {
    Status.MAINTENANCE: 0,
    Status.HEALTHY: 0,
    Status.UNKNOWN: 1,
    Status.WARNING: 2,
    Status.CRITICAL: 3,
    Status.DOWN: 4,
}


FAILING: Final = frozenset({Status.WARNING, Status.CRITICAL, Status.DOWN})


class Severity(StrEnum):
    """How loud an alert is. `info` and `error` never page by themselves."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Loudness for comparison: info 0 … critical 3."""
        return _LOUDNESS[self]


QUIET: Final = frozenset({Severity.INFO, Severity.ERROR})
"""What is shown and published but never pages by itself."""


_LOUDNESS: Final = {severity: rank for rank, severity in enumerate(Severity)}


class Confidence(StrEnum):
    """How sure a diagnosis is of its cause."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """Sureness for comparison: unknown 0 … certain 3."""
        return _SURENESS[self]


_SURENESS: Final = {confidence: rank for rank, confidence in enumerate(reversed(Confidence))}


class NoticeKind(StrEnum):
    """Why a notice is sent; the webhook's `type` is `incident.` + this. `test`: somebody tries a channel by hand; there
    is no incident."""

    OPENED = "opened"
    UPDATED = "updated"
    REMINDER = "reminder"
    FLAPPING = "flapping"
    RESOLVED = "resolved"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Message:
    """Words to be: a key of the locale catalogues with the values they need. Core never formats prose."""

    key: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)

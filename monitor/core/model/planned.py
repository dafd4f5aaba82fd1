"""What the core needs to know of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from monitor.core.words import NO_LABELS, Severity


@dataclass(frozen=True, slots=True)
class Threshold:
    """Bounds on readings of one name. `worse` tells the bad direction: `above` (>=) or `below` (<=).

    By severity: `recover` is where it is well again, if that is not this side of the bound itself; `lasts` is how many
    seconds it must be past the bound before that counts.
    """

    metric: str
    warning: float | None
    critical: float | None
    unit: str = ""
    worse: str = "above"
    info: float | None = None
    error: float | None = None
    recover: Mapping[Severity, float] = field(default_factory=dict)
    lasts: Mapping[Severity, float] = field(default_factory=dict)

    def bound(self, severity: Severity) -> float | None:
        """Where this severity begins; None where it never does."""
        match severity:
            case Severity.INFO:
                return self.info
            case Severity.WARNING:
                return self.warning
            case Severity.ERROR:
                return self.error
            case Severity.CRITICAL:
                return self.critical
            case _:
                assert_never(severity)


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """How one check is judged: as bad as the mildest of `confirm` looks, as good as the worst of `recover`."""

    name: str
    kind: str
    every: float
    timeout: float
    stale_after: float
    confirm: int = 3
    recover: int = 2
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service: its checks and the services it cannot do without. `addresses` are those that its own checks ask, as
    `host:port`; with `discovers`, it also depends on what it is seen to use."""

    name: str
    checks: tuple[CheckPlan, ...]
    depends_on: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)
    addresses: tuple[str, ...] = ()
    discovers: bool = True


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """Which incidents one channel is told of: those as loud as `severities` say, about one of `services` (none named:
    about any), and, with `after`, only those that people have known for so long without anybody being on it."""

    label: str
    severities: tuple[Severity, ...] = tuple(Severity)
    services: tuple[str, ...] = ()
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """All that `step` needs to know of the configuration. `remind`: how long after the last notice people are reminded
    for the first time; None: never."""

    services: Mapping[str, ServicePlan]
    channels: tuple[ChannelPlan, ...] = ()
    remind: float | None = None
    hold: float = 12.0
    confirm_gap: float = 0.3
    recover_gap: float = 2.0
    flap_changes: int = 5
    flap_window: float = 600.0

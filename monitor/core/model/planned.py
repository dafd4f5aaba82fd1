"""What the core needs to know of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.core.words import NO_LABELS


@dataclass(frozen=True, slots=True)
class Threshold:
    """Bounds on readings of one name. `worse` tells the bad direction: `above` (>=) or `below` (<=)."""

    metric: str
    warning: float | None
    critical: float | None
    unit: str = ""
    worse: str = "above"


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
    """One service: its checks and the services it cannot do without."""

    name: str
    checks: tuple[CheckPlan, ...]
    depends_on: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that `step` needs to know of the configuration."""

    services: Mapping[str, ServicePlan]
    hold: float = 12.0
    confirm_gap: float = 0.3
    recover_gap: float = 2.0
    flap_changes: int = 5
    flap_window: float = 600.0

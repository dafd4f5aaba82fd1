"""The vocabulary: what a look brings back, what we believe of it, and what people are told.

Times are Unix seconds of the monitor's own steady clock (`monitor/clock.py`); durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

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
    """Why a notice is sent; the webhook's `type` is `incident.` + this."""

    OPENED = "opened"
    UPDATED = "updated"
    REMINDER = "reminder"
    FLAPPING = "flapping"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Message:
    """Words to be: a key of the locale catalogues with the values they need. Core never formats prose."""

    key: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)


# What a look brings back ------------------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Failure:
    """Where and why a look failed. `message` is the other side's text, secrets removed; `status` is what it means."""

    phase: str
    reason: str
    message: str
    status: Status = Status.DOWN


@dataclass(frozen=True, slots=True)
class Seen:
    """The look succeeded; its findings and readings may still be bad news."""

    readings: tuple[Reading, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The thing looked at did not answer as it should."""

    failure: Failure
    readings: tuple[Reading, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Blind:
    """We could not look. It says nothing about the thing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look brought back. `exhausted` = it used its whole deadline, so it needs no confirmation."""

    service: str
    check: str
    began: float
    took_seconds: float
    result: Seen | Failed | Blind
    exhausted: bool = False

    @property
    def ended(self) -> float:
        """When the look was over."""
        return self.began + self.took_seconds


# What is planned (from the configuration) ---------------------------------------------------------------------------


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


# What we believe ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing wrong in one look. `metric` is empty for the look itself (its failure or finding); `phase` is where the
    look failed, empty for anything else."""

    metric: str
    status: Status
    reason: str
    message: Message
    value: float | None = None
    threshold: float | None = None
    grace_seconds: float = 0.0
    phase: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """One metric of one check over time. `recent` holds the last statuses, newest last, as long as they matter;
    `looked_at` is when the newest of these looks began. `failing_since` and `episodes` are the beginnings of the
    present and of the last failing runs, grace or not. `dismissed_*`: its alert was resolved by hand, in that incident;
    it opens none until a later look fails again."""

    status: Status = Status.UNKNOWN
    since: float = 0.0
    recent: tuple[Status, ...] = ()
    trouble: Trouble | None = None
    failing_since: float | None = None
    episodes: tuple[float, ...] = ()
    looked_at: float = 0.0
    dismissed_at: float | None = None
    dismissed_from: str | None = None


@dataclass(frozen=True, slots=True)
class CheckState:
    """What we know through one check. `settled` is keyed by metric; `""` is the look itself. `workers` are those of the
    newest look that showed any (it began at `workers_at`), `restarts` their unplanned ones of the last ten minutes."""

    settled: Mapping[str, Settled] = field(default_factory=dict)
    last: Observation | None = None
    seen_at: float | None = None
    blind_since: float | None = None
    blind_reason: str | None = None
    workers: tuple[Worker, ...] = ()
    workers_at: float | None = None
    restarts: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What we believe of one service. `status` is without maintenance and mutes; see `core.uptime.shown`.

    `last_down_at` is when it was last seen to be down; `planned_until` is the end of the grace of a planned restart;
    `steady_at` is when it was last found to flap no longer: earlier changes are not held against it.
    """

    status: Status = Status.UNKNOWN
    since: float = 0.0
    checks: Mapping[str, CheckState] = field(default_factory=dict)
    changes: tuple[tuple[float, Status], ...] = ()
    last_down_at: float | None = None
    first_seen_at: float | None = None
    flapping: bool = False
    steady_at: float = 0.0
    planned_until: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation that speaks for a diagnosis."""

    service: str
    message: Message
    at: float


@dataclass(frozen=True, slots=True)
class RuledOut:
    """A cause that the evidence speaks against."""

    cause: str
    why: Message


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The cause of an incident, in words that can be checked."""

    cause: str
    summary: Message
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    remedy: Message | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """One service's trouble with one check or metric, from opening to resolution; always a member of an incident."""

    id: str
    service: str
    check: str
    metric: str | None
    severity: Severity
    status: Status
    message: Message
    value: float | None
    threshold: float | None
    opened_at: float
    acknowledged_at: float | None = None
    acknowledged_by: str | None = None
    resolved_at: float | None = None
    resolved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One notice that went to the outbox, and what it said."""

    kind: NoticeKind
    at: float
    root: str = ""
    severity: Severity = Severity.WARNING
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause, the alerts and services it explains, from opening to resolution.

    Until `told` holds an `opened` (or `flapping`), people do not know of it: it is on hold (`hold_until`; what could
    explain it is looked at with looks that begin at or after `looks_since`) or muted. From `settling_since` until
    `settling_until` the root has recovered and its impacted services are being looked at before they are let go.
    `severity` is the worst it has been; `flapping`: people were told that it is.
    """

    id: str
    root: str
    severity: Severity
    opened_at: float
    alerts: tuple[Alert, ...] = ()
    impacted: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = None
    hold_until: float = 0.0
    looks_since: float = 0.0
    settling_since: float | None = None
    settling_until: float | None = None
    told: tuple[Told, ...] = ()
    adopted_by: str | None = None
    reopens: str | None = None
    flapping: bool = False
    resolved_at: float | None = None
    resolved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Mutes notices of incidents that match every matcher (`service`, `severity`, `cause` → value) until `ends_at`."""

    id: str
    matchers: Mapping[str, str]
    starts_at: float
    ends_at: float
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A service declared as being worked on."""

    id: str
    service: str
    starts_at: float
    ends_at: float
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """Everything `step` remembers. `incidents` holds the open ones and a bounded tail of resolved ones."""

    services: Mapping[str, ServiceState] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()
    silences: tuple[Silence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    sequence: int = 0


# What is ordered, and what happened -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AcknowledgeAlert:
    """Somebody is on it."""

    alert_id: str
    by: str


@dataclass(frozen=True, slots=True)
class ResolveAlert:
    """Resolved by hand; the next failing look opens a new incident that says what it reopens."""

    alert_id: str
    by: str


@dataclass(frozen=True, slots=True)
class AddSilence:
    """Begin a silence; its id is given by `step`."""

    matchers: Mapping[str, str]
    starts_at: float
    ends_at: float
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EndSilence:
    """End a silence before its time."""

    silence_id: str


@dataclass(frozen=True, slots=True)
class AddMaintenance:
    """Declare a service as being worked on; the id is given by `step`."""

    service: str
    starts_at: float
    ends_at: float
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EndMaintenance:
    """The work is done before its time."""

    maintenance_id: str


Order: TypeAlias = AcknowledgeAlert | ResolveAlert | AddSilence | EndSilence | AddMaintenance | EndMaintenance


@dataclass(frozen=True, slots=True)
class Notice:
    """One message about an incident, as things stood at `at`; which channels get it is decided outside the core."""

    kind: NoticeKind
    incident: Incident
    statuses: Mapping[str, Status]
    at: float


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A service is now something else."""

    service: str
    before: Status
    after: Status
    at: float


@dataclass(frozen=True, slots=True)
class AlertOpened:
    """A new alert, as member of `incident_id`."""

    alert: Alert
    incident_id: str


@dataclass(frozen=True, slots=True)
class AlertResolved:
    """An alert's end."""

    alert: Alert
    incident_id: str


@dataclass(frozen=True, slots=True)
class NoticeDue:
    """People are to be told; committed to the outbox in the same transaction as the state."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class LookWanted:
    """A look is wanted no earlier than `at`; it begins after that moment or does not count as this look."""

    service: str
    check: str
    at: float


Event: TypeAlias = StatusChanged | AlertOpened | AlertResolved | NoticeDue | LookWanted
Input: TypeAlias = Observation | Order | None

"""What we believe: checks, services, alerts, incidents, and everything `step` remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.core.model.changes import Change
from monitor.core.model.facts import Environment, Fact, Pools, RuleChange, Worker
from monitor.core.model.links import Link
from monitor.core.model.looks import Observation
from monitor.core.words import Confidence, Message, NoticeKind, Severity, Status


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing wrong in one look. `metric` is empty for the look itself (its failure or finding); `phase` is where the
    look failed, empty for anything else. `harmless`, `of_dependency`: see Finding. `severity`: as its threshold says,
    else what follows from the status. `lasted`: it had to last before it counted, which is confirmation enough."""

    metric: str
    status: Status
    reason: str
    message: Message
    value: float | None = None
    threshold: float | None = None
    grace_seconds: float = 0.0
    phase: str = ""
    harmless: bool = False
    severity: Severity | None = None
    lasted: bool = False
    of_dependency: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """One metric of one check over time. `recent` holds the last statuses, newest last, as long as they matter;
    `looked_at` is when the newest of these looks began. `failing_since` and `episodes` are the beginnings of the
    present and of the last failing runs, grace or not. `dismissed_*`: its alert was resolved by hand, in that incident;
    it opens none until a later look fails again. `past`: the bounds that the number is past, each since when."""

    status: Status = Status.UNKNOWN
    since: float = 0.0
    recent: tuple[Status, ...] = ()
    trouble: Trouble | None = None
    failing_since: float | None = None
    episodes: tuple[float, ...] = ()
    looked_at: float = 0.0
    dismissed_at: float | None = None
    dismissed_from: str | None = None
    past: Mapping[Severity, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckState:
    """What we know through one check. `settled` is keyed by metric; `""` is the look itself. `workers` are those of the
    newest look that showed any (it began at `workers_at`; or one did later that told of their planned end), `restarts`
    their unplanned ones of the last ten minutes;
    `memory_kills` are the processes that the kernel ended for want of memory in that time, whosesoever they were, and
    `killed_so_far` how many that were since it started;
    `rules` are the firewall rules it last read, of `rules_of`, and `rule_changes` the last changes of them.
    `environments` say what each worker's `.env` said when it began, `pools` what its connection pools may ask for.
    `landmarks` are the facts by which changes are told, of the newest look that had any (it began at `landmarks_at`).
    """

    settled: Mapping[str, Settled] = field(default_factory=dict)
    last: Observation | None = None
    seen_at: float | None = None
    blind_since: float | None = None
    blind_reason: str | None = None
    workers: tuple[Worker, ...] = ()
    workers_at: float | None = None
    restarts: tuple[tuple[float, int], ...] = ()
    memory_kills: tuple[tuple[float, int], ...] = ()
    killed_so_far: int | None = None
    rules: tuple[str, ...] = ()
    rules_of: str = ""
    rule_changes: tuple[RuleChange, ...] = ()
    environments: tuple[Environment, ...] = ()
    pools: tuple[Pools, ...] = ()
    landmarks: tuple[Fact, ...] = ()
    landmarks_at: float | None = None


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
    """The cause of an incident, in words that can be checked. `commands` belong to the remedy, to be copied. `rests_on`
    is the course (see `core.causes.scene.Sign`) of the sign that led to it, empty for `unknown`."""

    cause: str
    summary: Message
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    remedy: Message | None = None
    commands: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()


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
    note: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One notice that went to the outbox, what it said, and to which channels (by their labels)."""

    kind: NoticeKind
    at: float
    root: str = ""
    severity: Severity = Severity.WARNING
    cause: str = ""
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause, the alerts and services it explains, from opening to resolution.

    Until `told` holds an `opened` (or `flapping`), people do not know of it: it is on hold (`hold_until`; what could
    explain it is looked at with looks that begin at or after `looks_since`) or muted. From `settling_since` until
    `settling_until` the root has recovered and its impacted services are being looked at before they are let go.
    `severity` is the worst it has been; `flapping`: people were told that it is; `quiet`: all that is open in it are
    alerts that never page. `began_at` is when the first look began that found the root so broken; `changes` are those
    of anything connected with it, from a little before that on.
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
    quiet: bool = False
    resolved_at: float | None = None
    resolved_by: str | None = None
    began_at: float | None = None
    changes: tuple[Change, ...] = ()


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
    """A service declared as being worked on; `recurring` is the id of the rule that it came from."""

    id: str
    service: str
    starts_at: float
    ends_at: float
    by: str
    reason: str = ""
    recurring: str | None = None


@dataclass(frozen=True, slots=True)
class Recurring:
    """Maintenance that comes back: windows of `seconds` that begin when `cron` says so in `time_zone`. When that is, is
    worked out outside of the core; the newest window that was made of it began at `last_start`."""

    id: str
    service: str
    cron: str
    time_zone: str
    seconds: float
    by: str
    reason: str = ""
    last_start: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Everything `step` remembers. `incidents` holds the open ones and a bounded tail of resolved ones, `changes` the
    last ones of each kind and service, in the order in which they were seen; `links` is who was seen to use
    what."""

    services: Mapping[str, ServiceState] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()
    silences: tuple[Silence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    sequence: int = 0
    recurring: tuple[Recurring, ...] = ()
    changes: tuple[Change, ...] = ()
    links: tuple[Link, ...] = ()

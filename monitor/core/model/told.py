"""What is ordered, and what happened: the way in and the way out of `step`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from monitor.core.model.believed import Alert, Incident
from monitor.core.model.facts import RuleChange
from monitor.core.model.looks import Observation
from monitor.core.words import NoticeKind, Status


@dataclass(frozen=True, slots=True)
class AcknowledgeAlert:
    """Somebody is on it."""

    alert_id: str
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ResolveAlert:
    """Resolved by hand; the next failing look opens a new incident that says what it reopens."""

    alert_id: str
    by: str
    note: str = ""


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
class AddRecurring:
    """Have maintenance come back; the id is given by `step`."""

    service: str
    cron: str
    time_zone: str
    seconds: float
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AddWindow:
    """The next window of a recurring maintenance, as worked out from its rule."""

    recurring_id: str
    starts_at: float


@dataclass(frozen=True, slots=True)
class EndMaintenance:
    """The work is done before its time. Of a recurring one, the rule ends with every window that came of it."""

    maintenance_id: str


@dataclass(frozen=True, slots=True)
class LookNow:
    """Have every check of the service look at once."""

    service: str


Order: TypeAlias = (
    AcknowledgeAlert
    | ResolveAlert
    | AddSilence
    | EndSilence
    | AddMaintenance
    | AddRecurring
    | AddWindow
    | EndMaintenance
    | LookNow
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One message about an incident, as things stood at `at`."""

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
    """People are to be told, over these channels (by their labels); committed to the outbox in the same transaction as
    the state."""

    notice: Notice
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LookWanted:
    """A look is wanted no earlier than `at`; it begins after that moment or does not count as this look."""

    service: str
    check: str
    at: float


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """Somebody changed the firewall rules that this check reads."""

    service: str
    check: str
    change: RuleChange


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The monitor has taken its configuration anew."""


Event: TypeAlias = StatusChanged | AlertOpened | AlertResolved | NoticeDue | LookWanted | RulesChanged


Input: TypeAlias = Observation | Order | Reloaded | None

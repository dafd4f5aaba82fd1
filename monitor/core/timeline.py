"""What happened in an incident, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.core.model import Alert, Incident, Message, Status
from monitor.core.uptime import Stay


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened: `opened`, `status`, `alert`, `acknowledged`, `alert_resolved`, `told`, `resolved`,
    `change`. `what` says which of its kind: the status, the severity, the kind of notice or change; `message` is what
    was changed."""

    at: float
    kind: str
    service: str | None = None
    what: str | None = None
    by: str | None = None
    note: str | None = None
    message: Message | None = None


_ORDER = ("change", "opened", "status", "alert", "acknowledged", "told", "alert_resolved", "resolved")


def timeline(incident: Incident, stays: Iterable[Stay]) -> tuple[Moment, ...]:
    """From the incident itself, and from the statuses that its services took on while it lasted, oldest first."""
    moments = [*_of_incident(incident), *_of_stays(incident, stays)]
    for alert in incident.alerts:
        moments += _of_alert(alert)
    return tuple(sorted(moments, key=lambda each: (each.at, _ORDER.index(each.kind), each.service or "")))


def _of_incident(incident: Incident) -> Iterator[Moment]:
    for change in incident.changes:
        yield Moment(change.at, "change", change.service or None, change.kind.value, message=change.message)
    yield Moment(incident.opened_at, "opened", incident.root, incident.severity.value)
    for told in incident.told:
        yield Moment(told.at, "told", told.root or incident.root, told.kind.value)
    if incident.resolved_at is not None:
        yield Moment(incident.resolved_at, "resolved", incident.root, None, incident.resolved_by)


def _of_alert(alert: Alert) -> Iterator[Moment]:
    yield Moment(alert.opened_at, "alert", alert.service, alert.severity.value)
    note = alert.note or None
    if alert.acknowledged_at is not None:
        yield Moment(alert.acknowledged_at, "acknowledged", alert.service, None, alert.acknowledged_by, note)
    if alert.resolved_at is not None:
        yield Moment(alert.resolved_at, "alert_resolved", alert.service, None, alert.resolved_by, note)


def _of_stays(incident: Incident, stays: Iterable[Stay]) -> Iterator[Moment]:
    services = {incident.root, *incident.impacted, *(alert.service for alert in incident.alerts)}
    known: dict[str, Status] = {}
    for stay in stays:
        changed = known.get(stay.service) is not stay.status  # a restart of the monitor begins a stay, but no news
        known[stay.service] = stay.status
        within = stay.ended > incident.opened_at and (
            incident.resolved_at is None or stay.began <= incident.resolved_at
        )
        before_trouble = stay.began < incident.opened_at and stay.status in (Status.HEALTHY, Status.UNKNOWN)
        if changed and stay.service in services and within and not before_trouble:
            yield Moment(stay.began, "status", stay.service, stay.status.value)

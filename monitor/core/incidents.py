"""The life of incidents: alerts follow what we believe, join or open an incident, find their root, and end."""

from __future__ import annotations

from dataclasses import replace

from monitor.core import changes, hold, notices
from monitor.core.audience import is_told
from monitor.core.model import (
    QUIET,
    Alert,
    AlertOpened,
    AlertResolved,
    Incident,
    Message,
    NoticeKind,
    Settled,
    Severity,
    Status,
)
from monitor.core.roots import home_of, incident_at, is_excused, root_of
from monitor.core.topology import dependants, dependencies
from monitor.core.turn import Turn

RESOLVED_ALERTS_KEPT = 30


def follow_alerts(turn: Turn) -> None:
    """An open alert says what we believe now, and is resolved when its metric fails no longer."""
    for incident in turn.open_incidents():
        alerts = tuple(_followed(turn, incident, alert) for alert in incident.alerts)
        if alerts != incident.alerts:
            turn.put(replace(incident, alerts=_bounded(alerts)))


def _followed(turn: Turn, incident: Incident, alert: Alert) -> Alert:
    if alert.resolved_at is not None:
        return alert
    settled = turn.check(alert.service, alert.check).settled.get(alert.metric or "")
    if settled and settled.status.failing:
        return _as_believed(alert, settled)
    ended = replace(alert, resolved_at=turn.now)
    turn.events.append(AlertResolved(ended, incident.id))
    return ended


def _as_believed(alert: Alert, settled: Settled) -> Alert:
    trouble = settled.trouble
    assert trouble is not None  # noqa: S101 — settle keeps the trouble of everything that is failing
    loud = Severity.WARNING if settled.status is Status.WARNING else Severity.CRITICAL
    return replace(
        alert,
        severity=trouble.severity if trouble.severity in QUIET else loud,
        status=settled.status,
        message=trouble.message,
        value=trouble.value,
        threshold=trouble.threshold,
    )


def _bounded(alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    resolved = [alert.id for alert in alerts if alert.resolved_at is not None]
    surplus = set(resolved[:-RESOLVED_ALERTS_KEPT])
    return tuple(alert for alert in alerts if alert.id not in surplus)


def find_roots(turn: Turn) -> None:
    """An incident whose root is explained by a failing dependency belongs to that dependency. All that belong to the
    same become one; it keeps the id that people know."""
    groups: dict[str, list[Incident]] = {}
    for incident in turn.open_incidents():
        if turn.status(incident.root).failing:
            groups.setdefault(root_of(turn, incident.root), []).append(incident)
    for root, group in groups.items():
        survivor = min(group, key=lambda each: (not is_told(each), each.root != root, each.opened_at))
        if survivor.root != root:
            survivor = turn.put(_rooted(turn, survivor, root))
        for other in group:
            if other.id != survivor.id:
                survivor = _merge(turn, other, into=survivor)


def _rooted(turn: Turn, incident: Incident, root: str) -> Incident:
    return replace(
        incident,
        root=root,
        impacted=dependants(turn.plan, root),
        diagnosis=None,
        settling_since=None,
        settling_until=None,
        flapping=False,
    )


def _merge(turn: Turn, incident: Incident, *, into: Incident) -> Incident:
    """What nobody was told of vanishes; what was told says where it went, is silent from then on, and ends with it."""
    more = tuple(each for each in incident.changes if each not in into.changes)
    survivor = turn.put(
        replace(into, alerts=(*into.alerts, *incident.alerts), changes=changes.bounded((*into.changes, *more)))
    )
    for each in turn.state.incidents:
        if each.adopted_by == incident.id:
            turn.put(replace(each, adopted_by=survivor.id))
    if not is_told(incident):
        turn.remove(incident)
        return survivor
    adopted = replace(incident, adopted_by=survivor.id)
    if not notices.is_muted(turn, adopted):
        adopted = notices.tell(turn, adopted, NoticeKind.UPDATED)
    turn.put(replace(adopted, alerts=()))
    return survivor


def raise_alerts(turn: Turn) -> None:
    """Every metric that fails has an open alert, unless a human being has resolved it and no look has failed since."""
    for service in turn.plan.services:
        if turn.status(service).failing:
            for check, metric, settled in tuple(turn.failing(service)):
                if not is_excused(settled) and not _has_alert(turn, service, check, metric):
                    _raise(turn, service, check, metric, settled)


def _has_alert(turn: Turn, service: str, check: str, metric: str) -> bool:
    key = (service, check, metric or None)
    return any(
        alert.resolved_at is None and (alert.service, alert.check, alert.metric) == key
        for incident in turn.open_incidents()
        for alert in incident.alerts
    )


def _raise(turn: Turn, service: str, check: str, metric: str, settled: Settled) -> None:
    root = root_of(turn, service)
    incident = home_of(turn, service) or incident_at(turn, root) or home_of(turn, root)
    incident = incident or _echoed(turn, service, settled)
    if incident is None:
        since, reopens = _began_to_fail(settled), settled.dismissed_from
        incident = open_incident(turn, root, looks_since=since, reopens=reopens)
    unsaid = Alert(
        id=turn.new_id("alert"),
        service=service,
        check=check,
        metric=metric or None,
        severity=Severity.WARNING,
        status=settled.status,
        message=Message(""),
        value=None,
        threshold=None,
        opened_at=turn.now,
    )
    alert = _as_believed(unsaid, settled)
    turn.put(replace(incident, alerts=(*incident.alerts, alert)))
    turn.events.append(AlertOpened(alert, incident.id))
    turn.put_metric(service, check, metric, replace(settled, dismissed_at=None, dismissed_from=None))


def _began_to_fail(settled: Settled) -> float:
    return settled.looked_at if settled.failing_since is None else settled.failing_since


def _echoed(turn: Turn, service: str, settled: Settled) -> Incident | None:
    """The incident of a dependency that has just recovered, if this trouble began before that. What somebody resolved
    by hand and fails again is no echo."""
    began = _began_to_fail(settled)
    above = () if settled.dismissed_at else dependencies(turn.plan, service)
    for incident in turn.open_incidents():
        if incident.root in above and incident.settling_since is not None and began < incident.settling_since:
            for name, _ in turn.checks(service):
                turn.want(service, name, turn.now)
            return incident
    return None


def open_incident(
    turn: Turn, root: str, *, looks_since: float, reopens: str | None = None, hold_until: float | None = None
) -> Incident:
    """Open an incident, on hold; whatever could explain it is looked at now."""
    incident = Incident(
        id=turn.new_id("incident"),
        root=root,
        severity=Severity.WARNING,
        opened_at=turn.now,
        impacted=dependants(turn.plan, root),
        hold_until=turn.now + turn.plan.hold if hold_until is None else hold_until,
        looks_since=looks_since,
        reopens=reopens,
    )
    hold.want_looks(turn, incident)
    return turn.put(incident)


def grade(turn: Turn) -> None:
    """As loud as the loudest of its alerts; once people were told, never less loud than it was."""
    for incident in turn.open_incidents():
        alerts = [alert for alert in incident.alerts if alert.resolved_at is None]
        if not alerts or (is_told(incident) and hold.may_be_planned(turn, incident)):
            continue
        loudest = max((alert.severity for alert in alerts), key=lambda severity: severity.rank)
        louder = loudest.rank > incident.severity.rank
        if louder or (loudest is not incident.severity and not is_told(incident)):
            incident = turn.put(replace(incident, severity=loudest))  # noqa: PLW2901 — its next value
        loud = [alert for alert in alerts if alert.severity not in QUIET]
        if incident.quiet is bool(loud):
            turn.put(_grown_loud(turn, incident, loud) if loud else replace(incident, quiet=True))


def _grown_loud(turn: Turn, incident: Incident, loud: list[Alert]) -> Incident:
    """What paged nobody so far is going to, so that what could explain it is looked at first."""
    since = min(_began_to_fail(turn.check(alert.service, alert.check).settled[alert.metric or ""]) for alert in loud)
    held = replace(incident, quiet=False, looks_since=since, hold_until=turn.now + turn.plan.hold)
    hold.want_looks(turn, held)
    return held


def end_finished(turn: Turn) -> None:
    """An incident without an open alert is over, unless its root is flapping: then it has not settled yet."""
    for incident in turn.open_incidents():
        over = all(alert.resolved_at is not None for alert in incident.alerts)
        if over and not turn.service(incident.root).flapping:
            resolve(turn, incident, by=None)


def resolve(turn: Turn, incident: Incident, *, by: str | None) -> None:
    """End an incident and those it has adopted. Who was told that it opened is told that it is over: no mute and no
    doubt holds this back."""
    ended = turn.put(replace(incident, resolved_at=turn.now, resolved_by=by, settling_since=None, settling_until=None))
    if is_told(ended):
        notices.tell(turn, ended, NoticeKind.RESOLVED)
    for each in turn.state.incidents:
        if each.adopted_by == incident.id and each.resolved_at is None:
            resolve(turn, each, by=by)

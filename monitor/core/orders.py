"""What people order: to acknowledge, to resolve, to silence, to declare maintenance."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from monitor.core.incidents import resolve
from monitor.core.model import (
    AcknowledgeAlert,
    AddMaintenance,
    AddSilence,
    Alert,
    AlertResolved,
    EndMaintenance,
    EndSilence,
    Incident,
    Maintenance,
    Order,
    ResolveAlert,
    Silence,
)
from monitor.core.turn import Turn


class UnknownId(Exception):  # noqa: N818 — it is the answer to an order, not an error of ours
    """The order names an alert, silence, maintenance or service that does not exist; `kind` says which."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no {kind} {name!r}")
        self.kind = kind
        self.name = name


def obey(turn: Turn, order: Order) -> None:
    """Carry out an order. Raises UnknownId, with nothing changed, when what it names does not exist."""
    match order:
        case AcknowledgeAlert(alert_id, by):
            _acknowledge(turn, alert_id, by)
        case ResolveAlert(alert_id, by):
            _resolve(turn, alert_id, by)
        case AddSilence(matchers, starts_at, ends_at, by, reason):
            silence = Silence(turn.new_id("silence"), matchers, starts_at, ends_at, by, reason)
            turn.state = replace(turn.state, silences=(*turn.state.silences, silence))
        case AddMaintenance(service, starts_at, ends_at, by, reason):
            if service not in turn.plan.services:
                raise UnknownId("service", service)
            declared = Maintenance(turn.new_id("maintenance"), service, starts_at, ends_at, by, reason)
            turn.state = replace(turn.state, maintenance=(*turn.state.maintenance, declared))
        case EndSilence(silence_id):
            silences = tuple(each for each in turn.state.silences if each.id != silence_id)
            if len(silences) == len(turn.state.silences):
                raise UnknownId("silence", silence_id)
            turn.state = replace(turn.state, silences=silences)
        case EndMaintenance(maintenance_id):
            maintenance = tuple(each for each in turn.state.maintenance if each.id != maintenance_id)
            if len(maintenance) == len(turn.state.maintenance):
                raise UnknownId("maintenance", maintenance_id)
            turn.state = replace(turn.state, maintenance=maintenance)
        case _:
            assert_never(order)


def forget_ended(turn: Turn) -> None:
    """A silence or maintenance whose time is over is gone."""
    silences = tuple(each for each in turn.state.silences if each.ends_at > turn.now)
    maintenance = tuple(each for each in turn.state.maintenance if each.ends_at > turn.now)
    if silences != turn.state.silences or maintenance != turn.state.maintenance:
        turn.state = replace(turn.state, silences=silences, maintenance=maintenance)


def _find(turn: Turn, alert_id: str) -> tuple[Incident, Alert]:
    for incident in turn.state.incidents:
        for alert in incident.alerts:
            if alert.id == alert_id:
                return incident, alert
    raise UnknownId("alert", alert_id)


def _acknowledge(turn: Turn, alert_id: str, by: str) -> None:
    """Somebody is on it. Of an alert that is over, nothing changes."""
    incident, alert = _find(turn, alert_id)
    if alert.resolved_at is None:
        _put(turn, incident, replace(alert, acknowledged_at=turn.now, acknowledged_by=by))


def _resolve(turn: Turn, alert_id: str, by: str) -> None:
    """The alert is over because somebody says so, and with its last alert the incident."""
    incident, alert = _find(turn, alert_id)
    if alert.resolved_at is not None:
        return
    ended = replace(alert, resolved_at=turn.now, resolved_by=by)
    incident = _put(turn, incident, ended)
    turn.events.append(AlertResolved(ended, incident.id))
    metric = alert.metric or ""
    settled = turn.check(alert.service, alert.check).settled.get(metric)
    if settled is not None:  # else the check has just left the plan
        dismissed = replace(settled, dismissed_at=turn.now, dismissed_from=incident.id)
        turn.put_metric(alert.service, alert.check, metric, dismissed)
    if all(each.resolved_at is not None for each in incident.alerts):
        resolve(turn, incident, by=by)


def _put(turn: Turn, incident: Incident, alert: Alert) -> Incident:
    alerts = tuple(alert if each.id == alert.id else each for each in incident.alerts)
    return turn.put(replace(incident, alerts=alerts))

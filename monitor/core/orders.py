"""What people order: to acknowledge, to resolve, to silence, to declare maintenance."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from monitor.core.incidents import resolve
from monitor.core.model import (
    AcknowledgeAlert,
    AddMaintenance,
    AddRecurring,
    AddSilence,
    AddWindow,
    Alert,
    AlertResolved,
    EndMaintenance,
    EndSilence,
    Incident,
    LookNow,
    Maintenance,
    Order,
    Recurring,
    ResolveAlert,
    ServicePlan,
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
        case AcknowledgeAlert(alert_id, by, note):
            _acknowledge(turn, alert_id, by=by, note=note)
        case ResolveAlert(alert_id, by, note):
            _resolve(turn, alert_id, by=by, note=note)
        case AddSilence(matchers, starts_at, ends_at, by, reason):
            silence = Silence(turn.new_id("silence"), matchers, starts_at, ends_at, by, reason)
            turn.state = replace(turn.state, silences=(*turn.state.silences, silence))
        case EndSilence(silence_id):
            silences = tuple(each for each in turn.state.silences if each.id != silence_id)
            if len(silences) == len(turn.state.silences):
                raise UnknownId("silence", silence_id)
            turn.state = replace(turn.state, silences=silences)
        case LookNow(service):
            for check in _planned(turn, service).checks:
                turn.want(service, check.name, turn.now)
        case AddMaintenance() | AddRecurring() | AddWindow() | EndMaintenance():
            _obey_maintenance(turn, order)
        case _:
            assert_never(order)


def _obey_maintenance(turn: Turn, order: AddMaintenance | AddRecurring | AddWindow | EndMaintenance) -> None:
    match order:
        case AddMaintenance(service, starts_at, ends_at, by, reason):
            _planned(turn, service)
            _declare(turn, Maintenance(turn.new_id("maintenance"), service, starts_at, ends_at, by, reason))
        case AddRecurring(service, cron, time_zone, seconds, by, reason):
            _planned(turn, service)
            rule = Recurring(turn.new_id("recurring"), service, cron, time_zone, seconds, by, reason)
            turn.state = replace(turn.state, recurring=(*turn.state.recurring, rule))
        case AddWindow(recurring_id, starts_at):
            _open_window(turn, recurring_id, starts_at)
        case EndMaintenance(maintenance_id):
            _end_maintenance(turn, maintenance_id)
        case _:
            assert_never(order)


def _open_window(turn: Turn, recurring_id: str, starts_at: float) -> None:
    rule = next((each for each in turn.state.recurring if each.id == recurring_id), None)
    if rule is None:
        raise UnknownId("maintenance", recurring_id)
    ends_at, name = starts_at + rule.seconds, turn.new_id("maintenance")
    _declare(turn, Maintenance(name, rule.service, starts_at, ends_at, rule.by, rule.reason, rule.id))
    begun = replace(rule, last_start=starts_at)
    rules = tuple(begun if each.id == rule.id else each for each in turn.state.recurring)
    turn.state = replace(turn.state, recurring=rules)


def _end_maintenance(turn: Turn, name: str) -> None:
    """Ends one window, or a rule with its windows."""
    maintenance = tuple(each for each in turn.state.maintenance if name not in (each.id, each.recurring))
    recurring = tuple(each for each in turn.state.recurring if each.id != name)
    if (maintenance, recurring) == (turn.state.maintenance, turn.state.recurring):
        raise UnknownId("maintenance", name)
    turn.state = replace(turn.state, maintenance=maintenance, recurring=recurring)


def _declare(turn: Turn, declared: Maintenance) -> None:
    turn.state = replace(turn.state, maintenance=(*turn.state.maintenance, declared))


def _planned(turn: Turn, service: str) -> ServicePlan:
    if service not in turn.plan.services:
        raise UnknownId("service", service)
    return turn.plan.services[service]


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


def _acknowledge(turn: Turn, alert_id: str, *, by: str, note: str) -> None:
    """Somebody is on it. Of an alert that is over, nothing changes."""
    incident, alert = _find(turn, alert_id)
    if alert.resolved_at is None:
        _put(turn, incident, replace(alert, acknowledged_at=turn.now, acknowledged_by=by, note=note or alert.note))


def _resolve(turn: Turn, alert_id: str, *, by: str, note: str) -> None:
    """The alert is over because somebody says so, and with its last alert the incident."""
    incident, alert = _find(turn, alert_id)
    if alert.resolved_at is not None:
        return
    ended = replace(alert, resolved_at=turn.now, resolved_by=by, note=note or alert.note)
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

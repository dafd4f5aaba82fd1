"""When a root has recovered: which of its members recover with it, and which have a trouble of their own."""

from __future__ import annotations

from dataclasses import replace

from monitor.core.hold import is_improving
from monitor.core.incidents import open_incident
from monitor.core.model import Incident
from monitor.core.roots import explained, home_of, members, root_of
from monitor.core.services import forgive_restarts
from monitor.core.turn import Turn


def let_go(turn: Turn) -> None:
    """Members that their root explains no longer are looked at; those that still fail go their own way. While a root is
    flapping nobody goes: that would be a page for each of its turns."""
    for each in turn.open_incidents():
        incident = turn.incident(each.id)  # as it is by now: one before it may have moved a member here
        if turn.service(incident.root).flapping:
            continue
        lost = _lost(turn, incident)
        rest = _part(turn, _settling(turn, incident, lost), lost) if lost else incident
        if rest.settling_since is not None and not _lost(turn, rest):
            turn.put(replace(rest, settling_since=None, settling_until=None))


def _lost(turn: Turn, incident: Incident) -> list[str]:
    """Members without explanation; those that nothing else explains either come first."""
    lost = [
        name
        for name in members(incident)
        if name != incident.root and not explained(turn, root=incident.root, service=name)
    ]
    return sorted(lost, key=lambda name: root_of(turn, name) != name)


def _settling(turn: Turn, incident: Incident, lost: list[str]) -> Incident:
    if incident.settling_since is not None:
        return incident
    for name in lost:
        forgive_restarts(turn, name)
        for check, _ in turn.checks(name):
            turn.want(name, check, turn.now)
    return turn.put(replace(incident, settling_since=turn.now, settling_until=turn.now + turn.plan.hold))


def _part(turn: Turn, incident: Incident, lost: list[str]) -> Incident:
    for name in lost:
        root = root_of(turn, name)
        if root != name:
            home = home_of(turn, root) or incident
        elif _time_is_up(turn, incident, name):
            home = _on_its_own(turn, name)
        else:
            home = incident
        if home.id != incident.id:
            incident = _move(turn, name, incident, home)
    return incident


def _time_is_up(turn: Turn, incident: Incident, name: str) -> bool:
    """People know it as impacted, and what comes back within the settling pages nobody; so it has that time, and is
    looked at once more just before the end. What is getting better at the end is decided by its next look."""
    end = turn.now if incident.settling_until is None else incident.settling_until
    last_look = end - turn.plan.recover_gap
    if turn.observed == name and turn.now < last_look:
        for check, _, settled in turn.failing(name):
            if settled.recent[-1].failing:
                turn.want(name, check, last_look)
    return turn.now >= end and not is_improving(turn, name)


def _on_its_own(turn: Turn, root: str) -> Incident:
    """An incident of its own. The settling was its hold."""
    return open_incident(turn, root, looks_since=turn.now, hold_until=turn.now)


def _move(turn: Turn, service: str, source: Incident, target: Incident) -> Incident:
    moved = tuple(alert for alert in source.alerts if alert.service == service and alert.resolved_at is None)
    turn.put(replace(target, alerts=(*target.alerts, *moved)))
    return turn.put(replace(source, alerts=tuple(alert for alert in source.alerts if alert not in moved)))

"""When a root has recovered: which of its members recover with it, and which have a trouble of their own."""

from __future__ import annotations

from dataclasses import replace

from monitor.core.incidents import open_incident
from monitor.core.model import Incident, Settled
from monitor.core.roots import explained, home_of, incident_at, members, root_of
from monitor.core.services import forgive_restarts
from monitor.core.turn import Turn


def let_go(turn: Turn) -> None:
    """Members that their root explains no longer are looked at; those that still fail go their own way. While a root is
    flapping nobody goes: that would be a page for each of its turns."""
    for incident in turn.open_incidents():
        if turn.service(incident.root).flapping:
            continue
        lost = _lost(turn, incident)
        if lost:
            _part(turn, _settling(turn, incident, lost), lost)
        elif incident.settling_since is not None:
            turn.put(replace(incident, settling_since=None, settling_until=None))


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


def _part(turn: Turn, incident: Incident, lost: list[str]) -> None:
    for name in lost:
        root = root_of(turn, name)
        if root == name:
            goes = any(_is_its_own(turn, incident, name, each) for each in turn.failing(name))
            home = _on_its_own(turn, incident, name) if goes else incident
        else:
            home = incident_at(turn, root) or home_of(turn, root) or _on_its_own(turn, incident, root)
        if home.id != incident.id:
            incident = _move(turn, name, incident, home)


def _is_its_own(turn: Turn, incident: Incident, service: str, failing: tuple[str, str, Settled]) -> bool:
    """A look that began after the recovery still failed; or the time is up and nothing shows it getting better."""
    check, _, settled = failing
    still = settled.recent[-1].failing
    if still and incident.settling_since is not None and settled.looked_at >= incident.settling_since:
        return True
    late = incident.settling_until is not None and turn.now >= incident.settling_until
    return late and (still or turn.check(service, check).blind_since is not None)


def _on_its_own(turn: Turn, incident: Incident, root: str) -> Incident:
    """An incident of its own. People know the service as impacted, so they are told only when the settling is over:
    what comes back by then pages nobody."""
    until = turn.now + turn.plan.hold if incident.settling_until is None else incident.settling_until
    return open_incident(turn, root, looks_since=until, hold_until=until)


def _move(turn: Turn, service: str, source: Incident, target: Incident) -> Incident:
    moved = tuple(alert for alert in source.alerts if alert.service == service and alert.resolved_at is None)
    turn.put(replace(target, alerts=(*target.alerts, *moved)))
    return turn.put(replace(source, alerts=tuple(alert for alert in source.alerts if alert not in moved)))

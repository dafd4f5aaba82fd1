"""Which failing service explains which, so that one fault is one incident."""

from __future__ import annotations

from monitor.core.model import Incident, Settled, Status
from monitor.core.topology import dependencies
from monitor.core.turn import Turn


def explains(above: Status, below: Status) -> bool:
    """Whether trouble in a dependency explains trouble in its dependant: it must be as bad, or at least critical.
    A mere certificate warning on the database does not hide an application that is down."""
    return above.failing and above.rank >= min(below.rank, Status.CRITICAL.rank)


def explained(turn: Turn, *, root: str, service: str) -> bool:
    """Whether `root`, as things stand, explains the trouble of `service`. What was resolved by hand explains nothing
    until it has failed again."""
    if root not in dependencies(turn.plan, service) or not explains(_harm(turn, root), turn.status(service)):
        return False
    return not all(is_excused(settled) for _, _, settled in turn.failing(root))


def _harm(turn: Turn, service: str) -> Status:
    """How bad the service is for those who depend on it. A database that is open to the world serves them well."""
    hurting = (each.status for _, _, each in turn.failing(service) if each.trouble and not each.trouble.harmless)
    return max(hurting, key=lambda status: status.rank, default=Status.HEALTHY)


def is_excused(settled: Settled) -> bool:
    """Whether its alert was resolved by hand, and no look that began later has failed."""
    if settled.dismissed_at is None:
        return False
    return settled.looked_at <= settled.dismissed_at or not settled.recent[-1].failing


def root_of(turn: Turn, service: str) -> str:
    """The failing service at the top of what explains `service`; itself when nothing does.

    Explaining is transitive, so the top explains the service too. Of several tops: the worst, then the oldest trouble.
    """
    above = [name for name in dependencies(turn.plan, service) if explained(turn, root=name, service=service)]
    tops = [name for name in above if not any(explained(turn, root=other, service=name) for other in above)]
    return min(tops, key=lambda name: (-turn.status(name).rank, turn.service(name).since, name), default=service)


def incident_at(turn: Turn, root: str) -> Incident | None:
    """The open incident that has this root."""
    return next((each for each in turn.open_incidents() if each.root == root), None)


def home_of(turn: Turn, service: str) -> Incident | None:
    """The open incident that holds this service's open alerts."""
    return next((each for each in turn.open_incidents() if service in members(each)), None)


def members(incident: Incident) -> tuple[str, ...]:
    """The services whose open alerts the incident holds, each once."""
    return tuple(dict.fromkeys(alert.service for alert in incident.alerts if alert.resolved_at is None))

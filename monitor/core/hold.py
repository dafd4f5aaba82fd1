"""How long an incident is kept back so that its cause can show: until all that could explain it was looked at."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.model import CheckState, Incident
from monitor.core.settle import unconfirmed
from monitor.core.topology import dependencies
from monitor.core.turn import Turn


def want_looks(turn: Turn, incident: Incident) -> None:
    """Ask for every look that could explain the trouble, of the root itself as well."""
    own_since = max(incident.looks_since, turn.recovered_at(incident.root))
    own = [(incident.root, name, known, own_since) for name, known in turn.checks(incident.root)]
    for service, name, known, since in (*_awaited(turn, incident), *own):
        if known.last is None or known.last.began < since:
            turn.want(service, name, turn.now)


def is_over(turn: Turn, incident: Incident) -> bool:
    """Whether people may be told: the time is up, or all has been looked at that could explain it. What is getting
    better at this moment is decided by its next look, so that nobody is woken for it."""
    if turn.now >= incident.hold_until:
        return not is_improving(turn, incident.root)
    return _speaks_for_itself(turn, incident.root) and all(
        _looked_at(known, since) for _, _, known, since in _awaited(turn, incident)
    )


def is_improving(turn: Turn, service: str) -> bool:
    """Whether everything that fails here looked well in its newest look. Losing sight of it is no improvement."""
    return not any(
        settled.recent[-1].failing or turn.check(service, check).blind_since is not None
        for check, _, settled in turn.failing(service)
    )


def _awaited(turn: Turn, incident: Incident) -> Iterator[tuple[str, str, CheckState, float]]:
    """Every check of every dependency; and of the root those that see workers: they tell whether it was planned."""
    for service in dependencies(turn.plan, incident.root):
        for name, known in turn.checks(service):
            yield service, name, known, incident.looks_since
    for name, known in turn.checks(incident.root):
        if known.workers:
            yield incident.root, name, known, incident.looks_since


def _looked_at(known: CheckState, since: float) -> bool:
    """A look that began since then has ended and settled something; who cannot see is not waited for."""
    if known.blind_since is not None:
        return True
    return known.last is not None and known.last.began >= since and not unconfirmed(known)


def _speaks_for_itself(turn: Turn, root: str) -> bool:
    """Its newest look fails, and began after whatever it depends on had recovered: it is no echo of that."""
    recovered = turn.recovered_at(root)
    return any(settled.recent[-1].failing and settled.looked_at >= recovered for _, _, settled in turn.failing(root))

"""How long an incident is kept back so that its cause can show: until all that could explain it was looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from monitor.core.model import Blind, CheckState, Failed, Incident, Plan
from monitor.core.roots import members
from monitor.core.settle import unconfirmed, worsening
from monitor.core.topology import dependencies
from monitor.core.turn import Turn

FIREWALL: Final = "security_group"
"""The kind of check whose service explains nothing but silence. It is also the only look that takes long and costs
much."""

SILENT: Final = frozenset({"timeout", "unreachable"})
"""In the tcp phase. What refuses has been reached, and so has what falls silent later, whatever the rules say."""


def look_ahead(turn: Turn, service: str, check: str) -> None:
    """While a trouble is being confirmed, have all looked at that could explain it, so that nobody waits for that
    afterwards; of the service itself those that see workers: they tell whether it was planned."""
    known = turn.check(service, check)
    since = min(
        each.looked_at if each.status.failing or each.failing_since is None else each.failing_since
        for each in known.settled.values()
        if worsening(each)
    )
    asked = [(service, name, seen) for name, seen in turn.checks(service) if seen.workers and name != check]
    for other in dependencies(turn.plan, service):
        if not _is_firewall(turn.plan, other):
            asked += [(other, name, seen) for name, seen in turn.checks(other)]
    for other, name, seen in asked:
        if seen.last is None or seen.last.began < since:
            turn.want(other, name, turn.now)


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
        _looked_at(known, since)
        for service, _, known, since in _awaited(turn, incident)
        if not _is_beside_the_point(turn, service, incident)
    )


def may_be_planned(turn: Turn, incident: Incident) -> bool:
    """Whether something in it began to fail only after the workers of its service were looked at: somebody may be
    restarting them. Until that is known, it neither makes the incident louder nor is it news."""
    return any(_may_be_planned(turn, name) for name in members(incident))


def _may_be_planned(turn: Turn, service: str) -> bool:
    began = max((each.failing_since or each.looked_at for _, _, each in turn.failing(service)), default=0.0)
    return any(
        known.blind_since is None and known.last is not None and known.last.began < began
        for _, known in turn.checks(service)
        if known.workers
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


def _is_firewall(plan: Plan, service: str) -> bool:
    return all(each.kind == FIREWALL for each in plan.services[service].checks)


def _is_beside_the_point(turn: Turn, service: str, incident: Incident) -> bool:
    """Whether these are the rules of a firewall, and nothing behind it is silent."""
    if not _is_firewall(turn.plan, service):
        return False
    scope = (incident.root, *dependencies(turn.plan, incident.root))
    behind = (name for name in scope if service in turn.plan.services[name].depends_on)
    return all(
        known.last is not None and known.last.began >= incident.looks_since and not _is_silent(known)
        for name in behind
        for _, known in turn.checks(name)
    )


def _is_silent(known: CheckState) -> bool:
    """Whether its newest look did not even get a connection, or there was none that could see."""
    match known.last.result if known.last else None:
        case Failed(failure):
            return failure.phase == "tcp" and failure.reason in SILENT
        case Blind() | None:
            return True
        case _:
            return False

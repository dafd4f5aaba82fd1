"""From what peers and routes answered to what is wrong: the truth table.

A peer is asked directly, at the address that stands in the configuration, and its route through Nginx. Each alone
deceives: behind a healthy Nginx an application may be gone, another peer hides one that fails, and a frozen one still
takes connections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from monitor.checks.nginx_plan import PeerPlan, RoutePlan
from monitor.core.model import Finding, Message, Status
from monitor.sources.nginx_probe import Outcome

RESTART_SECONDS: Final = 10.0
"""A peer that refuses may be starting again, and whoever restarts it sees to that; what lasts longer is trouble."""

_SERVER_ERROR: Final = 500
_GATEWAY_TIMEOUT: Final = 504
_NOT_FOUND: Final = 404
_REFUSALS: Final = frozenset({400, 401, 403, 405, 407, 421, 429})


@dataclass(frozen=True, slots=True)
class PeerLook:
    """One peer and what came of asking it."""

    plan: PeerPlan
    outcome: Outcome

    @property
    def address(self) -> str:
        """As the configuration has it."""
        return str(self.plan.peer.address)


@dataclass(frozen=True, slots=True)
class RouteLook:
    """One route: its peers asked directly, and the route itself through Nginx."""

    plan: RoutePlan
    peers: tuple[PeerLook, ...]
    via: Outcome

    @property
    def served(self) -> bool:
        """Whether Nginx brought an answer that is no error of its own or of the application."""
        return self.via.answered and (self.via.status or 0) < _SERVER_ERROR


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An application that listens where no route leads."""

    app: str
    port: int


@dataclass(frozen=True, slots=True)
class Clues:
    """What else is known at this moment. `logged`: (upstream, class) of the newest lines of the error log."""

    logged: frozenset[tuple[str, str]] = frozenset()
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)


def judge(routes: Iterable[RouteLook], clues: Clues) -> tuple[Finding, ...]:
    """Each trouble once for each upstream or route, the worst first."""
    found = dict[tuple[str, str], Finding]()
    for route in routes:
        for subject, finding in _of_route(route, clues):
            found.setdefault((finding.reason, subject), finding)
    return tuple(sorted(found.values(), key=lambda finding: (-finding.status.rank, finding.grace_seconds)))


def _of_route(route: RouteLook, clues: Clues) -> Iterator[tuple[str, Finding]]:
    explained = False
    for upstream in route.plan.upstreams:
        peers = [each for each in route.peers if each.plan.upstream == upstream]
        finding = _of_upstream(upstream, peers, route, clues)
        if finding is not None:
            explained = explained or finding.status is not Status.WARNING
            yield upstream, replace(finding, of_dependency=True)
    if not explained and (finding := _of_answer(route, clues)) is not None:
        yield route.plan.name, finding


def _of_upstream(upstream: str, peers: list[PeerLook], route: RouteLook, clues: Clues) -> Finding | None:
    """None of them answers, some do not, or one answers too late for Nginx."""
    silent = [each for each in peers if each.outcome.stalled]
    gone = [each for each in peers if each.outcome.failed]
    answering = [each for each in peers if each.outcome.answered]
    values = {"upstream": upstream, "route": route.plan.name, "peers": _listed(silent + gone)}
    if not silent and not gone:
        return _too_late(answering, route, upstream)
    if answering:
        message = Message("nginx.redundancy_lost", {**values, "alive": len(answering), "all": len(peers)})
        return Finding(Status.WARNING, "redundancy_lost", message, RESTART_SECONDS)
    if len(silent) + len(gone) < len(peers) or route.served:
        return None  # one could not be asked; or Nginx has a way to them that we have not
    if silent:
        return Finding(Status.CRITICAL, "upstream_unresponsive", Message("nginx.upstream_unresponsive", values))
    if (found := next((clues.elsewhere[e.address] for e in gone if e.address in clues.elsewhere), None)) is not None:
        message = Message("nginx.upstream_port_mismatch", {**values, "app": found.app, "port": found.port})
        return Finding(Status.CRITICAL, "upstream_port_mismatch", message, RESTART_SECONDS)
    message = Message("nginx.upstream_down", {**values, "why": _why(gone)})
    return Finding(Status.CRITICAL, "upstream_down", message, RESTART_SECONDS)


def _too_late(answering: list[PeerLook], route: RouteLook, upstream: str) -> Finding | None:
    limit = route.plan.route.read_timeout
    slowest = max((each.outcome.seconds for each in answering), default=0.0)
    if slowest <= limit:
        return None
    values = {"upstream": upstream, "route": route.plan.name, "took": f"{slowest:.1f}", "limit": f"{limit:g}"}
    return Finding(Status.CRITICAL, "upstream_timeout_mismatch", Message("nginx.upstream_timeout_mismatch", values))


def _of_answer(route: RouteLook, clues: Clues) -> Finding | None:
    """What Nginx answered, or did not, although the peers do."""
    via, values = route.via, {"route": route.plan.name, "listen": route.plan.listen}
    if via.failed:
        return Finding(Status.CRITICAL, "route_refused", Message("nginx.route_refused", {**values, "why": via.reason}))
    if via.stalled:
        return Finding(Status.CRITICAL, "route_silent", Message("nginx.route_silent", values))
    if not via.answered or via.status is None:
        return None
    if via.status >= _SERVER_ERROR:
        found = _of_error(route, via.status, clues)
        return replace(found, of_dependency=True) if found else None
    expected = route.plan.route.returns
    if expected is not None and via.status != expected and via.status not in _REFUSALS:
        message = Message("nginx.unexpected_answer", {**values, "status": via.status, "expected": expected})
        return Finding(Status.WARNING, "unexpected_answer", message)
    return _of_wrong_server(route, via)


def _of_error(route: RouteLook, status: int, clues: Clues) -> Finding | None:
    values: dict[str, str | int] = {"route": route.plan.name, "status": status}
    if not route.via.page:
        return Finding(Status.WARNING, "app_errors", Message("nginx.app_errors", values))
    if route.plan.route.returns == status:
        return None
    named = {**values, "upstream": ", ".join(route.plan.upstreams) or "?"}
    if status == _GATEWAY_TIMEOUT:
        return Finding(Status.CRITICAL, "upstream_timeout_mismatch", Message("nginx.gateway_timeout", named))
    several = any(target.grouped and len(target.peers) > 1 for target in route.plan.route.targets)
    logged = any((upstream, "no_live_upstreams") in clues.logged for upstream in route.plan.upstreams)
    alive = route.peers and all(each.outcome.answered for each in route.peers)
    if alive and logged:
        return Finding(Status.CRITICAL, "upstream_marked_failed", Message("nginx.upstream_marked_failed", named))
    if alive and several:
        return Finding(Status.CRITICAL, "route_failing", Message("nginx.route_failing_marked", named))
    return Finding(Status.CRITICAL, "route_failing", Message("nginx.route_failing", named))


def _of_wrong_server(route: RouteLook, via: Outcome) -> Finding | None:
    """Nginx says itself that there is no such page, while the peer has one: another server of it answered."""
    direct = [each.outcome.status or 0 for each in route.peers if each.outcome.answered]
    if via.page and via.status == _NOT_FOUND and direct and max(direct) < _NOT_FOUND - 4 and min(direct) > 0:
        values = {"route": route.plan.name, "listen": route.plan.listen}
        return Finding(Status.WARNING, "wrong_server", Message("nginx.wrong_server", values))
    return None


def _listed(peers: list[PeerLook]) -> str:
    return ", ".join(dict.fromkeys(each.address for each in peers))


def _why(peers: list[PeerLook]) -> str:
    return ", ".join(dict.fromkeys(each.outcome.reason for each in peers))

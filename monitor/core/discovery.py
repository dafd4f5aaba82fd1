"""Who uses what, found out: Nginx's routes lead to ports, apps listen on them and are connected to databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, TypeVar

from monitor.core.model import (
    CheckState,
    DatabaseServer,
    Link,
    Message,
    NginxRoute,
    Plan,
    Sockets,
    State,
)
from monitor.core.topology import dependants, linked
from monitor.core.turn import Turn

KEPT_SECONDS: Final = 86400.0
"""A pool that nobody uses lets its connections go: that nothing was seen over night says little."""

REFRESH_SECONDS: Final = 600.0
MOST_LINKS: Final = 200
ROUTE: Final = "link.route"
SOCKET: Final = "link.socket"

_SEEN_BY: Final = (NginxRoute, Sockets, DatabaseServer)
_HERE: Final = frozenset({"", "*", "localhost", "127.0.0.1", "::1", "[::1]", "0.0.0.0", "::", "[::]"})  # noqa: S104 — where others listen

_F = TypeVar("_F", NginxRoute, Sockets, DatabaseServer)


def discover(turn: Turn, known: CheckState) -> None:
    """Take in what a look has shown, if it has shown anything of who uses what."""
    if not any(isinstance(fact, _SEEN_BY) for fact in known.landmarks):
        return
    found = tuple(_links(turn.plan, turn.state))
    gone = _gone(turn.state, found)
    before = {(each.service, each.needs, each.through): each for each in turn.state.links if each not in gone}
    after = dict(before)
    for each in found:
        key = (each.service, each.needs, each.through)
        old = before.get(key)
        if old is None:
            after[key] = each
        elif each.seen_at - old.seen_at >= REFRESH_SECONDS:
            after[key] = replace(each, since=old.since)
    _put(turn, tuple(after.values())[:MOST_LINKS])


def forget(turn: Turn) -> None:
    """What was not seen for long is believed no more, unless there is trouble at either end: then nobody can see it."""

    def counts(link: Link) -> bool:
        failing = turn.status(link.service).failing or turn.status(link.needs).failing
        return failing or link.seen_at > turn.now - KEPT_SECONDS

    if not all(counts(link) for link in turn.state.links):
        _put(turn, tuple(link for link in turn.state.links if counts(link)))


def _put(turn: Turn, links: tuple[Link, ...]) -> None:
    """Whoever depends on the root of an open incident is at risk by it, from now on."""
    if links == turn.state.links:
        return
    turn.state = replace(turn.state, links=links)
    turn.plan = linked(turn.configured, links)
    for each in turn.state.incidents:
        impacted = dependants(turn.plan, each.root)
        if each.resolved_at is None and each.impacted != impacted:
            turn.put(replace(each, impacted=impacted))


def _gone(state: State, found: tuple[Link, ...]) -> list[Link]:
    """What is now seen to be otherwise. An app that is down listens nowhere, and nobody is connected to a database that
    is: that a port or an address is nobody's proves nothing."""
    leads = {(service, fact.peer) for service, _, fact in _facts(state, NginxRoute)}
    routed = {service for service, _ in leads}
    taken = {(each.service, each.through): each.needs for each in found if each.how.key == ROUTE}
    servers = _servers(state)

    def is_gone(link: Link) -> bool:
        key = (link.service, link.through)
        if link.how.key == SOCKET:
            return servers.get(link.through, {link.needs}) != {link.needs}
        return link.service in routed and (key not in leads or taken.get(key, link.needs) != link.needs)

    return [link for link in state.links if is_gone(link)]


def _servers(state: State) -> dict[str, set[str]]:
    """At each address of a database, the services that have looked at one there."""
    found = dict[str, set[str]]()
    for service, _, fact in _facts(state, DatabaseServer):
        found.setdefault(f"{fact.address}:{fact.port}", set()).add(service)
    return found


def _links(plan: Plan, state: State) -> Iterator[Link]:
    for service, at, route in _facts(state, NginxRoute):
        needs = _who_serves(plan, state, route.peer)
        if needs is not None and needs != service:
            how = Message(ROUTE, {"route": route.route, "peer": route.peer})
            yield Link(service, needs, route.peer, how, at, at)
    servers = _servers(state)
    for service, at, sockets in _facts(state, Sockets):
        for end in sockets.connected:
            databases = servers.get(end, set()) - {service}
            if len(databases) == 1:
                how = Message(SOCKET, {"app": sockets.app, "address": end})
                yield Link(service, databases.pop(), end, how, at, at)


def _who_serves(plan: Plan, state: State, peer: str) -> str | None:
    """The one service whose app listens there; else the one whose own check asks there. Of two, neither."""
    host, _, port = peer.rpartition(":")
    if host in _HERE and port.isdigit():
        listening = {name for name, _, fact in _facts(state, Sockets) if int(port) in fact.ports}
        if listening:
            return listening.pop() if len(listening) == 1 else None
    asking = [name for name, each in plan.services.items() if any(_same(peer, address) for address in each.addresses)]
    return asking[0] if len(asking) == 1 else None


def _same(one: str, other: str) -> bool:
    (one_host, _, one_port), (host, _, port) = one.rpartition(":"), other.rpartition(":")
    return one_port == port and (one_host == host or (one_host in _HERE and host in _HERE))


def _facts(state: State, kind: type[_F]) -> Iterator[tuple[str, float, _F]]:
    """The newest facts of a kind that are remembered, with the service that was looked at, and when."""
    for name, service in state.services.items():
        for check in service.checks.values():
            for fact in check.landmarks:
                if isinstance(fact, kind):
                    yield name, check.landmarks_at or 0.0, fact

"""From Nginx's configuration to the questions that tell how it stands: each peer directly, each route through Nginx."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from monitor.sources import connect
from monitor.sources.nginx_conf import Address, Configuration, Listen, Peer, Route, StatusPage, Target
from monitor.sources.nginx_conf.model import is_plain
from monitor.sources.nginx_probe import Question

MOST_ROUTES: Final = 100
"""Of more, the first count: each costs a connection or two at every look."""

_SPOKEN: Final = frozenset({"http", "https"})
_ANY: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 — where others listen


@dataclass(frozen=True, slots=True)
class PeerPlan:
    """One peer under one route: its group's or its own name, and what to ask it."""

    upstream: str
    peer: Peer
    question: Question


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One route: its peers, and what to ask Nginx; None if nothing can be asked."""

    route: Route
    peers: tuple[PeerPlan, ...]
    question: Question | None

    @property
    def name(self) -> str:
        """For people: `shop.test/api/`."""
        return f"{self.route.server_name}{self.route.location}" if self.route.location else self.listen

    @property
    def listen(self) -> str:
        """The socket that is asked, or the first one."""
        if self.question is not None:
            return str(self.question.address)
        return str(self.route.listens[0].address) if self.route.listens else ""

    @property
    def upstreams(self) -> tuple[str, ...]:
        """The names of those that this route may ask."""
        return tuple(dict.fromkeys(target.name for target in self.route.targets))


def plan_routes(configuration: Configuration, paths: Mapping[str, str]) -> tuple[RoutePlan, ...]:
    """What to ask for each route; `paths` says for a location what to ask for instead of its prefix."""
    defaults = _default_servers(configuration.routes)
    wanted = [each for each in configuration.routes if each.targets or each.dynamic or each.returns][:MOST_ROUTES]
    found = []
    for route in wanted:
        path = paths.get(route.location, route.path)
        peers = tuple(plan for target in route.targets for plan in _peers(route, target, path))
        found.append(RoutePlan(route, peers, _question(route, path, defaults)))
    return tuple(found)


def status_question(page: StatusPage) -> Question | None:
    """How to ask for the counters."""
    listen = _usable(page.listens)
    return _asking(listen, page.path, page.host) if listen else None


def own_questions(configuration: Configuration) -> tuple[Question, ...]:
    """What Nginx answers by itself, whatever its upstreams do: a request without a host, to each of three sockets."""
    listens = [listen for route in configuration.routes if not route.stream for listen in route.listens]
    usable = {str(each.address): each for each in listens if not each.proxy_protocol and not each.quic}
    return tuple(replace(_asking(each, "/", ""), host="") for each in list(usable.values())[:3])


def certificate_question(listens: Iterable[Listen], name: str) -> Question | None:
    """A handshake that shows the certificate of this name."""
    listen = _usable(each for each in listens if each.tls)
    return _asking(listen, None, name) if listen else None


def names_of(configuration: Configuration) -> dict[str, str]:
    """How Nginx's logs call a peer or a group → the name of its upstream here."""
    found = dict[str, str]()
    targets = [target for route in configuration.routes for target in route.targets]
    for name, peers in (*((e.name, e.peers) for e in configuration.upstreams), *((t.name, t.peers) for t in targets)):
        found.setdefault(name, name)
        for peer in peers:
            found.setdefault(str(peer.address), name)
    return found


def to_connect(address: Address) -> connect.Address:
    """Where to connect: to this machine, for one that listens on all of its addresses."""
    return connect.Address(_ANY.get(address.host, address.host) if not address.path else "", address.port, address.path)


def _peers(route: Route, target: Target, path: str | None) -> Iterable[PeerPlan]:
    """Where HTTP is not spoken, or we do not know what to ask for, a connection must do."""
    asked = _path_behind(route, target, path) if target.protocol in _SPOKEN else None
    tls = target.protocol in {"https", "grpcs"}
    for peer in target.peers:
        if peer.down:
            continue
        where = to_connect(peer.address)
        host = route.host or _host_of(peer.address)
        yield PeerPlan(target.name, peer, Question(where, asked, host, tls, host if tls else ""))


def _path_behind(route: Route, target: Target, path: str | None) -> str | None:
    """What Nginx makes of a path for the peer: with a URI in proxy_pass, that takes the place of the location."""
    prefix = route.location.split(" ")[-1]
    if path is None or target.uri is None or not path.startswith(prefix):
        return path
    return (target.uri + path[len(prefix) :]) or "/"


def _question(route: Route, path: str | None, defaults: Mapping[str, tuple[str, ...]]) -> Question | None:
    listen = None if route.stream else _usable(route.listens)
    if listen is None or path is None:
        return None
    name = next((found for found in map(_askable, route.server_names) if found), "")
    if not name and defaults.get(str(listen.address)) != route.server_names:
        return None  # another server would answer
    return _asking(listen, path, name)


def _asking(listen: Listen, path: str | None, name: str) -> Question:
    where = to_connect(listen.address)
    host = name or _host_of(listen.address)
    return Question(where, path, host, listen.tls, name if listen.tls else "")


def _askable(name: str) -> str:
    """A name that a server of this name answers to; empty for patterns."""
    if is_plain(name):
        return name
    if name.startswith(("*.", ".")) and is_plain(name.lstrip("*.")):
        return f"infra-monitor.{name.lstrip('*.')}" if name[0] == "*" else name[1:]
    return ""


def _usable(listens: Iterable[Listen]) -> Listen | None:
    """With TLS rather than without: that is what users get, and it shows the certificate."""
    usable = [each for each in listens if not each.proxy_protocol and not each.quic]
    return next((each for each in usable if each.tls), usable[0] if usable else None)


def _default_servers(routes: Iterable[Route]) -> dict[str, tuple[str, ...]]:
    """Who answers at each socket to a name that nobody has: the first, unless one is marked."""
    found, marked = dict[str, tuple[str, ...]](), set[str]()
    for route in routes:
        for listen in route.listens:
            where = str(listen.address)
            if where not in found or (listen.default and where not in marked):
                found[where] = route.server_names
            if listen.default:
                marked.add(where)
    return found


def _host_of(address: Address) -> str:
    return "localhost" if address.path else str(to_connect(address))

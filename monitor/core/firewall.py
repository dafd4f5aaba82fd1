"""Do the rules of security groups let this host reach a port, who else may, and is that as it was meant?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Final

from monitor.core.firewall_exposure import Exposure, exposure, is_private
from monitor.core.firewall_rules import ALL, TCP, Address, GroupPeer, ListPeer, Network, Rule


class Reason(StrEnum):
    """What decided whether the path is open. Of several that apply, the first here is told."""

    NO_GROUP = "no-sg"
    UNREADABLE = "sg-unreadable"
    EGRESS_BLOCKED = "egress-blocked"
    GROUP = "sg-ref"
    ALL_TRAFFIC = "all-traffic"
    LIST = "prefix-list"
    RANGE = "cidr"
    LIST_UNRESOLVED = "prefix-list-unresolved"
    GROUP_PUBLIC_PATH = "sg-ref-public-path"
    GROUP_STALE = "sg-ref-stale"
    GROUP_MISS = "sg-ref-miss"
    LIST_MISS = "prefix-list-miss"
    RANGE_MISS = "cidr-miss"
    FAMILY_MISMATCH = "family-mismatch"
    NO_RULE = "no-rule"
    WRONG_PORT = "wrong-port"
    WRONG_PROTOCOL = "wrong-proto"


HITS: Final = (Reason.GROUP, Reason.ALL_TRAFFIC, Reason.LIST, Reason.RANGE)
_PRECEDENCE: Final = tuple(Reason)

Groups = Mapping[str, tuple[Rule, ...] | None]
"""Rules by group. None: they could not be read. One that is not here has no rules."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface of the host: its own addresses, those it has outside, and its groups."""

    id: str
    addresses: tuple[Address, ...]
    public: tuple[Address, ...] = ()
    groups: tuple[str, ...] = ()
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """This machine. `source` is the address that its packets to the database leave from. `unguarded`: it carries no
    security group at all, as a machine outside AWS."""

    account: str
    interfaces: tuple[Interface, ...]
    egress: Groups
    source: Address | None = None
    unguarded: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The port of the database, and the address its name means here. `vpc` are the ranges of its VPC."""

    address: Address
    port: int
    groups: tuple[str, ...]
    ingress: Groups
    vpc: tuple[Network, ...] = ()
    public: bool | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known. `lists`: the prefix lists that could be read; `intended`: the groups that alone may enter."""

    host: Host
    target: Target
    lists: Mapping[str, tuple[Network, ...]] = field(default_factory=dict)
    intended: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Judgement:
    """None is "cannot be known". `unexpected` are the rules behind it when the rules are not as intended, `admitting`
    those that let this host in where the path is open."""

    reachable: bool | None
    reason: Reason
    exposure: Exposure
    as_intended: bool | None
    unexpected: tuple[Rule, ...] = ()
    admitting: tuple[Rule, ...] = ()

    @property
    def unexpected_sources(self) -> tuple[str, ...]:
        """Each source once, in whatever group it stands."""
        names = (rule.peer.id if isinstance(rule.peer, GroupPeer) else str(rule.peer) for rule in self.unexpected)
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Path:
    """From where to where the packets go."""

    source: Address | None
    groups: tuple[str, ...]
    to: Address
    outside: bool


def evaluate(situation: Situation) -> Judgement:
    """What AWS would do with a new connection, and what others could do. Missing knowledge is never bad news."""
    target = situation.target
    if not target.groups:
        return Judgement(False, Reason.NO_GROUP, Exposure.NONE, as_intended=False)
    rules = attached(target.groups, target.ingress)
    if rules is None:
        return Judgement(None, Reason.UNREADABLE, Exposure.UNKNOWN, as_intended=None)
    relevant = [rule for rule in rules if rule.covers(target.port)]
    reachable, reason = _reach(situation, rules, relevant)
    others = tuple(_unexpected(situation, relevant))
    ranges = [each for rule in relevant for each in ranges_of(rule, situation.lists)]
    complete = not any(_unreadable(rule, situation.lists) for rule in relevant)
    return Judgement(
        reachable,
        reason,
        exposure(ranges, complete=complete),
        as_intended=_as_intended(situation, relevant) and not others,
        unexpected=others,
        admitting=tuple(_admitting(situation, relevant)) if reachable else (),
    )


def attached(groups: Iterable[str], known: Groups) -> tuple[Rule, ...] | None:
    """The rules of all groups together; None when those of one could not be read."""
    found: list[Rule] = []
    for group in groups:
        rules = known.get(group, ())
        if rules is None:
            return None
        found += rules
    return tuple(found)


def ranges_of(rule: Rule, lists: Mapping[str, tuple[Network, ...]]) -> tuple[Network, ...]:
    """The ranges of addresses a rule lets through. A group stands for no range."""
    match rule.peer:
        case GroupPeer():
            return ()
        case ListPeer(name):
            return lists.get(name, ())
        case network:
            return (network,)


def path(host: Host, target: Target) -> Path:
    """Which interface and which address the packets leave from, as the database sees it."""
    interface = leaving(host)
    outside = not is_private(target.address, also=target.vpc)
    groups = interface.groups if interface else ()
    return Path(_source(host, interface, target.address, outside=outside), groups, target.address, outside)


def leaving(host: Host) -> Interface | None:
    """The interface that holds the source address, else the primary one."""
    holding = (each for each in host.interfaces if host.source in (*each.addresses, *each.public))
    primary = (each for each in host.interfaces if each.primary)
    return next(holding, None) or next(primary, None) or next(iter(host.interfaces), None)


def _source(host: Host, interface: Interface | None, to: Address, *, outside: bool) -> Address | None:
    """An address that the interface lacks is none."""
    own = interface.addresses if interface else ()
    if outside:
        return next(iter(interface.public), None) if interface else None
    fitting = [each for each in own if type(each) is type(to)]
    if type(host.source) is type(to) and (host.source in fitting or not isinstance(to, IPv6Address)):
        return host.source
    return next(iter(fitting), None)


def _reach(situation: Situation, rules: Iterable[Rule], relevant: list[Rule]) -> tuple[bool | None, Reason]:
    if not relevant:
        return False, _nothing_relevant(rules)
    way = path(situation.host, situation.target)
    outcomes = {_outcome(rule, way, situation) for rule in relevant}
    reason = min(outcomes, key=_PRECEDENCE.index)
    if not outcomes.isdisjoint(HITS):
        return _leave(situation, way, reason)
    return (None if Reason.LIST_UNRESOLVED in outcomes else False), reason


def _admitting(situation: Situation, relevant: Iterable[Rule]) -> Iterator[Rule]:
    way = path(situation.host, situation.target)
    return (rule for rule in relevant if _outcome(rule, way, situation) in HITS)


def _nothing_relevant(rules: Iterable[Rule]) -> Reason:
    protocols = {rule.protocol for rule in rules}
    if not protocols:
        return Reason.NO_RULE
    return Reason.WRONG_PORT if TCP in protocols else Reason.WRONG_PROTOCOL


def _outcome(rule: Rule, way: Path, situation: Situation) -> Reason:
    match rule.peer:
        case GroupPeer() as group:
            return _met_by_group(rule, group, way, situation.host)
        case ListPeer(name):
            return _met_by_list(name, way, situation.lists)
        case network:
            return _met_by_range(rule, network, way)


def _met_by_group(rule: Rule, group: GroupPeer, way: Path, host: Host) -> Reason:
    """A group stands for the private addresses of whoever carries it, in the account that owns it."""
    if group.stale:
        return Reason.GROUP_STALE
    if group.id not in way.groups or group.owner != host.account:
        return Reason.GROUP_MISS
    if way.outside:
        return Reason.GROUP_PUBLIC_PATH
    return Reason.ALL_TRAFFIC if rule.protocol == ALL else Reason.GROUP


def _met_by_list(name: str, way: Path, lists: Mapping[str, tuple[Network, ...]]) -> Reason:
    entries = lists.get(name)
    if entries is None:
        return Reason.LIST_UNRESOLVED
    return Reason.LIST if _holds(entries, way.source) else Reason.LIST_MISS


def _met_by_range(rule: Rule, network: Network, way: Path) -> Reason:
    if _holds((network,), way.source):
        is_all = rule.protocol == ALL and isinstance(network, IPv4Network)
        return Reason.ALL_TRAFFIC if is_all else Reason.RANGE
    if not isinstance(network, IPv4Network) and isinstance(way.to, IPv4Address):
        return Reason.FAMILY_MISMATCH
    return Reason.RANGE_MISS


def _leave(situation: Situation, way: Path, reason: Reason) -> tuple[bool | None, Reason]:
    """The database would let us in. Do our own groups let us out?"""
    host, target = situation.host, situation.target
    if host.unguarded:
        return True, reason
    rules = attached(way.groups, host.egress)
    if rules is None:
        return None, Reason.UNREADABLE
    relevant = [rule for rule in rules if rule.covers(target.port)]
    if any(_lets_out(rule, way, situation) for rule in relevant):
        return True, reason
    if any(_unreadable(rule, situation.lists) for rule in relevant):
        return None, Reason.LIST_UNRESOLVED
    return False, Reason.EGRESS_BLOCKED


def _lets_out(rule: Rule, way: Path, situation: Situation) -> bool:
    match rule.peer:
        case GroupPeer() as group:
            return group.id in situation.target.groups and not group.stale and not way.outside
        case _:
            return _holds(ranges_of(rule, situation.lists), way.to)


def _holds(networks: Iterable[Network], address: Address | None) -> bool:
    return address is not None and any(address in each for each in networks)


def _unreadable(rule: Rule, lists: Mapping[str, tuple[Network, ...]]) -> bool:
    return isinstance(rule.peer, ListPeer) and rule.peer.id not in lists


def _is_ours(situation: Situation, rule: Rule) -> bool:
    peer = rule.peer
    return isinstance(peer, GroupPeer) and peer.id in situation.intended and peer.owner == situation.host.account


def _as_intended(situation: Situation, relevant: Iterable[Rule]) -> bool:
    """It judges the rules, not the path: at least one reference to a group of ours, and none that leads nowhere."""
    peers = [(rule, rule.peer) for rule in relevant if isinstance(rule.peer, GroupPeer)]
    return any(_is_ours(situation, rule) for rule, _ in peers) and not any(peer.stale for _, peer in peers)


def _unexpected(situation: Situation, relevant: Iterable[Rule]) -> Iterator[Rule]:
    for rule in relevant:
        stale = isinstance(rule.peer, GroupPeer) and rule.peer.stale
        if not stale and not _is_ours(situation, rule):
            yield rule

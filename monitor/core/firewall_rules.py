"""Rules of security groups as values, read from AWS' own words for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any, Final, Literal, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Direction: TypeAlias = Literal["in", "out"]

ALL: Final = "all"
TCP: Final = "tcp"
_PROTOCOLS: Final = {"-1": ALL, "6": TCP, "17": "udp", "1": "icmp", "58": "icmpv6"}
_WITH_PORTS: Final = (TCP, "udp")
_PEERS: Final = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")
_ACTIVE: Final = "active"


class MalformedRules(ValueError):  # noqa: N818 — it says what an answer is, not what we did wrong
    """This is not what AWS says about a security group; nothing may be concluded from it."""


@dataclass(frozen=True, slots=True)
class GroupPeer:
    """Whoever carries that security group. `stale`: the peering it needs is no longer active."""

    id: str
    owner: str = ""
    stale: bool = False

    def __str__(self) -> str:
        owner = f" of {self.owner}" if self.owner else ""
        return f"{self.id}{owner}{' (stale)' if self.stale else ''}"


@dataclass(frozen=True, slots=True)
class ListPeer:
    """Every range of a prefix list."""

    id: str

    def __str__(self) -> str:
        return self.id


Peer: TypeAlias = Network | GroupPeer | ListPeer


@dataclass(frozen=True, slots=True)
class Rule:
    """One peer that one group lets in, or lets out to. A bound that is None is none."""

    direction: Direction
    group: str
    protocol: str
    first: int | None
    last: int | None
    peer: Peer

    def covers(self, port: int) -> bool:
        """Whether it is about TCP to this port. Protocol `all` knows no ports, whatever is written beside it."""
        if self.protocol != TCP:
            return self.protocol == ALL
        return (self.first is None or self.first <= port) and (self.last is None or port <= self.last)

    @property
    def traffic(self) -> str:
        """`tcp 5432`, `tcp 5000-6000`, `tcp`, `all traffic`."""
        if self.protocol == ALL:
            return "all traffic"
        if self.first is None and self.last is None:
            return self.protocol
        first, last = ("" if each is None else str(each) for each in (self.first, self.last))
        return f"{self.protocol} {first if first == last else f'{first}-{last}'}"

    def __str__(self) -> str:
        return f"{self.direction} {self.group} {self.traffic} {'from' if self.direction == 'in' else 'to'} {self.peer}"


def rules_of(group: str, permissions: object, *, direction: Direction = "in") -> tuple[Rule, ...]:
    """The rules in `IpPermissions` or `IpPermissionsEgress`, one for each peer. How AWS groups them, in which order,
    and what it notes beside them means nothing. Raises MalformedRules."""
    return tuple(rule for each in _list(permissions) for rule in _rules(group, _mapping(each), direction))


def networks(cidrs: object) -> tuple[Network, ...]:
    """The ranges of a prefix list. Raises MalformedRules."""
    return tuple(_network(each) for each in _list(cidrs))


def _rules(group: str, permission: Mapping[str, Any], direction: Direction) -> Iterator[Rule]:
    if not any(key in permission for key in _PEERS):
        raise MalformedRules("a rule names nobody")
    protocol = _protocol(permission.get("IpProtocol"))
    first, last = (_port(permission.get(key), protocol) for key in ("FromPort", "ToPort"))
    for peer in _peers(permission):
        yield Rule(direction, group, protocol, first, last, peer)


def _peers(permission: Mapping[str, Any]) -> Iterator[Peer]:
    for each in _named(permission, "IpRanges"):
        yield _network(each.get("CidrIp"))
    for each in _named(permission, "Ipv6Ranges"):
        yield _network(each.get("CidrIpv6"))
    for each in _named(permission, "UserIdGroupPairs"):
        status = each.get("PeeringStatus")
        yield GroupPeer(
            _text(each.get("GroupId")), owner=str(each.get("UserId") or ""), stale=bool(status) and status != _ACTIVE
        )
    for each in _named(permission, "PrefixListIds"):
        yield ListPeer(_text(each.get("PrefixListId")))


def _named(permission: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    yield from map(_mapping, _list(permission.get(key, ())))


def _protocol(value: object) -> str:
    """AWS writes names or numbers, and `-1` for all of them."""
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise MalformedRules(f"{value!r} is no protocol")
    word = str(value).lower()
    return _PROTOCOLS.get(word, word)


def _port(value: object, protocol: str) -> int | None:
    """Only TCP and UDP have ports; with ICMP the same fields hold its type and code."""
    if value is None or protocol not in _WITH_PORTS:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedRules(f"{value!r} is no port")
    return None if value == -1 else value


def _network(value: object) -> Network:
    """As a whole range, also where somebody wrote an address within it."""
    try:
        return ip_network(_text(value), strict=False)
    except ValueError:
        raise MalformedRules(f"{value!r} is no range of addresses") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise MalformedRules(f"{value!r} names nothing")
    return value


def _list(value: object) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise MalformedRules(f"expected a list, not {type(value).__name__}")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise MalformedRules(f"expected an entry with names, not {type(value).__name__}")
    return value

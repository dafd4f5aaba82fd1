"""To how much of the world a port is open, whoever wrote the ranges in how many pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Network, collapse_addresses
from typing import Final

from monitor.core.firewall_rules import Address, Network

PRIVATE: Final = tuple(
    IPv4Network(each)
    for each in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
    )
)
"""Written out: `is_private` of the standard library means other things in other versions of Python."""

NOT_UNICAST: Final = IPv4Network("224.0.0.0/3")
WORLD_ADDRESSES: Final = 2**30
"""A quarter of IPv4."""

WORLD_IPV6: Final = 3
NARROW_PUBLIC: Final = 24
WIDE_PRIVATE: Final = 16
NARROW_IPV6: Final = 56


class Exposure(StrEnum):
    """To whom a port is open besides security groups."""

    NONE = "none"
    WIDE = "wide"
    WORLD = "world"
    UNKNOWN = "unknown"


def exposure(ranges: Iterable[Network], *, complete: bool = True) -> Exposure:
    """Judged on the union of all ranges. Unless `complete`, others exist that could not be read: then anything short of
    the world is unknown."""
    every = tuple(ranges)
    ipv4 = tuple(collapse_addresses(each for each in every if isinstance(each, IPv4Network)))
    ipv6 = tuple(collapse_addresses(each for each in every if isinstance(each, IPv6Network)))
    if sum(_unicast(each) for each in ipv4) >= WORLD_ADDRESSES or any(each.prefixlen <= WORLD_IPV6 for each in ipv6):
        return Exposure.WORLD
    if not complete:
        return Exposure.UNKNOWN
    return Exposure.WIDE if any(_wide(ipv4, ipv6)) else Exposure.NONE


def is_private(address: Address, *, also: Iterable[Network] = ()) -> bool:
    """Whether an address is reached without leaving the private networks; `also` are those of the VPC, whose owner may
    have given them public numbers. IPv6 has no such difference."""
    if not isinstance(address, IPv4Address):
        return True
    return any(address in each for each in (*PRIVATE, *also))


def _unicast(network: IPv4Network) -> int:
    if network.subnet_of(NOT_UNICAST):
        return 0
    return network.num_addresses - (NOT_UNICAST.num_addresses if NOT_UNICAST.subnet_of(network) else 0)


def _wide(ipv4: Iterable[IPv4Network], ipv6: Iterable[IPv6Network]) -> Iterator[bool]:
    for each in ipv4:
        private = any(each.subnet_of(one) for one in PRIVATE)
        yield each.prefixlen <= WIDE_PRIVATE if private else each.prefixlen < NARROW_PUBLIC
    for one in ipv6:
        yield one.prefixlen < NARROW_IPV6

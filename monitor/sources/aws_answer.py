"""From the answer of the child process to the core's values; what is not as it should be is no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from monitor.core.firewall import Groups, Interface
from monitor.core.firewall_rules import Address, MalformedRules, Network, networks, rules_of


class Foreign(Exception):  # noqa: N818 — it says what an answer is, not what we did wrong
    """Not an answer to what was asked."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Who is behind an endpoint, who we are, and every rule between us. `state` is AWS' word for how the database is;
    `public`: whether it has a public address; `vpc`: the ranges of its VPC where that is ours."""

    region: str
    database: str
    state: str | None
    public: bool | None
    vpc: tuple[Network, ...]
    groups: tuple[str, ...]
    ingress: Groups
    account: str
    interfaces: tuple[Interface, ...]
    egress: Groups
    lists: Mapping[str, tuple[Network, ...]]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """This host's region and groups, and the databases there: endpoint → port. `trouble`: why AWS did not name them."""

    region: str
    groups: tuple[str, ...]
    databases: Mapping[str, int]
    trouble: str = ""


def read_neighbours(answer: Any) -> Neighbours:
    """Raises Foreign."""
    try:
        return Neighbours(
            _text(answer["region"]),
            tuple(map(_text, answer["groups"])),
            {_text(each["endpoint"]): int(each["port"]) for each in answer["databases"] or ()},
            _text(answer["trouble"]["text"]) if answer["trouble"] else "",
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Foreign(f"{type(error).__name__} {error}") from error


def read_firewall(answer: Any) -> Surroundings:
    """Raises Foreign."""
    try:
        return _surroundings(answer)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = str(error) if isinstance(error, MalformedRules) else f"{type(error).__name__} {error}"
        raise Foreign(why) from error


def read_token(answer: Any) -> str:
    """Raises Foreign."""
    token = answer.get("token") if isinstance(answer, Mapping) else None
    if not isinstance(token, str) or not token:
        raise Foreign("there is no token in it")
    return token


def _surroundings(answer: Any) -> Surroundings:
    database, found = answer["database"], answer["groups"]
    groups = tuple(database["groups"])
    interfaces = tuple(map(_interface, answer["interfaces"]))
    if not interfaces:
        raise ValueError("no interface of this host")
    ours = tuple(dict.fromkeys(group for each in interfaces for group in each.groups))
    return Surroundings(
        region=_text(answer["region"]),
        database=_text(database["id"]),
        state=None if database["state"] is None else _text(database["state"]),
        public=None if database["public"] is None else bool(database["public"]),
        vpc=_shared_vpc(database["vpc"], answer["interfaces"]),
        groups=groups,
        ingress={name: rules_of(name, found[name]["in"]) for name in groups},
        account=next((_text(found[name]["owner"]) for name in ours), ""),
        interfaces=interfaces,
        egress={name: rules_of(name, found[name]["out"], direction="out") for name in ours},
        lists={name: networks(entries) for name, entries in answer["lists"].items() if entries is not None},
    )


def _interface(each: Any) -> Interface:
    return Interface(
        id=_text(each["id"]),
        addresses=_addresses(each["addresses"]),
        public=_addresses(each["public"]),
        groups=tuple(map(_text, each["groups"])),
        primary=bool(each["primary"]),
    )


def _shared_vpc(vpc: Any, interfaces: Any) -> tuple[Network, ...]:
    ranges = [cidr for each in interfaces if vpc and each["vpc"] == vpc for cidr in each["vpc_ranges"]]
    return networks(list(dict.fromkeys(ranges)))


def _addresses(values: Any) -> tuple[Address, ...]:
    return tuple(ip_address(each) for each in values)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} names nothing")
    return value

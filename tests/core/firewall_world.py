"""A small network to vary in tests: a host with one interface, a database with one group, and what may pass."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from monitor.core.firewall import Groups, Host, Interface, Situation, Target
from monitor.core.firewall_rules import Direction, Rule, networks, rules_of

ACCOUNT = "111122223333"
APP = {"UserIdGroupPairs": [{"GroupId": "sg-app", "UserId": ACCOUNT}]}
ANYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def rules(group: str, *permissions: dict[str, Any], direction: Direction = "in") -> tuple[Rule, ...]:
    """Rules from permissions in AWS' form; TCP 5432 unless they say otherwise."""
    usual = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
    whole = [each if "IpProtocol" in each else {**usual, **each} for each in permissions]
    return rules_of(group, whole, direction=direction)


def host(*, egress: Groups | None = None, **more: Any) -> Host:
    """One interface in `sg-app` that may go anywhere over IPv4."""
    interface = Interface(
        "eni-0",
        (ip_address("10.0.1.10"), ip_address("2406:da12::10")),
        public=(ip_address("52.78.10.20"),),
        groups=("sg-app",),
        primary=True,
    )
    allowed = {"sg-app": rules("sg-app", ANYWHERE, direction="out")}
    options: dict[str, Any] = {"account": ACCOUNT, "interfaces": (interface,), "egress": egress or allowed, **more}
    return Host(**options)


def situation(
    *permissions: dict[str, Any],
    to: str = "10.0.2.20",
    lists: dict[str, list[str]] | None = None,
    at: Host | None = None,
    **target: Any,
) -> Situation:
    """The database lets these in, and only `sg-app` is meant to be."""
    options: dict[str, Any] = {"groups": ("sg-db",), "ingress": {"sg-db": rules("sg-db", *permissions)}, **target}
    return Situation(
        at or host(),
        Target(ip_address(to), 5432, **options),
        {name: networks(entries) for name, entries in (lists or {}).items()},
        frozenset({"sg-app"}),
    )

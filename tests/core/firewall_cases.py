"""The form in which cases about security groups are written (tests/data/sg/cases.json), read into the core's values.

A case may leave out `host`, `target`, `prefix_lists`, or single keys of them: then the `defaults` of its file hold.
`groups` are IpPermissions by group; null = could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from monitor.core.firewall import Groups, Host, Interface, Situation, Target
from monitor.core.firewall_rules import Direction, networks, rules_of

Json = Mapping[str, Any]
SG_CASES = Path(__file__).parents[1] / "data" / "sg" / "cases.json"
ANY_IPV6 = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}


def situation_of(case: Json, defaults: Json) -> Situation:
    """All that a case says, with the defaults of its file."""
    host, target = ({**defaults[key], **case.get(key, {})} for key in ("host", "target"))
    lists = {**defaults.get("prefix_lists", {}), **case.get("prefix_lists", {})}
    return Situation(
        host=_host(host, to_ipv6=":" in target["resolved_ips"][0]),
        target=Target(
            address=ip_address(target["resolved_ips"][0]),
            port=target["port"],
            groups=tuple(target["sgs"]),
            ingress=_groups(case["groups"], "in"),
            vpc=networks(target.get("vpc_cidrs", [])),
            public=target.get("publicly_accessible"),
        ),
        lists={name: networks(entries) for name, entries in lists.items() if entries is not None},
        intended=frozenset(case.get("intended_sgs", defaults["intended_sgs"])),
    )


def _host(host: Json, *, to_ipv6: bool) -> Host:
    source = host.get("source_ip")
    return Host(
        account=host["account"],
        interfaces=tuple(
            Interface(
                id=each["eni"],
                addresses=tuple(ip_address(one) for one in (*each["private_ips"], *(each.get("ipv6") or ()))),
                public=tuple(ip_address(one) for one in each.get("public_ips") or ()),
                groups=tuple(each["sgs"]),
                primary=each.get("primary", False),
            )
            for each in host["enis"]
        ),
        egress=_groups(_with_ipv6(host) if to_ipv6 else host["egress"], "out"),
        source=ip_address(source) if source else None,
    )


def _with_ipv6(host: Json) -> Json:
    """Cases speak of IPv6 out of the host only where it matters: unless one does, it is allowed."""
    egress: Json = host["egress"]
    if any(each.get("Ipv6Ranges") for permissions in egress.values() for each in permissions or ()):
        return egress
    groups = {name for each in host["enis"] for name in each["sgs"]}
    return {**egress, **{name: [*(egress.get(name) or ()), ANY_IPV6] for name in groups}}


def _groups(groups: Json, direction: Direction) -> Groups:
    return {
        name: None if permissions is None else rules_of(name, permissions, direction=direction)
        for name, permissions in groups.items()
    }

"""The commands of AWS' own tool that would mend a rule. They are printed for people, never run."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address
from typing import Final

from monitor.core.firewall import Situation, path
from monitor.core.firewall_rules import ALL, GroupPeer, ListPeer, Rule

_INGRESS: Final = "security-group-ingress"
_EGRESS: Final = "security-group-egress"


def let_in(situation: Situation, region: str) -> str:
    """Let this host in: by its group where it has one and comes from inside, else by its one address."""
    way, target = path(situation.host, situation.target), situation.target
    ours = [each for each in way.groups if each in situation.intended] or list(way.groups)
    if ours and not way.outside:
        allowed = f"--protocol tcp --port {target.port} --source-group {ours[0]}"
    elif isinstance(way.source, IPv6Address):
        allowed = f"--ip-permissions '{_tcp(target.port)},Ipv6Ranges=[{{CidrIpv6={way.source}/128}}]'"
    else:
        allowed = f"--protocol tcp --port {target.port} --cidr {way.source or 'ADDRESS'}/32"
    return _authorize(_INGRESS, target.groups, allowed, region)


def let_out(situation: Situation, region: str) -> str:
    """Let the packets out of this host's own group."""
    way, target = path(situation.host, situation.target), situation.target
    to = f"--cidr {way.to}/32" if way.outside else f"--source-group {target.groups[0]}"
    return _authorize(_EGRESS, way.groups, f"--protocol tcp --port {target.port} {to}", region)


def take_away(rule: Rule, region: str) -> str:
    """Revoke one rule as it stands there: AWS wants its very ports."""
    ports = (("FromPort", rule.first), ("ToPort", rule.last)) if rule.protocol != ALL else ()
    protocol = "-1" if rule.protocol == ALL else rule.protocol
    words = [f"IpProtocol={protocol}", *(f"{key}={-1 if port is None else port}" for key, port in ports), _peer(rule)]
    return f"aws ec2 revoke-{_INGRESS} --group-id {rule.group} --ip-permissions '{','.join(words)}' --region {region}"


def _authorize(direction: str, groups: Sequence[str], allowed: str, region: str) -> str:
    group = next(iter(groups), "GROUP")
    return f"aws ec2 authorize-{direction} --group-id {group} {allowed} --region {region}"


def _tcp(port: int) -> str:
    return f"IpProtocol=tcp,FromPort={port},ToPort={port}"


def _peer(rule: Rule) -> str:
    match rule.peer:
        case GroupPeer(name, owner):
            return f"UserIdGroupPairs=[{{GroupId={name}{f',UserId={owner}' if owner else ''}}}]"
        case ListPeer(name):
            return f"PrefixListIds=[{{PrefixListId={name}}}]"
        case IPv4Network() as network:
            return f"IpRanges=[{{CidrIp={network}}}]"
        case network:
            return f"Ipv6Ranges=[{{CidrIpv6={network}}}]"

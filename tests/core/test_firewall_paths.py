"""What the written cases leave open: which way packets leave, what is unreadable, what is no answer of AWS at all."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from monitor.core.firewall import Interface, Judgement, Reason, evaluate, path
from monitor.core.firewall_exposure import Exposure, exposure
from monitor.core.firewall_rules import MalformedRules, networks, rules_of
from tests.core.firewall_world import ACCOUNT, ANYWHERE, APP, host, rules, situation

IPV6 = "2406:da12::20"


def reached(*permissions: dict[str, Any], **more: Any) -> tuple[bool | None, Reason]:
    judged: Judgement = evaluate(situation(*permissions, **more))
    return judged.reachable, judged.reason


def test_a_reference_needs_the_owners_account() -> None:
    elsewhere = {"UserIdGroupPairs": [{"GroupId": "sg-app", "UserId": "999900001111"}]}
    deleted = {"UserIdGroupPairs": [{"GroupId": "sg-app"}]}
    for permission in (elsewhere, deleted):
        assert reached(permission) == (False, Reason.GROUP_MISS)
        judged = evaluate(situation(APP, permission))
        assert (judged.as_intended, judged.unexpected_sources) == (False, ("sg-app",))


def test_one_foreign_source_is_counted_once_however_often_it_stands_there() -> None:
    office = {"IpRanges": [{"CidrIp": "203.0.113.7/32"}, {"CidrIp": "203.0.113.7"}]}
    judged = evaluate(situation(APP, office, {**office, "IpProtocol": "-1"}))
    assert judged.unexpected_sources == ("203.0.113.7/32",)
    assert len(judged.unexpected) == 4


def test_the_source_address_is_that_of_the_interface_that_holds_it_even_if_another_is_primary() -> None:
    second = Interface("eni-1", (ip_address("10.0.9.9"),), groups=("sg-batch",))
    both = replace(host(), interfaces=(*host().interfaces, second), source=ip_address("10.0.9.9"))
    assert path(both, situation(APP).target).groups == ("sg-batch",)
    assert reached(APP, at=both) == (False, Reason.GROUP_MISS)


def test_a_source_that_no_interface_holds_is_still_the_source() -> None:
    """A container's address that is rewritten on the way would be wrong, but nothing better is known."""
    odd = replace(host(), source=ip_address("10.0.7.7"))
    assert reached({"IpRanges": [{"CidrIp": "10.0.7.0/24"}]}, at=odd) == (True, Reason.RANGE)


@pytest.mark.parametrize("source", [None, "10.0.1.10", "2406:da12::10", "2406:da12::99"])
def test_over_ipv6_packets_leave_from_an_ipv6_address_of_the_interface(source: str | None) -> None:
    out = {"sg-app": rules("sg-app", {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, direction="out")}
    at = host(egress=out, source=source and ip_address(source))
    assert reached({"Ipv6Ranges": [{"CidrIpv6": "2406:da12::10/128"}]}, to=IPV6, at=at) == (True, Reason.RANGE)
    assert reached({"Ipv6Ranges": [{"CidrIpv6": "2406:da12::99/128"}]}, to=IPV6, at=at) == (False, Reason.RANGE_MISS)
    assert reached({"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, to=IPV6, at=at) == (False, Reason.RANGE_MISS)


def test_rules_for_ipv4_alone_let_nothing_out_over_ipv6() -> None:
    assert reached({"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, to=IPV6) == (False, Reason.EGRESS_BLOCKED)


def test_an_address_that_the_interface_lacks_matches_nothing() -> None:
    bare = Interface("eni-0", (ip_address("10.0.1.10"),), groups=("sg-app",))
    world = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    assert reached(world, to="3.34.5.6", at=host(interfaces=(bare,))) == (False, Reason.RANGE_MISS)
    assert reached(world, to=IPV6, at=host(interfaces=(bare,))) == (False, Reason.RANGE_MISS)
    assert reached(world, at=host(interfaces=())) == (False, Reason.RANGE_MISS)
    assert reached(world, to="3.34.5.6", at=host(interfaces=())) == (False, Reason.RANGE_MISS)


def test_a_vpc_with_public_numbers_is_still_inside() -> None:
    assert reached(APP, to="52.9.2.20") == (False, Reason.GROUP_PUBLIC_PATH)
    assert reached(APP, to="52.9.2.20", vpc=networks(["52.9.0.0/16"])) == (True, Reason.GROUP)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ({"PrefixListIds": [{"PrefixListId": "pl-db"}]}, (True, Reason.GROUP)),
        ({"PrefixListIds": [{"PrefixListId": "pl-other"}]}, (False, Reason.EGRESS_BLOCKED)),
        ({"PrefixListIds": [{"PrefixListId": "pl-secret"}]}, (None, Reason.LIST_UNRESOLVED)),
        ({"UserIdGroupPairs": [{"GroupId": "sg-db", "PeeringStatus": "deleted"}]}, (False, Reason.EGRESS_BLOCKED)),
        ({"UserIdGroupPairs": [{"GroupId": "sg-cache"}]}, (False, Reason.EGRESS_BLOCKED)),
        ({"IpRanges": [{"CidrIp": "10.0.2.0/24"}]}, (True, Reason.GROUP)),
    ],
)
def test_our_own_groups_have_to_let_us_out(allowed: dict[str, Any], expected: tuple[bool | None, Reason]) -> None:
    at = host(egress={"sg-app": rules("sg-app", allowed, direction="out")})
    lists = {"pl-db": ["10.0.2.0/24"], "pl-other": ["10.0.3.0/24"]}
    assert reached(APP, at=at, lists=lists) == expected


def test_a_reference_to_the_databases_group_does_not_lead_out_to_its_public_address() -> None:
    at = host(egress={"sg-app": rules("sg-app", {"UserIdGroupPairs": [{"GroupId": "sg-db"}]}, direction="out")})
    mine = {"IpRanges": [{"CidrIp": "52.78.10.20/32"}]}
    assert reached(mine, to="3.34.5.6", at=at) == (False, Reason.EGRESS_BLOCKED)


def test_groups_of_ours_that_cannot_be_read_leave_it_open() -> None:
    assert reached(APP, at=host(egress={"sg-app": None})) == (None, Reason.UNREADABLE)
    assert reached(at=host(egress={"sg-app": None})) == (False, Reason.NO_RULE)


def test_a_machine_outside_aws_has_no_group_that_could_hold_it_back() -> None:
    office = replace(host(), interfaces=(), egress={}, source=ip_address("203.0.113.7"), unguarded=True, account="")
    assert reached({"IpRanges": [{"CidrIp": "203.0.113.0/24"}]}, at=office) == (True, Reason.RANGE)


def test_no_active_peering_is_stale_and_an_active_one_is_not() -> None:
    for status, expected in (("active", (True, Reason.GROUP)), ("pending-acceptance", (False, Reason.GROUP_STALE))):
        pair = {"GroupId": "sg-app", "UserId": ACCOUNT, "PeeringStatus": status}
        assert reached({"UserIdGroupPairs": [pair]}) == expected


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        (["128.0.0.0/2"], Exposure.WORLD),
        (["128.0.0.0/3", "160.0.0.0/4"], Exposure.WIDE),
        (["224.0.0.0/3"], Exposure.WIDE),
        (["192.0.0.0/2"], Exposure.WIDE),
        (["192.0.0.0/2", "0.0.0.0/3"], Exposure.WORLD),
        (["198.51.100.0/24"], Exposure.NONE),
        (["198.51.100.0/24", "198.51.101.0/24"], Exposure.WIDE),
        (["10.1.0.0/16"], Exposure.WIDE),
        (["10.1.0.0/17"], Exposure.NONE),
        (["10.1.0.0/17", "10.1.128.0/17"], Exposure.WIDE),
        (["100.64.0.0/10"], Exposure.WIDE),
        (["9.0.0.0/8", "10.0.0.0/24"], Exposure.WIDE),
        (["2001:db8::/56"], Exposure.NONE),
        (["2001:db8::/55"], Exposure.WIDE),
        (["2001:db8::/56", "2001:db8:0:100::/56"], Exposure.WIDE),
        (["2000::/4", "3000::/4"], Exposure.WORLD),
        ([], Exposure.NONE),
    ],
)
def test_exposure_is_judged_on_the_union_of_all_ranges(ranges: list[str], expected: Exposure) -> None:
    assert exposure(networks(ranges)) is expected
    unknown = expected if expected is Exposure.WORLD else Exposure.UNKNOWN
    assert exposure(networks(ranges), complete=False) is unknown


def test_protocols_and_ports_are_read_in_every_way_that_aws_writes_them() -> None:
    peer = {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    reads = {
        (6, None, None): True,
        ("TCP", 5432, 5432): True,
        ("tcp", -1, -1): True,
        ("tcp", 5433, None): False,
        ("tcp", None, 5431): False,
        (-1, 22, 22): True,
        ("-1", "any", "any"): True,
        ("17", 5432, 5432): False,
        ("icmpv6", 0, 65535): False,
        (132, None, None): False,
    }
    for (protocol, first, last), covered in reads.items():
        (rule,) = rules_of("sg-db", [{"IpProtocol": protocol, "FromPort": first, "ToPort": last, **peer}])
        assert rule.covers(5432) is covered, str(rule)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "<html>",
        {"IpProtocol": "tcp"},
        [None],
        [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1}],
        [{"IpRanges": []}],
        [{"IpProtocol": True, "IpRanges": []}],
        [{"IpProtocol": "", "IpRanges": []}],
        [{"IpProtocol": "tcp", "FromPort": "5432", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
        [{"IpProtocol": "tcp", "FromPort": True, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
        [{"IpProtocol": "tcp", "IpRanges": "10.0.0.0/8"}],
        [{"IpProtocol": "tcp", "IpRanges": ["10.0.0.0/8"]}],
        [{"IpProtocol": "tcp", "IpRanges": [{}]}],
        [{"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/33"}]}],
        [{"IpProtocol": "tcp", "UserIdGroupPairs": [{"UserId": "1"}]}],
        [{"IpProtocol": "tcp", "PrefixListIds": [{"PrefixListId": 7}]}],
    ],
)
def test_what_is_no_list_of_rules_is_refused_never_read_as_no_rules(answer: Any) -> None:
    with pytest.raises(MalformedRules):
        rules_of("sg-db", answer)


def test_all_that_is_open_is_open_to_a_host_that_may_go_anywhere() -> None:
    judged = evaluate(situation(ANYWHERE))
    assert (judged.reachable, judged.reason, judged.exposure) == (True, Reason.ALL_TRAFFIC, Exposure.WORLD)

"""The laws of the firewall's judgement, over random rules."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, ip_address
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from monitor.core.firewall import Reason, Situation, Target, evaluate
from monitor.core.firewall_changes import RuleLine, held, lines_of, parts_of
from monitor.core.firewall_exposure import Exposure, exposure
from monitor.core.firewall_rules import ListPeer, Rule, networks, rules_of
from tests.core.firewall_world import ACCOUNT, host

law = settings(max_examples=400, deadline=None, derandomize=True, database=None)
Json = dict[str, Any]

LISTS = {"pl-1": networks(["10.0.0.0/16"]), "pl-2": networks(["0.0.0.0/1", "::/2"])}
ANYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
OUT = {"sg-app": rules_of("sg-app", [ANYWHERE], direction="out")}
"""What our own groups hold back is judged only once somebody would let us in; here they hold nothing back."""

LOUDNESS = (Exposure.NONE, Exposure.WIDE, Exposure.WORLD)

groups = some.builds(
    lambda name, owner, status: {"GroupId": name, "UserId": owner, **({"PeeringStatus": status} if status else {})},
    some.sampled_from(["sg-app", "sg-web", "sg-db"]),
    some.sampled_from([ACCOUNT, "9"]),
    some.sampled_from([None, None, None, "active", "deleted"]),
)
ipv4 = some.builds(
    lambda number, length: {"CidrIp": f"{ip_address(number)}/{length}"},
    some.one_of(some.integers(0, 2**32 - 1), some.just(int(ip_address("10.0.1.10")))),
    some.integers(0, 32),
)
ipv6 = some.builds(
    lambda number, length: {"CidrIpv6": f"{ip_address(number)}/{length}"},
    some.integers(2**125, 2**128 - 1),
    some.integers(0, 128),
)
lists = some.sampled_from([{"PrefixListId": "pl-1"}, {"PrefixListId": "pl-2"}, {"PrefixListId": "pl-secret"}])


@some.composite
def permissions(draw: some.DrawFn) -> Json:
    protocol = draw(some.sampled_from(["tcp", "tcp", "tcp", "6", "-1", "udp", "icmp", "47"]))
    first = draw(some.sampled_from([5432, 5432, 5400, 5433, 0, -1]))
    ports = {"FromPort": first, "ToPort": draw(some.sampled_from([5432, 6000, 65535, -1]))}
    return {
        "IpProtocol": protocol,
        **({} if protocol == "-1" else ports),
        "UserIdGroupPairs": draw(some.lists(groups, max_size=2)),
        "IpRanges": draw(some.lists(ipv4, max_size=2)),
        "Ipv6Ranges": draw(some.lists(ipv6, max_size=1)),
        "PrefixListIds": draw(some.lists(lists, max_size=1)),
    }


several = some.lists(permissions(), max_size=4)
destinations = some.sampled_from(["10.0.2.20", "3.34.5.6", "2406:da12::20"])


def situation(found: list[Json], to: str, *, more: list[Json] | None = None) -> Situation:
    target = Target(
        ip_address(to),
        5432,
        ("sg-db", "sg-db2"),
        {"sg-db": rules_of("sg-db", found), "sg-db2": rules_of("sg-db2", more or [])},
    )
    return Situation(host(egress=OUT), target, LISTS, frozenset({"sg-app"}))


def split(permission: Json) -> list[Json]:
    """The same rule, one entry for each peer, with a note beside it."""
    keys = ("UserIdGroupPairs", "IpRanges", "Ipv6Ranges", "PrefixListIds")
    head = {key: value for key, value in permission.items() if key not in keys}
    return [{**head, key: [{**each, "Description": "a note"}]} for key in keys for each in permission[key]]


@law
@given(several, destinations, some.randoms(use_true_random=False))
def test_order_grouping_and_notes_mean_nothing(found: list[Json], to: str, random: Any) -> None:
    apart = [each for permission in found for each in split(permission)]
    random.shuffle(apart)
    one, other = situation(found, to), situation(apart, to)
    judged, again = evaluate(one), evaluate(other)
    assert replace(judged, unexpected=(), admitting=()) == replace(again, unexpected=(), admitting=())
    assert set(judged.unexpected) == set(again.unexpected)
    assert set(judged.admitting) == set(again.admitting)
    assert lines_of(one) == lines_of(other)


@law
@given(several, destinations)
def test_what_admits_this_host_does_so_alone_and_nothing_else_does(found: list[Json], to: str) -> None:
    whole = situation(found, to)
    judged, rules = evaluate(whole), whole.target.ingress["sg-db"] or ()

    def alone(rule: Rule) -> bool | None:
        target = replace(whole.target, groups=("sg-db",), ingress={"sg-db": (rule,)})
        return evaluate(replace(whole, target=target)).reachable

    assert set(judged.admitting) == {rule for rule in rules if alone(rule)}
    assert bool(judged.admitting) == bool(judged.reachable)


@law
@given(several, destinations)
def test_lines_can_be_taken_apart_again(found: list[Json], to: str) -> None:
    whole = situation(found, to)
    rules = [rule for rule in whole.target.ingress["sg-db"] or () if rule.covers(5432)] + list(OUT["sg-app"])
    apart = [each for line in lines_of(whole) if (each := parts_of(line))]
    assert set(apart) == {RuleLine(rule.direction, rule.group, rule.traffic, str(rule.peer)) for rule in rules}
    named = {rule.peer.id for rule in rules if isinstance(rule.peer, ListPeer)}
    for name in named:
        assert set(held(name, lines_of(whole))) == set(map(str, LISTS.get(name, ())))


@law
@given(several, permissions(), destinations)
def test_one_more_rule_closes_nothing_and_hides_nobody(found: list[Json], more: Json, to: str) -> None:
    before, after = evaluate(situation(found, to)), evaluate(situation([*found, more], to))
    assert after.reachable or not before.reachable
    if before.reachable is None:
        assert after.reachable is not False
    if Exposure.UNKNOWN not in (before.exposure, after.exposure):
        assert LOUDNESS.index(after.exposure) >= LOUDNESS.index(before.exposure)
    assert set(before.unexpected_sources) <= set(after.unexpected_sources)


@law
@given(several, several, destinations)
def test_it_does_not_matter_in_which_of_the_groups_a_rule_stands(a: list[Json], b: list[Json], to: str) -> None:
    together, apart = evaluate(situation([*a, *b], to)), evaluate(situation(a, to, more=b))
    assert (together.reachable, together.reason, together.exposure) == (apart.reachable, apart.reason, apart.exposure)
    assert together.as_intended == apart.as_intended
    assert set(together.unexpected_sources) == set(apart.unexpected_sources)


@law
@given(several, destinations)
def test_an_answer_always_has_a_reason_that_fits_it(found: list[Json], to: str) -> None:
    judged = evaluate(situation(found, to))
    hits = (Reason.GROUP, Reason.ALL_TRAFFIC, Reason.LIST, Reason.RANGE)
    assert (judged.reachable is True) == (judged.reason in hits)
    assert (judged.reachable is None) <= (judged.reason is Reason.LIST_UNRESOLVED)
    assert not judged.as_intended or judged.exposure is Exposure.NONE
    assert bool(judged.unexpected) == bool(judged.unexpected_sources)


@law
@given(some.integers(0, 2**32 - 1), some.integers(0, 32), some.integers(0, 6))
def test_cutting_a_range_into_pieces_makes_it_no_smaller(number: int, length: int, cuts: int) -> None:
    whole = IPv4Network((number, length), strict=False)
    pieces = whole.subnets(new_prefix=min(32, length + cuts))
    assert exposure((whole,)) is exposure(pieces)

"""Rules in lines and commands: what people read, compare and copy."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.core import firewall_commands as commands
from monitor.core.firewall_changes import RuleLine, change, held, lines_of, parts_of, remembered
from monitor.core.model import Firewall, Observation, RuleChange, RulesChanged, Seen
from tests.core.firewall_world import ANYWHERE, APP, host, rules, situation
from tests.core.story import World, check_plan, plan_of

OPEN = (
    "database has sg-db",
    "in sg-db tcp 5432 from sg-app of 111122223333",
    "out sg-app all traffic to 0.0.0.0/0",
    "this host has sg-app",
)
LIST = {"PrefixListIds": [{"PrefixListId": "pl-1"}]}
SEOUL = "ap-northeast-2"


def test_everything_that_decides_stands_in_one_line_each() -> None:
    assert lines_of(situation(APP)) == OPEN
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    assert lines_of(situation(https, APP)) == OPEN
    assert lines_of(situation(APP, groups=("sg-db", "sg-db2"), ingress={"sg-db": None})) == (
        "database has sg-db",
        "database has sg-db2",
        *OPEN[2:],
    )


@pytest.mark.parametrize(
    ("permission", "line"),
    [
        ({"IpProtocol": "tcp", "FromPort": 5000, "ToPort": 6000}, "in sg-db tcp 5000-6000 from 10.0.0.0/8"),
        ({"IpProtocol": "tcp"}, "in sg-db tcp from 10.0.0.0/8"),
        ({"IpProtocol": "tcp", "FromPort": 1024}, "in sg-db tcp 1024- from 10.0.0.0/8"),
        ({"IpProtocol": "tcp", "ToPort": 5432}, "in sg-db tcp -5432 from 10.0.0.0/8"),
        ({"IpProtocol": "-1"}, "in sg-db all traffic from 10.0.0.0/8"),
    ],
)
def test_a_rule_says_its_ports(permission: dict[str, Any], line: str) -> None:
    assert line in lines_of(situation({**permission, "IpRanges": [{"CidrIp": "10.9.9.9/8"}]}))


def test_a_line_is_taken_apart_into_what_it_was_made_of() -> None:
    assert [each for line in OPEN if (each := parts_of(line))] == [
        RuleLine("in", "sg-db", "tcp 5432", "sg-app of 111122223333"),
        RuleLine("out", "sg-app", "all traffic", "0.0.0.0/0"),
    ]
    lines = lines_of(situation(LIST, lists={"pl-1": ["10.1.0.0/16", "10.2.0.0/16"]}))
    assert held("pl-1", lines) == ("10.1.0.0/16", "10.2.0.0/16")
    assert held("pl-2", lines) == ()


def test_a_group_says_whose_it_is_and_whether_it_leads_anywhere() -> None:
    pairs = [{"GroupId": "sg-x"}, {"GroupId": "sg-y", "UserId": "9", "PeeringStatus": "deleted"}]
    lines = lines_of(situation({"UserIdGroupPairs": pairs}))
    assert "in sg-db tcp 5432 from sg-x" in lines
    assert "in sg-db tcp 5432 from sg-y of 9 (stale)" in lines


def test_a_prefix_list_shows_with_what_it_holds_so_that_a_change_inside_it_shows_too() -> None:
    before = lines_of(situation(LIST, lists={"pl-1": ["10.0.1.0/24"]}))
    after = lines_of(situation(LIST, lists={"pl-1": ["10.0.1.0/24", "0.0.0.0/0"]}))
    assert change(before, after, at=1.0) == RuleChange(1.0, added=("pl-1 holds 0.0.0.0/0",))


def test_losing_and_regaining_sight_of_a_list_is_no_change_and_loses_no_memory() -> None:
    read = lines_of(situation(LIST, lists={"pl-1": ["10.0.1.0/24"]}))
    unread = lines_of(situation(LIST))
    other = lines_of(situation(LIST, lists={"pl-1": ["10.0.9.0/24"]}))
    assert "pl-1 cannot be read" in unread
    assert change(read, unread, at=1.0) is None
    assert change(unread, read, at=1.0) is None
    assert remembered(read, unread) == read
    assert remembered(unread, unread) == unread
    assert remembered(OPEN, unread) == unread
    assert change(remembered(read, unread), other, at=1.0) == RuleChange(
        1.0, added=("pl-1 holds 10.0.9.0/24",), removed=("pl-1 holds 10.0.1.0/24",)
    )


def test_what_would_let_this_host_in_is_the_very_command() -> None:
    closed = situation()
    assert commands.let_in(closed, SEOUL) == (
        "aws ec2 authorize-security-group-ingress --group-id sg-db --protocol tcp --port 5432"
        " --source-group sg-app --region ap-northeast-2"
    )
    assert "--cidr 52.78.10.20/32" in commands.let_in(situation(to="3.34.5.6"), SEOUL)
    nobody = host(interfaces=())
    assert "--cidr ADDRESS/32" in commands.let_in(situation(at=nobody), SEOUL)
    assert "--group-id GROUP " in commands.let_in(situation(groups=()), SEOUL)


def test_a_group_that_is_meant_is_named_before_another_one_of_the_host() -> None:
    (interface,) = host().interfaces
    groups = type(interface)(interface.id, interface.addresses, groups=("sg-base", "sg-app"))
    assert "--source-group sg-app " in commands.let_in(situation(at=host(interfaces=(groups,))), SEOUL)


def test_over_ipv6_a_machine_without_groups_is_named_by_its_address() -> None:
    (interface,) = host().interfaces
    bare = type(interface)(interface.id, interface.addresses)
    command = commands.let_in(situation(to="2406:da12::20", at=host(interfaces=(bare,), unguarded=True)), SEOUL)
    assert "Ipv6Ranges=[{CidrIpv6=2406:da12::10/128}]" in command


def test_what_would_let_packets_out_names_the_databases_group_or_its_public_address() -> None:
    assert commands.let_out(situation(APP), SEOUL) == (
        "aws ec2 authorize-security-group-egress --group-id sg-app --protocol tcp --port 5432"
        " --source-group sg-db --region ap-northeast-2"
    )
    assert "--cidr 3.34.5.6/32" in commands.let_out(situation(to="3.34.5.6"), SEOUL)


@pytest.mark.parametrize(
    ("permission", "words"),
    [
        (
            {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            "IpProtocol=tcp,FromPort=5432,ToPort=5432,IpRanges=[{CidrIp=0.0.0.0/0}]",
        ),
        (ANYWHERE, "IpProtocol=-1,IpRanges=[{CidrIp=0.0.0.0/0}]"),
        ({"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "FromPort=-1,ToPort=-1"),
        ({"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, "Ipv6Ranges=[{CidrIpv6=::/0}]"),
        (LIST, "PrefixListIds=[{PrefixListId=pl-1}]"),
        (APP, "UserIdGroupPairs=[{GroupId=sg-app,UserId=111122223333}]"),
        ({"UserIdGroupPairs": [{"GroupId": "sg-x"}]}, "UserIdGroupPairs=[{GroupId=sg-x}]"),
    ],
)
def test_a_rule_is_taken_away_as_it_stands_there(permission: dict[str, Any], words: str) -> None:
    (rule,) = rules("sg-db", permission)
    command = commands.take_away(rule, SEOUL)
    assert command.startswith("aws ec2 revoke-security-group-ingress --group-id sg-db --ip-permissions '")
    assert words in command


# over time ----------------------------------------------------------------------------------------------------------


def fact(lines: tuple[str, ...], *, subject: str = "5432 of signalcraft") -> Firewall:
    return Firewall(
        subject, 5432, "10.0.2.20", "10.0.1.10", ("sg-db",), ("sg-app",), True, "sg-ref", "none", True, lines
    )


def watch(world: World, lines: tuple[str, ...] | None, *, subject: str = "5432 of signalcraft") -> list[RuleChange]:
    """One look that reads these rules, or none, and the changes that come out of it."""
    facts = () if lines is None else (fact(lines, subject=subject),)
    world.now += 300
    events = world.take(Observation("it", "look", world.now, 0.0, Seen(facts=facts)))
    return [event.change for event in events if isinstance(event, RulesChanged)]


def test_a_change_of_the_rules_is_an_event_with_what_came_and_what_went() -> None:
    world = World(plan_of({"it": ()}, checks=(check_plan(kind="security_group"),)))
    assert watch(world, OPEN) == [], "the first look has nothing to compare with"
    assert watch(world, OPEN) == []
    world.look("it", "?")
    revoked = (OPEN[0], *OPEN[2:])
    assert watch(world, revoked) == [RuleChange(world.now, removed=(OPEN[1],))]
    assert watch(world, None) == [], "a look without rules says nothing about them"
    assert watch(world, revoked) == []
    assert watch(world, OPEN) == [RuleChange(world.now, added=(OPEN[1],))]
    known = world.state.services["it"].checks["look"]
    assert known.rules == OPEN
    assert [(each.added, each.removed) for each in known.rule_changes] == [((), (OPEN[1],)), ((OPEN[1],), ())]


def test_only_the_last_changes_are_remembered() -> None:
    world = World(plan_of({"it": ()}))
    for number in range(14):
        watch(world, (f"in sg-db tcp 5432 from 10.0.{number}.0/24",))
    assert len(world.state.services["it"].checks["look"].rule_changes) == 10


def test_the_rules_of_another_port_or_database_are_no_change_but_a_new_beginning() -> None:
    world = World(plan_of({"it": ()}))
    watch(world, OPEN)
    watch(world, ())
    assert watch(world, OPEN, subject="5433 of signalcraft") == []
    assert world.state.services["it"].checks["look"].rule_changes == ()

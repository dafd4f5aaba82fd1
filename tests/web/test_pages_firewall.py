"""The firewall page: who may come in, by which rules, what was changed, and what is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.model import Blind, CheckPlan, Firewall, Observation, Plan, Seen, ServicePlan
from tests.web.conftest import Served
from tests.web.test_pages import Elements, page

CHECK = CheckPlan("security_group", "security_group", every=300.0, timeout=15.0, stale_after=900.0)
READ = Firewall(
    subject="ap-northeast-2/shop:5432",
    port=5432,
    address="10.0.0.5",
    source="10.0.1.7",
    groups=("sg-db",),
    host_groups=("sg-app",),
    reachable=True,
    reason="sg-ref",
    exposure="none",
    as_intended=True,
    lines=(
        "database has sg-db",
        "in sg-db tcp 5432 from pl-1",
        "in sg-db tcp 5432 from sg-app of 123456789012",
        "out sg-app all traffic to 0.0.0.0/0",
        "pl-1 holds 10.9.0.0/16",
        "this host has sg-app",
    ),
    admitted_by=("in sg-db tcp 5432 from sg-app of 123456789012",),
)


@pytest.fixture
async def walled(served: Served) -> Served:
    """With a service whose only check reads security groups."""
    plan = served.monitoring.plan
    services = {**plan.services, "rds-firewall": ServicePlan("rds-firewall", (CHECK,))}
    await served.monitoring.reload(Plan(services))
    return served


async def looked(served: Served, result: Seen | Blind) -> str:
    served.clock.at += 300
    await served.take(Observation("rds-firewall", "security_group", served.clock.at, 0.1, result))
    status, text = await page(served, "/firewall")
    assert status == 200
    return text


async def test_an_open_path_is_told_with_the_rule_that_opens_it(walled: Served) -> None:
    text = await looked(walled, Seen((), (READ,)))
    for said in (
        "The path is open",
        "sg-db ← tcp 5432 ← sg-app of 123456789012",
        "10.9.0.0/16",
        "No wide range",
        "all traffic",
    ):
        assert said in text, said
    (found,) = (await walled.data("/api/v1/services/rds-firewall/found"))["firewalls"]
    assert [each["admits_this_host"] for each in found["rules"]] == [False, True, False]
    assert found["prefix_lists"] == {"pl-1": ["10.9.0.0/16"]}


async def test_every_rule_that_lets_this_host_in_is_marked(walled: Served) -> None:
    lines = (
        "in sg-db tcp 5432 from 10.0.1.0/24",
        "in sg-db tcp 5432 from pl-1",
        "in sg-db tcp 5432 from sg-app of 123456789012 (stale)",
        "pl-1 holds 10.0.0.0/8",
    )
    await looked(walled, Seen((), (replace(READ, lines=lines, admitted_by=lines[:2]),)))
    (found,) = (await walled.data("/api/v1/services/rds-firewall/found"))["firewalls"]
    assert [each["admits_this_host"] for each in found["rules"]] == [True, True, False]


async def test_a_closed_path_and_an_open_world_are_told_with_what_mends_them(walled: Served) -> None:
    bad = replace(
        READ,
        reachable=False,
        reason="sg-ref-miss",
        exposure="world",
        as_intended=False,
        lines=("in sg-db tcp 5432 from 0.0.0.0/0",),
        unexpected=("0.0.0.0/0",),
        open_with="aws ec2 authorize-security-group-ingress --group-id sg-db",
        close_with=("aws ec2 revoke-security-group-ingress --group-id sg-db",),
    )
    text = await looked(walled, Seen((), (bad,)))
    for said in ("The path is closed", "The whole internet", "not intended", bad.open_with, bad.close_with[0]):
        assert said in text, said
    assert "lets this host in" not in text


async def test_tables_that_scroll_can_be_reached_by_keyboard_and_have_a_name(walled: Served) -> None:
    text = await looked(walled, Seen((), (READ,)))
    wide = [each for each in Elements(text).named("div") if each.get("class") == "box wide"]
    assert [(each["tabindex"], each["role"], each["aria-label"]) for each in wide] == [
        ("0", "group", "Rules about this port, as read")
    ]


async def test_changes_of_the_rules_are_listed_with_their_time(walled: Served) -> None:
    await looked(walled, Seen((), (READ,)))
    fewer = tuple(line for line in READ.lines if "sg-app" not in line or "has" in line)
    text = await looked(walled, Seen((), (replace(READ, lines=fewer),)))
    assert "− in sg-db tcp 5432 from sg-app of 123456789012" in text
    assert "None was seen." not in text


async def test_what_aws_denies_is_unknown_with_what_to_grant_and_the_rules_as_last_read(walled: Served) -> None:
    await looked(walled, Seen((), (READ,)))
    text = await looked(walled, Blind("not permitted: ec2:DescribeSecurityGroups"))
    assert "could not be read" in text
    assert "not permitted: ec2:DescribeSecurityGroups" in text
    assert "rds:DescribeDBInstances" in text
    assert "The path is open" not in text
    assert "sg-app" in text, "the rules as they were last read"


async def test_before_the_first_look_and_without_such_a_check_it_says_so(walled: Served) -> None:
    assert "Never read so far." in (await page(walled, "/firewall"))[1]
    assert "아직 한 번도 읽지 못했습니다." in (await page(walled, "/firewall?lang=ko"))[1]


async def test_nothing_of_the_rules_can_run(walled: Served) -> None:
    text = await looked(walled, Seen((), (replace(READ, subject="<script>alert(1)</script>\u202e"),)))
    assert len(Elements(text).named("script")) == 1
    assert "\u202e" not in text


async def test_where_no_rules_are_read_it_says_so(served: Served) -> None:
    assert "No service has a check of kind security_group" in (await page(served, "/firewall"))[1]

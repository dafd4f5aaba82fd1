"""The rules that were read, beside the login that failed: which of them is the cause, and what is told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.diagnose import diagnose
from monitor.core.model import (
    Blind,
    CheckPlan,
    Confidence,
    Diagnosis,
    Failed,
    Failure,
    Finding,
    Firewall,
    Message,
    Observation,
    Plan,
    Seen,
    ServicePlan,
    Status,
)
from monitor.locale import LANGUAGES, speak
from tests.core.story import World

RDS = CheckPlan("rds", "rds", 15.0, 10.0, 45.0)
WALL = CheckPlan("rules", "security_group", 300.0, 15.0, 900.0, confirm=1, recover=1)
PLAN = Plan({"rds": ServicePlan("rds", (RDS,), ("wall",)), "wall": ServicePlan("wall", (WALL,))})
AUTHORIZE = "aws ec2 authorize-security-group-ingress --group-id sg-db --source-group sg-app"
SILENT = Failed(Failure("tcp", "timeout", "no answer"))
REFUSED = Failed(Failure("tcp", "refused", "no"))


def rules(reachable: bool | None, *found: Finding, state: str = "available", **more: object) -> Seen:  # noqa: FBT001 — the one thing that matters
    fact = Firewall(
        "5432", 5432, "10.0.2.20", "10.0.1.10", ("sg-db",), ("sg-app",), reachable, "sg-ref", "none", True,
        ("in sg-db tcp 5432 from sg-app",) if reachable else (),
        open_with="" if reachable else AUTHORIZE, state=state,
    )  # fmt: skip
    return Seen(facts=(*found, replace(fact, **more)))  # type: ignore[arg-type]  # fields of Firewall, by name


def closed(status: Status) -> Finding:
    values: dict[str, str | int | float] = {
        "database": "signalcraft",
        "port": 5432,
        "source": "10.0.1.10",
        "groups": "sg-app",
    }
    return Finding(status, "path_closed", Message("firewall.closed.no-rule", values))


def told(wall: Seen | Blind | None, rds: Failed | None = None) -> tuple[World, Diagnosis]:
    """What is believed after the wall was looked at, and then the database."""
    world = World(PLAN)
    if wall is not None:
        world.take(Observation("wall", "rules", world.now, 1.0, wall))
    if rds is not None:
        world.take(Observation("rds", "rds", world.now, 10.0, rds, exhausted=True))
    (incident,) = world.open
    return world, diagnose(world.plan, world.state, incident.root, world.now)


def keys(found: Diagnosis) -> list[str]:
    return [each.message.key for each in found.evidence]


def test_a_silent_port_behind_closed_rules_is_the_security_groups_fault_and_one_incident() -> None:
    world, found = told(rules(False, closed(Status.CRITICAL)), SILENT)
    assert [incident.root for incident in world.open] == ["wall"]
    assert (found.cause, found.confidence) == ("security_group_blocks", Confidence.CERTAIN)
    assert found.commands == (AUTHORIZE,)


def test_a_database_that_fails_first_is_told_under_the_wall_once_the_rules_are_read() -> None:
    """The notice waits for the rules, and then names them: one fault, one page."""
    world = World(PLAN)
    world.take(Observation("wall", "rules", world.now, 1.0, rules(True)))
    world.now += 60
    began = world.now
    world.now += 10
    wanted = world.wanted(world.take(Observation("rds", "rds", began, 10.0, SILENT, exhausted=True)))
    assert ("wall", 0.0) in wanted
    assert world.notices == []
    world.now += 4
    world.take(Observation("wall", "rules", world.now - 4, 4.0, rules(False, closed(Status.CRITICAL))))
    (notice,) = world.notices
    assert notice.incident.root == "wall"
    assert notice.incident.impacted == ("rds",)
    assert notice.incident.diagnosis is not None
    assert notice.incident.diagnosis.cause == "security_group_blocks"
    assert "evidence.rules_changed" in keys(notice.incident.diagnosis)


def test_rules_that_are_closed_while_the_port_answers_are_told_as_just_that() -> None:
    _, found = told(rules(False, closed(Status.WARNING)))
    assert (found.cause, found.confidence) == ("firewall_path_closed", Confidence.CERTAIN)
    world, found = told(rules(False), SILENT)
    assert [incident.root for incident in world.open] == ["rds"]
    assert (found.cause, found.confidence) == ("security_group_blocks", Confidence.LIKELY)
    assert "evidence.rules_closed" in keys(found)


def test_rules_that_were_read_and_are_open_leave_the_rest_of_the_path() -> None:
    _, found = told(rules(True), SILENT)
    assert (found.cause, found.confidence) == ("network_path_blocked", Confidence.LIKELY)
    assert keys(found) == ["trouble.failed", "evidence.rules_open", "evidence.acls_not_read"]
    assert "security_group_blocks" in [each.cause for each in found.ruled_out]


@pytest.mark.parametrize(
    ("wall", "evidence"),
    [
        (Blind("not permitted: ec2:DescribeSecurityGroups"), ["evidence.rules_not_read", "evidence.firewall_blind"]),
        (Seen(), ["evidence.rules_not_read"]),
        (rules(None), ["evidence.rules_not_read"]),
        (None, ["evidence.rules_not_read"]),
    ],
)
def test_rules_that_could_not_be_read_rule_nothing_out_and_it_says_why(
    wall: Seen | Blind | None, evidence: list[str]
) -> None:
    _, found = told(wall, SILENT)
    assert (found.cause, found.confidence) == ("network_path_blocked", Confidence.POSSIBLE)
    assert keys(found) == ["trouble.failed", *evidence]
    assert "security_group_blocks" not in [each.cause for each in found.ruled_out]


@pytest.mark.parametrize("rds", [SILENT, REFUSED])
@pytest.mark.parametrize("state", ["stopped", "rebooting", "incompatible-network"])
def test_aws_own_word_that_the_instance_does_not_serve_is_certain(rds: Failed, state: str) -> None:
    _, found = told(rules(True, state=state), rds)
    assert (found.cause, found.confidence) == ("rds_not_available", Confidence.CERTAIN)
    assert "evidence.rds_state" in keys(found)


def test_an_available_instance_that_refuses_is_only_likely_to_be_restarting() -> None:
    for state in ("available", ""):
        _, found = told(rules(True, state=state), REFUSED)
        assert (found.cause, found.confidence) == ("rds_not_available", Confidence.LIKELY)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("exposed_world", "database_exposed"),
        ("exposed_wide", "database_exposed"),
        ("not_as_intended", "firewall_not_as_intended"),
    ],
)
def test_what_others_could_do_is_named_with_the_rules_to_take_away(reason: str, cause: str) -> None:
    values: dict[str, str | int | float] = {
        "database": "signalcraft",
        "port": 5432,
        "sources": "0.0.0.0/0",
        "intended": "sg-app",
    }
    words = Message(f"firewall.{reason}", values)
    finding = Finding(Status.WARNING, reason, words, harmless=True)
    commands = tuple(f"aws ec2 revoke-security-group-ingress {number}" for number in range(5))
    _, found = told(rules(True, finding, close_with=commands))
    assert (found.cause, found.confidence) == (cause, Confidence.CERTAIN)
    assert found.remedy == Message(f"cause.{cause}.remedy", {"service": "wall"})
    assert found.commands == (*commands[:3], "# +2")
    _, bare = told(rules(True, finding))
    assert (bare.remedy, bare.commands) == (found.remedy, ())
    _, without = told(Seen(facts=(finding,)))
    assert without.cause == cause


def test_a_world_that_may_come_in_is_not_why_the_database_is_down() -> None:
    values: dict[str, str | int | float] = {"database": "signalcraft", "port": 5432, "sources": "0.0.0.0/0"}
    open_to_all = Finding(Status.CRITICAL, "exposed_world", Message("firewall.exposed_world", values), harmless=True)
    world = World(PLAN)
    world.take(Observation("wall", "rules", world.now, 1.0, rules(True, open_to_all)))
    world.take(Observation("rds", "rds", world.now, 10.0, REFUSED, exhausted=True))
    assert sorted(incident.root for incident in world.open) == ["rds", "wall"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_it_can_be_spoken(language: str) -> None:
    world = World(PLAN)
    for result in (rules(True), rules(False, closed(Status.CRITICAL))):
        world.now += 300
        world.take(Observation("wall", "rules", world.now, 1.0, result))
    found = [diagnose(world.plan, world.state, "wall", world.now)]
    found += [told(wall, SILENT)[1] for wall in (rules(True), rules(False), Blind("no"), rules(True, state="stopped"))]
    for each in found:
        words = [each.summary, each.remedy, *(e.message for e in each.evidence), *(r.why for r in each.ruled_out)]
        assert all(speak(message, language) for message in words if message)

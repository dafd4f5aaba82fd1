"""What a notice waits for, and what it does not wait for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.model import (
    Blind,
    Failed,
    Failure,
    LookWanted,
    Observation,
    Plan,
    Reading,
    Seen,
    ServicePlan,
    Status,
    Worker,
)
from tests.core.story import START, World, check_plan, finding

ALIVE = Worker("app", 0, 100, "online", alive=True, gave_up=False, restarts=0, created_at=START, started_at=START)
DEAD = replace(ALIVE, pid=0, alive=False, pm2_status="waiting restart", started_at=None)
STOPPING = replace(ALIVE, pm2_status="stopping")


def chain() -> World:
    """An app with its workers and a page of its own, the database that it needs, and the firewall before that."""
    services = {
        "firewall": ServicePlan("firewall", (check_plan("rules", kind="security_group", every=300.0),)),
        "rds": ServicePlan("rds", (check_plan("rds", kind="rds", every=15.0),), ("firewall",)),
        "app": ServicePlan("app", (check_plan("pm2", kind="pm2", every=5.0), check_plan("http", every=15.0)), ("rds",)),
    }
    world = World(Plan(services))
    world.look("firewall", ".", check="rules")
    world.look("rds", ".", check="rds")
    world.look("app", ".", ALIVE, check="pm2")
    world.look("app", ".", check="http")
    return world.after(60)


def fails(world: World, reason: str, *, phase: str = "tcp", exhausted: bool = False) -> tuple[str, ...]:
    """A look at the database that fails so; and who else is to be looked at now."""
    took = 10.0 if exhausted else 0.01
    failed = Failed(Failure(phase, reason, "no"))
    world.now += took
    events = world.take(Observation("rds", "rds", world.now - took, took, failed, exhausted))
    return tuple(event.service for event in events if isinstance(event, LookWanted) and event.service != "rds")


def test_what_could_explain_a_trouble_is_looked_at_while_the_trouble_is_being_confirmed() -> None:
    """So that nobody waits for it afterwards. Workers tell whether it was planned; reading rules is dear, and comes
    when the trouble is certain."""
    world = chain()
    events = world.look("app", "x", check="http")
    assert world.wanted(events) == [("app", 0.3), ("app", 0.0), ("rds", 0.0)]
    world.look("rds", ".", check="rds")
    world.look("app", ".", DEAD, finding(Status.DOWN), check="pm2")
    for _ in range(2):
        world.after(0.3)
        assert ("rds", 0.0) not in world.wanted(world.look("app", ".", DEAD, finding(Status.DOWN), check="pm2"))
    assert world.words == ["app opened"], "the database answered meanwhile, and the firewall is beside the point"


def test_a_trouble_that_grows_worse_has_it_looked_at_again() -> None:
    world = chain()
    for _ in range(3):
        world.after(1).look("app", "w", check="http")
    world.after(60)
    assert ("rds", 0.0) in world.wanted(world.look("app", "x", check="http"))


@pytest.mark.parametrize(
    ("reason", "phase", "waits"),
    [
        ("refused", "tcp", False),
        ("credentials", "auth", False),
        ("timeout", "tcp", True),
        ("unreachable", "tcp", True),
        ("timeout", "tls", False),
        ("silent", "auth", False),
    ],
)
def test_a_firewall_is_waited_for_only_where_there_is_silence(reason: str, phase: str, *, waits: bool) -> None:
    """Whoever refuses has been reached, whatever the rules say."""
    world = chain()
    for _ in range(2):
        assert fails(world, reason, phase=phase) == ()
    assert "firewall" in fails(world, reason, phase=phase), "its rules are read all the same"
    assert (world.words == []) is waits
    world.look("firewall", "c", check="rules")
    for _ in range(2):
        world.after(1).look("firewall", "c", check="rules")
    assert world.words[0] == ("firewall opened" if waits else "rds opened")


def test_a_firewall_is_waited_for_while_nobody_knows_whether_the_database_is_silent() -> None:
    for result in (None, Blind("not configured: DB_PASSWORD")):
        world = chain()
        if result is not None:
            world.take(Observation("rds", "rds", world.now, 0.0, result))
        dead = [world.look("app", ".", DEAD, finding(Status.DOWN), check="pm2") for _ in range(3)]
        assert ("firewall", 0.0) in world.wanted(dead[-1])
        assert world.words == []
        world.take(Observation("rds", "rds", world.now, 0.0, Seen()))
        assert world.words == ["app opened"]


def test_louder_news_waits_for_the_workers_who_tell_whether_it_was_planned() -> None:
    """An operator restarts an app whose incident was told already: that it does not answer meanwhile is no news."""
    world = told_as_a_warning()
    for _ in range(3):
        world.after(0.3).look("app", "x", check="http")
    assert world.status("app") is Status.DOWN
    assert world.words == ["app opened"]
    world.look("app", ".", STOPPING, check="pm2")
    world.after(10).look("app", ".", check="http")
    assert world.words == ["app opened"]


def test_louder_news_that_nobody_planned_is_told_when_the_workers_have_been_looked_at() -> None:
    world = told_as_a_warning()
    for _ in range(3):
        world.after(0.3).look("app", "x", check="http")
    world.look("app", ".", ALIVE, check="pm2")
    assert world.words == ["app opened", "app updated"]


def test_louder_news_does_not_wait_for_who_cannot_see() -> None:
    world = told_as_a_warning()
    world.look("app", "?", check="pm2")
    for _ in range(3):
        world.after(0.3).look("app", "x", check="http")
    assert world.words == ["app opened", "app updated"]


def told_as_a_warning() -> World:
    """It is busy, and people know."""
    world = chain()
    for _ in range(3):
        world.after(1).look("app", ".", check="http", readings=(Reading("cpu", 0.8, "ratio"),))
    world.look("rds", ".", check="rds")
    world.look("app", ".", ALIVE, check="pm2")
    assert world.words == ["app opened"]
    return world.after(60)

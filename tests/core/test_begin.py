"""Going on: after a restart, and after the configuration was loaded anew."""

from __future__ import annotations

from monitor.core.model import Reading, Status
from monitor.core.step import begin
from tests.core.story import START, World, check_plan, plan_of

CHECKS = (check_plan("look", stale_after=45.0),)


def test_a_first_start_knows_nothing() -> None:
    state = begin(plan_of({"rds": ()}), None, START)
    assert state.services["rds"].status is Status.UNKNOWN
    assert state.services["rds"].since == START
    assert state.incidents == ()


def restarted(world: World, *, away: float) -> World:
    """The monitor was away for a while and goes on from what it remembers."""
    world.now += away
    world.state = begin(world.plan, world.state, world.now)
    return world


def test_an_incident_that_was_told_is_neither_told_twice_nor_forgotten() -> None:
    world = World(plan_of({"rds": ()}, checks=CHECKS))
    world.look("rds", "X")
    restarted(world, away=3600).look("rds", "X")
    world.after(60)
    assert world.words == ["rds opened"]
    for _ in range(2):
        restarted(world, away=1).look("rds", ".")
    assert world.words == ["rds opened", "rds resolved"]


def test_an_incident_on_hold_is_told_after_the_restart() -> None:
    world = World(plan_of({"rds": (), "app": ("rds",)}, checks=CHECKS))
    world.look("app", "X")
    restarted(world, away=3600).after(1)
    assert world.words == ["app opened"]


def test_what_was_healthy_before_a_long_absence_is_unknown_until_it_is_seen() -> None:
    world = World(plan_of({"rds": ()}, checks=CHECKS))
    world.look("rds", ".")
    restarted(world, away=3600).after(1)
    assert world.status("rds") is Status.UNKNOWN
    world.look("rds", ".")
    assert world.status("rds") is Status.HEALTHY


def test_a_service_that_left_the_plan_ends_its_incident() -> None:
    world = World(plan_of({"rds": (), "app": ("rds",)}, checks=CHECKS))
    world.look("rds", "X")
    world.look("app", "X")
    world.plan = plan_of({"app": ()}, checks=CHECKS)
    restarted(world, away=0).after(1)
    assert list(world.state.services) == ["app"]
    assert world.words == ["rds opened", "app impacted"], "its member has the settling"
    world.after(12)
    assert world.words[2:] == ["rds resolved", "app opened"]


def test_who_could_be_impacted_follows_the_plan() -> None:
    world = World(plan_of({"rds": ()}, checks=CHECKS))
    world.look("rds", "X")
    world.plan = plan_of({"rds": (), "app": ("rds",)}, checks=CHECKS)
    restarted(world, away=0)
    assert world.open[0].impacted == ("app",)
    assert world.status("app") is Status.UNKNOWN


def test_a_check_or_a_threshold_that_left_the_plan_takes_its_trouble_along() -> None:
    both = (check_plan("look", confirm=1), check_plan("other", confirm=1))
    world = World(plan_of({"rds": ()}, checks=both))
    world.look("rds", ".", readings=(Reading("cpu", 0.95),))
    world.look("rds", "x", check="other")
    assert world.status("rds") is Status.DOWN
    world.plan = plan_of({"rds": ()}, checks=(check_plan("look", confirm=1),))
    restarted(world, away=0).after(1)
    assert world.status("rds") is Status.CRITICAL
    world.plan = plan_of({"rds": ()}, checks=(CHECKS[0].__class__("look", "http", 15.0, 10.0, 45.0),))
    restarted(world, away=0).after(1)
    assert world.status("rds") is Status.HEALTHY
    assert world.words == ["rds opened", "rds resolved"]

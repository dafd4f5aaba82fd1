"""A service that changes too often is told so once; the next notice comes when it has settled."""

from __future__ import annotations

import pytest

from monitor.core.model import AddMaintenance
from tests.core.story import START, World, check_plan, plan_of

CHECKS = (check_plan("look", confirm=1, recover=1, stale_after=10_000.0),)


def flapping(changes: str = "x.x.x.", **needs: tuple[str, ...]) -> World:
    world = World(plan_of({"rds": (), **needs}, checks=CHECKS))
    for name in world.plan.services:
        world.look(name, ".")
    for sign in changes:
        world.after(5).look("rds", sign)
    return world


STEADY = ["rds opened", "rds resolved"]


def test_five_changes_are_told_one_by_one_and_the_sixth_is_flapping() -> None:
    assert flapping("x.x.x").words == [*STEADY, *STEADY, "rds opened"]
    assert flapping("x.x.x.").words == [*STEADY, *STEADY, "rds opened", "rds flapping"]
    assert flapping("x.x.x.x.x.x.").words == [*STEADY, *STEADY, "rds opened", "rds flapping"]


def test_growing_worse_and_milder_is_flapping_too() -> None:
    assert flapping("wcwcwc").words == ["rds opened", "rds updated", "rds flapping"]


@pytest.mark.parametrize(("last", "word"), [(".", "rds resolved"), ("x", "rds updated")])
def test_five_quiet_minutes_later_it_has_settled(last: str, word: str) -> None:
    world = flapping("x.x.x.x.x.x" if last == "x" else "x.x.x.")
    told = len(world.words)
    world.after(299)
    assert world.words[told:] == []
    world.after(2)
    assert world.words[told:] == [word]
    assert (world.open == []) is (last == ".")
    world.after(600)
    assert world.words[told:] == [word]


def test_after_it_has_settled_earlier_changes_are_not_held_against_it() -> None:
    world = flapping("x.x.x.").after(301)
    world.look("rds", "x")
    assert world.words[-2:] == ["rds resolved", "rds opened"]


def test_growing_unknown_and_back_is_no_flapping() -> None:
    world = World(plan_of({"rds": ()}, checks=(check_plan("look", every=1.0, stale_after=2.0),)))
    for _ in range(20):
        world.look("rds", ".")
        world.after(4)
    assert not world.state.services["rds"].flapping


def test_a_notice_that_it_flaps_can_be_the_first_about_an_incident() -> None:
    """The sixth change was muted; at the end of the mute it is told as flapping, and its end is told too."""
    world = World(plan_of({"rds": ()}, checks=CHECKS))
    world.take(AddMaintenance("rds", START, START + 100, "ann"))
    for sign in ".x.x.x.x":
        world.after(5).look("rds", sign)
    assert world.words == []
    world.after(61)
    assert world.words == ["rds flapping"]
    world.look("rds", ".")
    world.after(301)
    assert world.words == ["rds flapping", "rds resolved"]


def test_flapping_that_nobody_was_told_of_ends_without_a_word() -> None:
    world = World(plan_of({"rds": ()}, checks=CHECKS))
    world.take(AddMaintenance("rds", START, START + 1000, "ann"))
    for sign in ".x.x.x.x.":
        world.after(5).look("rds", sign)
    world.after(301)
    assert world.words == []
    assert world.open == []


def test_the_members_of_a_flapping_root_stay_with_it_until_it_has_settled() -> None:
    world = flapping("x.x.x", app=("rds",))
    world.look("app", "x")
    world.after(5).look("rds", ".")
    world.after(100).look("app", "x")
    assert world.words[-2:] == ["app impacted", "rds flapping"]
    world.after(200).look("app", "x")
    world.after(13)
    assert world.words[-2:] == ["rds resolved", "app opened"]


def test_an_incident_that_gets_another_root_is_told_as_that_roots() -> None:
    world = World(plan_of({"top": (), "rds": ("top",)}, checks=CHECKS, hold=0.5))
    for name in ("top", "rds"):
        world.look(name, ".")
    for sign in "x.x.x.x":
        world.after(5).look("rds", sign)
        world.after(0.2).look("top", ".")
    assert world.words[-1] == "rds flapping"
    world.after(1).look("top", "x")
    assert world.words[-1] == "top updated"

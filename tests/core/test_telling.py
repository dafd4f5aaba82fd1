"""To whom a notice goes, when others join, and when people are reminded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.model import (
    AcknowledgeAlert,
    AddMaintenance,
    ChannelPlan,
    NoticeDue,
    NoticeKind,
    ResolveAlert,
    Severity,
)
from monitor.core.step import begin
from tests.core.story import CPU, START, World, check_plan, plan_of

CHECKS = (check_plan("look", confirm=1, recover=1, stale_after=10_000_000.0),)
HOUR = 3600.0


def world_of(*channels: ChannelPlan, remind: float | None = None) -> World:
    """`app` needs `rds`; all is well."""
    plan = plan_of({"rds": (), "app": ("rds",)}, checks=CHECKS)
    world = World(replace(plan, channels=channels, remind=remind))
    for name in world.plan.services:
        world.look(name, ".")
    return world.after(60)


def told(world: World) -> list[str]:
    """`opened → chat, pager`, … in order."""
    events = [event for event in world.events if isinstance(event, NoticeDue)]
    return [f"{each.notice.kind.value} → {', '.join(each.channels)}" for each in events]


def acknowledge(world: World, service: str) -> None:
    for alert in world.open[0].alerts:
        if alert.service == service:
            world.take(AcknowledgeAlert(alert.id, "ann"))


class TestRouting:
    def test_every_channel_hears_of_everything_unless_it_says_otherwise(self) -> None:
        world = world_of(ChannelPlan("chat"), ChannelPlan("pager"))
        world.look("rds", "x")
        world.after(60).look("rds", ".")
        assert told(world) == ["opened → chat, pager", "resolved → chat, pager"]

    def test_a_channel_for_critical_ones_hears_when_it_grows_critical(self) -> None:
        world = world_of(ChannelPlan("chat"), ChannelPlan("pager", severities=(Severity.CRITICAL,)))
        world.look("rds", "w")
        world.after(60).look("rds", "c")
        world.after(60).look("rds", ".")
        assert told(world) == ["opened → chat", "updated → chat", "opened → pager", "resolved → chat, pager"]

    def test_a_channel_that_was_told_hears_the_end_although_the_incident_is_none_of_its_severity_by_now(self) -> None:
        world = world_of(ChannelPlan("mild", severities=(Severity.WARNING,)))
        world.look("rds", "w")
        world.after(60).look("rds", "c")
        world.after(60).look("rds", ".")
        assert told(world) == ["opened → mild", "updated → mild", "resolved → mild"]

    def test_a_channel_for_some_services_hears_when_one_of_them_is_taken_along(self) -> None:
        world = world_of(ChannelPlan("all"), ChannelPlan("team", services=("app",)))
        world.look("rds", "x")
        world.after(5).look("app", "x")
        world.after(60).look("app", ".")
        world.look("rds", ".")
        assert told(world) == ["opened → all", "opened → team", "resolved → all, team"]

    def test_whom_nothing_concerns_is_told_nothing_but_the_incident_is_known(self) -> None:
        world = world_of(ChannelPlan("team", services=("app",)))
        world.look("rds", "x")
        world.after(60).look("rds", ".")
        assert told(world) == ["opened → ", "resolved → "]

    def test_a_channel_that_has_left_the_configuration_is_told_nothing_more_but_the_end(self) -> None:
        """It knows that something began; should it come back, it must not believe for ever that this goes on."""
        world = world_of(ChannelPlan("chat"), ChannelPlan("old"))
        world.look("rds", "w")
        world.plan = replace(world.plan, channels=(ChannelPlan("chat"),))
        world.state = begin(world.plan, world.state, world.now)
        world.after(60).look("rds", "c")
        world.after(60).look("rds", ".")
        assert told(world) == ["opened → chat, old", "updated → chat", "resolved → chat, old"]

    def test_a_channel_that_is_new_is_told_what_is_open(self) -> None:
        world = world_of(ChannelPlan("chat"))
        world.look("rds", "x")
        world.plan = replace(world.plan, channels=(ChannelPlan("chat"), ChannelPlan("new")))
        world.state = begin(world.plan, world.state, world.now)
        world.after(60).look("rds", ".")
        assert told(world) == ["opened → chat", "opened → new", "resolved → chat, new"]

    def test_flapping_is_news_to_whoever_did_not_know(self) -> None:
        world = world_of(ChannelPlan("chat"), ChannelPlan("late", after=600.0))
        for sign in "xwxwxw":
            world.after(5).look("rds", sign)
        assert told(world) == ["opened → chat", "flapping → chat"]
        world.after(250).look("rds", "x")
        world.after(250).look("rds", "w")
        world.after(120)
        assert told(world)[2:] == ["flapping → late"]

    def test_what_somebody_resolved_by_hand_is_not_told_to_anybody_new(self) -> None:
        world = World(
            replace(
                plan_of({"rds": ()}, checks=(replace(CHECKS[0], thresholds=(CPU,)), replace(CHECKS[0], name="other"))),
                channels=(ChannelPlan("late", after=100.0),),
            )
        )
        world.look("rds", "x")
        world.look("rds", "x", check="other")
        first, second = world.open[0].alerts
        world.take(ResolveAlert(first.id, "ann"))
        world.take(ResolveAlert(second.id, "ann"))
        world.after(200)
        assert told(world) == ["opened → ", "resolved → "]


class TestEscalation:
    LATE = (ChannelPlan("chat"), ChannelPlan("pager", after=600.0))

    def test_it_is_told_when_nobody_has_done_anything_for_so_long(self) -> None:
        world = world_of(*self.LATE)
        world.look("rds", "x")
        world.after(599)
        assert told(world) == ["opened → chat"]
        world.after(1)
        assert told(world) == ["opened → chat", "opened → pager"]
        world.after(60).look("rds", ".")
        assert told(world)[2:] == ["resolved → chat, pager"]

    def test_it_hears_nothing_of_what_is_over_by_then(self) -> None:
        world = world_of(*self.LATE)
        world.look("rds", "x")
        world.after(599).look("rds", ".")
        world.after(600)
        assert told(world) == ["opened → chat", "resolved → chat"]

    def test_it_hears_nothing_while_somebody_is_on_it(self) -> None:
        world = world_of(*self.LATE)
        world.look("rds", "x")
        world.look("app", "x")
        acknowledge(world, "rds")
        world.after(1000)
        assert told(world) == ["opened → chat"]

    def test_the_time_begins_when_people_know_of_it(self) -> None:
        world = world_of(*self.LATE)
        world.take(AddMaintenance("rds", START, world.now + 500, "ann"))
        world.look("rds", "x")
        world.after(1000)
        assert told(world) == ["opened → chat"]
        world.after(110)
        assert told(world) == ["opened → chat", "opened → pager"]

    def test_a_mute_holds_it_back_and_its_end_lets_it_go(self) -> None:
        world = world_of(*self.LATE)
        world.look("rds", "x")
        world.take(AddMaintenance("rds", START, world.now + 700, "ann"))
        world.after(699)
        assert told(world) == ["opened → chat"]
        world.after(1)
        assert told(world) == ["opened → chat", "opened → pager"]

    def test_it_survives_a_restart(self) -> None:
        world = world_of(*self.LATE)
        world.look("rds", "x")
        world.after(300)
        world.state = begin(world.plan, world.state, world.now)
        world.after(299)
        assert told(world) == ["opened → chat"]
        world.state = begin(world.plan, world.state, world.now)
        world.after(1)
        assert told(world) == ["opened → chat", "opened → pager"]


def hours(world: World, kind: NoticeKind) -> list[float]:
    """When notices of this kind were told, in hours after the first of all."""
    return [round((each.at - world.notices[0].at) / HOUR, 2) for each in world.notices if each.kind is kind]


def skip(world: World, until_hours: float) -> World:
    """Let hours pass in steps of a minute."""
    end = world.notices[0].at + until_hours * HOUR
    while world.now < end:
        world.now += 60
        world.take(None)
    return world


class TestReminders:
    def test_they_come_after_four_hours_then_twice_as_late_each_time_a_day_at_most(self) -> None:
        world = world_of(ChannelPlan("chat"), remind=4 * HOUR)
        world.look("rds", "x")
        skip(world, 90)
        assert hours(world, NoticeKind.REMINDER) == [4, 12, 28, 52, 76]
        assert told(world)[1] == "reminder → chat"

    def test_a_rhythm_longer_than_a_day_is_kept(self) -> None:
        world = world_of(remind=48 * HOUR)
        world.look("rds", "x")
        skip(world, 100)
        assert hours(world, NoticeKind.REMINDER) == [48, 96]

    def test_without_it_there_are_none(self) -> None:
        world = world_of()
        world.look("rds", "x")
        skip(world, 50)
        assert world.words == ["rds opened"]

    def test_whatever_is_told_in_between_starts_the_time_again(self) -> None:
        world = world_of(remind=4 * HOUR)
        world.look("rds", "w")
        skip(world, 3).look("rds", "c")
        skip(world, 8)
        assert hours(world, NoticeKind.REMINDER) == [7]

    def test_who_is_on_it_is_not_reminded(self) -> None:
        world = world_of(remind=4 * HOUR)
        world.look("rds", "x")
        acknowledge(world, "rds")
        skip(world, 30)
        assert world.words == ["rds opened"]

    @pytest.mark.parametrize("muted", [True, False])
    def test_a_mute_holds_them_back(self, *, muted: bool) -> None:
        world = world_of(remind=4 * HOUR)
        world.look("rds", "x")
        if muted:
            world.take(AddMaintenance("rds", START, START + 100 * HOUR, "ann"))
        skip(world, 5)
        assert hours(world, NoticeKind.REMINDER) == ([] if muted else [4])

    def test_an_incident_of_which_all_that_is_left_is_what_it_took_along_asks_who_is_on_that(self) -> None:
        """Its root was resolved by hand; the alert of the other service is what somebody can be on."""
        world = world_of(remind=4 * HOUR)
        world.look("rds", "x")
        world.look("app", "x")
        world.resolve("rds")
        acknowledge(world, "app")
        skip(world, 9)
        assert hours(world, NoticeKind.REMINDER) == []

"""What people order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.model import (
    AcknowledgeAlert,
    AddMaintenance,
    AddRecurring,
    AddSilence,
    AddWindow,
    AlertOpened,
    EndMaintenance,
    EndSilence,
    LookNow,
    LookWanted,
    NoticeKind,
    Order,
    ResolveAlert,
    Status,
)
from monitor.core.step import UnknownId, begin
from tests.core.story import START, World, check_plan, plan_of

CHECKS = (check_plan("look", stale_after=10_000.0),)


def rds(sign: str = "X") -> World:
    world = World(plan_of({"rds": (), "app": ("rds",)}, checks=CHECKS))
    world.look("app", ".")
    world.look("rds", sign)
    return world


def test_an_acknowledged_alert_says_by_whom() -> None:
    world = rds()
    (alert,) = world.open[0].alerts
    world.after(5).take(AcknowledgeAlert(alert.id, "ann"))
    (alert,) = world.open[0].alerts
    assert (alert.acknowledged_at, alert.acknowledged_by) == (START + 5, "ann")
    assert world.words == ["rds opened"]


def test_of_an_alert_that_is_over_nothing_changes() -> None:
    world = rds()
    (alert,) = world.open[0].alerts
    world.take(ResolveAlert(alert.id, "ann"))
    before = world.state
    assert world.take(ResolveAlert(alert.id, "bob")) == ()
    assert world.take(AcknowledgeAlert(alert.id, "bob")) == ()
    assert world.state is before


def test_the_last_alert_resolved_by_hand_ends_its_incident_and_the_next_failing_look_reopens_it() -> None:
    world = rds()
    first = world.open[0]
    world.after(1).resolve("rds")
    assert world.words == ["rds opened", "rds resolved"]
    assert world.state.incidents[0].resolved_by == "ann"
    assert world.status("rds") is Status.DOWN
    world.after(60)
    assert world.open == []
    world.look("rds", "X")
    (again,) = world.open
    assert again.id != first.id
    assert again.reopens == first.id
    assert world.notices[-1].incident.reopens == first.id
    assert world.words == ["rds opened", "rds resolved", "rds opened"]


def test_a_good_look_after_it_was_resolved_by_hand_forgets_it() -> None:
    world = rds()
    world.after(1).resolve("rds")
    for sign in "..X":
        world.after(1).look("rds", sign)
    assert world.open[0].reopens is None


def test_an_incident_with_other_alerts_goes_on_when_one_is_resolved_by_hand() -> None:
    world = rds()
    world.look("app", "X")
    world.after(1).resolve("app")
    assert len(world.open) == 1
    events = world.after(1).look("app", "X")
    assert [event.incident_id for event in events if isinstance(event, AlertOpened)] == [world.open[0].id]
    assert world.words == ["rds opened", "app impacted", "app impacted"]


def test_resolving_by_hand_ends_what_was_adopted_too() -> None:
    world = World(plan_of({"rds": (), "a": ("rds",), "b": ("rds",)}, checks=CHECKS))
    for name in ("a", "b"):
        world.look(name, "X")
    world.after(13).look("rds", "X")
    for name in ("a", "b", "rds"):
        world.resolve(name)
    assert world.open == []
    assert {each.resolved_by for each in world.state.incidents} == {"ann"}
    assert [notice.kind for notice in world.notices].count(NoticeKind.RESOLVED) == 2


def test_an_alert_whose_check_has_just_left_the_plan_can_be_resolved() -> None:
    world = rds()
    (alert,) = world.open[0].alerts
    world.plan = plan_of({"rds": ()}, checks=(check_plan("other"),))
    world.state = begin(world.plan, world.state, world.now)
    world.take(ResolveAlert(alert.id, "ann"))
    assert world.words == ["rds opened", "rds resolved"]


# Mutes ----------------------------------------------------------------------------------------------------------------


def muted(order: Order) -> World:
    world = World(plan_of({"rds": ()}, checks=CHECKS))
    world.take(order)
    world.after(1).look("rds", "X")
    return world


@pytest.mark.parametrize(
    "order",
    [
        AddMaintenance("rds", START, START + 60, "ann"),
        AddSilence({"service": "rds"}, START, START + 60, "ann"),
        AddSilence({"severity": "critical", "cause": "unknown"}, START, START + 60, "ann"),
        AddSilence({}, START, START + 60, "ann"),
    ],
)
def test_a_mute_holds_the_notice_back_and_what_is_still_broken_at_its_end_is_told_then(order: Order) -> None:
    world = muted(order)
    assert world.words == []
    assert world.status("rds") is Status.DOWN
    assert len(world.open) == 1
    world.after(58.9)
    assert world.words == []
    world.after(0.2)
    assert world.words == ["rds opened"]
    assert (world.state.silences, world.state.maintenance) == ((), ())


@pytest.mark.parametrize(
    "order",
    [
        AddMaintenance("app", START, START + 60, "ann"),
        AddMaintenance("rds", START + 30, START + 60, "ann"),
        AddSilence({"service": "rds", "severity": "warning"}, START, START + 60, "ann"),
        AddSilence({"colour": "red"}, START, START + 60, "ann"),
        AddSilence({}, START + 30, START + 60, "ann"),
    ],
)
def test_a_mute_that_does_not_match_or_has_not_begun_mutes_nothing(order: Order) -> None:
    world = rds(".")
    world.take(order)
    world.after(1).look("rds", "X")
    assert world.words == ["rds opened"]


def test_a_mute_that_is_ended_before_its_time_mutes_no_longer() -> None:
    world = muted(AddSilence({}, START, START + 60, "ann"))
    world.take(EndSilence(world.state.silences[0].id))
    world.take(AddMaintenance("rds", world.now, world.now + 60, "ann"))
    world.take(EndMaintenance(world.state.maintenance[0].id))
    assert world.words == ["rds opened"]


def test_the_end_of_what_was_told_is_never_held_back_and_of_what_was_not_is_never_told() -> None:
    told = rds()
    told.take(AddSilence({}, told.now, told.now + 60, "ann"))
    for _ in range(2):
        told.after(1).look("rds", ".")
    assert told.words == ["rds opened", "rds resolved"]
    untold = muted(AddSilence({}, START, START + 60, "ann"))
    for _ in range(2):
        untold.after(1).look("rds", ".")
    assert untold.words == []


def test_a_worse_severity_under_a_mute_is_told_at_its_end() -> None:
    world = rds("w")
    for _ in range(2):
        world.look("rds", "w")
    world.take(AddMaintenance("rds", world.now, world.now + 30, "ann"))
    world.look("rds", "X")
    assert world.words == ["rds opened"]
    world.after(31)
    assert world.words == ["rds opened", "rds updated"]


def test_an_adoption_under_a_mute_is_not_told() -> None:
    world = World(plan_of({"rds": (), "a": ("rds",), "b": ("rds",)}, checks=CHECKS))
    for name in ("a", "b"):
        world.look(name, "X")
    world.after(13).take(AddMaintenance("b", world.now, world.now + 90, "ann"))
    world.look("rds", "X")
    assert world.words == ["a opened", "b opened", "rds updated"]


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (AcknowledgeAlert("alert-1", "ann"), "alert"),
        (ResolveAlert("alert-1", "ann"), "alert"),
        (EndSilence("alert-1"), "silence"),
        (EndMaintenance("alert-1"), "maintenance"),
        (AddMaintenance("alert-1", START, START + 1, "ann"), "service"),
    ],
)
def test_an_order_about_something_that_does_not_exist_is_refused(order: Order, kind: str) -> None:
    world = rds()
    with pytest.raises(UnknownId, match="alert-1") as caught:
        world.take(order)
    assert (caught.value.kind, caught.value.name) == (kind, "alert-1")


def test_ids_are_never_used_again_even_when_the_state_is_lost() -> None:
    first = rds()
    second = World(first.plan, now=first.now + 0.001)
    second.look("rds", "X")
    ids = [each.id for world in (first, second) for each in world.open]
    ids += [alert.id for world in (first, second) for each in world.open for alert in each.alerts]
    assert len(set(ids)) == 4
    assert all(len(each) <= 64 and each.replace("-", "").isalnum() for each in ids)
    assert replace(first.state, sequence=0) != first.state


def test_a_note_is_kept_with_the_alert_until_another_one_replaces_it() -> None:
    world = rds()
    (alert,) = world.open[0].alerts
    world.take(AcknowledgeAlert(alert.id, "ann", "asked the provider"))
    world.take(AcknowledgeAlert(alert.id, "bob"))
    assert [(a.note, a.acknowledged_by) for a in world.open[0].alerts] == [("asked the provider", "bob")]
    world.take(ResolveAlert(alert.id, "bob", "they mended it"))
    assert world.state.incidents[0].alerts[0].note == "they mended it"


def test_looking_now_wants_a_look_of_every_check_of_the_service_and_changes_nothing() -> None:
    world = rds()
    before = world.state
    assert world.take(LookNow("rds")) == (LookWanted("rds", "look", world.now),)
    assert world.state is before
    with pytest.raises(UnknownId, match="no service 'nobody'"):
        world.take(LookNow("nobody"))


def test_a_recurring_maintenance_makes_one_window_after_the_other_until_it_ends() -> None:
    world = rds(".")
    world.take(AddRecurring("rds", "0 3 * * 0", "Asia/Seoul", 60.0, "ann", "patches"))
    (rule,) = world.state.recurring
    assert (rule.service, rule.last_start, rule.reason) == ("rds", None, "patches")
    world.take(AddWindow(rule.id, START + 100))
    (window,) = world.state.maintenance
    assert (window.service, window.starts_at, window.ends_at, window.recurring) == (
        "rds",
        START + 100,
        START + 160,
        rule.id,
    )
    assert (window.by, window.reason) == ("ann", "patches")
    assert world.state.recurring[0].last_start == START + 100
    world.take(EndMaintenance(window.id))
    assert world.state.maintenance == ()
    assert [each.id for each in world.state.recurring] == [rule.id]
    world.take(AddWindow(rule.id, START + 200))
    world.take(AddRecurring("rds", "0 4 * * *", "UTC", 60.0, "ann"))
    world.take(EndMaintenance(rule.id))
    assert world.state.maintenance == ()
    assert [each.cron for each in world.state.recurring] == ["0 4 * * *"]


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (AddRecurring("nobody", "* * * * *", "UTC", 60.0, "ann"), "no service 'nobody'"),
        (AddWindow("recurring-0", START), "no maintenance 'recurring-0'"),
        (EndMaintenance("recurring-0"), "no maintenance 'recurring-0'"),
    ],
)
def test_orders_about_a_rule_that_does_not_exist_change_nothing(order: Order, said: str) -> None:
    world = rds(".")
    before = world.state
    with pytest.raises(UnknownId, match=said):
        world.take(order)
    assert world.state is before
    world.take(AddRecurring("rds", "0 4 * * *", "UTC", 60.0, "ann"))
    world.take(AddRecurring("rds", "0 5 * * *", "UTC", 60.0, "ann"))
    world.take(AddWindow(world.state.recurring[0].id, START + 500))
    assert [each.last_start for each in world.state.recurring] == [START + 500, None]

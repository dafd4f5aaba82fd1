"""What happened in an incident, in its order."""

from __future__ import annotations

from dataclasses import replace

from monitor.core.model import AcknowledgeAlert, Change, ChangeKind, Message, ResolveAlert, Status
from monitor.core.timeline import Moment, timeline
from monitor.core.uptime import Stay
from tests.core.story import START, World, check_plan, plan_of


def told() -> World:
    world = World(plan_of({"rds": (), "app": ("rds",)}, checks=(check_plan("look", stale_after=10_000.0),)))
    world.look("app", ".")
    world.look("rds", "X")
    return world


def words(moments: tuple[Moment, ...]) -> list[str]:
    return [f"{each.at - START:g} {each.kind} {each.service} {each.what} {each.by} {each.note}" for each in moments]


def test_an_open_incident_tells_how_it_began_and_who_was_told() -> None:
    world = told()
    assert words(timeline(world.open[0], ())) == [
        "0 opened rds critical None None",
        "0 alert rds critical None None",
        "0 told rds opened None None",
    ]


def test_orders_and_the_end_are_on_it_with_names_and_notes() -> None:
    world = told()
    (alert,) = world.open[0].alerts
    world.after(5).take(AcknowledgeAlert(alert.id, "ann", "on it"))
    world.after(5).take(ResolveAlert(alert.id, "bob"))
    (incident,) = world.state.incidents
    assert words(timeline(incident, ()))[3:] == [
        "5 acknowledged rds None ann on it",
        "10 told rds resolved None None",
        "10 alert_resolved rds None bob on it",
        "10 resolved rds None bob None",
    ]


def test_what_was_changed_stands_on_it_before_it_began() -> None:
    (incident,) = told().state.incidents
    said = Message("change.rules", {"service": "wall", "removed": "a", "added": "–"})
    changed = replace(
        incident,
        changes=(
            Change(ChangeKind.RULES, "wall", said, START - 42, START - 60),
            Change(ChangeKind.CONFIGURATION, "", Message("change.configuration"), START + 5, START + 5),
        ),
    )
    moments = timeline(changed, ())
    assert words(moments)[0] == "-42 change wall rules None None"
    assert words(moments)[-1] == "5 change None configuration None None"
    assert moments[0].message == said


def test_statuses_of_its_services_while_it_lasted_are_on_it_and_no_others() -> None:
    (incident,) = told().state.incidents
    stays = (
        Stay("rds", Status.HEALTHY, START - 100, START),
        Stay("rds", Status.HEALTHY, START - 100, START + 1),
        Stay("rds", Status.DOWN, START - 1, START + 60),
        Stay("app", Status.DOWN, START + 3, START + 50),
        Stay("other", Status.DOWN, START + 3, START + 50),
        Stay("app", Status.HEALTHY, START + 50, START + 70),
    )

    def shown(moments: tuple[Moment, ...]) -> list[str]:
        return [f"{each.at - START:g} {each.service} {each.what}" for each in moments if each.kind == "status"]

    assert shown(timeline(incident, stays)) == ["-1 rds down", "3 app down", "50 app healthy"]
    again = (*stays[:4], Stay("rds", Status.DOWN, START + 61, START + 70))
    assert shown(timeline(incident, again)) == ["-1 rds down", "3 app down"], "a restart of the monitor is no news"
    ended = replace(incident, resolved_at=START + 40, told=())
    assert shown(timeline(ended, stays)) == ["-1 rds down", "3 app down"]
    assert words(timeline(replace(ended, alerts=()), ())) == [
        "0 opened rds critical None None",
        "40 resolved rds None None None",
    ]

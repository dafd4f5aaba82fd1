"""The life of incidents: hold, roots, adoption, settling, severity."""

from __future__ import annotations

from monitor.core.model import NoticeKind, Severity, Status
from tests.core.story import START, World, check_plan, plan_of

QUICK = (check_plan("look", confirm=1, recover=1, stale_after=10_000.0),)
STEADY = (check_plan("look", stale_after=10_000.0),)
CHAIN = {"rds": (), "app": ("rds",), "nginx": ("app",)}


def world_of(needs: dict[str, tuple[str, ...]] | None = None, **options: float) -> World:
    """A world in which everything has just been seen to be well."""
    world = World(plan_of(CHAIN if needs is None else needs, checks=STEADY, **options))
    for name in world.plan.services:
        world.look(name, ".")
    return world.after(60)


def test_without_dependencies_people_are_told_at_once() -> None:
    world = world_of()
    world.look("rds", "X")
    assert world.words == ["rds opened"]


def test_what_could_explain_it_is_looked_at_before_people_are_told() -> None:
    world = world_of()
    events = world.look("nginx", "X")
    assert world.wanted(events) == [("app", 0.0), ("rds", 0.0)]
    world.after(0.2).look("app", ".")
    assert world.words == []
    world.after(0.2).look("rds", ".")
    assert world.words == ["nginx opened"]


def test_a_look_that_began_before_the_failing_one_explains_nothing() -> None:
    world = world_of()
    world.look("app", "X")
    world.after(0.2).look("rds", ".", began=world.now - 0.3)
    assert world.words == []


def test_a_dependency_that_may_be_failing_is_waited_for_until_that_is_sure() -> None:
    world = world_of()
    world.look("app", "X")
    for sign in ("x", "x"):
        world.after(0.3).look("rds", sign)
        assert world.words == []
    world.after(0.3).look("rds", "x")
    assert world.words == ["rds opened", "app impacted"]


def test_who_cannot_see_is_not_waited_for() -> None:
    world = world_of()
    world.look("app", "X")
    world.after(0.2).look("rds", "?")
    assert world.words == ["app opened"]


def test_the_hold_ends_after_twelve_seconds_whatever_is_missing() -> None:
    world = world_of()
    world.look("app", "X")
    world.after(11.9)
    assert world.words == []
    world.after(0.2)
    assert world.words == ["app opened"]


def test_what_is_getting_better_as_the_hold_ends_is_decided_by_its_next_look() -> None:
    world = world_of()
    world.look("app", "X")
    world.after(11).look("app", ".")
    world.after(2)
    assert world.words == []
    world.look("app", ".")
    assert world.words == []
    assert world.open == []


def test_an_untold_incident_whose_root_turns_out_to_be_another_is_rerooted_silently() -> None:
    world = world_of()
    world.look("nginx", "X")
    (before,) = world.open
    world.after(0.3).look("app", "X")
    world.after(0.3).look("rds", "X")
    (after,) = world.open
    assert (before.root, after.root, after.id) == ("nginx", "rds", before.id)
    assert world.words == ["rds opened", "nginx impacted", "app impacted"]
    assert after.impacted == ("app", "nginx")


def test_a_root_that_shows_too_late_takes_over_what_was_told() -> None:
    """The oldest told incident gets the new root; another told one says where it went and ends with it; an untold one
    vanishes."""
    world = world_of({"rds": (), "a": ("rds",), "b": ("rds",), "c": ("rds",)})
    world.look("a", "X")
    world.after(1).look("b", "X")
    world.after(12)
    world.look("c", "X")
    assert world.words == ["a opened", "b opened"]
    first, second, third = world.open
    world.after(0.5).look("rds", "X")
    kept, adopted = world.open
    assert (kept.id, kept.root, kept.adopted_by) == (first.id, "rds", None)
    assert (adopted.id, adopted.adopted_by) == (second.id, first.id)
    assert third.id not in [each.id for each in world.state.incidents]
    assert {alert.service for alert in kept.alerts} == {"rds", "a", "b", "c"}
    assert world.words[2:] == ["b updated", "rds updated"]
    assert [alert.service for alert in world.notices[2].incident.alerts] == ["b"]
    for name in ("rds", "a", "b", "c"):
        world.look(name, ".")
        world.look(name, ".")
    assert world.words[4:] == ["rds resolved", "b resolved"]


def test_what_an_adopted_incident_had_adopted_ends_with_the_last_survivor() -> None:
    world = world_of({"top": (), "rds": ("top",), "a": ("rds",), "b": ("rds",)})
    world.look("a", "X")
    world.look("b", "X")
    world.after(13).look("rds", "w")
    for _ in range(2):
        world.look("rds", "w")
    world.after(13)
    assert world.words == ["a opened", "b opened", "rds opened"]
    world.look("rds", "X")
    assert [each.adopted_by for each in world.open].count(None) == 1
    world.look("top", "w")
    for _ in range(2):
        world.look("top", "w")
    world.look("top", "X")
    survivors = [each for each in world.open if each.adopted_by is None]
    assert [each.root for each in survivors] == ["top"]
    assert {each.adopted_by for each in world.open} == {None, survivors[0].id}
    for name in ("top", "rds", "a", "b"):
        world.look(name, ".")
        world.look(name, ".")
    assert sorted(world.words[-4:]) == ["a resolved", "b resolved", "rds resolved", "top resolved"]
    assert world.open == []


def test_a_member_that_recovers_with_its_root_pages_nobody() -> None:
    world = world_of()
    world.look("rds", "X")
    world.after(1).look("app", "X")
    world.after(30).look("rds", ".")
    events = world.after(2).look("rds", ".")
    assert ("app", 0.0) in world.wanted(events)
    assert world.words == ["rds opened", "app impacted"]
    world.after(0.2).look("app", ".")
    world.after(2).look("app", ".")
    assert world.words == ["rds opened", "app impacted", "rds resolved"]


def test_a_member_that_still_fails_has_the_settling_and_one_last_look() -> None:
    world = world_of()
    world.look("rds", "X")
    world.look("app", "X")
    for _ in range(2):
        world.after(1).look("rds", ".")
    assert world.wanted(world.look("app", "X")) == [("app", 10.0)]
    world.after(11.9)
    assert world.words == ["rds opened", "app impacted"]
    world.after(0.2)
    assert world.words[2:] == ["rds resolved", "app opened"]


def test_a_member_that_nobody_can_see_goes_its_own_way_too() -> None:
    world = world_of()
    world.look("rds", "X")
    world.look("app", "X")
    for _ in range(2):
        world.after(1).look("rds", ".")
    world.look("app", ".")
    world.look("app", "?")
    world.after(12.1)
    assert world.words[2:] == ["rds resolved", "app opened"]


def test_members_that_explain_each_other_go_together() -> None:
    world = world_of()
    for name in ("rds", "app", "nginx"):
        world.look(name, "X")
    for _ in range(2):
        world.after(1).look("rds", ".")
    for name in ("nginx", "app"):
        world.look(name, "X")
    world.after(12.1)
    assert world.words[3:] == ["rds resolved", "app opened", "nginx impacted"]


def test_who_is_broken_by_a_member_that_still_settles_joins_it() -> None:
    world = world_of()
    world.look("rds", "X")
    world.look("app", "X")
    for _ in range(2):
        world.after(1).look("rds", ".")
    world.look("nginx", "X")
    assert len(world.open) == 1
    world.look("app", "X")
    world.after(12.1)
    assert world.words == [
        "rds opened",
        "app impacted",
        "nginx impacted",
        "rds resolved",
        "app opened",
        "nginx impacted",
    ]


def test_a_member_whose_other_dependency_fails_moves_there() -> None:
    world = world_of({"rds": (), "redis": (), "app": ("rds", "redis")})
    world.look("rds", "X")
    world.look("app", "X")
    world.look("redis", "X")
    for _ in range(2):
        world.after(1).look("rds", ".")
    assert world.words == ["rds opened", "app impacted", "redis opened", "rds resolved"]
    assert {alert.service for alert in world.open[0].alerts} == {"redis", "app"}


def test_a_member_that_moves_to_an_incident_which_lets_go_in_the_same_step_is_not_lost() -> None:
    """Found by law 6: the second incident was taken as it had been before the member came."""
    checks = [check_plan(confirm=1, recover=1, stale_after=900.0)]
    world = World(plan_of({"d": (), "a": (), "b": ("a",), "e": ("b", "d")}, checks=checks))
    for name in ("d", "a", "b", "e"):
        world.look(name, ".")
    world.after(15).look("d", "x")
    world.look("e", "x")
    world.look("a", "x")
    world.look("b", "x")
    world.after(15).look("a", ".")
    world.after(11.9)
    world.now += 0.2  # no tick between the end of the settling and the look
    world.look("d", ".")
    held = {alert.service for incident in world.open for alert in incident.alerts if alert.resolved_at is None}
    assert held == {"b", "e"}


def test_what_was_resolved_by_hand_explains_nothing_until_it_fails_again() -> None:
    world = world_of()
    world.look("rds", "X")
    world.after(1)
    world.resolve("rds")
    world.after(1).look("app", "X")
    assert [each.root for each in world.open] == ["app"]
    world.after(0.2).look("rds", "X")
    assert [each.root for each in world.open] == ["rds"]
    assert world.words == ["rds opened", "rds resolved", "rds opened", "app impacted"]


def test_a_root_that_is_no_longer_bad_enough_lets_its_members_go_and_stays() -> None:
    world = world_of()
    world.look("rds", "X")
    world.look("app", "X")
    for _ in range(2):
        world.after(1).look("rds", "w")
    world.look("app", "X")
    world.after(12.1)
    assert world.words == ["rds opened", "app impacted", "app opened"]
    assert sorted(each.root for each in world.open) == ["app", "rds"]
    assert all(each.settling_since is None for each in world.open)


def test_a_root_that_fails_again_while_it_settles_goes_on_without_a_word() -> None:
    world = world_of()
    world.look("rds", "X")
    world.look("app", "X")
    for _ in range(2):
        world.after(1).look("rds", ".")
    world.after(5).look("rds", "X")
    assert world.words == ["rds opened", "app impacted"]
    assert world.open[0].settling_until is None


def test_trouble_that_began_before_its_dependency_had_recovered_is_an_echo() -> None:
    """A look of ten seconds that began before the recovery ends after it; it joins what still settles."""
    world = world_of({"rds": (), "a": ("rds",), "b": ("rds",)})
    world.look("rds", "X")
    world.look("a", "X")
    began = world.now
    for _ in range(2):
        world.after(1).look("rds", ".")
    events = world.after(5).look("b", "X", began=began)
    assert ("b", 0.0) in world.wanted(events)
    assert len(world.open) == 1
    for name in ("a", "b"):
        world.look(name, ".")
        world.look(name, ".")
    assert world.words == ["rds opened", "a impacted", "b impacted", "rds resolved"]


def test_an_echo_that_comes_after_the_end_is_looked_at_again_before_anybody_is_told() -> None:
    world = world_of()
    world.look("rds", "X")
    began = world.now
    for _ in range(2):
        world.after(1).look("rds", ".")
    assert world.words == ["rds opened", "rds resolved"]
    events = world.after(5).look("app", "X", began=began)
    assert ("app", 0.0) in world.wanted(events)
    world.after(0.1).look("app", ".")
    world.after(2).look("app", ".")
    assert world.words == ["rds opened", "rds resolved"]


def test_what_was_never_told_ends_without_a_word() -> None:
    world = world_of()
    world.look("app", "X")
    for _ in range(2):
        world.after(1).look("app", ".")
    assert world.words == []
    assert [each.resolved_at for each in world.state.incidents] == [world.now]


def test_a_worse_severity_is_told_once_and_a_better_one_never() -> None:
    world = World(plan_of({"rds": ()}, checks=QUICK))
    for sign in "wcwxw":
        world.after(1).look("rds", sign)
    assert world.words == ["rds opened", "rds updated"]
    assert world.open[0].severity is Severity.CRITICAL


def test_the_severity_of_what_was_not_told_follows_its_alerts() -> None:
    world = world_of()
    world.look("app", "X")
    for _ in range(2):
        world.look("app", "w")
    assert world.open[0].severity is Severity.WARNING
    world.after(13)
    assert world.notices[0].incident.severity is Severity.WARNING


def test_a_notice_shows_every_service_with_its_own_status() -> None:
    world = world_of()
    world.look("rds", "X")
    assert world.notices[0].statuses == {"rds": Status.DOWN, "app": Status.HEALTHY, "nginx": Status.HEALTHY}


def test_an_alert_says_what_is_believed_now() -> None:
    world = World(plan_of({"rds": ()}, checks=QUICK))
    world.look("rds", "w")
    world.after(1).look("rds", "c")
    (alert,) = world.open[0].alerts
    assert (alert.status, alert.severity, alert.message.key) == (Status.CRITICAL, Severity.CRITICAL, "trouble.failed")
    assert alert.opened_at == START


def test_only_the_last_hundred_resolved_incidents_are_kept() -> None:
    world = World(plan_of({"rds": ()}, checks=QUICK, flap_changes=10_000))
    for _ in range(110):
        world.after(1).look("rds", "x")
        world.after(1).look("rds", ".")
    assert len(world.state.incidents) == 100
    ids = {notice.incident.id for notice in world.notices if notice.kind is NoticeKind.OPENED}
    assert len(ids) == 110
    assert world.state.incidents[-1].opened_at == world.now - 1


def test_of_an_incident_only_the_last_thirty_resolved_alerts_are_kept() -> None:
    world = World(plan_of({"rds": (), "app": ("rds",)}, checks=QUICK, flap_changes=10_000))
    world.look("rds", "x")
    for _ in range(40):
        world.after(1).look("app", "x")
        world.after(1).look("app", ".")
    assert len(world.open[0].alerts) == 31

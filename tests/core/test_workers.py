"""What PM2's workers show: planned restarts are forgiven, unplanned ones are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.model import Fact, Failed, Failure, Finding, Observation, PlannedExit, Status, Worker
from tests.core.sentences import spoken
from tests.core.story import START, World, check_plan, finding, plan_of

ALIVE = Worker("app", 0, 100, "online", alive=True, gave_up=False, restarts=0, created_at=START, started_at=START)
STOPPING = replace(ALIVE, pm2_status="stopping")
NEW = replace(ALIVE, pid=200, restarts=1, created_at=START + 50)


def app() -> World:
    checks = (check_plan("pm2", kind="pm2", every=5.0, stale_after=900.0), check_plan("http", stale_after=900.0))
    world = World(plan_of({"app": ()}, checks=checks))
    world.look("app", ".", ALIVE, check="pm2")
    world.look("app", ".", check="http")
    return world


def counted(world: World) -> int:
    """The unplanned restarts that are held against the app."""
    return sum(more for _, more in world.state.services["app"].checks["pm2"].restarts)


def crash(world: World, restarts: int) -> None:
    world.after(5).look("app", ".", replace(ALIVE, restarts=restarts), check="pm2")


def test_a_planned_restart_gives_every_check_of_the_service_half_a_minute() -> None:
    world = app().after(50)
    world.look("app", ".", NEW, check="pm2")
    world.after(1).look("app", "X", check="http")
    world.after(28.9).look("app", "X", check="http")
    assert world.status("app") is Status.HEALTHY
    world.after(0.2).look("app", "X", check="http")
    assert world.status("app") is Status.DOWN


def test_a_worker_that_begins_to_stop_is_a_plan_and_one_that_stays_so_is_no_second() -> None:
    world = app().after(5)
    for _ in range(6):
        world.look("app", ".", STOPPING, finding(Status.DOWN), check="pm2")
        assert world.status("app") is Status.HEALTHY
        world.after(5)
    for _ in range(3):
        world.look("app", ".", STOPPING, finding(Status.DOWN), check="pm2")
    assert world.status("app") is Status.DOWN


def test_an_app_that_an_operator_has_stopped_between_two_looks_has_its_half_minute_and_is_told_then() -> None:
    world = app().after(50)
    gone = replace(ALIVE, pid=0, alive=False, pm2_status="stopped", started_at=None)
    world.look("app", "X", check="http")
    world.after(0.2).look("app", ".", gone, finding(Status.DOWN, "stopped", grace=30.0), check="pm2")
    assert world.status("app") is Status.HEALTHY
    for _ in range(3):
        world.after(8).look("app", ".", gone, finding(Status.DOWN, "stopped", grace=30.0), check="pm2")
        world.look("app", "X", check="http")
    assert world.words == []
    world.after(8).look("app", ".", gone, finding(Status.DOWN, "stopped", grace=30.0), check="pm2")
    assert world.words == ["app opened"]
    assert world.notices[0].incident.told[0].cause == "process_stopped"


def test_a_worker_first_seen_as_stopping_is_a_plan() -> None:
    world = World(plan_of({"app": ()}, checks=(check_plan("pm2", kind="pm2"), check_plan("http"))))
    world.look("app", ".", STOPPING, check="pm2")
    world.look("app", "X", check="http")
    assert world.status("app") is Status.HEALTHY


def test_trouble_seen_before_the_plan_was_found_out_is_taken_back_and_pages_nobody() -> None:
    world = app().after(50)
    events = world.look("app", "X", check="http")
    assert world.status("app") is Status.DOWN
    assert world.wanted(events) == [("app", 0.0)], "its workers are looked at now: was it planned?"
    assert world.words == []
    world.after(0.2).look("app", ".", NEW, check="pm2")
    assert world.status("app") is Status.HEALTHY
    world.after(15).look("app", ".", check="http")
    assert world.words == []
    assert world.open == []


def test_an_unplanned_death_is_told_as_soon_as_the_workers_have_been_looked_at() -> None:
    world = app().after(50)
    world.look("app", "X", check="http")
    dead = replace(ALIVE, pid=0, alive=False, pm2_status="waiting restart")
    for _ in range(2):
        world.after(0.2).look("app", ".", dead, finding(Status.DOWN), check="pm2")
        assert world.words == [], "the workers' own trouble is not confirmed yet"
    world.look("app", ".", dead, finding(Status.DOWN), check="pm2")
    assert world.words == ["app opened"]


def test_trouble_from_before_the_plan_stays() -> None:
    world = app().after(30)
    world.look("app", "X", check="http")
    world.after(10).look("app", ".", ALIVE, check="pm2")
    world.after(10).look("app", ".", NEW, check="pm2")
    assert world.status("app") is Status.DOWN


def test_a_reset_of_the_counters_is_no_restart_and_excuses_nothing() -> None:
    world = app()
    world.after(5).look("app", ".", replace(ALIVE, created_at=START + 5), check="pm2")
    for _ in range(3):
        world.after(1).look("app", "x", check="http")
    world.look("app", ".", replace(ALIVE, created_at=START + 5), check="pm2")
    assert world.words == ["app opened"]


def test_three_unplanned_restarts_in_ten_minutes_are_a_warning() -> None:
    world = app()
    crash(world, 2)
    assert world.status("app") is Status.HEALTHY
    for _ in range(3):
        crash(world, 3)
    assert world.status("app") is Status.WARNING
    (alert,) = world.open[0].alerts
    assert (alert.metric, alert.value, alert.threshold) == ("restarts", 3.0, 3.0)
    assert world.words == ["app opened"]
    world.after(600)
    for _ in range(2):
        crash(world, 3)
    assert world.words == ["app opened", "app resolved"]


def test_an_app_that_was_started_again_after_pm2_gave_up_begins_without_a_past() -> None:
    """Found on the real chain: mended by hand, it stayed a warning for the rest of the ten minutes."""
    world = app()
    for number in (1, 2, 3, 4, 4, 4):
        crash(world, number)
    given_up = replace(ALIVE, pid=0, alive=False, gave_up=True, restarts=5, created_at=None, started_at=None)
    world.after(5).look("app", ".", given_up, check="pm2")
    assert world.status("app") is Status.WARNING
    for _ in range(2):
        world.after(2).look("app", ".", replace(NEW, restarts=6), check="pm2")
    assert world.status("app") is Status.HEALTHY


def test_a_counter_that_fell_was_reset_and_tells_nothing() -> None:
    world = app()
    for number in (2, 0, 1):
        crash(world, number)
    assert sum(more for _, more in world.state.services["app"].checks["pm2"].restarts) == 3


def test_a_planned_restart_is_not_counted_and_ends_the_count_before_it() -> None:
    world = app()
    crash(world, 2)
    world.after(50).look("app", ".", replace(NEW, restarts=3), check="pm2")
    world.after(5).look("app", ".", replace(NEW, restarts=4), check="pm2")
    history = world.state.services["app"].checks["pm2"].restarts
    assert sum(more for _, more in history) == 1


def test_deployments_are_no_episodes_of_trouble() -> None:
    """Three deployments in ten minutes, then one worker that is being restarted: that is the first time."""
    world = app()
    mended = finding(Status.WARNING, grace=30.0)
    created = ALIVE
    for number in range(1, 4):
        created = replace(ALIVE, pid=100 + number, created_at=START + number, restarts=number)
        world.after(60).look("app", ".", created, mended, check="pm2")
        world.after(31).look("app", ".", created, check="pm2")
    world.after(10).look("app", ".", created, mended, check="pm2")
    assert world.status("app") is Status.HEALTHY


def test_what_a_worker_did_while_its_database_was_broken_is_not_held_against_it() -> None:
    checks = (check_plan("look", stale_after=900.0),)
    world = World(plan_of({"rds": (), "app": ("rds",)}, checks=checks))
    world.look("rds", ".")
    world.look("app", ".", ALIVE)
    world.after(10).look("rds", "X")
    for restarts in (1, 2, 3, 3, 3):
        world.after(5).look("app", ".", replace(ALIVE, restarts=restarts))
    assert world.words == ["rds opened", "app impacted"]
    for _ in range(2):
        world.after(2).look("rds", ".")
    for _ in range(2):
        world.after(1).look("app", ".", replace(ALIVE, restarts=3))
    assert world.words == ["rds opened", "app impacted", "rds resolved"]


STOPPED = replace(ALIVE, pid=0, alive=False, pm2_status="stopped")


def in_front_of_a_stopped_app() -> World:
    """An operator has just stopped a healthy app."""
    world = World(plan_of({"app": (), "front": ("app",)}))
    world.look("app", ".", ALIVE)
    world.look("front", ".")
    world.after(5).look("app", ".", STOPPED, finding(Status.DOWN, "stopped", grace=30.0))
    return world


def missed() -> Finding:
    """What the front finds: nobody answers behind it."""
    return replace(finding(Status.CRITICAL, "upstream_down", grace=10.0), of_dependency=True)


def test_what_stands_in_front_of_an_app_that_an_operator_stopped_pages_nobody_before_the_app_does() -> None:
    """Found on the real chain: the front was the page after ten seconds, and the app twenty seconds later."""
    world = in_front_of_a_stopped_app()
    for _ in range(6):
        world.after(4).look("front", ".", missed())
    assert (world.status("front"), world.words) == (Status.HEALTHY, [])
    world.after(7).look("front", ".", missed())
    for _ in range(3):
        world.look("app", ".", STOPPED, finding(Status.DOWN, "stopped", grace=30.0))
    assert world.words == ["app opened", "front impacted"]


@pytest.mark.parametrize("also", [finding(Status.WARNING, "frozen"), finding(Status.CRITICAL, "own")])
def test_a_trouble_of_its_own_counts_also_while_what_it_needs_is_restarted(also: Finding) -> None:
    world = in_front_of_a_stopped_app()
    for _ in range(3):
        world.after(1).look("front", ".", missed(), also)
    world.look("app", ".", STOPPED, finding(Status.DOWN, "stopped", grace=30.0))
    assert world.status("front") is also.status
    assert world.words == ["front opened"]


def test_a_plan_hides_what_is_new_and_mends_nothing() -> None:
    """An operator restarts an app that is in trouble: while it fails, nobody is told that it is well."""
    world = app().after(50)
    for _ in range(3):
        world.after(1).look("app", "c", check="http")
    world.look("app", ".", ALIVE, check="pm2")
    assert world.words == ["app opened"]
    world.after(10).look("app", ".", NEW, check="pm2")
    for _ in range(10):
        world.after(2).look("app", "c", check="http")
    assert world.status("app") is Status.CRITICAL
    for _ in range(2):
        world.after(2).look("app", ".", check="http")
    assert world.words == ["app opened", "app resolved"]


def test_an_exit_that_pm2_says_it_ordered_is_a_plan_although_nothing_else_shows_it() -> None:
    """As when PM2 itself restarts an app that has grown too large: it was over before anybody looked."""
    world = app().after(50)
    for _ in range(3):
        world.after(0.3).look("app", "x", check="http")
    assert world.status("app") is Status.DOWN
    world.look("app", ".", replace(ALIVE, pid=200, restarts=1), PlannedExit("app", 1.0), check="pm2")
    assert world.status("app") is Status.HEALTHY
    world.after(1).look("app", "X", check="http")
    assert world.status("app") is Status.HEALTHY
    assert world.words == []


def test_an_exit_that_was_ordered_is_no_restart_of_its_own_and_only_that_one_is_not() -> None:
    world = app()
    for number in (1, 2, 3):
        world.after(5).look("app", ".", replace(ALIVE, restarts=number), PlannedExit("app", 1.0), check="pm2")
    assert counted(world) == 0
    crash(world, 5)
    assert counted(world) == 2


def test_an_app_that_is_taken_out_of_pm2_and_put_in_again_is_a_deployment() -> None:
    """Its entry is gone meanwhile, so that nothing but PM2's own word shows that it was meant."""
    world = app().after(50)
    for seconds_ago in (1.0, 3.0, 5.0):
        world.look("app", ".", finding(Status.DOWN, "missing"), PlannedExit("app", seconds_ago), check="pm2")
        world.look("app", "x", check="http")
        world.after(2)
    world.look("app", ".", NEW, check="pm2")
    world.look("app", ".", check="http")
    assert world.words == []
    assert world.status("app") is Status.HEALTHY


def test_an_app_that_is_taken_out_and_stays_out_is_told_after_its_half_minute() -> None:
    world = app().after(50)
    began = world.now
    while not world.words:
        ago = world.now - began + 1.0
        world.look("app", ".", finding(Status.DOWN, "missing"), PlannedExit("app", ago), check="pm2")
        world.after(2)
    assert world.now - began <= 40.0
    assert world.words == ["app opened"]


def supervised() -> World:
    """PM2 itself, and an app that needs it; all is well."""
    checks = (check_plan("pm2", kind="pm2", stale_after=1000.0), check_plan("http", stale_after=1000.0))
    world = World(plan_of({"pm2": (), "app": ("pm2",)}, checks=checks))
    for name, worker in (("pm2", ()), ("app", (ALIVE,))):
        world.look(name, ".", *worker, check="pm2")
        world.look(name, ".", check="http")
    return world.after(20)


def gone(world: World, *told: PlannedExit) -> None:
    """A look at PM2 that nobody answers."""
    result = Failed(Failure("connect", "missing_socket", "nobody is there"), facts=told)
    world.take(Observation("pm2", "pm2", world.now, 0.0, result))


def died_with_it(*told: PlannedExit) -> tuple[Fact, ...]:
    return (finding(Status.DOWN, "not_alive"), *told)


def test_a_supervisor_that_was_told_to_end_and_is_soon_back_pages_nobody() -> None:
    """Whether that it was told is heard at once or only by the look after the first."""
    for first in (PlannedExit("", 0.1), None):
        world = supervised()
        ended = world.now - 0.1
        gone(world, *((first,) if first else ()))
        world.look("app", ".", *died_with_it(PlannedExit("app", 0.1)), check="pm2")
        for seconds in (0.3, 0.3, 5.0, 20.0):
            world.after(seconds)
            gone(world, PlannedExit("", world.now - ended))
            world.look("app", "x", check="http")
        assert world.status("pm2") is Status.HEALTHY
        world.after(2)
        world.look("pm2", ".", check="pm2")
        world.look("app", ".", replace(ALIVE, pid=300), check="pm2")
        world.look("app", ".", check="http")
        assert world.words == []


def test_a_supervisor_that_was_told_to_end_and_stays_away_is_told_after_half_a_minute() -> None:
    world = supervised()
    began = world.now
    while not world.words and world.now < began + 60:
        gone(world, PlannedExit("", world.now - began))
        world.after(2)
    assert 30.0 <= world.now - began <= 45.0
    assert world.words[0] == "pm2 opened"
    (notice,) = world.notices
    assert notice.incident.diagnosis
    assert spoken(notice.incident.diagnosis)[0].startswith("PM2 was told to end and is not back")


def test_a_supervisor_that_was_told_to_end_is_told_of_before_the_apps_that_ended_with_it() -> None:
    """The apps are told to end first, so that their own half minute is over before."""
    world = supervised()
    world.look("app", ".", finding(Status.DOWN, "missing"), PlannedExit("app", 0.1), check="pm2")
    world.after(3)
    ended = world.now
    while world.now < ended + 45:
        for _ in range(3):
            gone(world, PlannedExit("", world.now - ended))
            world.look("app", "x", check="http")
            world.after(0.3)
        world.after(1)
    assert world.words[0] == "pm2 opened"
    assert [each.kind.value for each in world.notices].count("opened") == 1


def test_a_supervisor_that_dies_unasked_is_down_at_once() -> None:
    for told in ((), (PlannedExit("", 31.0),)):
        world = supervised()
        for _ in range(3):
            world.after(0.3)
            gone(world, *told)
        assert world.status("pm2") is Status.DOWN


def test_an_order_from_before_the_look_before_is_no_second_plan() -> None:
    world = app().after(50)
    world.look("app", ".", replace(ALIVE, restarts=1), PlannedExit("app", 1.0), check="pm2")
    for seconds_ago in (26.0, 51.0):
        world.after(25).look("app", ".", replace(ALIVE, restarts=1), PlannedExit("app", seconds_ago), check="pm2")
    for _ in range(3):
        world.after(0.3).look("app", "x", check="http")
    assert world.status("app") is Status.DOWN


def test_an_order_seen_by_the_first_look_of_all_is_a_plan_only_if_it_came_during_that_look() -> None:
    for seconds_ago, status in ((0.0, Status.HEALTHY), (5.0, Status.DOWN)):
        world = World(plan_of({"app": ()}, checks=(check_plan("pm2", kind="pm2"), check_plan("http"))))
        world.look("app", ".", ALIVE, PlannedExit("app", seconds_ago), check="pm2")
        world.look("app", "X", check="http")
        assert world.status("app") is status

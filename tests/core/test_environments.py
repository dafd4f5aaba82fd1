"""What workers read when they began, against what their `.env` says now; it is kept in the state."""

from __future__ import annotations

from typing import Any

from monitor.core.diagnose import diagnose
from monitor.core.environments import STALE, remembered, stale
from monitor.core.model import CheckPlan, Confidence, Environment, Observation, Plan, Seen, ServicePlan, Status, Trouble
from monitor.core.step import begin
from monitor.locale import LANGUAGES, speak
from monitor.pieces import dump, join, load, split
from tests.core.story import World

OLD = {"DB_HOST": "aa11", "DB_PASSWORD": "bb22"}
NEW = {"DB_HOST": "cc33", "DB_PASSWORD": "bb22"}


def environment(marks: dict[str, str], *, touched: bool = False, process: str = "7:100", **more: Any) -> Environment:
    return Environment("web", more.pop("worker", 0), process, "/srv/.env", marks, touched, **more)


def told(*looks: list[Environment]) -> list[Trouble | None]:
    """What each look says, one after the other."""
    known: tuple[Environment, ...] = ()
    troubles = []
    for found in looks:
        known = remembered(known, found)
        troubles.append(stale(known, found))
    return troubles


def names(trouble: Trouble | None) -> object:
    return trouble and trouble.message.values["names"]


def test_an_edit_of_these_names_after_the_start_is_told_until_it_is_undone_or_the_process_is_new() -> None:
    edited = environment(NEW, touched=True)
    troubles = told([environment(OLD)], [edited], [edited], [environment(OLD, touched=True)], [edited])
    assert [names(each) for each in troubles] == [None, "DB_HOST", "DB_HOST", None, "DB_HOST"]
    restarted = environment(NEW, process="9:900")
    assert told([environment(OLD)], [edited], [restarted], [environment(NEW, process="9:900", touched=True)])[2:] == [
        None,
        None,
    ]


def test_a_file_that_was_touched_without_such_a_change_is_no_trouble() -> None:
    assert told([environment(OLD)], [environment(OLD, touched=True)]) == [None, None]


def test_names_that_came_or_went_are_changes_and_so_is_a_file_that_is_gone() -> None:
    came = environment({**OLD, "DB_PORT": "dd"}, touched=True)
    assert [names(each) for each in told([environment(OLD)], [came])] == [None, "DB_PORT"]
    assert [names(each) for each in told([environment(OLD)], [environment({})])] == [None, "DB_HOST, DB_PASSWORD"]


def test_what_was_edited_before_the_first_look_is_not_known_and_not_told() -> None:
    """The time of a file proves nothing by itself."""
    assert told([environment(OLD, touched=True)], [environment(NEW, touched=True)]) == [None, None]


def test_several_workers_are_told_of_together() -> None:
    before = [environment(OLD), environment(OLD, worker=1, process="8:100")]
    after = [
        environment(NEW, touched=True, grace_seconds=60.0),
        environment(NEW, worker=1, process="8:100", touched=True),
    ]
    trouble = told(before, after)[1]
    assert trouble
    assert (trouble.metric, trouble.status, trouble.grace_seconds) == (STALE, Status.WARNING, 60.0)
    assert trouble.harmless
    assert trouble.message.values["workers"] == 2
    assert all("DB_HOST" in speak(trouble.message, language) for language in LANGUAGES)


def test_a_worker_that_was_not_seen_keeps_its_past_and_one_with_a_new_process_does_not() -> None:
    one, two = environment(OLD), environment(OLD, worker=1, process="8:100")
    assert remembered([one, two], [two]) == (one, two)
    assert remembered([one], [environment(NEW, process="9:1", touched=True)]) == ()


PLAN = Plan({"web": ServicePlan("web", (CheckPlan("wiring", "wiring", 60.0, 5.0, 180.0, confirm=1, recover=1),))})


def status(world: World) -> Status:
    return world.state.services["web"].status


def look(world: World, *facts: Environment) -> None:
    world.take(Observation("web", "wiring", world.now, 0.0, Seen(facts=facts)))


def test_a_restart_of_the_monitor_loses_nothing_and_the_cause_has_a_name() -> None:
    world = World(PLAN)
    look(world, environment(OLD))
    assert status(world) is Status.HEALTHY
    pieces = {key: load(key, dump(piece)) for key, piece in split(world.state).items()}
    again = World(PLAN, now=world.now + 5)
    again.state = begin(PLAN, join(pieces), again.now)
    look(again, environment(NEW, touched=True))
    assert status(again) is Status.WARNING
    found = diagnose(PLAN, again.state, "web", again.now)
    assert (found.cause, found.confidence) == ("stale_environment", Confidence.CERTAIN)
    again.state = begin(PLAN, again.state, again.now + 5)
    assert again.state.services["web"].checks["wiring"].settled[STALE].status is Status.WARNING
    again.now += 5
    look(again, environment(NEW, process="9:900"))
    assert status(again) is Status.HEALTHY


def test_an_edit_that_is_followed_by_its_restart_within_the_grace_is_no_trouble() -> None:
    world = World(PLAN)
    look(world, environment(OLD, grace_seconds=60.0))
    world.after(30)
    look(world, environment(NEW, touched=True, grace_seconds=60.0))
    world.after(30)
    assert status(world) is Status.HEALTHY
    look(world, environment(NEW, process="9:900", grace_seconds=60.0))
    world.after(120)
    assert status(world) is Status.HEALTHY
    look(world, environment(OLD, process="9:900", touched=True, grace_seconds=60.0))
    world.after(61)
    look(world, environment(OLD, process="9:900", touched=True, grace_seconds=60.0))
    assert status(world) is Status.WARNING

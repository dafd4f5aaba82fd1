"""What was changed before the trouble, and how long before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core import changes
from monitor.core.changes import Distance, distance, suspects
from monitor.core.model import (
    Change,
    ChangeKind,
    DatabaseServer,
    Environment,
    Fact,
    Firewall,
    Incident,
    Message,
    NginxProcesses,
    PlannedExit,
    Reloaded,
    Severity,
    Status,
    Supervisor,
    Worker,
)
from tests.core.story import START, World, check_plan, finding, plan_of

CHECKS = tuple(
    check_plan(name, kind=name, stale_after=100_000.0) for name in ("pm2", "rds", "nginx", "wiring", "rules")
)

SERVER = DatabaseServer("10.0.0.5", START - 900, in_recovery=False, version="16", database="default")
NGINX = NginxProcesses(
    50, 2, 0, START - 500, newest_at=START - 499, digest="one", edited_file="/n.conf", edited_at=START
)  # fmt: skip
WORKER = Worker(
    "app", 0, 100, "online", alive=True, gave_up=False, restarts=0, created_at=START, started_at=START,
    release=("1.0", "/srv/a.js", ""),
)  # fmt: skip
ANEW = replace(WORKER, pid=200, created_at=START + 9, started_at=START + 9)
AGAIN = replace(WORKER, pid=201, restarts=1, started_at=START + 9)
TWIN = replace(WORKER, worker=1, pid=101)
PM2 = Supervisor(40, "6.0.14", "/home/u/.pm2")
SETTINGS = Environment("app", 0, "100:1", "/srv/.env", {"DB_HOST": "a", "DB_NAME": "b"}, touched=False)


def world(**needs: tuple[str, ...]) -> World:
    return World(plan_of(needs or {"it": ()}, checks=CHECKS))


def between(check: str, before: tuple[Fact, ...], after: tuple[Fact, ...], *, seconds: float = 60.0) -> list[Change]:
    """What is remembered after two looks."""
    seen = world()
    seen.look("it", ".", *before, check=check)
    seen.after(seconds).look("it", ".", *after, check=check)
    return list(seen.state.changes)


def kinds(found: list[Change]) -> list[str]:
    return [each.kind.value for each in found]


def firewall(*lines: str) -> Fact:
    return Firewall(
        "5432", 5432, "10.0.2.20", "10.0.1.10", ("sg-db",), ("sg-app",), True, "sg-ref", "none", True, lines
    )  # fmt: skip


# From look to look ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "before", "after", "expected"),
    [
        ("rds", SERVER, SERVER, []),
        ("rds", SERVER, replace(SERVER, started_at=START - 899.5), []),
        ("rds", SERVER, replace(SERVER, started_at=START + 30), ["database_restarted"]),
        ("rds", SERVER, replace(SERVER, address="10.0.0.6", started_at=START + 30), ["database_moved"]),
        ("rds", SERVER, replace(SERVER, in_recovery=True), ["database_demoted"]),
        ("rds", replace(SERVER, in_recovery=True), SERVER, ["database_promoted"]),
        ("rds", SERVER, replace(SERVER, database="other", address="10.0.0.6"), []),
        ("nginx", NGINX, NGINX, []),
        ("nginx", NGINX, replace(NGINX, digest="two"), ["nginx_edited"]),
        ("nginx", replace(NGINX, digest=""), NGINX, []),
        ("nginx", NGINX, replace(NGINX, loaded_at=START + 9, newest_at=START + 9), ["nginx_reloaded"]),
        ("nginx", NGINX, replace(NGINX, loaded_at=START - 499, newest_at=START + 9), []),
        ("nginx", NGINX, replace(NGINX, loaded_at=None, newest_at=None), []),
        ("nginx", replace(NGINX, loaded_at=None, newest_at=None), NGINX, []),
        ("nginx", replace(NGINX, workers=4), replace(NGINX, loaded_at=START - 499), []),
        ("nginx", replace(NGINX, workers=4, loaded_at=START - 900), NGINX, ["nginx_reloaded"]),
        ("nginx", NGINX, replace(NGINX, master=51, loaded_at=START + 9), ["nginx_restarted"]),
        ("pm2", PM2, replace(PM2, pid=41), ["supervisor_restarted"]),
        ("pm2", PM2, replace(PM2, pid=41, home="/other"), []),
        ("wiring", SETTINGS, SETTINGS, []),
        ("wiring", SETTINGS, replace(SETTINGS, marks={"DB_HOST": "z"}), ["environment_edited"]),
        ("wiring", SETTINGS, replace(SETTINGS, file="/srv/new/.env", marks={}), []),
        ("rules", firewall("a"), firewall("a"), []),
        ("rules", firewall("a"), firewall("b"), ["rules"]),
        ("pm2", WORKER, WORKER, []),
        ("pm2", WORKER, AGAIN, ["died"]),
        ("pm2", WORKER, ANEW, ["restarted"]),
        ("pm2", WORKER, replace(WORKER, created_at=START + 9), []),
        ("pm2", WORKER, replace(ANEW, worker=7), []),
        ("pm2", WORKER, replace(ANEW, release=("1.1", "/srv/a.js", "")), ["deployed"]),
        ("pm2", WORKER, replace(ANEW, release=("", "/srv/a.js", "f00")), ["restarted"]),
    ],
)  # fmt: skip
def test_two_looks_tell_what_was_changed(check: str, before: Fact, after: Fact, expected: list[str]) -> None:
    assert kinds(between(check, (before,), (after,))) == expected


def test_an_app_that_an_operator_stopped_is_a_change() -> None:
    gone = replace(WORKER, pid=0, alive=False, pm2_status="stopped", started_at=None)
    assert kinds(between("pm2", (WORKER,), (gone, finding(Status.DOWN, "stopped", grace=30.0)))) == ["stopped"]


def test_what_each_change_says() -> None:
    (edited,) = between("wiring", (SETTINGS,), (replace(SETTINGS, marks={"DB_HOST": "z", "DB_NAME": "b"}),))
    assert edited.message.values == {"service": "it", "file": "/srv/.env", "names": "DB_HOST"}
    (died,) = between("pm2", (WORKER, TWIN), (replace(AGAIN, restarts=2), replace(AGAIN, worker=1)))
    assert died.message.values["count"] == 3
    (rules,) = between("rules", (firewall("a", "b", "c", "d", "e"),), (firewall("e"),))
    assert (rules.message.values["removed"], rules.message.values["added"]) == ("a; b; c (+1)", "–")
    (deployed,) = between("pm2", (WORKER,), (replace(ANEW, release=("1.1", "/srv/b.js", "")),))
    assert deployed.message.values["what"] == "1.0 → 1.1, /srv/a.js → /srv/b.js"


def test_it_happened_when_the_kernel_says_and_else_between_the_looks() -> None:
    (exact,) = between("rds", (SERVER,), (replace(SERVER, started_at=START + 30),))
    assert (exact.since, exact.at) == (START + 30, START + 30)
    (later,) = between("rds", (SERVER,), (replace(SERVER, started_at=START + 3600),))
    assert (later.since, later.at) == (START, START + 60), "their clock is an hour ahead of ours"


def test_what_could_not_be_seen_has_not_changed() -> None:
    seen = world()
    seen.look("it", ".", SERVER, check="rds")
    seen.after(60).look("it", "x", check="rds")
    seen.after(60).look("it", "?", check="rds")
    assert not seen.state.changes
    seen.after(60).look("it", ".", replace(SERVER, started_at=START + 100), check="rds")
    assert [(each.since, each.at) for each in seen.state.changes] == [(START + 100, START + 100)]


def test_a_cluster_that_is_reloaded_worker_by_worker_is_one_change() -> None:
    seen = world()
    seen.look("it", ".", WORKER, TWIN, check="pm2")
    new, newer = replace(ANEW, started_at=START + 3), replace(ANEW, worker=1, started_at=START + 8)
    seen.after(5).look("it", ".", new, TWIN, check="pm2")
    seen.after(5).look("it", ".", new, newer, check="pm2")
    assert len(seen.state.changes) == 1
    seen.after(60).look(
        "it", ".", replace(new, pid=300, created_at=START + 70, started_at=START + 69), newer, check="pm2"
    )
    assert kinds(list(seen.state.changes)) == ["restarted", "restarted"]


def test_a_restart_is_told_as_such_whatever_is_seen_on_the_way() -> None:
    """PM2 moves created_at before it ends the old process, and shows a process that is no more, or not yet."""
    ways = (
        replace(WORKER, pm2_status="stopping", created_at=START + 40),
        replace(WORKER, pm2_status="stopped", created_at=START + 40, alive=False, pid=0, started_at=None),
        replace(ANEW, pm2_status="launching", created_at=START + 40, started_at=START + 45, release=("2.0", "", "")),
    )
    seen = world()
    seen.look("it", ".", WORKER, check="pm2")
    seen.after(40)
    for worker in ways:
        seen.look("it", ".", worker, finding(Status.DOWN, "starting", grace=30.0), check="pm2")
        assert not seen.state.changes
        seen.after(5)
    seen.look("it", ".", replace(ways[-1], pm2_status="online", restarts=1), check="pm2")
    (change,) = seen.state.changes
    assert (change.kind, change.at, change.since) == (ChangeKind.DEPLOYED, START + 45, START + 45)


@pytest.mark.parametrize(
    ("later", "expected"), [(5, ["restarted"]), (changes.ONE_GO_SECONDS, ["stopped", "restarted"])]
)
def test_an_app_that_is_back_at_once_was_not_stopped(later: float, expected: list[str]) -> None:
    """PM2 shows it as stopped for an instant, and may move created_at only after."""
    seen = world()
    seen.look("it", ".", WORKER, check="pm2")
    gone = replace(WORKER, pid=0, alive=False, pm2_status="stopped", started_at=None)
    seen.after(10).look("it", ".", gone, finding(Status.DOWN, "stopped", grace=30.0), check="pm2")
    assert kinds(list(seen.state.changes)) == ["stopped"]
    back = START + 10 + later
    seen.after(later).look("it", ".", replace(ANEW, created_at=back, started_at=back), check="pm2")
    assert kinds(list(seen.state.changes)) == expected


def test_a_process_that_pm2_ended_by_its_own_rules_did_not_die() -> None:
    """It keeps created_at then; its bus says that it was asked."""
    seen = world()
    seen.look("it", ".", WORKER, check="pm2")
    seen.after(20).look("it", ".", AGAIN, PlannedExit("app", 5.0), check="pm2")
    assert kinds(list(seen.state.changes)) == ["restarted"]


def test_our_own_reload_is_a_change_of_nobody() -> None:
    seen = world()
    seen.take(Reloaded())
    assert seen.state.changes == (Change(ChangeKind.CONFIGURATION, "", Message("change.configuration"), START, START),)


def test_an_app_that_dies_and_dies_hides_no_other_change() -> None:
    seen = world()
    seen.take(Reloaded())
    for number in range(changes.KEPT_OF_A_KIND + 5):
        seen.look("it", ".", replace(WORKER, restarts=number, started_at=START + 5 * number), check="pm2")
        seen.after(5)
    found = list(seen.state.changes)
    assert kinds(found) == ["configuration", *["died"] * changes.KEPT_OF_A_KIND]
    assert found[1].at == START + 25


# In an incident ------------------------------------------------------------------------------------------------------


def troubled() -> World:
    """A rule was changed, then the database falls silent."""
    seen = world(nginx=("app",), app=("rds",), rds=("wall",), wall=(), other=())
    seen.look("wall", ".", firewall("a"), check="rules")
    seen.look("other", ".", WORKER, check="pm2")
    seen.look("app", ".", WORKER, check="pm2")
    seen.after(300).look("wall", ".", firewall(), check="rules")
    seen.look("other", ".", replace(WORKER, restarts=1, started_at=seen.now), check="pm2")
    seen.after(40).look("app", ".", WORKER, check="pm2")
    seen.after(2).look("rds", "X", check="rds", began=seen.now - 1)
    return seen


def test_an_incident_holds_the_changes_of_what_it_is_connected_with() -> None:
    seen = troubled()
    (incident,) = seen.open
    assert incident.root == "rds"
    assert [(each.service, each.kind.value) for each in incident.changes] == [("wall", "rules")]
    assert incident.began_at == START + 341
    seen.look("app", ".", WORKER, check="pm2")
    seen.after(5).look("app", ".", replace(WORKER, restarts=1, started_at=seen.now), check="pm2")
    seen.take(Reloaded())
    (incident,) = seen.open
    assert [each.service for each in incident.changes] == ["wall", "app", ""]
    assert suspects(incident) == incident.changes[:1], "the others came after it had begun"
    assert distance(incident.changes[0], START + 341) == Distance("between", 41.0, 341.0)


def test_what_was_changed_long_before_is_not_among_them() -> None:
    seen = world()
    seen.take(Reloaded())
    seen.after(changes.CLOSE_SECONDS + 1).look("it", "X", check="rds")
    assert seen.open[0].changes == ()


def test_what_people_were_told_of_the_beginning_stands() -> None:
    seen = world()
    seen.look("it", "w", check="rds")
    for _ in range(3):
        seen.after(1).look("it", "w", check="rds")
    seen.after(20)
    assert seen.words == ["it opened"]
    began = seen.open[0].began_at
    seen.after(60).look("it", "X", check="nginx")
    assert seen.open[0].began_at == began == START


def test_an_incident_whose_root_is_well_again_keeps_its_beginning() -> None:
    incident = Incident("i", "gone", Severity.WARNING, START)
    seen = world()
    seen.state = replace(seen.state, incidents=(incident,))
    seen.look("it", "X", check="rds")
    assert seen.open[0].began_at == START


def test_an_incident_that_becomes_part_of_another_takes_its_changes_along() -> None:
    seen = world(app=("rds",), rds=(), side=("rds",))
    seen.look("app", ".", WORKER, check="pm2")
    seen.look("side", ".", WORKER, check="pm2")
    seen.after(5).look("app", ".", replace(WORKER, restarts=1, started_at=seen.now), check="pm2")
    seen.look("side", ".", replace(WORKER, restarts=1, started_at=seen.now), check="pm2")
    seen.after(1).look("app", "X", check="rds")
    seen.look("side", "X", check="rds")
    assert [incident.root for incident in seen.open] == ["app", "side"]
    seen.after(1).look("rds", "X", check="rds")
    (incident,) = seen.open
    assert [each.service for each in incident.changes] == ["app", "side"]


def test_of_very_many_changes_the_first_and_the_last_are_kept() -> None:
    many = tuple(Change(ChangeKind.DIED, "it", Message("change.died"), float(n), float(n)) for n in range(50))
    assert [each.at for each in changes.bounded(many)] == [*range(20), *range(40, 50)]


@pytest.mark.parametrize(
    ("since", "at", "expected"),
    [
        (60.0, 60.0, Distance("before", 40.0, 40.0)),
        (40.0, 60.0, Distance("between", 40.0, 60.0)),
        (40.0, 110.0, Distance("within", 0.0, 60.0)),
        (40.0, 99.5, Distance("within", 0.0, 60.0)),
        (110.0, 130.0, Distance("after", 10.0, 30.0)),
    ],
)
def test_how_far_a_change_is_from_the_beginning(since: float, at: float, expected: Distance) -> None:
    assert distance(Change(ChangeKind.DIED, "it", Message("change.died"), at, since), 100.0) == expected


def test_without_a_beginning_nobody_is_suspected() -> None:
    assert suspects(Incident("i", "it", Severity.WARNING, START)) == ()

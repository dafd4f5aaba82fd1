"""Which cause an incident keeps while one and the same fault goes on, and when a new one is worth an update."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from monitor.core.model import Observation, Reading, Seen, Status
from tests.core.scenes import PLAN, WELL, Look, Looked, app, closed, failed, nginx, of_app, rds, rules, worker
from tests.core.story import World

NODE: Look = ("node", "pm2")
ASKED: Look = ("node", "http")
REFUSED = failed("tcp", "refused")
DIED = app(worker(status="waiting restart", code=0, ended_by="SIGKILL"), found=of_app("not_alive"))
STOPPED = app(worker(status="stopped"), found=of_app("stopped"))
GONE = app(found=of_app("missing"))
GAVE_UP = app(worker(status="waiting restart", gave_up=True), found=of_app("gave_up", key="pm2.all_gave_up"))
NO_CODE = app(worker(status="waiting restart"), found=of_app("not_alive"))


def told(*looks: tuple[Look, Looked], gap: float = 20.0) -> list[str]:
    """What people are told after these looks, one by one and far enough apart that each is told of by itself, of a
    stack that was well."""
    world = World(PLAN)
    for look, result in (*WELL.items(), *looks):
        world.after(gap).take(Observation(*look, world.now, 0.0, result))
    return [f"{each.kind.value} {each.incident.told[-1].cause}" for each in world.notices]


def test_whoever_mends_a_killed_app_stops_it_first_and_that_is_no_news() -> None:
    for mending in (STOPPED, GONE):
        assert told((NODE, DIED), (ASKED, REFUSED), (NODE, mending)) == ["opened process_killed"]


def test_what_was_unknown_may_turn_out_to_be_stopped() -> None:
    assert told((NODE, NO_CODE), (NODE, STOPPED)) == ["opened unknown", "updated process_stopped"]


def test_that_pm2_gave_up_explains_more_than_that_it_was_killed() -> None:
    assert told((NODE, DIED), (NODE, GAVE_UP)) == ["opened process_killed", "updated process_gave_up"]


def test_a_process_that_has_just_begun_may_not_listen_yet() -> None:
    """That it does not answer at once is no cause of its own; later it is the likelier one."""

    def began(at: float) -> Looked:
        return app(worker(0, started_at=at), worker(1, started_at=at))

    crashed = app(worker(status="waiting restart", code=1), found=of_app("not_alive"))
    begins = World(PLAN).now + 20.0 * (len(WELL) + 3)
    looks = ((NODE, crashed), (ASKED, REFUSED), (NODE, began(begins)), (ASKED, REFUSED))
    assert told(*looks) == ["opened process_crash_loop"]
    later = (*looks, (NODE, began(begins)), (ASKED, REFUSED))
    assert told(*later) == ["opened process_crash_loop", "updated app_unresponsive"]


def test_rules_that_are_still_closed_do_not_become_a_milder_cause_because_packets_pass_again() -> None:
    shut = {status: rules(reachable=False, found=closed(status)) for status in (Status.CRITICAL, Status.WARNING)}
    wall: Look = ("wall", "security_group")
    looks: Iterable[tuple[Look, Looked]] = (
        (("rds", "rds"), rds("tcp", "timeout")),
        (wall, shut[Status.CRITICAL]),
        (("rds", "rds"), WELL["rds", "rds"]),
        (wall, shut[Status.WARNING]),
    )
    assert [each for each in told(*looks) if "firewall_path_closed" in each] == []


def test_rules_that_begin_to_hurt_are_told_as_what_they_are_then() -> None:
    wall: Look = ("wall", "security_group")
    worse = told(*((wall, rules(reachable=False, found=closed(each))) for each in (Status.WARNING, Status.CRITICAL)))
    assert worse == ["opened firewall_path_closed", "updated security_group_blocks"]


def test_what_the_server_says_next_is_another_fault() -> None:
    refused = rds("auth", "credentials", status=Status.CRITICAL)
    looks = ((("rds", "rds"), refused), (("rds", "rds"), rds("query", "read_only", status=Status.CRITICAL)))
    assert told(*looks) == ["opened database_credentials", "updated database_read_only"]


def test_a_server_that_was_shutting_down_is_soon_not_there() -> None:
    looks = ((("rds", "rds"), rds("auth", "shutting_down")), (("rds", "rds"), rds("tcp", "refused")))
    assert told(*looks) == ["opened database_starting", "updated rds_not_available"]


def test_one_shortage_after_another_is_told() -> None:
    host: Look = ("host", "host")

    def uses(**share: float) -> Looked:
        shares = {"disk": 0.2, "memory": 0.2, **share}
        return Seen(tuple(Reading(name, value, "ratio") for name, value in shares.items()))

    assert told((host, uses(disk=0.97)), (host, uses(disk=0.97, memory=0.97))) == ["opened host_disk"]
    assert told((host, uses(disk=0.97)), (host, uses(memory=0.97))) == ["opened host_disk", "updated host_memory"]


def test_the_same_cause_in_other_words_is_no_news_but_the_words_change() -> None:
    world = World(PLAN)
    lost = nginx("redundancy_lost", status=Status.WARNING, alive=1, all=2)
    looks = ((("nginx", "nginx"), lost), (("nginx", "nginx"), nginx("upstream_down", why="refused")))
    for look, result in (*WELL.items(), *looks):
        world.after(20.0).take(Observation(*look, world.now, 0.0, result))
    said = [each.incident.diagnosis and each.incident.diagnosis.summary.key for each in world.notices]
    assert said == ["cause.upstream_down.some", "cause.upstream_down.summary"]
    assert [each.kind.value for each in world.notices] == ["opened", "updated"], "worse than it was"


def test_a_cause_from_before_this_was_kept_is_replaced_as_sure_only_upwards() -> None:
    """An incident that an earlier version of the monitor has stored does not say what its cause rests on, nor need its
    rule still be there."""
    world = World(PLAN)
    for look, result in (*WELL.items(), (NODE, DIED)):
        world.take(Observation(*look, world.now, 0.0, result))
    (incident,) = world.open
    assert incident.diagnosis
    old = replace(incident.diagnosis, cause="of_old")
    world.state = replace(world.state, incidents=(replace(incident, diagnosis=old, told=()),))
    world.take(Observation(*NODE, world.now + 1, 0.0, DIED))
    assert [each.diagnosis and each.diagnosis.cause for each in world.open] == ["process_killed"]

"""What people see of a service, and how long it has been up."""

from __future__ import annotations

from monitor.core.model import AddMaintenance, Status
from monitor.core.uptime import overall, shown, uptime_seconds
from tests.core.story import START, World, plan_of


def test_uptime_counts_from_the_first_look_and_then_from_the_last_time_it_was_down() -> None:
    world = World(plan_of({"rds": ()}))
    assert uptime_seconds(world.state, "rds", world.now) is None
    assert uptime_seconds(world.state, "redis", world.now) is None
    world.look("rds", ".")
    assert uptime_seconds(world.state, "rds", START + 60) == 60
    world.after(10).look("rds", "X")
    assert uptime_seconds(world.state, "rds", world.now + 30) == 0
    world.after(10).look("rds", "w")
    world.look("rds", "w")
    assert uptime_seconds(world.state, "rds", world.now + 5) == 5
    world.after(7).look("rds", ".")
    assert uptime_seconds(world.state, "rds", world.now) == 7


def test_maintenance_is_put_over_the_status_while_it_lasts() -> None:
    world = World(plan_of({"rds": (), "redis": ()}))
    world.look("rds", "X")
    world.take(AddMaintenance("rds", START + 10, START + 20, "ann"))
    assert shown(world.state, "rds", START + 9) is Status.DOWN
    assert shown(world.state, "rds", START + 10) is Status.MAINTENANCE
    assert shown(world.state, "rds", START + 20) is Status.DOWN
    assert shown(world.state, "nobody", START) is Status.UNKNOWN


def test_overall_is_the_worst_with_maintenance_left_out() -> None:
    world = World(plan_of({"rds": (), "redis": ()}))
    assert overall(world.plan, world.state, world.now) is Status.UNKNOWN
    world.look("redis", "w")
    world.look("rds", "X")
    assert overall(world.plan, world.state, world.now) is Status.DOWN
    world.take(AddMaintenance("rds", START, START + 20, "ann"))
    assert overall(world.plan, world.state, world.now) is Status.UNKNOWN
    world.look("redis", ".")
    world.look("redis", ".")
    assert overall(world.plan, world.state, world.now) is Status.HEALTHY

"""What people see of a service, and how long it has been up."""

from __future__ import annotations

import pytest

from monitor.core.model import AddMaintenance, Status
from monitor.core.uptime import Stay, availability, overall, shown, uptime_seconds
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


@pytest.mark.parametrize(
    ("stays", "up", "known", "percent"),
    [
        ((), 0, 0, None),
        (((Status.HEALTHY, 0, 100),), 100, 100, 100.0),
        (((Status.HEALTHY, -50, 75), (Status.DOWN, 75, 100)), 75, 100, 75.0),
        (((Status.WARNING, 0, 50), (Status.CRITICAL, 50, 150)), 100, 100, 100.0),
        (((Status.DOWN, -50, -10), (Status.HEALTHY, 100, 110)), 0, 0, None),
        (((Status.DOWN, 0, 10), (Status.MAINTENANCE, 10, 90), (Status.HEALTHY, 90, 100)), 10, 20, 50.0),
        (((Status.DOWN, 0, 10), (Status.UNKNOWN, 10, 70), (Status.HEALTHY, 70, 100)), 30, 40, 75.0),
    ],
)
def test_availability_is_the_share_of_the_known_time_in_which_it_answered(
    stays: tuple[tuple[Status, float, float], ...], up: float, known: float, percent: float | None
) -> None:
    found = availability((Stay("rds", *stay) for stay in stays), since=0, until=100)
    assert (found.up_seconds, found.known_seconds, found.percent) == (up, known, percent)

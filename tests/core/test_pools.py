"""What the pools of all apps may ask of a database, against what it has."""

from __future__ import annotations

import pytest

from monitor.core.diagnose import diagnose
from monitor.core.model import (
    Blind,
    CheckPlan,
    DatabaseServer,
    Fact,
    Failed,
    Failure,
    Observation,
    Plan,
    Pools,
    Reading,
    Seen,
    ServicePlan,
    Status,
)
from monitor.core.pools import BUDGET, Offer, budget, offer_of
from monitor.locale import LANGUAGES, speak
from tests.core.story import World

SERVER = DatabaseServer("10.0.1.5", 0.0, False, "17", "default")
USABLE = Reading("usable_connections", 77.0)
FAILURE = Failure("query", "read_only", "standby", Status.CRITICAL)


@pytest.mark.parametrize(
    ("result", "offer"),
    [
        (Seen((USABLE,), (SERVER,)), Offer("default", 77.0)),
        (Failed(FAILURE, (Reading("up", 0.0), USABLE), (SERVER,)), Offer("default", 77.0)),
        (Seen((USABLE,)), None),
        (Seen((Reading("up", 1.0),), (SERVER,)), None),
        (Blind("not configured: DB_HOST"), None),
    ],
)
def test_what_a_database_has_is_what_its_look_found(result: Seen | Failed | Blind, offer: Offer | None) -> None:
    assert offer_of(result) == offer


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ([Pools("node", "default", 2, 20)], None),
        ([Pools("node", "default", 2, 20), Pools("python", "default", 5, 7)], None),
        ([Pools("node", "default", 2, 20), Pools("python", "default", 4, 10)], 80.0),
        ([Pools("node", "default", 0, 200)], None),
        ([], None),
    ],
)
def test_pools_may_ask_for_as_much_as_there_is(asked: list[Pools], wanted: float | None) -> None:
    trouble = budget("rds", Offer("default", 77.0), asked)
    assert (trouble and trouble.value) == wanted
    if trouble:
        assert (trouble.status, trouble.threshold, trouble.harmless) == (Status.WARNING, 77.0, True)
        for language in LANGUAGES:
            assert "node 2 × 20, python 4 × 10" in speak(trouble.message, language)


def check(name: str) -> CheckPlan:
    return CheckPlan(name, name, 15.0, 5.0, 45.0, confirm=1, recover=1)


PLAN = Plan(
    {
        "rds": ServicePlan("rds", (check("rds"),)),
        "node": ServicePlan("node", (check("wiring"),), ("rds",)),
        "python": ServicePlan("python", (check("wiring"),), ("rds",)),
    }
)


def status(world: World) -> Status:
    return world.state.services["rds"].status


def look(world: World, service: str, *facts: Fact) -> None:
    name = "rds" if service == "rds" else "wiring"
    readings = (USABLE,) if service == "rds" else ()
    world.take(Observation(service, name, world.now, 0.0, Seen(readings, facts)))


def test_the_budget_is_one_page_about_the_database_until_the_pools_are_smaller() -> None:
    world = World(PLAN)
    look(world, "rds", SERVER)
    assert BUDGET not in world.state.services["rds"].checks["rds"].settled, "where no pool is known, nothing is weighed"
    look(world, "node", Pools("node", "default", 2, 20))
    look(world, "python", Pools("python", "default", 5, 10), Pools("python", "other", 5, 1000))
    look(world, "rds", SERVER)
    assert status(world) is Status.WARNING
    found = diagnose(PLAN, world.state, "rds", world.now)
    assert found.cause == "connection_budget"
    assert found.evidence[0].message.values["wanted"] == 90
    world.take(Observation("python", "wiring", world.now, 0.0, Blind("not permitted")))
    look(world, "rds", SERVER)
    assert status(world) is Status.WARNING, "what cannot be seen has not become smaller"
    look(world, "python", Pools("python", "default", 5, 5))
    look(world, "rds", SERVER)
    assert status(world) is Status.HEALTHY
    look(world, "node")
    look(world, "python")
    look(world, "rds", SERVER)
    assert status(world) is Status.HEALTHY

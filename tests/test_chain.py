"""The chain in JSON: what is wrong, why, and what stands around it."""

from __future__ import annotations

from dataclasses import replace

from monitor import chain
from monitor.core.model import Link, Message, Plan, Reading, ServicePlan, Worker
from tests.core.story import START, World, check_plan

LOOK = check_plan(stale_after=10_000.0)
PLAN = Plan(
    {
        "nginx": ServicePlan("nginx", (check_plan(kind="nginx", stale_after=10_000.0),), ("app",)),
        "app": ServicePlan("app", (LOOK,), ("rds",)),
        "rds": ServicePlan("rds", (LOOK,)),
        "host": ServicePlan("host", (LOOK,)),
    }
)
WORKER = Worker("app", 0, 100, "online", alive=True, gave_up=False, restarts=0, created_at=START, started_at=START)


def broken() -> World:
    world = World(PLAN)
    world.look("nginx", ".")
    world.look("host", "?")
    world.look("rds", "X")
    world.look("app", ".", WORKER, WORKER)
    return world


def test_the_topology_says_how_each_service_is_and_points_to_what_it_needs() -> None:
    world = broken()
    found = chain.topology(world.plan, world.state, world.now, "en")
    assert found["services"] == [
        {"name": "nginx", "status": "healthy", "kinds": ["nginx"], "message": None, "workers": None},
        {"name": "app", "status": "healthy", "kinds": ["http"], "message": None, "workers": {"alive": 2, "listed": 2}},
        {"name": "rds", "status": "down", "kinds": ["http"], "message": "no answer", "workers": None},
        {"name": "host", "status": "unknown", "kinds": ["http"], "message": "not configured: DB_HOST", "workers": None},
    ]
    assert found["edges"] == [
        {"from": "nginx", "to": "app", "source": "configured", "evidence": None, "response_time_ms": None},
        {"from": "app", "to": "rds", "source": "configured", "evidence": None, "response_time_ms": None},
    ]


def test_everything_is_explained_unless_somebody_is_named() -> None:
    world = broken()
    found = chain.explained(world.plan, world.state, world.now)
    assert (found["overall_status"], [each["root"] for each in found["incidents"]]) == ("down", ["rds"])
    assert found["incidents"][0]["cause"]["id"] == "unknown"
    assert len(found["topology"]["services"]) == 4


def test_whoever_is_named_is_explained_with_its_neighbours_and_the_incident_that_concerns_it() -> None:
    world = broken()
    found = chain.explained(world.plan, world.state, world.now, names=("app",))
    assert found["overall_status"] == "healthy"
    assert [each["root"] for each in found["incidents"]] == ["rds"], "it is at risk"
    assert [each["name"] for each in found["topology"]["services"]] == ["nginx", "app", "rds"]
    alone = chain.explained(world.plan, world.state, world.now, names=("host",))
    assert (alone["overall_status"], alone["incidents"]) == ("unknown", [])
    assert (len(alone["topology"]["services"]), alone["topology"]["edges"]) == (1, [])


def test_an_edge_says_how_long_an_answer_took_at_the_address_that_is_used_else_at_the_looks_of_what_is_needed() -> None:
    world = broken()
    how = Message("link.route", {"route": "/", "peer": "127.0.0.1:3000"})
    link = Link("nginx", "app", "127.0.0.1:3000", how, START, START)
    world.state = replace(world.state, links=(link,))
    peers = (("127.0.0.1:3000", 0.009), ("127.0.0.1:3001", 0.011))
    measured = tuple(Reading("upstream_response", n, "seconds", {"peer": peer}) for peer, n in peers)
    world.look("nginx", ".", readings=measured)
    world.look("app", ".", readings=(Reading("response_time", 0.5, "seconds"),))
    assert answered(world) == {"app": 9.0, "rds": None}
    world.state = replace(world.state, links=())
    assert answered(world) == {"app": 500.0, "rds": None}


def answered(world: World) -> dict[str, float | None]:
    found = chain.topology(world.plan, world.state, world.now, "en")["edges"]
    return {each["to"]: each["response_time_ms"] for each in found}

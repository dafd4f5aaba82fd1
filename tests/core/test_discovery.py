"""Who uses what is found out, and counts as if somebody had written it down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from monitor.core import discovery
from monitor.core.model import DatabaseServer, Fact, Link, Message, NginxRoute, Plan, ServicePlan, Sockets, Status
from monitor.core.step import begin
from monitor.core.topology import dependencies, linked
from tests.core.story import START, World, check_plan

LOOK = check_plan(stale_after=1e6)
FRONT = NginxRoute("shop.test/", "127.0.0.1:3000")
API = NginxRoute("shop.test/api/", "127.0.0.1:8000")
NODE = Sockets("nodejs", (3000,), ("10.0.0.5:5432",))
FLASK = Sockets("python", (8000,), ("10.0.0.5:5432", "10.9.9.9:443"))
SERVER = DatabaseServer("10.0.0.5", START - 900, in_recovery=False, version="16", port=5432)


SEEN: dict[str, tuple[Fact, ...]] = {"nginx": (FRONT, API), "nodejs": (NODE,), "python": (FLASK,), "rds": (SERVER,)}


def plan(*, configured: bool = False, **more: ServicePlan) -> Plan:
    needs = {"nginx": ("nodejs", "python"), "nodejs": ("rds",), "python": ("rds",), "rds": (), "host": ()}
    services = {name: ServicePlan(name, (LOOK,), above if configured else ()) for name, above in needs.items()}
    return Plan({**services, **more})


def seen(planned: Plan | None = None) -> World:
    """Everything was looked at once."""
    world = World(planned or plan())
    for name, facts in SEEN.items():
        world.look(name, ".", *facts)
    return world


def edges(world: World) -> dict[str, set[str]]:
    found = linked(world.plan, world.state.links)
    return {name: set(each.depends_on) for name, each in found.services.items() if each.depends_on}


def link(service: str, needs: str, *, since: float = START, through: str = "x:1", key: str = discovery.SOCKET) -> Link:
    return Link(service, needs, through, Message(key), since, START)


CHAIN = {"nginx": {"nodejs", "python"}, "nodejs": {"rds"}, "python": {"rds"}}


def test_the_chain_is_found_out_whatever_is_looked_at_first() -> None:
    assert edges(seen()) == CHAIN
    world = World(plan())
    for name, facts in reversed(SEEN.items()):
        world.look(name, ".", *facts)
    assert edges(world) == CHAIN


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("order", [("rds", "nodejs", "nginx"), ("nginx", "nodejs", "rds"), ("nodejs", "rds", "nginx")])
def test_one_fault_is_one_page_whether_somebody_wrote_the_dependencies_down_or_not(
    configured: bool,  # noqa: FBT001 — the one thing that is compared
    order: Iterable[str],
) -> None:
    world = seen(plan(configured=configured))
    world.after(30)
    for name in order:
        world.after(1).look(name, "X", *(SEEN["nginx"] if name == "nginx" else ()))
    world.after(20)
    assert [word for word in world.words if word.endswith("opened")] == ["rds opened"]
    (incident,) = world.open
    assert set(incident.impacted) == {"nodejs", "python", "nginx"}
    for name in ("rds", "nodejs", "nginx"):
        for _ in range(3):
            world.after(1).look(name, ".", *SEEN[name])
    assert world.words[-1] == "rds resolved"


def test_the_evidence_is_kept_and_renewed_from_time_to_time() -> None:
    world = seen()
    (front,) = [each for each in world.state.links if each.through == FRONT.peer]
    assert front == Link(
        "nginx", "nodejs", FRONT.peer, Message("link.route", {"route": "shop.test/", "peer": FRONT.peer}), START, START
    )
    world.after(60).look("nginx", ".", FRONT, API)
    assert front in world.state.links, "a state that changes with every look would be written with every look"
    world.after(discovery.REFRESH_SECONDS).look("nginx", ".", FRONT, API)
    assert replace(front, seen_at=world.now) in world.state.links


@pytest.mark.parametrize(
    ("more", "nodejs"),
    [
        ({"asks": ServicePlan("asks", (LOOK,), addresses=("localhost:3000",))}, set()),
        ({"asks": ServicePlan("asks", (LOOK,), addresses=("localhost:9000",))}, {"asks"}),
        ({"asks": ServicePlan("asks", (LOOK,), addresses=("10.1.1.1:9000",))}, set()),
        (
            {
                "asks": ServicePlan("asks", (LOOK,), addresses=("localhost:9000",)),
                "too": ServicePlan("too", (LOOK,), addresses=("127.0.0.1:9000",)),
            },
            set(),
        ),
    ],
)
def test_a_port_on_which_no_app_is_seen_is_that_of_the_one_service_whose_check_asks_there(
    more: dict[str, ServicePlan], nodejs: set[str]
) -> None:
    world = World(replace(plan(), services={**plan().services, **more}))
    world.look("nodejs", ".", NODE)
    world.look("nginx", ".", NginxRoute("x/", "127.0.0.1:9000"))
    assert edges(world).get("nginx", set()) == nodejs


def test_a_peer_on_another_machine_is_no_app_of_this_one() -> None:
    away = ServicePlan("away", (LOOK,), addresses=("10.1.1.1:3000",))
    world = World(plan(away=away))
    world.look("nodejs", ".", NODE)
    world.look("nginx", ".", NginxRoute("x/", "10.1.1.1:3000"), NginxRoute("y/", "unix:/run/app.sock"))
    assert edges(world) == {"nginx": {"away"}}


def test_two_apps_on_one_port_and_two_services_on_one_database_prove_nothing() -> None:
    world = World(plan())
    world.look("nodejs", ".", replace(NODE, connected=()))
    world.look("python", ".", replace(FLASK, ports=(3000,)))
    world.look("nginx", ".", FRONT)
    world.look("rds", ".", SERVER)
    world.look("host", ".", SERVER)
    assert edges(world) == {}


def test_nobody_uses_itself() -> None:
    world = World(plan(nginx=ServicePlan("nginx", (LOOK,), addresses=("127.0.0.1:3000",))))
    world.look("rds", ".", Sockets("rds", (), ("10.0.0.5:5432",)))
    world.look("nginx", ".", FRONT)
    assert world.state.links == ()


def test_an_app_that_is_down_listens_nowhere_and_is_still_the_one_behind_its_route() -> None:
    world = seen()
    world.after(60).look("nodejs", "x", Sockets("nodejs", (), ()))
    world.look("nginx", ".", FRONT, API)
    assert edges(world) == CHAIN


def test_a_route_that_nginx_no_longer_has_leads_nowhere() -> None:
    world = seen()
    world.after(60).look("nginx", ".", FRONT)
    assert edges(world)["nginx"] == {"nodejs"}
    world.look("nginx", "?")
    assert edges(world)["nginx"] == {"nodejs"}, "what nobody sees has not gone"


def test_a_port_that_another_app_has_taken_over_leads_to_that_one() -> None:
    world = seen()
    world.after(60).look("nodejs", ".", replace(NODE, ports=()))
    world.look("python", ".", replace(FLASK, ports=(8000, 3000)))
    assert edges(world)["nginx"] == {"python"}


def test_what_was_not_seen_for_a_day_is_forgotten_unless_there_is_trouble() -> None:
    world = seen()
    world.now += discovery.KEPT_SECONDS - 1
    world.look("nginx", ".", FRONT, API)
    assert edges(world) == CHAIN
    world.look("rds", "X")
    world.now += 2
    world.take(None)
    assert edges(world) == CHAIN, "while the database is down nobody can be seen to use it"
    world.look("rds", ".")
    world.look("rds", ".")
    assert world.status("rds") is Status.HEALTHY
    world.after(1)
    assert edges(world) == {"nginx": {"nodejs", "python"}}


def test_whoever_is_found_out_to_rest_on_a_broken_service_is_at_risk_and_no_page_of_its_own() -> None:
    world = World(plan())
    world.look("rds", ".", SERVER)
    world.look("host", "X")
    world.after(1).look("rds", "X")
    world.look("nodejs", "X")
    assert {incident.root for incident in world.open} == {"host", "rds", "nodejs"}
    world.look("nodejs", "X", NODE)
    found = {incident.root: incident.impacted for incident in world.open if not incident.adopted_by}
    assert found == {"host": (), "rds": ("nodejs",)}


def test_what_leaves_the_configuration_leaves_with_its_links() -> None:
    world = seen()
    world.look("rds", "X")
    less = Plan({name: each for name, each in world.plan.services.items() if name != "python"})
    state = begin(less, world.state, world.now)
    assert {(each.service, each.needs) for each in state.links} == {("nginx", "nodejs"), ("nodejs", "rds")}
    assert [each.impacted for each in state.incidents] == [("nodejs", "nginx")]


# What counts -----------------------------------------------------------------------------------------------------


def test_a_link_adds_to_what_is_configured_and_never_closes_a_circle() -> None:
    configured = Plan(
        {
            "a": ServicePlan("a", (LOOK,), ("b", "gone")),
            "b": ServicePlan("b", (LOOK,)),
            "c": ServicePlan("c", (LOOK,)),
        }
    )
    found = linked(configured, [link("b", "a"), link("b", "c"), link("a", "b"), link("a", "a"), link("c", "gone")])
    assert {name: each.depends_on for name, each in found.services.items()} == {
        "a": ("b", "gone"), "b": ("c",), "c": (),
    }  # fmt: skip
    assert dependencies(found, "a") == ("b", "c")
    assert linked(configured, [link("b", "a")]) is configured
    assert linked(configured, []) is configured


def test_of_two_links_that_contradict_each_other_the_older_counts() -> None:
    free = Plan({name: ServicePlan(name, (LOOK,)) for name in "ab"})
    links = [link("a", "b", since=START + 5), link("b", "a", since=START)]
    assert linked(free, links).services["b"].depends_on == ("a",)
    assert linked(free, reversed(links)) == linked(free, links)


def test_a_service_that_wants_nothing_found_out_depends_on_what_is_written() -> None:
    own = Plan({"a": ServicePlan("a", (LOOK,), discovers=False), "b": ServicePlan("b", (LOOK,))})
    assert linked(own, [link("a", "b")]) is own


def test_no_more_links_are_kept_than_a_machine_can_have() -> None:
    others = {f"s{number}": ServicePlan(f"s{number}", (LOOK,)) for number in range(250)}
    world = World(Plan(others))
    routes: list[Fact] = [NginxRoute("x/", f"10.0.0.1:{number}") for number in range(250)]
    world.plan = Plan({name: replace(each, addresses=(f"10.0.0.1:{name[1:]}",)) for name, each in others.items()})
    world.look("s0", ".", *routes)
    assert len(world.state.links) == discovery.MOST_LINKS

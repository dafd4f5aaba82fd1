"""What takes nothing away from anybody explains nobody's outage, however bad it is in itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.model import Finding, Observation, Seen, Status
from tests.core.story import World, check_plan, finding, plan_of

PLAN = plan_of({"wall": (), "rds": ("wall",)}, checks=(check_plan(confirm=1),))


def failing_at_both(*, harmless: bool) -> list[str]:
    """The roots of the incidents, when the wall is critical and the database behind it is down."""
    world = World(PLAN)
    open_to_all: Finding = replace(finding(Status.CRITICAL, "exposed_world"), harmless=harmless)
    world.take(Observation("wall", "look", world.now, 0.0, Seen(facts=(open_to_all,))))
    world.look("rds", "x")
    return [incident.root for incident in world.open]


@pytest.mark.parametrize(("harmless", "roots"), [(True, ["wall", "rds"]), (False, ["wall"])])
def test_an_open_firewall_is_not_why_the_database_is_down(harmless: bool, roots: list[str]) -> None:  # noqa: FBT001 — pytest passes it by name
    assert failing_at_both(harmless=harmless) == roots

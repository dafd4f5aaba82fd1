"""The daemon on rules that somebody changes: what it believes, whom it pages, and which command it prints."""

from __future__ import annotations

from typing import Any

import pytest

from tests.daemon.conftest import Watched
from tests.daemon.running import wait_for
from tests.lab import aws

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

WALL = "rds-firewall"


def status(watched: Watched) -> tuple[str, str | None]:
    service = watched.daemon.get(f"/api/v1/services/{WALL}")
    return service["status"], service["checks"][0]["reason"]


def told(watched: Watched) -> dict[str, Any]:
    """The incident in the only notice there is."""
    wait_for(watched.notices, seconds=40)
    assert watched.told() == [f"opened {WALL}"], [each.incident for each in watched.notices()]
    return watched.notices()[0].incident


def healed(watched: Watched, fault: str) -> None:
    watched.lab.heal(fault)
    wait_for(lambda: status(watched) == ("healthy", None), seconds=60)
    wait_for(lambda: watched.told() == [f"opened {WALL}", f"resolved {WALL}"], seconds=30)


def test_a_revoked_rule_is_told_before_the_database_is_missed_with_the_command_that_opens_it(watched: Watched) -> None:
    wait_for(lambda: status(watched) == ("healthy", None), seconds=30)
    assert WALL in watched.daemon.get("/api/v1/services/rds")["dependencies"]
    watched.lab.break_("sg-rule-revoked")
    wait_for(lambda: status(watched) == ("warning", "path_closed"), seconds=30)
    incident = told(watched)
    assert (incident["severity"], incident["cause"]["id"]) == ("warning", "firewall_path_closed")
    known = aws.record(watched.lab.places)
    assert f"--group-id {known['database']} " in incident["cause"]["remedy"]
    assert f"--source-group {known['app']} --region ap-northeast-2" in incident["cause"]["remedy"]
    assert any("removed: in " in each["message"] for each in incident["cause"]["evidence"])
    assert watched.daemon.statuses()["rds"] == "healthy", "its packets still arrive, so it is not said to be down"
    metrics = watched.daemon.get("/metrics")
    assert f'infra_security_group_path_open{{service="{WALL}"}} 0' in metrics
    assert f'infra_security_group_rule_changes_total{{service="{WALL}"}} 1' in metrics
    assert '"firewall.rules_changed"' in watched.daemon.logged()
    healed(watched, "sg-rule-revoked")


@pytest.mark.parametrize("fault", ["sg-open-world", "sg-open-halves"])
def test_a_port_that_is_opened_to_the_world_is_told_with_the_rules_to_take_away(watched: Watched, fault: str) -> None:
    wait_for(lambda: status(watched) == ("healthy", None), seconds=30)
    watched.lab.break_(fault)
    wait_for(lambda: status(watched) == ("warning", "exposed_world"), seconds=30)
    incident = told(watched)
    assert (incident["severity"], incident["cause"]["id"]) == ("warning", "database_exposed")
    assert "revoke-security-group-ingress" in incident["cause"]["remedy"]
    assert incident["cause"]["remedy"].count("CidrIp=") == (2 if fault == "sg-open-halves" else 1)
    assert 'infra_security_group_exposure{level="world",service="rds-firewall"} 1' in watched.daemon.get("/metrics")
    healed(watched, fault)


def test_an_open_firewall_does_not_take_the_blame_for_a_stopped_database(watched: Watched) -> None:
    wait_for(lambda: status(watched) == ("healthy", None), seconds=30)
    watched.lab.break_("sg-open-world")
    told(watched)
    watched.lab.break_("postgres-stopped")
    wait_for(lambda: len(watched.notices()) > 1, seconds=30)
    incident = watched.notices()[1].incident
    assert (incident["root"], incident["cause"]["id"]) == ("rds", "rds_not_available")

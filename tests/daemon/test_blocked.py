"""The outage that this project began with: connections that nobody answers, and the rule that is why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import RunningDaemon, free_port, wait_for
from tests.database import servers
from tests.lab import aws as lab_aws

pytestmark = pytest.mark.timeout(240)

CONFIG = """
web: {{listen: "127.0.0.1:{web}"}}
state: {{directory: "{state}"}}
aws: {{endpoint_url: "{aws}"}}
databases: {{default: {{host: 127.0.0.1, port: {port}, name: app, user: app, password: secret}}}}
services:
  rds: {{checks: [{{kind: rds, every: 1s, timeout: 5s}}]}}
  wall: {{checks: [{{kind: security_group, database: rds, endpoint: {endpoint}, host: {{groups: [{app}]}}}}]}}
  web: {{depends_on: [rds], checks: [{{kind: rds, every: 1s, timeout: 5s}}]}}
"""


@dataclass(frozen=True)
class Blocked:
    """A daemon before a port that swallows every packet, and the rules of it."""

    daemon: RunningDaemon
    aws: lab_aws.Aws
    app: str
    database: str
    port: int

    def cause(self) -> dict[str, Any] | None:
        """Of the one incident there is, once people would have been told of it."""
        found = self.daemon.get("/api/v1/incidents")
        open_now = [each for each in found if each["status"] == "open" and not each["part_of"]]
        if len(open_now) != 1 or not open_now[0]["told"]:
            return None
        return {"root": open_now[0]["root"], "severity": open_now[0]["severity"], **open_now[0]["cause"]}


@pytest.fixture
def blocked(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Blocked]:
    """With the parameter `open`, the rules let this host in; the port is silent all the same."""
    quiet = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, **lab_aws.CREDENTIALS}
    with lab_aws.moto(free_port()) as url, servers.full() as port:
        aws = lab_aws.Aws(url)
        app, database = aws.group("app"), aws.group("db")
        if request.param == "open":
            aws.allow(database, port, source=app)
        endpoint = aws.database("signalcraft", port, [database])
        config = tmp_path / "config.yaml"
        config.write_text(
            CONFIG.format(web=free_port(), state=tmp_path, aws=url, port=port, endpoint=endpoint, app=app)
        )
        with RunningDaemon(config, log=tmp_path / "log", more=quiet) as daemon:
            yield Blocked(daemon, aws, app, database, port)


@pytest.mark.parametrize("blocked", ["closed"], indirect=True)
def test_a_missing_rule_is_named_as_the_cause_with_the_command_that_adds_it(blocked: Blocked) -> None:
    cause = wait_for(blocked.cause, seconds=40)
    assert (cause["root"], cause["severity"], cause["id"], cause["confidence"]) == (
        "wall",
        "critical",
        "security_group_blocks",
        "certain",
    )
    command = f"authorize-security-group-ingress --group-id {blocked.database} --protocol tcp --port {blocked.port}"
    assert f"{command} --source-group {blocked.app}" in cause["remedy"]
    wait_for(lambda: blocked.daemon.statuses() == {"rds": "down", "wall": "critical", "web": "down"}, seconds=30)
    assert len([each for each in blocked.daemon.get("/api/v1/incidents") if each["told"]]) == 1


@pytest.mark.parametrize("blocked", ["open"], indirect=True)
def test_rules_that_are_open_are_ruled_out_and_blamed_as_soon_as_they_are_closed(blocked: Blocked) -> None:
    cause = wait_for(blocked.cause, seconds=40)
    assert (cause["root"], cause["id"], cause["confidence"]) == ("rds", "network_path_blocked", "likely")
    assert "security_group_blocks" in [each["cause"] for each in cause["ruled_out"]]
    blocked.aws.revoke(blocked.database, blocked.port, source=blocked.app)
    cause = wait_for(
        lambda: (found := blocked.cause()) and found["id"] == "security_group_blocks" and found, seconds=60
    )
    assert cause["root"] == "wall"
    assert any("removed: in " in each["message"] for each in cause["evidence"])

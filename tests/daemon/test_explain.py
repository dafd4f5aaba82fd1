"""A whole stack of which nobody has written down who depends on whom: found out, one page, and explained."""

from __future__ import annotations

import json
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from monitor.cli.terminal import columns
from tests.daemon.conftest import Watched
from tests.daemon.running import RunningDaemon, command, wait_for
from tests.lab import aws, nginx, pm2
from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NODE, PYTHON = "signalcraft-nodejs", "signalcraft-python"
FOUND = {("nginx", NODE), ("nginx", PYTHON), (NODE, "rds"), (PYTHON, "rds")}


def _silent_on_dependencies(config: Path) -> Path:
    """Without `depends_on`, without the wiring checks, which need the database by their nature, and without the http
    checks, whose addresses would say whose port is whose: only what the kernel shows is left."""
    kept, skipping = list[str](), False
    for line in config.read_text().splitlines():
        skipping = "kind: wiring" in line or (skipping and line.strip().startswith("every:"))
        if not skipping and "depends_on" not in line and "kind: http" not in line:
            kept.append(line)
    found = config.with_name("silent.yaml")
    found.write_text("\n".join(kept) + "\n")
    return found


@pytest.fixture
def silent(healthy_lab: Lab, tmp_path: Path) -> Iterator[Watched]:
    """A daemon that nobody has told of any dependency, on backends whose pools are in use."""
    places = healthy_lab.places
    shutil.rmtree(places.monitor_state)
    places.monitor_state.mkdir(mode=0o700)
    for path in ("/api/db", "/api/flask/api/db"):
        with urllib.request.urlopen(places.front + path, timeout=20) as answer:
            answer.read()
    since = len(healthy_lab.received())
    config = _silent_on_dependencies(places.monitor_config)
    with RunningDaemon(config, log=tmp_path / "daemon.log") as daemon:
        yield Watched(healthy_lab, daemon, since)


def discovered(watched: Watched) -> dict[tuple[str, str], str]:
    edges = watched.daemon.get("/api/v1/topology")["edges"]
    return {(each["from"], each["to"]): each["evidence"] for each in edges if each["source"] == "discovered"}


def changes_of(watched: Watched) -> list[dict[str, Any]]:
    (incident,) = watched.daemon.get("/api/v1/incidents")
    return list(incident["changes"])


def explain(watched: Watched, *arguments: str) -> CompletedProcess[str]:
    return command("explain", *arguments, "--config", watched.daemon.config, more={"COLUMNS": "80"})


def test_the_chain_is_found_out_and_one_fault_is_one_page_that_can_be_explained(silent: Watched) -> None:
    wait_for(lambda: discovered(silent).keys() >= FOUND, seconds=60)
    places, found = silent.lab.places, discovered(silent)
    assert found[(NODE, "rds")] == f"{NODE} is connected to 127.0.0.1:{places.postgres_port}"
    assert f"→ 127.0.0.1:{places.python_port}" in found[("nginx", PYTHON)]
    wait_for(lambda: set(silent.daemon.statuses().values()) == {"healthy"}, seconds=60)

    silent.lab.break_("postgres-stopped")
    wait_for(silent.notices, seconds=40)
    (notice,) = silent.notices()
    assert (notice.incident["root"], notice.incident["cause"]["id"]) == ("rds", "rds_not_available")
    assert {each["name"] for each in notice.incident["impacted"]} == {"nginx", NODE, PYTHON}
    done = explain(silent)
    assert done.returncode == 2, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "client"
    assert any(line.strip("│├└─ ").startswith("✖ down  rds  ← the cause is here") for line in lines)
    assert "rds_not_available" in done.stdout
    assert all(columns(line) <= 80 for line in lines), done.stdout

    silent.lab.heal("postgres-stopped")
    wait_for(lambda: silent.told() == ["opened rds", "resolved rds"], seconds=60)
    timeline = silent.daemon.get(f"/api/v1/incidents/{notice.incident['id']}")["timeline"]
    assert [each["message"] for each in timeline if each["what"] == "database_restarted"] == [
        "the server of rds was restarted"
    ]
    with _changed(silent.lab):
        _a_revoked_rule_is_explained_alike_with_a_daemon_and_without(silent)


@contextmanager
def _changed(lab: Lab) -> Iterator[None]:
    """Somebody edits Nginx's configuration, reloads it, and restarts an app."""
    config, before = lab.places.nginx_config, lab.places.nginx_config.read_text()
    config.write_text(f"{before}# edited\n")
    master = nginx.master(lab.places)
    assert master
    master.send_signal(signal.SIGHUP)
    pm2.command(lab.places, "restart", PYTHON)
    try:
        yield
    finally:
        config.write_text(before)
        master.send_signal(signal.SIGHUP)


def _a_revoked_rule_is_explained_alike_with_a_daemon_and_without(watched: Watched) -> None:
    """Whether somebody has watched it go or not, it is the cause, with the command that puts it back."""
    watched.lab.break_("sg-rule-revoked")
    wait_for(lambda: watched.daemon.statuses()["rds-firewall"] == "warning", seconds=40)
    asked = explain(watched, "rds-firewall")
    _names_the_rule(watched, asked)
    assert "removed: in sg-" in " ".join(asked.stdout.split())
    assert "before the trouble began" in " ".join(asked.stdout.split())
    expected = {"database_restarted", "nginx_edited", "nginx_reloaded", "restarted", "rules"}
    wait_for(lambda: expected <= {each["kind"] for each in changes_of(watched)}, seconds=20)
    answer = json.loads(explain(watched, "--json").stdout)
    (cause,) = [each["cause"] for each in answer["incidents"]]
    (changes,) = [each["changes"] for each in answer["incidents"]]
    assert not {"died", "stopped"} & {each["kind"] for each in changes}, changes
    (edited,) = [each for each in changes if each["kind"] == "nginx_edited"]
    assert edited["at"] == edited["since"], "the file says when"
    assert str(watched.lab.places.nginx_config) in edited["message"]
    watched.daemon.stop()
    alone = explain(watched, "rds-firewall")
    assert alone.stdout.startswith("No daemon answers at")
    _names_the_rule(watched, alone)
    once = json.loads(explain(watched, "--json").stdout)
    assert [each["cause"]["id"] for each in once["incidents"]] == [cause["id"]]
    found = {(each["from"], each["to"]) for each in once["topology"]["edges"] if each["source"] == "discovered"}
    assert found >= {("nginx", NODE), ("nginx", PYTHON)}


def _names_the_rule(watched: Watched, done: CompletedProcess[Any]) -> None:
    known = aws.record(watched.lab.places)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "firewall_path_closed" in done.stdout
    assert f"aws ec2 authorize-security-group-ingress --group-id {known['database']}" in done.stdout
    assert all(columns(line) <= 80 for line in done.stdout.splitlines()), done.stdout

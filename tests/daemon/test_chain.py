"""The daemon on the real chain: what it believes, what it publishes, whom it pages."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.daemon.conftest import Watched
from tests.daemon.running import RunningDaemon, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

CHAIN = ("rds", "rds-firewall", "pm2", "signalcraft-nodejs", "signalcraft-python", "nginx", "host")
ABOVE = {"signalcraft-nodejs", "signalcraft-python", "nginx"}
HEALTHY = dict.fromkeys(CHAIN, "healthy")


def _all_healthy(watched: Watched) -> bool:
    return watched.daemon.statuses() == HEALTHY


def test_the_whole_chain_is_healthy_within_ten_seconds_of_the_start(watched: Watched) -> None:
    wait_for(lambda: _all_healthy(watched), seconds=10)
    assert time.time() - watched.daemon.started <= 10
    rds = watched.daemon.get("/api/v1/services/rds")
    assert rds["response_time_ms"] > 0
    assert rds["last_check"].endswith("Z")
    assert watched.daemon.get("/api/v1/summary")["overall_status"] == "healthy"
    time.sleep(5)
    assert watched.told() == []


def test_a_stopped_database_is_one_page_that_names_it_and_both_backends(watched: Watched) -> None:
    wait_for(lambda: _all_healthy(watched))
    watched.lab.break_("postgres-stopped")
    (opened,) = wait_for(watched.notices, seconds=30)
    assert (opened.kind, opened.incident["root"], opened.incident["status"]) == ("opened", "rds", "open")
    assert opened.incident["severity"] == "critical"
    assert {each["name"] for each in opened.incident["impacted"]} == ABOVE
    assert opened.incident["cause"]["id"] == "rds_not_available"
    assert watched.daemon.statuses()["rds"] == "down"
    time.sleep(8)
    watched.lab.heal("postgres-stopped")
    wait_for(lambda: len(watched.notices()) > 1, seconds=60)
    wait_for(lambda: _all_healthy(watched))
    time.sleep(8)
    assert watched.told() == ["opened rds", "resolved rds"]
    first, last = watched.notices()
    assert first.incident["id"] == last.incident["id"]
    assert first.id != last.id
    assert last.incident["resolved_at"] is not None


def test_an_incident_from_before_a_restart_is_neither_told_twice_nor_forgotten(watched: Watched) -> None:
    wait_for(lambda: _all_healthy(watched))
    watched.lab.break_("postgres-stopped")
    wait_for(watched.notices, seconds=30)
    assert watched.daemon.stop() == 0, "SIGTERM drains and ends with 0"
    watched.daemon.start()
    time.sleep(6)
    assert watched.told() == ["opened rds"]
    (incident,) = watched.daemon.get("/api/v1/incidents")
    assert incident["id"] == watched.notices()[0].incident["id"]
    watched.lab.heal("postgres-stopped")
    wait_for(lambda: _all_healthy(watched))
    wait_for(lambda: watched.told() == ["opened rds", "resolved rds"], seconds=30)


def test_one_killed_worker_of_several_pages_nobody_and_is_counted(watched: Watched) -> None:
    wait_for(lambda: _all_healthy(watched))
    watched.lab.break_("node-worker-killed")
    time.sleep(15)
    assert watched.told() == []
    metrics = watched.daemon.get("/metrics")
    restarts = [line for line in metrics.splitlines() if line.startswith("infra_pm2_process_restarts_total{")]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in restarts if "nodejs" in line) >= 1


def test_a_killed_pm2_is_one_page_that_names_pm2(watched: Watched) -> None:
    wait_for(lambda: _all_healthy(watched))
    watched.lab.break_("pm2-killed")
    (opened,) = wait_for(watched.notices, seconds=30)
    assert (opened.kind, opened.incident["root"], opened.incident["cause"]["id"]) == (
        "opened",
        "pm2",
        "pm2_daemon_down",
    )
    assert {each["name"] for each in opened.incident["impacted"]} == ABOVE
    time.sleep(5)
    watched.lab.heal("pm2-killed")
    wait_for(lambda: _all_healthy(watched))
    wait_for(lambda: watched.told() == ["opened pm2", "resolved pm2"], seconds=40)
    time.sleep(5)
    assert watched.told() == ["opened pm2", "resolved pm2"]


def test_an_operators_stop_and_start_within_the_grace_pages_nobody(watched: Watched) -> None:
    wait_for(lambda: _all_healthy(watched))
    watched.lab.break_("node-stopped")
    time.sleep(4)
    watched.lab.heal("node-stopped")
    wait_for(lambda: _all_healthy(watched))
    time.sleep(5)
    assert watched.told() == []


@pytest.mark.parametrize("trouble", ["receiver-500", "receiver-429", "receiver-refuse", "receiver-hang"])
def test_a_receiver_in_trouble_gets_every_notice_once_it_is_well_again(watched: Watched, trouble: str) -> None:
    wait_for(lambda: _all_healthy(watched))
    watched.lab.break_(trouble)
    watched.lab.break_("postgres-password")
    wait_for(lambda: watched.daemon.statuses()["rds"] == "critical", seconds=30)
    time.sleep(2)
    assert watched.told() == []
    watched.lab.heal(trouble)
    watched.lab.heal("postgres-password")
    wait_for(lambda: watched.told() == ["opened rds", "resolved rds"], seconds=90)


def test_a_port_that_is_taken_ends_a_second_daemon_with_one_line(watched: Watched, tmp_path: Path) -> None:
    second = RunningDaemon(watched.daemon.config, log=tmp_path / "second.log")
    with pytest.raises(AssertionError, match="it ended with 1"):
        second.start()
    (line,) = second.logged().splitlines()
    assert line.startswith("infra-monitor: cannot listen on 127.0.0.1:")
    assert _all_healthy(watched) or wait_for(lambda: _all_healthy(watched))

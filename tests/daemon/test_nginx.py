"""Nginx on the real chain: its faults, what they are called, and whose page it is."""

from __future__ import annotations

import time

import pytest

from tests.daemon.conftest import Watched
from tests.daemon.running import wait_for
from tests.lab import nginx_troubles

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]


def _all_healthy(watched: Watched) -> bool:
    return set(watched.daemon.statuses().values()) == {"healthy"}


@pytest.mark.parametrize(
    ("fault", "status", "cause", "words"),
    [
        ("nginx-stopped", "down", "nginx_down", "no Nginx runs with"),
        ("nginx-frozen", "down", "nginx_frozen", "worker(s) are stopped"),
        ("nginx-port-mismatch", "critical", "upstream_port_mismatch", "signalcraft-python listens on port"),
        ("one-peer-down", "warning", "unknown", "1 of 2 peers of flask answer"),
        ("nginx-broken-config", "warning", "nginx_config_broken", 'unknown directive "proxy_http_versoin"'),
    ],
)
def test_a_fault_of_nginx_is_one_page_that_names_it(
    watched: Watched, *, fault: str, status: str, cause: str, words: str
) -> None:
    wait_for(lambda: _all_healthy(watched))
    watched.lab.break_(fault)
    (opened,) = wait_for(watched.notices, seconds=60)
    assert (opened.kind, opened.incident["root"]) == ("opened", "nginx")
    assert opened.incident["cause"]["id"] == cause
    assert any(words in str(each) for each in opened.incident["cause"]["evidence"]), opened.incident["cause"]
    assert watched.daemon.statuses()["nginx"] == status
    watched.lab.heal(fault)
    wait_for(lambda: watched.told() == ["opened nginx", "resolved nginx"], seconds=60)
    wait_for(lambda: _all_healthy(watched))


def test_an_application_that_stops_is_the_page_and_nginx_is_impacted(watched: Watched) -> None:
    wait_for(lambda: _all_healthy(watched))
    watched.lab.break_("python-gave-up")
    (opened, *_) = wait_for(watched.notices, seconds=120)
    assert opened.incident["root"] == "signalcraft-python"
    assert "nginx" in {each["name"] for each in opened.incident["impacted"]}
    wait_for(lambda: watched.daemon.statuses()["nginx"] == "critical", seconds=60)
    time.sleep(5)
    assert {each.incident["root"] for each in watched.notices()} == {"signalcraft-python"}


def test_a_reload_pages_nobody(watched: Watched) -> None:
    wait_for(lambda: _all_healthy(watched))
    for _ in range(3):
        nginx_troubles.mended(watched.lab.places)
        time.sleep(2)
    assert watched.told() == []
    assert watched.daemon.statuses()["nginx"] == "healthy"
    metrics = watched.daemon.get("/metrics")
    for line in ('infra_nginx_config_loaded{service="nginx"} 1', 'infra_nginx_config_valid{service="nginx"} 1'):
        assert line in metrics

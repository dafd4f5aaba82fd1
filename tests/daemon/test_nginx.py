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

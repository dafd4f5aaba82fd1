"""Backends that hang, fail or are busy while PM2 calls them online; a full disk."""

from __future__ import annotations

import pytest

from tests.daemon.conftest import Watched
from tests.daemon.running import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

NODE, PYTHON = "signalcraft-nodejs", "signalcraft-python"


def _all_healthy(watched: Watched) -> bool:
    return set(watched.daemon.statuses().values()) == {"healthy"}


@pytest.mark.parametrize(
    ("fault", "service", "status", "cause", "words"),
    [
        ("node-blocked", NODE, "down", "app_unresponsive", ("answer", "timeout")),
        ("app-500", NODE, "critical", "app_errors", ("answer", "status")),
        ("gunicorn-busy", PYTHON, "down", "app_unresponsive", ("answer", "timeout")),
    ],
)
def test_a_backend_that_pm2_calls_online_is_one_page_that_says_what_it_does(
    watched: Watched, *, fault: str, service: str, status: str, cause: str, words: tuple[str, str]
) -> None:
    wait_for(lambda: _all_healthy(watched))
    watched.lab.break_(fault)
    (opened,) = wait_for(watched.notices, seconds=40)
    assert (opened.kind, opened.incident["root"]) == ("opened", service)
    assert opened.incident["cause"]["id"] == cause
    assert opened.incident["cause"]["confidence"] == "certain"
    known = watched.daemon.get(f"/api/v1/services/{service}")
    assert known["status"] == status
    by_kind = {each["kind"]: each for each in known["checks"]}
    assert by_kind["pm2"]["verdict"] == "healthy"
    assert (by_kind["http"]["phase"], by_kind["http"]["reason"]) == words
    watched.lab.heal(fault)
    wait_for(lambda: watched.told()[-1].startswith("resolved"), seconds=60)
    wait_for(lambda: _all_healthy(watched))
    told = [each for each in watched.told() if each != f"updated {service}"]  # it may come back slowly, which is news
    assert told == [f"opened {service}", f"resolved {service}"]


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_a_full_disk_is_one_page_that_names_the_file_system(watched: Watched) -> None:
    wait_for(lambda: _all_healthy(watched))
    watched.lab.break_("disk-full")
    (opened,) = wait_for(watched.notices, seconds=30)
    assert (opened.incident["root"], opened.incident["severity"]) == ("host", "critical")
    assert opened.incident["cause"]["id"] == "host_disk"
    assert str(watched.lab.places.directory) in opened.incident["alerts"][0]["message"]
    watched.lab.heal("disk-full")
    wait_for(lambda: watched.told() == ["opened host", "resolved host"], seconds=30)

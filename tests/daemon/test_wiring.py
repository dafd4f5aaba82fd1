"""The daemon and an application that answers every request, wired wrongly."""

from __future__ import annotations

import time

import pytest

from tests.daemon.conftest import Watched
from tests.daemon.notices import Taken
from tests.daemon.running import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

NODE, PYTHON = "signalcraft-nodejs", "signalcraft-python"


def _settled(watched: Watched) -> bool:
    """Whether both applications were looked at and found healthy."""
    statuses = watched.daemon.statuses()
    return statuses[NODE] == statuses[PYTHON] == statuses["rds"] == "healthy" and "infra_wiring_ok{" in _metrics(
        watched
    )


def _metrics(watched: Watched) -> str:
    return str(watched.daemon.get("/metrics"))


def _words(notice: Taken) -> str:
    cause = notice.incident["cause"]
    return " ".join(
        str(each["text"] if isinstance(each, dict) and "text" in each else each) for each in cause["evidence"]
    )


def _opened(watched: Watched, root: str) -> list[Taken]:
    return [each for each in watched.notices() if each.kind == "opened" and each.incident["root"] == root]


def test_a_worker_that_was_started_with_an_old_host_is_critical_and_the_page_says_where_it_stands(
    watched: Watched,
) -> None:
    wait_for(lambda: _settled(watched))
    watched.lab.break_("wrong-db-host")
    (opened,) = wait_for(lambda: _opened(watched, PYTHON), seconds=60)
    assert opened.incident["severity"] == "critical"
    assert opened.incident["cause"]["id"] == "wrong_database"
    port = watched.lab.places.postgres_port
    assert f"DB_HOST in its environment: 127.0.0.2:{port} instead of 127.0.0.1:{port}" in _words(opened)
    assert f"is connected to 127.0.0.2:{port}" in _words(opened)
    assert watched.daemon.statuses()[PYTHON] == "critical"
    assert f'infra_wiring_ok{{app="{PYTHON}",service="{PYTHON}"}} 0' in _metrics(watched)
    assert watched.daemon.statuses()[NODE] == watched.daemon.statuses()["rds"] == "healthy"
    watched.lab.heal("wrong-db-host")
    wait_for(lambda: _settled(watched))
    wait_for(lambda: watched.told()[-1:] == [f"resolved {PYTHON}"], seconds=60)


def test_an_open_sqlite_file_is_a_warning_that_names_the_file(watched: Watched) -> None:
    wait_for(lambda: _settled(watched))
    watched.lab.break_("sqlite-open")
    (opened,) = wait_for(lambda: _opened(watched, PYTHON), seconds=60)
    assert opened.incident["severity"] == "warning"
    assert opened.incident["cause"]["id"] == "sqlite_in_use"
    assert str(watched.lab.places.product / "legacy.db") in _words(opened)
    assert watched.daemon.statuses()[PYTHON] == "warning"
    watched.lab.heal("sqlite-open")
    wait_for(lambda: _settled(watched))
    wait_for(lambda: watched.told()[-1:] == [f"resolved {PYTHON}"], seconds=60)
    # the restart that mends it may be told of as an update; this is about the page and its end
    assert [each for each in watched.told() if not each.startswith("updated")] == [
        f"opened {PYTHON}",
        f"resolved {PYTHON}",
    ]


def test_an_env_that_was_edited_under_running_apps_is_a_warning_also_after_a_restart_of_the_daemon(
    watched: Watched,
) -> None:
    """Both applications read the same file, and both need their restart."""
    wait_for(lambda: _settled(watched))
    assert watched.daemon.stop() == 0
    watched.lab.break_("stale-environment")
    watched.daemon.start()
    wait_for(lambda: _opened(watched, PYTHON) and _opened(watched, NODE), seconds=60)
    (opened,) = _opened(watched, PYTHON)
    assert opened.incident["severity"] == "warning"
    assert opened.incident["cause"]["id"] == "stale_environment"
    assert f"DB_POOL_MAX changed in {watched.lab.places.env_file}" in _words(opened)
    assert watched.lab.places.app_password not in str(opened.incident)
    watched.lab.heal("stale-environment")
    wait_for(lambda: watched.daemon.statuses()[PYTHON] == watched.daemon.statuses()[NODE] == "healthy")
    wait_for(lambda: sorted(watched.told()) == sorted([*_both("opened"), *_both("resolved")]), seconds=60)


def _both(kind: str) -> list[str]:
    return [f"{kind} {NODE}", f"{kind} {PYTHON}"]


def test_a_healthy_lab_is_told_of_in_numbers_and_pages_nobody(watched: Watched) -> None:
    wait_for(lambda: _settled(watched))
    time.sleep(6)
    metrics = _metrics(watched)
    assert f'infra_wiring_ok{{app="{PYTHON}",service="{PYTHON}"}} 1' in metrics
    assert f'infra_wiring_env_files{{app="{NODE}",service="{NODE}"}} 1' in metrics
    assert f'infra_wiring_pool_connections{{app="{PYTHON}",service="{PYTHON}"}} 4' in metrics
    assert f'infra_wiring_connections{{app="{PYTHON}",service="{PYTHON}",to="elsewhere"}} 0' in metrics
    assert watched.told() == []

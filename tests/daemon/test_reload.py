"""A new configuration is taken by a running daemon, as a whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.daemon.conftest import Watched
from tests.daemon.running import free_port, wait_for
from tests.daemon.small import Hears, Peer, Small, serving, small

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as running:
        yield running


def test_a_service_comes_and_goes_and_the_others_keep_what_is_known_of_them(here: Small) -> None:
    before, points = here.daemon.get("/api/v1/services/peer"), wait_for(lambda: _points(here), seconds=15)
    assert here.reload(here.another("other", here.peer.port)) == (200, "reloaded\n")
    wait_for(lambda: here.daemon.statuses() == {"peer": "healthy", "other": "healthy"}, seconds=10)
    assert here.daemon.get("/api/v1/services/peer")["since"] == before["since"]
    assert _points(here)[: len(points)] == points, "its history goes on"
    assert here.reload(here.text)[0] == 200
    assert here.daemon.statuses() == {"peer": "healthy"}
    assert 'service="other"' not in here.daemon.get("/metrics")


def _points(here: Small) -> list[str]:
    """When it was looked at, as the history has it."""
    found = here.daemon.get("/api/v1/services/peer/history?metric=response_time")["series"]
    return [point["at"] for series in found for point in series["points"]]


def test_another_interval_holds_at_once(here: Small) -> None:
    here.reload(here.text.replace("every: 1s", "every: 1h"))
    time.sleep(0.5)
    count = here.peer.connections
    time.sleep(3)
    assert here.peer.connections == count
    here.reload(here.text.replace("every: 1s", "every: 200ms"))
    wait_for(lambda: here.peer.connections >= count + 10, seconds=10)


def test_a_broken_file_changes_nothing_and_says_why_everywhere(here: Small) -> None:
    taken_at = here.metric("infra_config_last_reload_success_timestamp_seconds")
    status, said = here.reload(here.text.replace("timeout: 5s", "timeoutt: 5s"))
    assert status == 422
    assert "services.peer.checks.0.timeoutt: unknown key, did you mean timeout?" in said
    assert here.metric("infra_config_last_reload_successful") == 0
    assert here.metric("infra_config_last_reload_success_timestamp_seconds") == taken_at
    told = here.config()
    assert (told["successful"], told["errors"]) == (False, said.splitlines())
    assert here.daemon.get("/api/v1/monitoring")["configuration"] == told
    shown = here.says("status")
    assert "! the configuration of " in shown
    assert f" ago goes on:\n    {said.strip()}\n" in shown
    assert here.count("config.refused") == 1
    count = here.peer.connections
    wait_for(lambda: here.peer.connections > count + 1, seconds=10)
    assert here.reload(here.text)[0] == 200
    assert here.metric("infra_config_last_reload_successful") == 1
    assert here.config()["errors"] == []
    assert "!" not in here.says("status")


@pytest.mark.parametrize("key", ["web.listen", "state.directory"])
def test_what_needs_a_restart_is_refused_in_one_line_that_says_so(here: Small, key: str) -> None:
    listen = next(line for line in here.text.splitlines() if line.startswith("web:"))
    changed = {
        "web.listen": here.text.replace(listen, f'web: {{listen: "127.0.0.1:{free_port()}"}}'),
        "state.directory": here.text.replace("{directory: state}", "{directory: elsewhere}"),
    }
    status, said = here.reload(changed[key])
    assert (status, len(said.splitlines())) == (422, 1)
    assert said.startswith(f"config.yaml: {key} cannot change from ")
    assert said.endswith("restart it\n")
    assert set(here.daemon.statuses()) == {"peer"}, "the one before goes on"


def test_a_hangup_and_a_file_that_is_written_reload_and_a_touch_does_not(here: Small) -> None:
    here.hup()
    wait_for(lambda: here.count("config.reloaded") == 1, seconds=10)
    os.utime(here.daemon.config)
    time.sleep(7)
    assert here.count("config.reloaded") == 1
    here.write(here.another("other", here.peer.port))
    wait_for(lambda: set(here.daemon.statuses()) == {"peer", "other"}, seconds=15)
    here.write("services: {")
    wait_for(lambda: here.count("config.refused") == 1, seconds=15)
    time.sleep(5)
    assert here.count("config.refused") == 1, "said once"


def test_reloading_needs_the_token(here: Small) -> None:
    assert here.post("/-/reload", token=False)[0] == 401
    assert here.count("config.reloaded") == 0


def test_an_env_file_that_is_written_is_taken(tmp_path: Path) -> None:
    env = tmp_path / "the.env"
    with serving(other := Peer()):
        env.write_text("PORT_OF_OTHER=1\n")
        with small(tmp_path, more="env_file: the.env\n") as here:
            text = here.another("other", 0).replace('"127.0.0.1:0"', '"127.0.0.1:${{PORT_OF_OTHER}}"'.format())
            assert here.reload(text)[0] == 200
            wait_for(lambda: here.daemon.statuses()["other"] == "down", seconds=15)
            env.write_text(f"PORT_OF_OTHER={other.port}\n")
            wait_for(lambda: here.daemon.statuses()["other"] == "healthy", seconds=20)


def test_a_look_under_way_outlives_the_reload_of_others(here: Small) -> None:
    here.peer.silent = True
    count = here.peer.connections
    wait_for(lambda: here.peer.connections == count + 1, seconds=10)
    assert here.reload(here.another("other", here.daemon.pid % 2 + 1))[0] == 200
    time.sleep(0.5)
    assert here.peer.connections == count + 1, "it was not begun again"
    here.peer.silent = False
    here.peer.release.set()
    wait_for(lambda: here.peer.connections > count + 1, seconds=10)
    assert here.daemon.statuses()["peer"] == "healthy"
    assert "look.crashed" not in here.daemon.logged()


def test_a_look_of_a_check_that_changes_tells_nothing_any_more(here: Small) -> None:
    here.peer.silent = True
    count = here.peer.connections
    wait_for(lambda: here.peer.connections == count + 1, seconds=10)
    with serving(other := Peer()):
        assert here.reload(here.text.replace(f":{here.peer.port}", f":{other.port}"))[0] == 200
        wait_for(lambda: other.connections > 3, seconds=10)
        assert here.daemon.statuses()["peer"] == "healthy"
    assert here.hears.told() == []


def test_an_incident_over_a_reload_is_neither_told_twice_nor_forgotten(here: Small) -> None:
    with serving(other := Peer()):
        closed = here.text.replace(f":{here.peer.port}", f":{free_port()}")
        here.reload(closed)
        wait_for(lambda: here.hears.told() == ["opened peer"], seconds=30)
        (incident,) = here.daemon.get("/api/v1/incidents")
        here.reload(here.another("other", other.port).replace(f":{here.peer.port}", f":{free_port()}"))
        here.hup()
        time.sleep(4)
        assert here.hears.told() == ["opened peer"]
        assert [each["id"] for each in here.daemon.get("/api/v1/incidents")] == [incident["id"]]
        here.reload(here.text)
        wait_for(lambda: here.hears.told() == ["opened peer", "resolved peer"], seconds=30)


def test_the_incident_of_a_service_that_leaves_ends_with_it(here: Small) -> None:
    here.reload(here.another("gone", free_port()))
    wait_for(lambda: here.hears.told() == ["opened gone"], seconds=30)
    here.reload(here.text)
    wait_for(lambda: here.hears.told() == ["opened gone", "resolved gone"], seconds=10)
    assert here.daemon.get("/api/v1/incidents") == []


def test_a_channel_that_changes_gets_what_was_owed_to_it(here: Small) -> None:
    here.hears.status = 500
    here.reload(here.another("gone", free_port()))
    wait_for(here.hears.told, seconds=30)
    here.hears.status = 200
    moved = here.another("gone", 1).replace("/page", "/else")
    here.reload(moved)
    wait_for(lambda: any(path == "/else" for _, path, _ in here.hears.requests), seconds=15)


def test_a_hundred_reloads_leave_nothing_behind(watched: Watched) -> None:
    """No more descriptors, threads, and sessions of its own in the database than before."""
    daemon, config = watched.daemon, watched.daemon.config
    wait_for(lambda: set(daemon.statuses().values()) == {"healthy"})
    wait_for(lambda: 'infra_watched{sign="pm2_bus"} 1.0' in daemon.get("/metrics").splitlines())
    before, text = _held_at_rest(watched), config.read_text()
    with serving(peer := Peer()), serving(hears := Hears()):
        here = Small(daemon, peer, hears, text, watched.lab.places.monitor_state)
        for number in range(100):
            status, said = here.reload(text.replace("kind: rds", f"kind: rds, confirm: {2 + number % 3}"))
            assert status == 200, said
        assert here.reload(text)[0] == 200
    wait_for(lambda: set(daemon.statuses().values()) == {"healthy"})
    wait_for(lambda: 'infra_watched{sign="pm2_bus"} 1.0' in daemon.get("/metrics").splitlines())
    assert all(now <= then for now, then in zip(_held_at_rest(watched), before, strict=True))
    assert watched.told() == []


def _held_at_rest(watched: Watched) -> tuple[int, int, int]:
    """The least of each in four seconds: a look, or a child that asks AWS, holds more while it lasts."""
    held = []
    for _ in range(80):
        held.append(_held(watched))
        time.sleep(0.05)
    descriptors, threads, sessions = zip(*held, strict=True)
    return min(descriptors), min(threads), min(sessions)


def _held(watched: Watched) -> tuple[int, int, int]:
    process = psutil.Process(watched.daemon.pid)
    port = watched.lab.places.postgres_port
    sessions = [each for each in process.net_connections("tcp") if port in each.raddr[1:]]
    return process.num_fds(), process.num_threads(), len(sessions)

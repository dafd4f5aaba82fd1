"""What was measured outlives the daemon, however it ends, and its loss harms nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.history import FLUSH_SECONDS
from tests.daemon.running import RunningDaemon, free_port, wait_for


def _configured(directory: Path) -> Path:
    config = directory / "config.yaml"
    config.write_text(
        f"""
web: {{listen: "127.0.0.1:{free_port()}"}}
state: {{directory: "{directory / "state"}"}}
services:
  redis: {{checks: [{{kind: tcp, address: "127.0.0.1:{free_port()}", every: 200ms}}]}}
"""
    )
    return config


def _points(daemon: RunningDaemon) -> list[str]:
    series = daemon.get("/api/v1/services/redis/history?metric=up")["series"]
    return [each["at"] for line in series for each in line["points"]]


def _events(daemon: RunningDaemon) -> list[str]:
    return [json.loads(line)["event"] for line in daemon.logged().splitlines() if line.startswith("{")]


def test_history_outlives_kill_9_but_for_the_last_seconds_and_goes_on(tmp_path: Path) -> None:
    with RunningDaemon(_configured(tmp_path), log=tmp_path / "daemon.log") as daemon:
        written = wait_for(lambda: _points(daemon), seconds=30)  # asking writes what waits
        daemon.kill()
        daemon.start()
        assert set(written) <= set(wait_for(lambda: _points(daemon)))
        wait_for(lambda: len(_points(daemon)) > len(written) + 3, seconds=30)
        down = wait_for(lambda: daemon.get("/api/v1/services/redis")["uptime"]["24h"]["known_seconds"])
        assert down > 0
        assert daemon.get("/api/v1/services/redis")["uptime"]["24h"]["percent"] == 0.0
        assert FLUSH_SECONDS <= 10


@pytest.mark.parametrize("harm", ["damaged", "a-directory-is-in-the-way"])
def test_a_history_that_cannot_be_used_keeps_nobody_from_being_told(tmp_path: Path, harm: str) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    if harm == "damaged":
        (state / "history.db").write_bytes(b"this is no database " * 1000)
    else:
        (state / "history.db").mkdir()
    with RunningDaemon(_configured(tmp_path), log=tmp_path / "daemon.log") as daemon:
        (incident,) = wait_for(lambda: daemon.get("/api/v1/incidents"), seconds=30)
        assert incident["root"] == "redis"
        trouble = daemon.get("/api/v1/monitoring")["history"]["error"]
        if harm == "damaged":
            assert trouble is None
            assert wait_for(lambda: _points(daemon))
            assert (state / "history.db.damaged-1").exists()
            assert "history.damaged" in _events(daemon)
        else:
            assert "Is a directory" in trouble
            assert "history.failed" in _events(daemon)
            errors = [
                line for line in daemon.get("/metrics").splitlines() if line.startswith("infra_history_errors_total ")
            ]
            assert float(errors[0].split()[1]) >= 1
        assert daemon.stop() == 0

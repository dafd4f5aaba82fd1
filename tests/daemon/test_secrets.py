"""A secret goes in by every door there is, and comes out by none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.daemon.running import RunningDaemon, command, free_port, wait_for
from tests.lab.fixtures import healthy_lab, lab, turn
from tests.lab.lab import Lab

__all__ = ["healthy_lab", "lab", "turn"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

CANARY = "canary-4f1d9c"
PAGES = (
    "/", "/metrics", "/-/healthy", "/-/ready", "/sd/http",
    "/api/v1/summary", "/api/v1/services", "/api/v1/services/rds",
    "/api/v1/services/other", "/api/v1/incidents?state=all", "/api/v1/alerts?state=all", "/api/v1/topology",
)  # fmt: skip


def _configured(lab: Lab, directory: Path) -> Path:
    """The canary is the password of both databases, a part of the webhook's address, and its secret."""
    places = lab.places
    (directory / ".env").write_text(
        f"DB_HOST=127.0.0.1\nDB_PORT={places.postgres_port}\nDB_NAME=signalcraft\nDB_USER=signalcraft\n"
        f"DB_PASSWORD={CANARY}\nOTHER_URL=postgresql://signalcraft:{CANARY}@127.0.0.1:1/none\n"
        f"HOOK=http://me:{CANARY}@127.0.0.1:{places.receiver_port}/hook?token={CANARY}\nHOOK_SECRET={CANARY}\n"
    )
    config = directory / "config.yaml"
    config.write_text(
        f"""
env_file: .env
web: {{listen: "127.0.0.1:{free_port()}"}}
state: {{directory: "{directory / "state"}"}}
databases: {{other: {{url: "${{OTHER_URL}}"}}}}
services:
  rds: {{checks: [{{kind: rds, every: 1s}}]}}
  other: {{checks: [{{kind: rds, every: 1s, database: other}}]}}
  pm2: {{checks: [{{kind: pm2, home: "{places.pm2_home}", every: 1s}}]}}
  python: {{checks: [{{kind: pm2, home: "{places.pm2_home}", app: signalcraft-python, every: 1s}}]}}
notify: [{{kind: webhook, url: "${{HOOK}}", secret: "${{HOOK_SECRET}}"}}]
"""
    )
    return config


def _put_into_the_environment_of_an_app(lab: Lab) -> None:
    places = lab.places
    subprocess.run(
        [places.describe()["pm2_cli"], "restart", "signalcraft-python", "--update-env"],
        env=os.environ | {"PM2_HOME": str(places.pm2_home), "SOME_SECRET": CANARY, "DB_PASSWORD": CANARY},
        check=True,
        capture_output=True,
        timeout=60,
    )


def test_a_canary_is_in_no_metric_log_answer_notice_or_page(healthy_lab: Lab, tmp_path: Path) -> None:
    before = len(healthy_lab.received())
    config = _configured(healthy_lab, tmp_path)
    with RunningDaemon(config, log=tmp_path / "daemon.log", more={"UNRELATED_SECRET": CANARY}) as daemon:
        _put_into_the_environment_of_an_app(healthy_lab)
        wait_for(lambda: daemon.statuses()["rds"] == "critical", seconds=30)
        wait_for(lambda: daemon.statuses()["other"] == "down", seconds=30)
        wait_for(lambda: daemon.statuses()["python"] == "healthy", seconds=30)
        notices = wait_for(lambda: healthy_lab.received()[before:])
        out = {page: daemon.get(page) for page in PAGES}
        checked = command("check", "--config", config), command("check", "--json", "--config", config)
        shown = command("config", "show", "--config", config)
        assert daemon.stop() == 0
    assert all("python" in str(out[page]) for page in ("/metrics", "/api/v1/services"))
    for page, answer in out.items():
        assert CANARY not in str(answer), page
    for done in (*checked, shown):
        assert done.stdout
        assert CANARY not in done.stdout + done.stderr
    assert all(CANARY not in each["body"] for each in notices)
    assert CANARY not in daemon.logged()
    for file in (tmp_path / "state").rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file

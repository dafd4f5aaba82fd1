"""A real Prometheus scrapes the daemon on the lab, and promtool has nothing to say."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.daemon.conftest import Watched
from tests.daemon.running import free_port, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]


def test_promtool_finds_nothing_to_say_about_the_metrics_of_a_running_chain(watched: Watched) -> None:
    wait_for(lambda: set(watched.daemon.statuses().values()) == {"healthy"})
    metrics = watched.daemon.get("/metrics")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_real_prometheus_scrapes_it_without_an_error(watched: Watched, tmp_path: Path) -> None:
    wait_for(lambda: set(watched.daemon.statuses().values()) == {"healthy"})
    config = tmp_path / "prometheus.yml"
    target = watched.daemon.url.removeprefix("http://")
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: infra-monitor, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    port = free_port()
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(lambda: _query(port, "count_over_time(up[1m]) >= 3"), seconds=60)
        assert _query(port, "up") == [1.0]
        assert _query(port, "sum(infra_service_up)") == [float(len(watched.daemon.statuses()))]
        assert _query(port, "infra_rds_up") == [1.0]
        assert _query(port, 'infra_pm2_app_instances{app="signalcraft-python",state="alive"}') == [1.0]
        (active,) = _api(port, "targets")["activeTargets"]
        assert (active["health"], active["lastError"]) == ("up", "")
    finally:
        process.terminate()
        process.wait(30)


def _query(port: int, expression: str) -> list[float]:
    return [float(each["value"][1]) for each in _api(port, f"query?query={quote(expression)}")["result"]]


def _api(port: int, path: str) -> Any:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=5) as answer:
            return json.loads(answer.read())["data"]
    except OSError:
        return {"result": []}

"""A lab, its daemon, one behind TLS, and a Prometheus and an Alertmanager with the files of the package."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml

from tests.daemon.running import RunningDaemon, free_port, wait_for
from tests.daemon.small import Hears, serving
from tests.lab.fixtures import healthy_lab, lab, turn
from tests.lab.lab import Lab
from tests.prometheus.files import DIRECTORY, RULES
from tests.prometheus.servers import Prometheus, certificate, program, prometheus

__all__ = ["healthy_lab", "lab", "turn"]


@dataclass(frozen=True)
class Scraped:
    """What runs; `hears` is every receiver of the Alertmanager, by path."""

    daemon: RunningDaemon
    prometheus: Prometheus
    alertmanager: int
    hears: Hears

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that Prometheus finds. Fails where it cannot evaluate the expression."""
        return self.prometheus.query(expression)

    def alerts(self) -> list[dict[str, Any]]:
        """All that the Alertmanager has open, held back or not."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.alertmanager}/api/v2/alerts", timeout=10) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
        return found

    def post_alerts(self, *labels: dict[str, str]) -> None:
        """As Prometheus would."""
        body = json.dumps([{"labels": each} for each in labels]).encode()
        url = f"http://127.0.0.1:{self.alertmanager}/api/v2/alerts"
        urllib.request.urlopen(
            urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=10
        ).close()


@pytest.fixture(scope="module")
def scraped(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """Everything is healthy and has been scraped a few times by each of the three ways."""
    lab.heal_all()
    directory = tmp_path_factory.mktemp("prometheus")
    places = lab.places
    shutil.rmtree(places.monitor_state)
    places.monitor_state.mkdir(mode=0o700)
    hears, ports = Hears(), (free_port(), free_port())
    with ExitStack() as stack:
        stack.enter_context(serving(hears))
        daemon = stack.enter_context(RunningDaemon(places.monitor_config, log=directory / "daemon.log"))
        secured = stack.enter_context(RunningDaemon(_secured(directory), log=directory / "secured.log"))
        stack.enter_context(_alertmanager(directory, hears.url, ports[1]))
        asked = stack.enter_context(
            prometheus(directory, _config(directory, daemon.url, secured.url, ports[1]), ports[0])
        )
        running = Scraped(daemon, asked, ports[1], hears)
        wait_for(lambda: set(daemon.statuses().values()) == {"healthy"})
        wait_for(
            lambda: running.prometheus.finds('count_over_time(infra_service_up{service="rds"}[1m]) > 3'), every=0.3
        )
        yield running


def _secured(directory: Path) -> Path:
    """A daemon's configuration with TLS and the user of prometheus-tls.yml; what Prometheus needs lies beside it."""
    certificate(directory)
    (directory / "password").write_text("canary")
    hashed = bcrypt.hashpw(b"canary", bcrypt.gensalt(4)).decode()
    (directory / "web.yml").write_text(
        "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"
        f"basic_auth_users: {{prometheus: {hashed}}}\n"
    )
    config = directory / "config.yaml"
    config.write_text(
        f'web: {{listen: "127.0.0.1:{free_port()}", config_file: web.yml}}\n'
        "state: {directory: state}\nlog: {format: json}\n"
        "services: {machine: {checks: [{kind: host, thresholds: {cpu: {warning: null, critical: null}}}]}}\n"
    )
    return config


def _config(directory: Path, plain: str, secured: str, alertmanager: int) -> str:
    """The three files of the package as one, with the places of the test."""
    text = {name: (DIRECTORY / f"{name}.yml").read_text() for name in ("prometheus", *_VARIANTS)}
    config = yaml.safe_load(text["prometheus"])
    for name in _VARIANTS:
        (job,) = yaml.safe_load(text[name])["scrape_configs"]
        config["scrape_configs"].append(job | {"job_name": name})
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES)]
    moved = yaml.safe_dump(config)
    for there, here in {
        "127.0.0.1:10142": plain.split("//")[1],
        "monitor.example.com:10142": secured.split("//")[1],
        "/etc/prometheus/infra-monitor.crt": str(directory / "server.crt"),
        "/etc/prometheus/infra-monitor.password": str(directory / "password"),
        "127.0.0.1:9093": f"127.0.0.1:{alertmanager}",
    }.items():
        assert there in moved
        moved = moved.replace(there, here)
    return moved


_VARIANTS = ("prometheus-tls", "prometheus-http-sd")


@contextmanager
def _alertmanager(directory: Path, receiver: str, port: int) -> Iterator[None]:
    config = directory / "alertmanager.yml"
    text = (DIRECTORY / "alertmanager.yml").read_text()
    config.write_text(text.replace("http://127.0.0.1:9099", receiver).replace("group_wait: 10s", "group_wait: 1s"))
    with program(
        directory, "prometheus-alertmanager", f"--config.file={config}", f"--storage.path={directory / 'alerts'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ):  # fmt: skip
        yield

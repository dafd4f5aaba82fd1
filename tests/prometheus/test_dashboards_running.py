"""Every expression of every dashboard brings data from a real Prometheus that scrapes a real daemon on the lab.

What there is only in trouble is made so: something that nobody serves, something that never answers, a receiver that
is away, a configuration that Nginx refuses.
"""

from __future__ import annotations

import math
import os
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.daemon.running import RunningDaemon, free_port, wait_for
from tests.daemon.small import Hears, Peer, serving
from tests.lab import nginx, nginx_troubles
from tests.lab.lab import Lab
from tests.lab.places import Places
from tests.postgres import SUPERUSER, SUPERUSER_PASSWORD, Cluster
from tests.prometheus.dashboards import Asked, asked, choices
from tests.prometheus.servers import Prometheus, certificate, program, prometheus

pytestmark = [pytest.mark.lab, pytest.mark.timeout(420)]
SCRAPE = """\
global: {{scrape_interval: 1s}}
scrape_configs:
  - {{job_name: infra-monitor, static_configs: [{{targets: ["{target}"]}}]}}
"""
LOG_FORMAT = (
    'log_format up escape=json \'{"request":"$request","status":"$status","upstream":"$upstream_addr",'
    '"upstream_status":"$upstream_status","time":"$upstream_response_time"}\';'
)


def test_every_expression_brings_data(healthy_lab: Lab, tmp_path: Path) -> None:
    with _everything(healthy_lab, tmp_path) as (daemon, source):
        left = set(asked()) | set(choices())
        assert len(left) > 150
        put = {
            "host": daemon.url.split("//")[1],
            "goal": "99.9",
            "__rate_interval": "15s",
            **dict.fromkeys(("service", "database", "backend", "nginx", "firewall"), ".+"),
        }
        _be_refused(healthy_lab.places)

        def none_left() -> bool:
            _use(healthy_lab.places)
            left.difference_update({each for each in left if _brings(source, each, put)})
            return not left

        with suppress(AssertionError):  # what is left says more than that the time is up
            wait_for(none_left, seconds=240, every=1)
        assert left == set()


def _brings(source: Prometheus, each: Asked, put: dict[str, str]) -> bool:
    """A number, not only an answer; of a choice, a name to choose."""
    samples = source.query(each.put(**put))
    if each.expression.startswith("group by"):
        return any(sample["metric"] for sample in samples)
    return any(not math.isnan(float(sample["value"][1])) for sample in samples)


@contextmanager
def _everything(lab: Lab, directory: Path) -> Iterator[tuple[RunningDaemon, Prometheus]]:
    """The daemon and the Prometheus, and around them whatever brings a number that the lab alone does not."""
    places = lab.places
    lab.break_("nginx-certificate")
    certificate(directory)
    hears, silent = Hears(), Peer()
    silent.silent = True
    with ExitStack() as stack:
        stack.enter_context(serving(hears))
        stack.enter_context(serving(silent))
        stack.callback(silent.release.set)
        ports = {"https": free_port(), "gone": free_port(), "prometheus": free_port(), "silent": silent.port}
        _tell_more(places, ports["gone"])
        stack.enter_context(
            program(directory, "openssl", "s_server", "-quiet", "-www", "-cert", "server.crt", "-key", "server.key",
                    "-accept", f"127.0.0.1:{ports['https']}")
        )  # fmt: skip
        standby = stack.enter_context(_standby())
        config = _config(places, directory, ports | {"standby": standby.port}, hears.url)
        daemon = stack.enter_context(RunningDaemon(config, log=directory / "daemon.log"))
        scrape = SCRAPE.format(target=daemon.url.split("//")[1])
        source = stack.enter_context(prometheus(directory, scrape, ports["prometheus"]))
        looked = 'infra_checks_total{check="nginx", outcome="seen"} > 1'  # it reads logs from its first look on
        wait_for(lambda: source.finds(looked), every=0.3, seconds=120)
        yield daemon, source


@contextmanager
def _standby() -> Iterator[Cluster]:
    with ExitStack() as stack:
        primary = Cluster()
        stack.callback(primary.remove)
        primary.start()
        standby = primary.make_standby()
        stack.callback(standby.remove)
        yield standby


def _tell_more(places: Places, gone: int) -> None:
    """An access log that tells of upstreams, and a route to where nobody is."""
    written = places.nginx_config.read_text()
    more = f"{LOG_FORMAT}\n    access_log {places.nginx}/access.log up;"
    route = f"location /gone/ {{ proxy_pass http://127.0.0.1:{gone}/; }}\n        location / {{"
    nginx_troubles._load(  # it waits for the new workers
        places,
        written.replace(f"access_log {places.nginx}/access.log;", more).replace("location / {", route, 1),
    )


def _use(places: Places) -> None:
    """As users do, whatever they are answered."""
    for path in ("/health", "/gone/", "/api/flask/health"):
        with suppress(OSError):
            urllib.request.urlopen(places.front + path, timeout=10).close()


def _be_refused(places: Places) -> None:
    """Somebody breaks the configuration, reloads, and takes it back."""
    good = places.nginx_config.read_text()
    nginx_troubles.broken_on_disk(places)
    master = nginx.master(places)
    assert master
    os.kill(master.pid, signal.SIGHUP)
    wait_for(lambda: "[emerg]" in (places.nginx / "error.log").read_text())
    places.nginx_config.write_text(good)


def _config(places: Places, directory: Path, ports: dict[str, int], hears: str) -> Path:
    """The lab's configuration with more to look at and to tell."""
    config: dict[str, Any] = yaml.safe_load(places.monitor_config.read_text())
    config["env_file"] = str(places.env_file)
    config["web"] = {"listen": f"127.0.0.1:{free_port()}"}
    config["state"] = {"directory": str(directory / "state")}
    config["log"] = {"format": "json"}
    config["heartbeat"] = {"url": f"{hears}/alive", "every": "1s"}
    config["databases"] = {
        name: {"host": "127.0.0.1", "port": ports[name], "name": "postgres", "user": SUPERUSER,
               "password": SUPERUSER_PASSWORD}
        for name in ("standby", "gone")
    }  # fmt: skip
    config["services"] |= {
        "standby": {"checks": [{"kind": "rds", "database": "standby", "every": "2s"}]},
        "gone": {
            "checks": [
                {"kind": "rds", "database": "gone", "every": "2s"},
                {"kind": "http", "url": f"http://127.0.0.1:{ports['gone']}/", "every": "2s"},
                {"kind": "tcp", "address": f"127.0.0.1:{ports['gone']}", "every": "2s"},
            ]
        },
        "silent": {
            "checks": [
                {"kind": "tcp", "address": f"127.0.0.1:{ports['silent']}", "every": "1s", "timeout": "4s", "send": "",
                 "expect": "here"}
            ]
        },
        "https": {
            "checks": [
                {"kind": "http", "url": f"https://127.0.0.1:{ports['https']}/", "ca_file": "server.crt", "every": "2s"}
            ]
        },
        "open": {"checks": [{"kind": "tcp", "address": f"127.0.0.1:{places.receiver_port}", "every": "2s"}]},
    }  # fmt: skip
    config["notify"].append({"kind": "alertmanager", "url": f"http://127.0.0.1:{ports['gone']}", "watchdog": True})
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path

"""What happens on a healthy host all day long, and is nobody's business at night."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.daemon.running import wait_for
from tests.daemon.watched import Watched
from tests.faults.table import HOST, NGINX, NODE, PYTHON, RDS, WALL
from tests.lab import aws, nginx_troubles, pm2

LOOKED_AT_LEAST: Final = 3


@dataclass(frozen=True)
class Deed:
    """`act` ends when what it did has had its time to show; then nobody was told of anything."""

    name: str
    act: Callable[[Watched], None]


def _pm2(order: str, app: str) -> Deed:
    def act(watched: Watched) -> None:
        for _ in range(2):
            pm2.command(watched.lab.places, order, app)
            time.sleep(3)
        wait_for(watched.all_healthy, seconds=40)
        time.sleep(5)

    return Deed(f"pm2 {order} {app}", act)


def _nginx_reload(watched: Watched) -> None:
    for _ in range(3):
        nginx_troubles.mended(watched.lab.places)
        time.sleep(2)


def _logs_renamed(watched: Watched) -> None:
    nginx_troubles.logs_renamed(watched.lab.places)
    _looked(watched, NGINX)


def _logs_truncated(watched: Watched) -> None:
    nginx_troubles.logs_truncated(watched.lab.places)
    _looked(watched, NGINX)


def _rule_described(watched: Watched) -> None:
    aws.describe_rule(watched.lab.places, "the application, since the move")
    _looked(watched, WALL, times=1)
    aws.describe_rule(watched.lab.places, "")
    _looked(watched, WALL, times=1)


def _other_port_opened(watched: Watched) -> None:
    aws.open_other_port(watched.lab.places, 443)
    _looked(watched, WALL, times=1)
    aws.close_other_port(watched.lab.places, 443)
    _looked(watched, WALL, times=1)


def _aws_denied(watched: Watched) -> None:
    """Long enough for the firewall to be unknown: nobody knows more, and nobody is told."""
    watched.lab.break_("aws-denied")
    try:
        wait_for(lambda: watched.daemon.statuses()[WALL] == "unknown", seconds=60)
        assert watched.daemon.get("/api/v1/summary")["overall_status"] == "unknown"
        time.sleep(3)
    finally:
        watched.lab.heal("aws-denied")
    wait_for(watched.all_healthy, seconds=30)


def _worker_killed(watched: Watched) -> None:
    before = _restarts(watched, NODE)
    watched.lab.break_("node-worker-killed")
    wait_for(lambda: _restarts(watched, NODE) > before, seconds=30)
    watched.lab.heal("node-worker-killed")
    wait_for(watched.all_healthy, seconds=30)


def _probe_dropped(watched: Watched) -> None:
    """One look fails, and those that confirm it do not."""
    watched.lab.break_("app-500-once")
    watched.lab.heal("app-500-once")
    _looked(watched, NODE)


def _configuration_reloaded(watched: Watched) -> None:
    config = watched.daemon.config
    written = config.read_text()
    taken = watched.daemon.get("/api/v1/config")["taken_at"]
    config.write_text(written.replace("timeout: 10s", "timeout: 9s"))
    wait_for(lambda: watched.daemon.get("/api/v1/config")["taken_at"] != taken, seconds=20)
    _looked(watched, RDS)
    config.write_text(written)
    time.sleep(5)


def _daemon_restarted(watched: Watched) -> None:
    for end in (watched.daemon.stop, watched.daemon.kill):
        end()
        watched.daemon.start()
        wait_for(watched.all_healthy, seconds=30)
        _looked(watched, HOST)


def _looked(watched: Watched, service: str, *, times: int = LOOKED_AT_LEAST) -> None:
    """Until every check of the service has looked so often since now, and once more where a look was under way."""
    before = _looks(watched, service)

    def enough() -> bool:
        now = _looks(watched, service)
        return all(now.get(check, 0) > count + times for check, count in before.items())

    wait_for(enough, seconds=60, every=0.2)


def _looks(watched: Watched, service: str) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for line in watched.daemon.get("/metrics").splitlines():
        if line.startswith("infra_checks_total{") and f'service="{service}"' in line:
            check = line.split('check="')[1].split('"')[0]
            found[check] = found.get(check, 0.0) + float(line.rsplit(" ", 1)[1])
    return found


def _restarts(watched: Watched, service: str) -> float:
    lines = watched.daemon.get("/metrics").splitlines()
    mine = [each for each in lines if each.startswith("infra_pm2_process_restarts_total{") and service in each]
    return sum(float(each.rsplit(" ", 1)[1]) for each in mine)


def _pm2_updated(watched: Watched) -> None:
    """Its daemon ends, and another one is there within seconds and starts the apps anew."""
    before = pm2.god(watched.lab.places)
    pm2.command(watched.lab.places, "update")
    after = pm2.god(watched.lab.places)
    assert before
    assert after
    assert before.pid != after.pid
    wait_for(watched.all_healthy, seconds=60)
    time.sleep(5)


NIGHTS: Final[Mapping[str, tuple[Deed, ...]]] = {
    "deployments of Node": (_pm2("reload", NODE), _pm2("restart", NODE)),
    "deployments of Python": (_pm2("reload", PYTHON), _pm2("restart", PYTHON)),
    "upkeep of PM2": (Deed("pm2 update", _pm2_updated),),
    "upkeep of Nginx": (
        Deed("three reloads", _nginx_reload),
        Deed("logs renamed", _logs_renamed),
        Deed("logs truncated", _logs_truncated),
    ),
    "upkeep of the rules": (
        Deed("a rule gets another description", _rule_described),
        Deed("another port is opened and closed", _other_port_opened),
        Deed("AWS denies", _aws_denied),
    ),
    "upkeep of the monitor": (
        Deed("its configuration is reloaded", _configuration_reloaded),
        Deed("it is restarted, and killed", _daemon_restarted),
    ),
    "small accidents": (
        Deed("a single probe is answered 500", _probe_dropped),
        Deed("one Node worker of several is killed", _worker_killed),
    ),
}
"""Each on one daemon, one deed after the other."""

"""On a running daemon: who is told what, over a kill, an acknowledgement, and a real Alertmanager."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import RunningDaemon, free_port
from tests.delivery.receiver import Receiver, receiving
from tests.notify.alertmanagers import alertmanager, told

AFTER = 4
CONFIG = """
web: {{listen: "127.0.0.1:{port}"}}
state: {{directory: "{state}"}}
services:
  redis: {{checks: [{{kind: tcp, address: "127.0.0.1:{target}", every: 500ms, timeout: 1s}}]}}
  other: {{checks: [{{kind: tcp, address: "127.0.0.1:{port}", every: 1s, timeout: 1s}}]}}
notify:
{channels}
"""


def configured(directory: Path, target: int, *channels: str) -> Path:
    config = directory / "config.yaml"
    lines = "\n".join(f"  - {each}" for each in channels)
    config.write_text(CONFIG.format(port=free_port(), state=directory / "state", target=target, channels=lines))
    return config


class Redis:
    """Something that accepts connections while it is `up`."""

    def __init__(self) -> None:
        self.port = free_port()
        self._listening: socket.socket | None = None

    def up(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=_accept, args=(self._listening,), daemon=True).start()

    def down(self) -> None:
        if self._listening is not None:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None


def _accept(listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with closing(connection):
            pass


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    made = Redis()
    made.up()
    yield made
    made.down()


def heard(receiver: Receiver) -> list[str]:
    """`/pager opened`, …"""
    return [f"{each.path} {json.loads(each.body)['type'].removeprefix('incident.')}" for each in receiver.requests]


async def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.05)


def post(daemon: RunningDaemon, token: Path, path: str, body: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {token.read_text().strip()}", "Content-Type": "application/json"}
    request = urllib.request.Request(daemon.url + path, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


async def test_escalation_survives_kill_9_and_each_hears_the_end(
    receiver: Receiver, redis: Redis, tmp_path: Path
) -> None:
    url = receiver.url.removesuffix("/hook")
    config = configured(
        tmp_path,
        redis.port,
        f'{{kind: webhook, name: chat, url: "{url}/chat"}}',
        f'{{kind: webhook, name: pager, url: "{url}/pager", severity: critical, after: {AFTER}s}}',
        f'{{kind: webhook, name: team, url: "{url}/team", services: [other]}}',
    )
    daemon = RunningDaemon(config, log=tmp_path / "daemon.log")
    await asyncio.to_thread(daemon.start)
    try:
        await until(lambda: daemon_is_healthy(daemon))
        redis.down()
        await until(lambda: heard(receiver) == ["/chat opened"])
        opened = time.monotonic()
        await asyncio.to_thread(daemon.kill)
        await asyncio.to_thread(daemon.start)
        await until(lambda: "/pager opened" in heard(receiver))
        assert time.monotonic() - opened >= AFTER - 1
        redis.up()
        await until(lambda: len(heard(receiver)) >= 4)
        assert heard(receiver)[:2] == ["/chat opened", "/pager opened"]
        assert sorted(heard(receiver)[2:]) == ["/chat resolved", "/pager resolved"]
    finally:
        await asyncio.to_thread(daemon.stop)


def daemon_is_healthy(daemon: RunningDaemon) -> bool:
    return set(daemon.statuses().values()) == {"healthy"}


async def test_who_is_on_it_stops_the_escalation(receiver: Receiver, redis: Redis, tmp_path: Path) -> None:
    url = receiver.url.removesuffix("/hook")
    config = configured(
        tmp_path,
        redis.port,
        f'{{kind: webhook, name: chat, url: "{url}/chat"}}',
        f'{{kind: webhook, name: pager, url: "{url}/pager", after: {AFTER}s}}',
    )
    daemon = RunningDaemon(config, log=tmp_path / "daemon.log")
    await asyncio.to_thread(daemon.start)
    try:
        await until(lambda: daemon_is_healthy(daemon))
        redis.down()
        await until(lambda: heard(receiver) == ["/chat opened"])
        for alert in daemon.get("/api/v1/alerts"):
            path = f"/api/v1/alerts/{alert['id']}/acknowledge"
            await asyncio.to_thread(post, daemon, tmp_path / "state" / "token", path, {"by": "ann"})
        await asyncio.sleep(AFTER + 2)
        redis.up()
        await until(lambda: "/chat resolved" in heard(receiver))
        assert heard(receiver) == ["/chat opened", "/chat resolved"]
        (incident,) = daemon.get("/api/v1/incidents?state=all")
        assert [each["channels"] for each in incident["told"]] == [["chat"], ["chat"]]
    finally:
        await asyncio.to_thread(daemon.stop)


async def test_alertmanager_pages_once_hears_the_end_and_all_the_time_that_the_monitor_lives(
    receiver: Receiver, redis: Redis, tmp_path: Path
) -> None:
    async with alertmanager(tmp_path, receiver) as server:
        config = configured(tmp_path, redis.port, f'{{kind: alertmanager, url: "{server.url}", watchdog: true}}')
        daemon = RunningDaemon(config, log=tmp_path / "daemon.log")
        await asyncio.to_thread(daemon.start)
        try:
            await until(lambda: daemon_is_healthy(daemon))
            await until(lambda: told(receiver) == [("firing", "Watchdog")])
            redis.down()
            await until(lambda: told(receiver)[1:] == [("firing", "redis")])
            redis.up()
            await until(lambda: told(receiver)[1:] == [("firing", "redis"), ("resolved", "redis")])
            (watchdog,) = await server.alerts()
            assert watchdog["labels"] == {"alertname": "Watchdog", "severity": "none", "host": socket.gethostname()}
            assert watchdog["generatorURL"] == f"{daemon.url}/"
            assert daemon.get("/api/v1/monitoring")["channels"][0]["refresh_error"] is None
        finally:
            await asyncio.to_thread(daemon.stop)
    # Alertmanager is gone: a restart, as a reload, tells it at once that we live, or finds out that it cannot.
    await asyncio.to_thread(daemon.start)
    try:
        await until(lambda: daemon.get("/api/v1/monitoring")["channels"][0]["refresh_error"] is not None)
        line = 'infra_channel_refresh_failures_total{channel="alertmanager"} 1.0'
        assert line in daemon.get("/metrics").splitlines()
    finally:
        await asyncio.to_thread(daemon.stop)

"""The monitor watches itself: what stands still is told by silence, by /-/healthy, and by systemd's watchdog."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from monitor.config.load import load
from monitor.daemon import Daemon
from tests.daemon.running import free_port, wait_for
from tests.daemon.small import Hears, Small, serving, small

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, more='heartbeat: {{url: "{url}/ping/secret-part", every: 1s}}\n') as running:
        yield running


def beats(here: Small) -> int:
    return sum(path.startswith("/ping") for _, path, _ in here.hears.requests)


def test_a_sign_of_life_is_sent_every_so_often_and_by_reload_elsewhere_or_never(here: Small) -> None:
    wait_for(lambda: beats(here) >= 3, seconds=15)
    assert here.metric("infra_heartbeat_failures_total") == 0
    assert abs(here.metric("infra_heartbeat_last_success_timestamp_seconds") - time.time()) < 10
    sent = here.daemon.get("/api/v1/monitoring")["heartbeat"]
    assert (sent["failures"], sent["error"]) == (0, None)
    assert sent["arrived_at"] is not None
    here.reload(here.text.replace("every: 1s}\n", "every: 1s, method: POST}\n"))
    wait_for(lambda: any(method == "POST" and path.startswith("/ping") for method, path, _ in here.hears.requests))
    here.reload(here.text[: here.text.index("heartbeat:")])
    time.sleep(1)  # one that was under way still arrives
    count = beats(here)
    time.sleep(3)
    assert beats(here) <= count
    assert "infra_heartbeat" not in here.daemon.get("/metrics")
    assert here.daemon.get("/api/v1/monitoring")["heartbeat"] is None


def test_that_it_does_not_arrive_is_one_line_and_a_number_and_never_a_page(here: Small) -> None:
    wait_for(lambda: beats(here) >= 1, seconds=15)
    here.hears.status = 503
    wait_for(lambda: here.metric("infra_heartbeat_failures_total") >= 3, seconds=15)
    assert "\n! the heartbeat does not arrive: the answer was 503\n" in here.says("status")
    here.hears.status = 200
    wait_for(lambda: here.count("heartbeat.arrives_again") == 1, seconds=15)
    assert here.count("heartbeat.missed") == 1
    assert here.hears.told() == []
    assert "secret-part" not in here.daemon.logged()


def test_what_is_wrong_with_itself_is_a_number_and_a_line(here: Small) -> None:
    """A look that takes longer than its interval, a loop that stood still, and a disk that takes nothing any more."""
    wait_for(lambda: "\ninfra_scheduler_lag_seconds " in here.daemon.get("/metrics"), seconds=15)
    here.peer.silent = True
    wait_for(lambda: "infra_looks_skipped_total{" in here.daemon.get("/metrics"), seconds=15)
    assert here.metric('infra_looks_skipped_total{reason="overrun"}') >= 1
    here.peer.silent = False
    here.peer.release.set()
    os.kill(here.daemon.pid, signal.SIGSTOP)
    time.sleep(3)
    os.kill(here.daemon.pid, signal.SIGCONT)
    wait_for(lambda: here.metric("infra_scheduler_lag_seconds") >= 1.5, seconds=15)
    wait_for(lambda: here.daemon.statuses() == {"peer": "healthy"}, seconds=30)
    assert here.metric("infra_store_errors_total") == 0
    before = resource.prlimit(here.daemon.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    here.peer.says = b"gone\n"
    wait_for(lambda: here.metric("infra_store_errors_total") >= 3, seconds=30)
    assert here.daemon.statuses() == {"peer": "healthy"}, "what cannot be kept is not believed"
    trouble = here.daemon.get("/api/v1/monitoring")["store_error"]
    assert trouble.startswith("the state directory ")
    assert f"! nothing new can be remembered: {trouble}" in here.says("status")
    resource.prlimit(here.daemon.pid, resource.RLIMIT_FSIZE, before)
    wait_for(lambda: here.hears.told() == ["opened peer"], seconds=30)
    assert here.daemon.get("/api/v1/monitoring")["store_error"] is None
    assert here.count("task.crashed") == 0


async def test_a_store_that_hangs_makes_it_unhealthy_and_silent(tmp_path: Path) -> None:
    """Its one thread is held up, as a dead disk would hold it up."""
    config, hears, dead_disk = tmp_path / "config.yaml", Hears(), threading.Event()
    port = free_port()
    config.write_text(
        f'web: {{listen: "127.0.0.1:{port}"}}\nstate: {{directory: state}}\n'
        f'heartbeat: {{url: "{hears.url}/ping", every: 1s}}\nservices: {{host: {{checks: [{{kind: host}}]}}}}\n'
    )
    daemon = Daemon(load(config, {}), environ={})
    with serving(hears):
        running = asyncio.create_task(daemon.run())
        async with aiohttp.ClientSession() as http, asyncio.timeout(60):
            while not hears.requests:
                await asyncio.sleep(0.05)
            assert daemon.unwell() is None
            parts = daemon._parts
            assert parts
            parts.store._writer.submit(dead_disk.wait, 90)  # has an end, so that a failing test has one too
            while (unwell := daemon.unwell()) is None:
                await asyncio.sleep(0.05)
            assert "the store has stood still" in unwell or "the core has stood still" in unwell
            async with http.get(f"http://127.0.0.1:{port}/-/healthy") as answer:
                assert (answer.status, "stood still" in await answer.text()) == (503, True)
            await asyncio.sleep(1.0)  # one that was under way still arrives
            count = len(hears.requests)
            await asyncio.sleep(2.5)
            assert len(hears.requests) == count
            dead_disk.set()
            while len(hears.requests) == count:
                await asyncio.sleep(0.05)
        daemon.stop()
        assert await running == 0


def test_systemd_hears_of_readiness_of_reloads_and_of_life_while_there_is_any(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(30)
        with small(tmp_path, environment={"NOTIFY_SOCKET": address}) as here:
            assert listening.recv(1000) == b"READY=1"
            assert listening.recv(1000) == b"WATCHDOG=1"
            here.hup()
            heard: list[bytes] = []
            while not heard or heard[-1] != b"READY=1":
                heard.append(listening.recv(1000))
            assert [each.split(b"=")[0] for each in heard if each != b"WATCHDOG=1"] == [b"RELOADING", b"READY"]
            assert b"\nMONOTONIC_USEC=" in b"".join(heard)
            os.kill(here.daemon.pid, signal.SIGSTOP)
            listening.settimeout(3)
            assert _heard_until_silence(listening) <= 3, "only what was under way"
            os.kill(here.daemon.pid, signal.SIGCONT)
            listening.settimeout(30)
            assert listening.recv(1000) == b"WATCHDOG=1"


def _heard_until_silence(listening: socket.socket) -> int:
    for count in range(60):
        try:
            listening.recv(1000)
        except TimeoutError:
            return count
    raise AssertionError("the watchdog is fed although nothing moves")

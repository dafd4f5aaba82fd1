"""The machine's clock is put forward and back: nobody is paged for it, and the times that people see follow it."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor.clock import SystemClock
from monitor.config.load import load
from monitor.daemon import Daemon
from monitor.history import FRESH_SECONDS
from monitor.service_monitoring import ServiceMonitoring
from monitor.store import Store
from tests.core.story import World, plan_of
from tests.daemon.running import free_port
from tests.daemon.small import Hears, Peer, serving

pytestmark = pytest.mark.timeout(120)


class Stepped(SystemClock):
    """The real clock with a wall that can be stepped by hand."""

    step = 0.0

    def wall(self) -> float:
        return super().wall() + self.step


async def test_steps_of_an_hour_and_a_year_page_nobody_and_what_follows_has_the_right_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, peer, hears, port = Stepped(), Peer(), Hears(), free_port()

    class SteppedDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(clock.wall(), tz)

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", SteppedDatetime)  # the scheduler's clock steps too
    config = tmp_path / "config.yaml"
    config.write_text(
        f'web: {{listen: "127.0.0.1:{port}"}}\nstate: {{directory: state}}\n'
        f'services: {{peer: {{checks: [{{kind: tcp, address: "127.0.0.1:{peer.port}", every: 500ms}}]}}}}\n'
        f'notify: [{{kind: webhook, url: "{hears.url}/page"}}]\n'
    )
    daemon = Daemon(load(config, {}), environ={}, clock=clock)
    running = asyncio.create_task(daemon.run())

    async def get(path: str) -> Any:
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}{path}") as answer:
            return (await answer.json())["data"]

    async def looked(times: int) -> None:
        wanted = peer.connections + times
        async with asyncio.timeout(20):
            while peer.connections < wanted:
                await asyncio.sleep(0.02)

    began = time.monotonic()
    with serving(hears):
        with serving(peer):
            await looked(3)
            for by in (3600.0, -3600.0, -3600.0, 365 * 86400.0, 3600.0):
                clock.step += by
                await asyncio.sleep(2.5)
                await looked(3)
                assert abs(clock.now() - clock.wall()) < 2
                service = await get("/api/v1/services/peer")
                seen = datetime.fromisoformat(service["last_check"]).timestamp()
                assert (service["status"], abs(seen - clock.wall()) < 10) == ("healthy", True)
            assert hears.told() == []
            line = (await get("/api/v1/services/peer/history?metric=response_time&hours=1"))["series"][0]
            ages = [clock.wall() - datetime.fromisoformat(each["at"]).timestamp() for each in line["points"]]
            assert ages == sorted(ages, reverse=True)
            assert (ages[-1] > -2, ages[0] < time.monotonic() - began + 2) == (True, True), "no hour is left out"
            await asyncio.sleep(FRESH_SECONDS)
            day = (await get("/api/v1/services/peer"))["uptime"]["24h"]
            assert day["percent"] == 100.0
            assert 10 < day["known_seconds"] < time.monotonic() - began
        async with asyncio.timeout(30):
            while not hears.told():
                await asyncio.sleep(0.05)
        assert hears.told() == ["opened peer"]
        (incident,) = await get("/api/v1/incidents")
        clock.step -= 7200.0
        await asyncio.sleep(4)
        (after,) = await get("/api/v1/incidents")
        opened = [datetime.fromisoformat(each["opened_at"]).timestamp() for each in (incident, after)]
        assert opened[0] - opened[1] == pytest.approx(7200, abs=3)
        assert (after["id"], hears.told()) == (incident["id"], ["opened peer"])
        daemon.stop()
        assert await running == 0


async def test_what_was_seen_before_the_clock_was_put_back_does_not_hide_what_is_seen_after_a_restart(
    tmp_path: Path,
) -> None:
    plan, clock = plan_of({"db": ()}), SystemClock()
    before = World(plan, now=time.time() + 3600)
    before.look("db", ".")
    store = Store.open(tmp_path)
    await store.commit(None, before.state, ())
    monitoring = await ServiceMonitoring.open(plan=plan, store=store, clock=clock)
    last = monitoring.state.services["db"].checks["look"].last
    assert last is not None
    assert last.ended <= clock.now()
    await store.close()

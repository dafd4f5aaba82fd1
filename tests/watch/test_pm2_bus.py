"""The bus of a real PM2: planned exits are told from others, and a monitor that stands still lets go of it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from monitor.sources.pm2 import Pm2Source, Standing
from monitor.sources.pm2_bus import ITSELF, BusEvent
from monitor.watch.guard import Guard
from monitor.watch.pm2_bus import BusWatch
from tests.sources.fake_pm2 import answering, fake_pm2
from tests.sources.real_pm2 import RealPm2, pm2

__all__ = ["pm2"]


@asynccontextmanager
async def open_bus(home: Path) -> AsyncIterator[tuple[Pm2Source, BusWatch]]:
    """A source that is connected, and its bus, tended as the monitor does."""
    source = Pm2Source(home, os.environ)
    bus = BusWatch(source)
    await source.snapshot(asyncio.get_running_loop().time() + 10)
    await bus.tend()
    assert bus.is_open
    try:
        yield source, bus
    finally:
        bus.hang_up()
        await source.close()


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


async def _ordered(running: RealPm2, *words: str) -> None:
    await asyncio.to_thread(running.command, *words)


@pytest.mark.lab
async def test_what_was_ordered_is_told_from_what_was_not(pm2: RealPm2) -> None:
    """Nothing else shows that a process which is there again had been told to end."""
    pm2.start(pm2.node(), pm2.gunicorn(), pm2.node("other"))
    async with open_bus(pm2.home) as (source, _):
        heard = list[str]()
        for app in ("web", "api", "other"):
            source.on_event(app, lambda app=app: heard.append(app))  # type: ignore[misc]  # mypy: default of a lambda
        await _ordered(pm2, "restart", "api")
        await _until(lambda: source.planned_exit("api") is not None)
        await _ordered(pm2, "reload", "web")
        await _until(lambda: source.planned_exit("web") is not None)
        assert source.planned_exit("other") is None
        assert set(heard) == {"api", "web"}
        await asyncio.sleep(1.0)
        heard.clear()
        listed = await source.snapshot(asyncio.get_running_loop().time() + 5)
        victim = listed.of("other")[0].process
        assert victim
        began = time.monotonic()
        os.kill(victim.pid, signal.SIGKILL)
        await _until(lambda: heard != [])
        assert time.monotonic() - began < 1.0
        assert heard == ["other"]
        assert source.planned_exit("other") is None
        listed = await source.snapshot(asyncio.get_running_loop().time() + 5)
        assert [source.ended_by(each) for each in listed.of("other")] == ["SIGKILL", ""]
        assert [source.ended_by(each) for each in listed.of("web")] == ["", ""]
        source.missed()
        assert [source.ended_by(each) for each in listed.of("other")] == ["", ""]


@pytest.mark.lab
async def test_that_pm2_gives_up_is_heard_although_no_process_was_ever_there_to_be_watched(pm2: RealPm2) -> None:
    pm2.start(pm2.node(instances=1))
    async with open_bus(pm2.home) as (source, _):
        heard = list[float]()
        source.on_event("broken", lambda: heard.append(time.monotonic()))
        await asyncio.to_thread(pm2.start, pm2.crashing())
        await _until(lambda: bool(heard) and time.monotonic() - heard[-1] > 1.0)
        listed = await source.snapshot(asyncio.get_running_loop().time() + 5)
        assert [each.standing for each in listed.of("broken")] == [Standing.GAVE_UP]


@pytest.mark.lab
async def test_that_pm2_was_told_to_end_is_heard_and_a_kill_is_not(pm2: RealPm2) -> None:
    """An update ends it as well, and another one takes its place: then that order has been carried out."""
    pm2.start(pm2.node(instances=1))
    async with open_bus(pm2.home) as (source, _):
        first = pm2.daemon.pid
        await _ordered(pm2, "update")
        assert source.planned_exit(ITSELF) is not None
        listed = await source.snapshot(asyncio.get_running_loop().time() + 10)
        assert listed.daemon.pid != first
        assert source.planned_exit(ITSELF) is None
    async with open_bus(pm2.home) as (source, bus):
        await asyncio.to_thread(pm2.kill_daemon)
        await _until(lambda: not bus.is_open)
        assert source.planned_exit(ITSELF) is None


class Publisher:
    """The other end of a bus."""

    def __init__(self) -> None:
        self.readers = list[asyncio.StreamWriter]()
        self.left = 0
        self.received = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.readers.append(writer)
        self.received += await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.left += 1


async def test_a_monitor_that_stands_still_lets_go_of_the_bus_and_comes_back(tmp_path: Path) -> None:
    publisher, missed = Publisher(), list[str]()
    async with fake_pm2(tmp_path / "h", answering([])) as fake:
        server = await asyncio.start_unix_server(publisher.serve, fake.home / "pub.sock")
        async with server, open_bus(fake.home) as (source, bus):
            source.on_event("web", lambda: missed.append("web"))
            guard = Guard(bus.cut, limit_seconds=0.5)
            guard.start()
            await _until(lambda: len(publisher.readers) == 1)
            writer = publisher.readers[0]
            time.sleep(2.0)  # noqa: ASYNC251 — so that the loop stands still
            assert _is_cut(writer), "it was let go of while the loop stood still"
            guard.beat()
            await _until(lambda: not bus.is_open)
            await bus.tend()
            assert not bus.is_open, "a pause comes first"
            bus._moment = 0.0  # the pause is over
            missed.clear()
            await bus.tend()
            assert bus.is_open
            assert missed == ["web"], "it may have missed anything"
            guard.close()
            source.heard(BusEvent("web", planned=True))
            assert missed == ["web", "web"]
            bus.hang_up()
            await _until(lambda: publisher.left == 2)
        assert publisher.received == b""


def _is_cut(writer: asyncio.StreamWriter) -> bool:
    """Whether the kernel has the end of the stream for us, without asking the loop."""
    end = writer.get_extra_info("socket")
    descriptor = os.dup(end.fileno())
    try:
        return os.read(descriptor, 1) == b""
    finally:
        os.close(descriptor)


async def test_without_a_bus_it_is_tried_again_after_pauses_that_grow(tmp_path: Path) -> None:
    async with fake_pm2(tmp_path / "h", answering([])) as fake:
        source = Pm2Source(fake.home, os.environ)
        bus = BusWatch(source)
        await bus.tend()
        assert bus._moment == 0.0, "a PM2 that has not answered is left alone"
        await source.snapshot(asyncio.get_running_loop().time() + 5)
        pauses = []
        for _ in range(8):
            bus._moment = -1000.0
            await bus.tend()
            pauses.append(bus._pause)
            assert not bus.is_open
        assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
        await source.close()

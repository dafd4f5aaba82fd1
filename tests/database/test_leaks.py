"""Looks that are cut off at any moment leave nothing behind: no descriptor, no thread, no session on the server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import threading
import time

import pytest

from monitor.database import Database, DatabaseFailed
from tests.database import servers
from tests.database.conftest import PASSWORD, OpenDatabase
from tests.postgres import Cluster, running


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 — a count is wanted


async def settled(reads: object) -> None:
    """Wait until the count is what it was; the kernel and the server need a moment."""
    assert callable(reads)
    give_up = time.monotonic() + 15
    while not reads():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.05)


async def cut_off(database: Database, *, after: float) -> bool:
    """Whether the look was still going on when it was cut off."""
    deadline = asyncio.get_running_loop().time() + 10
    look = asyncio.create_task(database.look(deadline=deadline))
    await asyncio.sleep(after)
    if look.done():
        await look
        return False
    look.cancel()
    await asyncio.wait((look,))
    return look.cancelled()


@pytest.mark.parametrize("sslmode", ["prefer", "disable"])
async def test_250_looks_cut_off_at_random_moments(open_database: OpenDatabase, sslmode: str) -> None:
    with running() as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        database = open_database(cluster, sslmode=sslmode)
        longest = await _usual_duration(database)
        await asyncio.sleep(0.1)
        before, threads = descriptors(), threading.active_count()
        for _ in range(250):
            while not await cut_off(database, after=random.uniform(0, longest)):
                longest *= 0.95  # it was over before: the machine is faster now
            longest *= 1.01  # so that late moments are among them, too
        await settled(lambda: descriptors() == before)
        await settled(lambda: threading.active_count() == threads)
        await settled(lambda: cluster.client_backends() == 0)
        answer = await database.look(deadline=asyncio.get_running_loop().time() + 10)
        assert answer.statistics.used_connections == 1


async def _usual_duration(database: Database) -> float:
    loop = asyncio.get_running_loop()
    took = []
    for _ in range(7):
        began = loop.time()
        await database.look(deadline=began + 10)
        took.append(loop.time() - began)
    return sorted(took)[3]


async def test_100_looks_that_run_out_of_time_everywhere(open_database: OpenDatabase, cluster: Cluster) -> None:
    """Deadlines from 1 ms to 150 ms end looks in every phase."""
    database = open_database(cluster)
    loop = asyncio.get_running_loop()
    await database.look(deadline=loop.time() + 10)
    await asyncio.sleep(0.1)
    before = descriptors()
    ends = set()
    for n in range(100):
        try:
            await database.look(deadline=loop.time() + 0.001 + 0.15 * (n / 100) ** 3)
        except DatabaseFailed as error:
            ends.add((error.failure.phase, error.failure.reason))
    assert len(ends) >= 2
    assert {reason for _, reason in ends} == {"timeout"}
    await settled(lambda: descriptors() == before)
    await settled(lambda: cluster.backends("infra-monitor") == 0)


async def test_50_stalled_looks_leave_no_descriptor(open_database: OpenDatabase) -> None:
    async with servers.serving(servers.say_nothing) as port:
        database = open_database(port=port)
        loop = asyncio.get_running_loop()
        before = descriptors()

        async def look() -> None:
            with pytest.raises(DatabaseFailed):
                await database.look(deadline=loop.time() + 0.5)

        await asyncio.gather(*(look() for _ in range(50)))
        # the server's ends of the connections are ours as well, and close a moment later
        await settled(lambda: descriptors() <= before + 50)
    await settled(lambda: descriptors() < before)


async def test_without_a_free_descriptor_the_server_is_not_blamed(open_database: OpenDatabase) -> None:
    """An OSError of ours is no finding about the database: the look is blind."""
    database = open_database(port=1)
    with pytest.raises(DatabaseFailed):
        await database.look(deadline=asyncio.get_running_loop().time() + 5)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors(), limits[1]))
    held: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.dup(0))
        with pytest.raises(OSError, match="Too many open files"):
            await database.look(deadline=asyncio.get_running_loop().time() + 5)
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

"""Whoever wants to know hears of silence while the look still waits, and of its end."""

from __future__ import annotations

import asyncio
import math

import pytest
from pydantic import SecretStr

from monitor.checks.security_group import SecurityGroupCheck
from monitor.clock import SystemClock
from monitor.database import Database, DatabaseConfig, DatabaseFailed
from monitor.look import surroundings
from tests.database import servers
from tests.database.conftest import PASSWORD, OpenDatabase
from tests.postgres import Cluster


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def fail(database: Database, seconds: float) -> None:
    with pytest.raises(DatabaseFailed):
        await database.look(deadline=soon(seconds))


async def test_silence_is_told_before_the_look_has_given_up(open_database: OpenDatabase) -> None:
    with servers.full() as port:
        database = open_database(port=port)
        heard = list[bool]()
        database.on_silence(heard.append)
        looking = asyncio.create_task(fail(database, 6.0))
        await asyncio.sleep(4.0)
        assert heard == [True]
        assert not looking.done()
        await looking


async def test_a_quick_answer_of_any_kind_is_no_silence(open_database: OpenDatabase, cluster: Cluster) -> None:
    heard = list[bool]()
    well = open_database(cluster)
    well.on_silence(heard.append)
    await well.look(deadline=soon(10))
    async with asyncio.TaskGroup() as group:
        for each in (open_database(cluster, password="wrong"), open_database(port=9)):
            each.on_silence(heard.append)
            group.create_task(fail(each, 10))
    assert heard == []


async def test_the_end_of_silence_is_told_once(open_database: OpenDatabase, cluster: Cluster) -> None:
    heard = list[bool]()
    with servers.full() as port:
        database = open_database(port=port)
        database.on_silence(heard.append)
        await fail(database, 4.0)
    database.config = database.config.model_copy(update={"port": cluster.port})
    await database.look(deadline=soon(10))
    await database.look(deadline=soon(10))
    assert heard == [True, False]


async def test_the_firewall_is_looked_at_once_for_a_long_silence_and_again_at_its_end(cluster: Cluster) -> None:
    wanted = list[None]()
    with servers.full() as port:
        config = DatabaseConfig(host="127.0.0.1", port=port, name="app", user="app", password=SecretStr(PASSWORD))
        async with surroundings({"default": config}, environ={}, clock=SystemClock()) as around:
            env = around.env("wall", math.inf)
            SecurityGroupCheck(kind="security_group").watch(env, lambda: wanted.append(None))
            database = env.databases.get()
            await fail(database, 3.5)
            await fail(database, 3.5)
            assert len(wanted) == 1
            database.config = config.model_copy(update={"port": cluster.port})
            await database.look(deadline=soon(10))
            assert len(wanted) == 2
    async with surroundings({}, environ={}, clock=SystemClock()) as around:
        SecurityGroupCheck(kind="security_group").watch(around.env("wall", math.inf), lambda: wanted.append(None))

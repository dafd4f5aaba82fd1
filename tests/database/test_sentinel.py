"""The standing session tells at once when the server goes, stalls or returns, and never hangs anything itself."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest
from pydantic import SecretStr

from monitor.core.model import Status
from monitor.database import Database, DatabaseConfig, DatabaseFailed, Databases, NoSession, SentinelState
from monitor.sources.resolver import Resolver
from tests.database import servers
from tests.database.conftest import PASSWORD, OpenDatabase, failure_within
from tests.postgres import Cluster, running


class Changes:
    """Collects what the sentinel tells."""

    def __init__(self) -> None:
        self._states: asyncio.Queue[SentinelState] = asyncio.Queue()

    def __call__(self, state: SentinelState) -> None:
        self._states.put_nowait(state)

    async def next(self, limit: float = 20) -> SentinelState:
        return await asyncio.wait_for(self._states.get(), limit)

    @property
    def silent(self) -> bool:
        return self._states.empty()


async def standing(database: Database) -> SentinelState:
    for _ in range(500):
        if database.sentinel.state.alive:
            return database.sentinel.state
        await asyncio.sleep(0.02)
    raise AssertionError(database.sentinel.state)


async def test_it_holds_one_session_and_pings_each_second(open_database: OpenDatabase, cluster: Cluster) -> None:
    changes = Changes()
    database = open_database(cluster)
    database.watch(changes)
    first = await standing(database)
    await asyncio.sleep(2.5)
    later = database.sentinel.state
    assert first.last_answer_at is not None
    assert later.last_answer_at is not None
    assert 1.5 <= later.last_answer_at - first.last_answer_at <= 2.6
    assert later.backend_pid == first.backend_pid
    assert cluster.backends("infra-monitor") == 1
    assert changes.silent, "all is well from the beginning: nothing has changed"
    await database.close()
    assert await gone(cluster)


async def test_it_tells_at_once_when_the_server_stops_and_when_it_is_back(open_database: OpenDatabase) -> None:
    with running() as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        changes = Changes()
        database = open_database(cluster)
        database.watch(changes)
        before = await standing(database)
        stopping = asyncio.create_task(asyncio.to_thread(cluster.stop))
        began = time.monotonic()
        dead = await changes.next()
        assert time.monotonic() - began < 1.0, "the server's goodbye is heard, not the next ping's failure"
        assert (dead.alive, dead.reason) == (False, "shutting_down")
        await stopping
        await asyncio.to_thread(cluster.start)
        began = time.monotonic()
        alive = await changes.next()
        assert time.monotonic() - began < 6.0
        assert alive.alive
        assert alive.server_started_at != before.server_started_at


async def test_a_crash_is_heard_too(open_database: OpenDatabase) -> None:
    with running() as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        changes = Changes()
        database = open_database(cluster)
        database.watch(changes)
        await standing(database)
        await asyncio.to_thread(cluster.stop, signal.SIGQUIT)
        assert not (await changes.next(5)).alive


async def test_a_session_that_has_come_back_since_has_not_lived_all_the_while(open_database: OpenDatabase) -> None:
    """Found by the fault matrix: it proves that somebody was let in, not that only old sessions live."""
    with running() as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        changes = Changes()
        database = open_database(cluster)
        database.watch(changes)
        assert not database.sentinel.lived_since(asyncio.get_running_loop().time())
        await standing(database)
        before = asyncio.get_running_loop().time()
        assert database.sentinel.lived_since(before)
        cluster.freeze()
        assert not (await changes.next()).alive
        assert not database.sentinel.lived_since(before)
        cluster.thaw()
        assert (await changes.next()).alive
        assert not database.sentinel.lived_since(before)
        assert database.sentinel.lived_since(asyncio.get_running_loop().time())


async def test_a_frozen_server_is_noticed_within_three_seconds(open_database: OpenDatabase) -> None:
    with running() as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        changes = Changes()
        database = open_database(cluster)
        database.watch(changes)
        await standing(database)
        cluster.freeze()
        began = time.monotonic()
        dead = await changes.next()
        took = time.monotonic() - began
        assert (dead.alive, dead.reason) == (False, "timeout")
        assert took < 3.5
        cluster.thaw()
        assert (await changes.next()).alive


async def test_closing_while_the_server_is_frozen_is_quick(open_database: OpenDatabase) -> None:
    with running() as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        database = open_database(cluster)
        database.watch(Changes())
        await standing(database)
        cluster.freeze()
        await asyncio.sleep(1.2)
        began = time.monotonic()
        await database.close()
        assert time.monotonic() - began < 0.5


async def test_one_terminated_backend_is_replaced(open_database: OpenDatabase, cluster: Cluster) -> None:
    changes = Changes()
    database = open_database(cluster)
    database.watch(changes)
    first = await standing(database)
    cluster.execute(f"select pg_terminate_backend({first.backend_pid})")
    assert not (await changes.next()).alive
    again = await changes.next()
    assert again.alive
    assert again.backend_pid != first.backend_pid
    assert cluster.backends("infra-monitor") == 1


async def test_statistics_share_the_one_session(open_database: OpenDatabase, cluster: Cluster) -> None:
    database = open_database(cluster)
    database.watch(Changes())
    pid = (await standing(database)).backend_pid
    deadline = asyncio.get_running_loop().time() + 5
    asked = [database.ask("select pg_backend_pid()", deadline=deadline) for _ in range(5)]
    assert await asyncio.gather(*asked) == [[str(pid)]] * 5
    assert cluster.backends("infra-monitor") == 1


async def test_a_slow_statistic_is_no_sign_of_death(open_database: OpenDatabase, cluster: Cluster) -> None:
    changes = Changes()
    database = open_database(cluster)
    database.watch(changes)
    await standing(database)
    deadline = asyncio.get_running_loop().time() + 10
    await database.ask("select pg_sleep(3.5)", deadline=deadline)
    assert changes.silent
    assert database.sentinel.state.alive


async def test_a_question_that_is_not_answered_ends_at_its_deadline(
    open_database: OpenDatabase, cluster: Cluster
) -> None:
    database = open_database(cluster)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(DatabaseFailed) as caught:
        await database.ask("select pg_sleep(20)", deadline=began + 1)
    assert caught.value.failure.reason == "timeout"
    assert loop.time() - began < 1.5
    assert await database.ask("select 1", deadline=loop.time() + 5) == ["1"], "the next question gets its own answer"
    await asyncio.sleep(0.3)
    assert cluster.backends("infra-monitor") == 1, "the server does not go on with what nobody waits for"


async def test_nothing_can_be_written(open_database: OpenDatabase, cluster: Cluster) -> None:
    database = open_database(cluster)
    with pytest.raises(DatabaseFailed) as caught:
        await database.ask("create table written (x int)", deadline=asyncio.get_running_loop().time() + 5)
    assert caught.value.failure.reason == "read_only"


async def test_a_question_that_is_refused_leaves_the_session_standing(
    open_database: OpenDatabase, cluster: Cluster
) -> None:
    database = open_database(cluster)
    loop = asyncio.get_running_loop()
    (pid,) = await database.ask("select pg_backend_pid()", deadline=loop.time() + 5)
    with pytest.raises(DatabaseFailed, match="relation"):
        await database.ask("select * from absent", deadline=loop.time() + 5)
    assert await database.ask("select pg_backend_pid()", deadline=loop.time() + 5) == [pid]


async def test_refused_logins_are_not_repeated_each_second(open_database: OpenDatabase, cluster: Cluster) -> None:
    """A wrong password would fill the server's log, and may lock the account."""
    database = open_database(cluster, password="wrong", sslmode="disable")
    before = cluster.log.read_text().count('password authentication failed for user "app"')
    database.watch(Changes())
    await asyncio.sleep(3)
    assert cluster.log.read_text().count('password authentication failed for user "app"') - before == 1


async def test_latent_outage(open_database: OpenDatabase, cluster: Cluster) -> None:
    """New connections are refused, the old one is answered: critical, and said so."""
    async with servers.Proxy(cluster.port) as proxy:
        database = open_database(port=proxy.port)
        database.watch(Changes())
        await standing(database)
        proxy.refuse()
        error, took = await failure_within(database, 5)
        assert error.latent
        assert (error.failure.phase, error.failure.reason) == ("tcp", "refused")
        assert error.failure.status is Status.CRITICAL
        assert took < 2
        proxy.stall()
        error, took = await failure_within(database, 2)
        assert not error.latent, "the old connection is established, but nothing answers there"
        assert error.failure.status is Status.DOWN
        assert took < 2.5


async def test_without_a_standing_session_there_is_no_latent_outage(
    open_database: OpenDatabase, cluster: Cluster
) -> None:
    async with servers.Proxy(cluster.port) as proxy:
        database = open_database(port=proxy.port)
        await database.ask("select 1", deadline=asyncio.get_running_loop().time() + 5)
        await database.close()
        proxy.refuse()
        error, _ = await failure_within(database, 5)
    assert not error.latent
    with pytest.raises(NoSession):
        await database.ask("select 1", deadline=asyncio.get_running_loop().time() + 5)


async def gone(cluster: Cluster) -> bool:
    for _ in range(200):
        if not cluster.backends("infra-monitor"):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_reload_keeps_the_session_of_unchanged_settings_and_closes_every_other(cluster: Cluster) -> None:
    """A hundred times, and nobody is told twice."""
    config = DatabaseConfig(host="127.0.0.1", port=cluster.port, name="app", user="app", password=SecretStr(PASSWORD))
    resolver = Resolver(lambda _host: ())
    databases = Databases({"default": config, "other": config}, resolver=resolver)
    stop = databases.get().watch(Changes())
    stop_other = databases.get("other").watch(Changes())
    first = await standing(databases.get())
    for _ in range(100):
        stop()
        await databases.reload({"default": config.model_copy(), "other": config})
        stop = databases.get().watch(Changes())
        await databases.rest()
    assert (await standing(databases.get())).backend_pid == first.backend_pid
    assert len(databases.get().sentinel._listeners) == 1
    before, other = databases.get(), databases.get("other")
    await databases.reload({"default": config.model_copy(update={"name": "postgres"}), "other": config})
    assert databases.get() is not before
    assert databases.get("other") is other
    assert not before.sentinel.armed
    stop_other()
    await databases.rest()
    assert not other.sentinel.armed
    await databases.close()
    resolver.close()

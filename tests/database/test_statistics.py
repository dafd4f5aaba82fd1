"""What a real server says of itself, to roles with and without rights."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

import pytest

from monitor.core.model import SessionHolder
from monitor.database import Answer, Database, Statistics
from monitor.database.statistics import OTHER, read
from tests.database.conftest import PASSWORD, OpenDatabase
from tests.postgres import Cluster, running


async def answer_of(database: Database) -> Answer:
    return await database.look(deadline=asyncio.get_running_loop().time() + 10)


async def seen_by(database: Database) -> Statistics:
    return (await answer_of(database)).statistics


@pytest.fixture(scope="module")
def quiet() -> Iterator[Cluster]:
    """A server of one's own, so that the numbers are exact."""
    with running(settings={"max_connections": "50", "superuser_reserved_connections": "5"}) as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        cluster.add_role("watcher", PASSWORD)
        cluster.execute("grant pg_monitor to watcher")
        yield cluster


async def test_a_look_at_a_quiet_server(open_database: OpenDatabase, quiet: Cluster) -> None:
    before = time.time()
    answer = await answer_of(open_database(quiet, user="watcher"))
    seen = answer.statistics
    assert answer.address == "127.0.0.1"
    assert seen.version.startswith("15.")
    assert before - 120 < seen.started_at < before
    assert (seen.in_recovery, seen.read_only) == (False, "")
    assert (seen.max_connections, seen.usable_connections, seen.used_connections) == (50, 45, 1)
    assert seen.by_state == {"active": 1}
    assert seen.by_application == {"infra-monitor": 1}
    assert seen.holders == (SessionHolder("infra-monitor", "127.0.0.1", "active", 1),)
    assert seen.longest_transaction == 0.0
    assert seen.replication_lag is None, "a primary without standbys has no lag"
    assert seen.database_size is not None
    assert seen.database_size > 1_000_000


async def test_sessions_by_application_client_and_state(open_database: OpenDatabase, quiet: Cluster) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(3):
            held.enter_context(quiet.connect(application_name="node"))
        old = held.enter_context(quiet.connect(application_name="python", autocommit=False))
        old.execute("select 1")
        await asyncio.sleep(0.3)
        seen = await seen_by(open_database(quiet, user="watcher"))
    assert seen.holders[0] == SessionHolder("node", "127.0.0.1", "idle", 3)
    assert SessionHolder("python", "127.0.0.1", "idle in transaction", 1) in seen.holders
    assert seen.by_state == {"idle": 3, "idle in transaction": 1, "active": 1}
    assert seen.used_connections == 5
    assert seen.longest_transaction is not None
    assert 0.3 <= seen.longest_transaction < 60


async def test_without_rights_sessions_are_counted_all_the_same(open_database: OpenDatabase, quiet: Cluster) -> None:
    with quiet.connect(application_name="node"), quiet.connect(application_name="node"):
        seen = await seen_by(open_database(quiet))
    assert seen.used_connections == 3
    assert seen.by_state == {"hidden": 2, "active": 1}
    assert seen.by_application == {"node": 2, "infra-monitor": 1}
    assert seen.longest_transaction is None, "what we may not see is absent, not 0"


async def test_application_names_cannot_flood_the_metrics(open_database: OpenDatabase, quiet: Cluster) -> None:
    with contextlib.ExitStack() as held:
        for n in range(25):
            held.enter_context(quiet.connect(application_name=f"worker-{n:02}"))
        held.enter_context(quiet.connect(application_name="worker-24"))
        seen = await seen_by(open_database(quiet, user="watcher"))
    assert len(seen.by_application) == 21
    assert seen.by_application["worker-24"] == 2
    assert seen.by_application[OTHER] == 6
    assert sum(seen.by_application.values()) == seen.used_connections == 27


@pytest.mark.parametrize(
    ("statement", "undo", "why"),
    [
        (
            "alter database app set default_transaction_read_only = on",
            "alter database app reset default_transaction_read_only",
            "default_transaction_read_only is on (set by: database)",
        ),
        (
            "alter role watcher set default_transaction_read_only = on",
            "alter role watcher reset default_transaction_read_only",
            "",
        ),
    ],
    ids=["for everybody", "for the monitor's role alone"],
)
async def test_read_only(open_database: OpenDatabase, quiet: Cluster, statement: str, undo: str, why: str) -> None:
    """A monitor whose own role may only read is a good habit; it says nothing about the others."""
    quiet.execute(statement)
    try:
        assert (await seen_by(open_database(quiet, user="watcher"))).read_only == why
    finally:
        quiet.execute(undo)


async def test_a_standby_is_in_recovery(open_database: OpenDatabase) -> None:
    with running() as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        cluster.stop()
        (cluster.data / "standby.signal").touch()
        cluster.start()
        seen = await seen_by(open_database(cluster))
    assert seen.in_recovery
    assert seen.read_only == "the server is a standby in recovery"


async def test_the_lag_of_a_standby_is_seen_from_both_sides(open_database: OpenDatabase) -> None:
    with running() as primary, contextlib.ExitStack() as cleaning:
        primary.add_role("app", PASSWORD, database="app")
        primary.execute("grant pg_monitor to app")
        standby = primary.make_standby()
        cleaning.callback(standby.remove)
        follower = open_database(standby)
        primary.execute("create table written (x int)", dbname="app")
        for _ in range(100):
            if standby.execute("select to_regclass('written')", dbname="app") != [(None,)]:
                break
            await asyncio.sleep(0.1)
        close = (await seen_by(follower)).replication_lag
        assert close is not None
        assert 0 <= close < 10
        standby.execute("select pg_wal_replay_pause()")
        primary.execute("insert into written values (1)", dbname="app")
        await asyncio.sleep(1.0)
        behind = (await seen_by(follower)).replication_lag
        assert behind is not None
        assert 0.5 < behind < 60, "replay is paused for a second, and more has been received"
        ahead = (await seen_by(open_database(primary))).replication_lag
        assert ahead is not None, "the primary tells what it last heard from the standby"


async def test_what_some_servers_do_not_offer_is_absent(open_database: OpenDatabase, quiet: Cluster) -> None:
    """As Aurora's readers, which refuse the WAL functions: the rest of the answer stands."""
    quiet.execute("revoke execute on function pg_database_size(oid) from public", dbname="app")
    quiet.execute("revoke execute on function pg_database_size(name) from public", dbname="app")
    try:
        seen = await seen_by(open_database(quiet, user="watcher"))
    finally:
        quiet.execute("grant execute on function pg_database_size(name) to public", dbname="app")
        quiet.execute("grant execute on function pg_database_size(oid) to public", dbname="app")
    assert seen.database_size is None
    assert seen.used_connections == 1


async def test_a_look_writes_nothing(open_database: OpenDatabase, quiet: Cluster) -> None:
    database = open_database(quiet)
    await answer_of(database)
    before = quiet.execute("select txid_current()")
    for _ in range(3):
        await answer_of(database)
    after = quiet.execute("select txid_current()")
    assert after[0][0] == before[0][0] + 1, "the only new transaction is the one that asks"


@pytest.mark.parametrize("rows", [[], ["{}"], ["[]"], ["nonsense"], ['{"settings": {}, "sessions": []}']])
def test_an_answer_to_another_question_is_a_protocol_error(rows: list[str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 — json's own error or ours, both are caught as one
        read(rows)

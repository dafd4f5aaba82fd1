"""Whatever stalls, a look is over at its deadline, and says in which phase it was."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from monitor.core.model import Status
from monitor.database import DatabaseFailed
from tests.database import servers
from tests.database.conftest import OpenDatabase, failure_within
from tests.postgres import Cluster, running

LIMIT = 2.0
SLACK = 0.5


def assert_stalled(error: DatabaseFailed, took: float, *, phase: str, limit: float = LIMIT) -> None:
    assert (error.failure.phase, error.failure.reason) == (phase, "timeout"), error.failure
    assert error.failure.status is Status.DOWN
    assert limit - 0.05 <= took <= limit + SLACK
    assert abs(sum(error.phases.values()) - took) < 0.2, "the phases are the whole of it"


@pytest.mark.parametrize(("sslmode", "phase"), [("prefer", "tls"), ("verify-full", "tls"), ("disable", "auth")])
async def test_accepted_and_silent(open_database: OpenDatabase, cluster: Cluster, sslmode: str, phase: str) -> None:
    async with servers.serving(servers.say_nothing) as port:
        database = open_database(port=port, sslmode=sslmode, ca_file=cluster.ca_file)
        error, took = await failure_within(database, LIMIT)
    assert_stalled(error, took, phase=phase)


async def test_accepted_and_silent_for_the_default_of_ten_seconds(open_database: OpenDatabase) -> None:
    async with servers.serving(servers.say_nothing) as port:
        error, took = await failure_within(open_database(port=port), 10.0)
    assert_stalled(error, took, phase="tls", limit=10.0)


@pytest.mark.parametrize("handler", [servers.answer_with(b"S"), servers.drip], ids=["silent", "dripping"])
async def test_tls_that_never_ends(open_database: OpenDatabase, handler: servers.Handler) -> None:
    async with servers.serving(handler) as port:
        error, took = await failure_within(open_database(port=port), LIMIT)
    assert_stalled(error, took, phase="tls")


async def test_syn_dropped(open_database: OpenDatabase) -> None:
    with servers.full() as port:
        error, took = await failure_within(open_database(port=port), LIMIT)
    assert_stalled(error, took, phase="tcp")
    assert str(port) in error.failure.message


async def test_a_name_with_three_addresses_that_all_drop_has_one_deadline(open_database: OpenDatabase) -> None:
    """Each address but the last gets half of what is left: 1 s, 0.5 s, 0.5 s."""
    addresses = ("127.0.0.1", "127.0.0.1", "127.0.0.1")
    with servers.full() as port:
        database = open_database(host="db.test", port=port, lookup=lambda _host: addresses)
        error, took = await failure_within(database, LIMIT)
    assert_stalled(error, took, phase="tcp")


async def test_the_second_address_is_reached_when_the_first_one_drops(
    open_database: OpenDatabase, cluster: Cluster
) -> None:
    """192.0.2.1 is nobody's: packets to it are dropped, or refused at once where there is no route."""
    database = open_database(cluster, host="db.test", lookup=lambda _host: ("192.0.2.1", "127.0.0.1"))
    loop = asyncio.get_running_loop()
    answer = await database.look(deadline=loop.time() + 4.0)
    assert answer.address == "127.0.0.1"
    assert answer.phases["tcp"] < 2.5


async def test_resolver_dead(open_database: OpenDatabase) -> None:
    released = threading.Event()

    def hang(_host: str) -> Sequence[str]:
        released.wait(30)
        return ("127.0.0.1",)

    error, took = await failure_within(open_database(host="db.test", lookup=hang), LIMIT)
    released.set()
    assert_stalled(error, took, phase="resolve")


async def test_postmaster_frozen(open_database: OpenDatabase) -> None:
    with running() as cluster:
        cluster.freeze()
        error, took = await failure_within(open_database(cluster), LIMIT)
    assert_stalled(error, took, phase="tls")


async def test_silence_in_the_middle_of_the_query(open_database: OpenDatabase, cluster: Cluster) -> None:
    blocker = cluster.connect(dbname="app", autocommit=False)
    blocker.execute("lock table pg_catalog.pg_settings in access exclusive mode")
    try:
        error, took = await asyncio.create_task(failure_within(open_database(cluster), LIMIT))
    finally:
        blocker.close()
    assert error.failure.phase == "query"
    assert error.failure.reason == "timeout"
    assert took <= LIMIT + SLACK
    await no_backend_left(cluster)


async def test_the_path_goes_dead_in_the_middle_of_the_query(open_database: OpenDatabase, cluster: Cluster) -> None:
    blocker = cluster.connect(dbname="app", autocommit=False)
    blocker.execute("lock table pg_catalog.pg_settings in access exclusive mode")
    async with servers.Proxy(cluster.port) as proxy:
        look = asyncio.create_task(failure_within(open_database(port=proxy.port), LIMIT))
        await asyncio.sleep(0.7)
        proxy.stall()
        blocker.close()
        error, took = await look
    assert_stalled(error, took, phase="query")


async def test_the_path_goes_dead_in_the_middle_of_the_login(open_database: OpenDatabase, cluster: Cluster) -> None:
    async with servers.Proxy(cluster.port) as proxy:
        proxy.stall()
        error, took = await failure_within(open_database(port=proxy.port, sslmode="disable"), LIMIT)
    assert_stalled(error, took, phase="auth")


async def no_backend_left(cluster: Cluster) -> None:
    give_up = time.monotonic() + 10
    while cluster.backends("infra-monitor"):
        assert time.monotonic() < give_up
        await asyncio.sleep(0.05)

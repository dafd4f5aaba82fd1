"""A server that answers, and refuses: each refusal has its phase, its reason and its status."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.core.model import Failure, Status
from monitor.database import Answer, Database, NotConfigured
from tests.database import servers
from tests.database.conftest import OpenDatabase, failure_within
from tests.postgres import HOST_NAME, Cluster, free_port, running


async def answer_of(database: Database) -> Answer:
    return await database.look(deadline=asyncio.get_running_loop().time() + 10)


@pytest.mark.parametrize("sslmode", ["prefer", "require", "disable"])
@pytest.mark.parametrize(
    ("settings", "reason", "says"),
    [
        ({"password": "wrong"}, "credentials", 'password authentication failed for user "app"'),
        ({"user": "nobody"}, "credentials", 'password authentication failed for user "nobody"'),
        ({"name": "absent"}, "database_missing", 'database "absent" does not exist'),
        ({"user": "locked", "password": "locked"}, "credentials", 'role "locked" is not permitted to log in'),
    ],
)
async def test_login_refused(
    open_database: OpenDatabase, cluster: Cluster, *, sslmode: str, settings: dict[str, str], reason: str, says: str
) -> None:
    cluster.execute(
        "drop role if exists locked",
        "create role locked nologin password 'locked'",
    )
    error, _ = await failure_within(open_database(cluster, sslmode=sslmode, **settings), 10)
    assert (error.failure.phase, error.failure.reason) == ("auth", reason)
    assert error.failure.status is Status.CRITICAL
    assert says in error.failure.message
    assert "connection to server" not in error.failure.message
    assert "LOCATION" not in error.failure.message


async def test_no_connect_privilege(open_database: OpenDatabase, cluster: Cluster) -> None:
    cluster.execute(
        "drop database if exists closed",
        "create database closed",
        "revoke connect on database closed from public",
    )
    error, _ = await failure_within(open_database(cluster, name="closed"), 10)
    assert (error.failure.phase, error.failure.reason) == ("auth", "not_permitted")
    assert error.failure.status is Status.CRITICAL


async def test_the_slots_of_the_role_are_used_up(open_database: OpenDatabase, cluster: Cluster) -> None:
    cluster.execute("drop role if exists narrow", "create role narrow login password 'narrow' connection limit 0")
    error, _ = await failure_within(open_database(cluster, user="narrow", password="narrow"), 10)
    assert (error.failure.phase, error.failure.reason) == ("auth", "slots")
    assert error.failure.status is Status.CRITICAL


async def test_the_slots_of_the_server_are_used_up(open_database: OpenDatabase) -> None:
    with running(settings={"max_connections": "6", "superuser_reserved_connections": "3"}) as cluster:
        cluster.add_role("app", "app", database="app")
        database = open_database(cluster, password="app")
        assert (await answer_of(database)).statistics.usable_connections == 3
        with contextlib.ExitStack() as held:
            for _ in range(3):
                held.enter_context(cluster.connect())
            error, _ = await failure_within(database, 10)
    assert (error.failure.phase, error.failure.reason) == ("auth", "slots")
    assert error.failure.status is Status.CRITICAL


async def test_starting_up(open_database: OpenDatabase) -> None:
    cluster = Cluster(settings={"restore_command": "sleep 60"})
    try:
        (cluster.data / "recovery.signal").touch()
        cluster.start(wait=False)
        failure = await first_other_failure(open_database(cluster), than="refused")
    finally:
        cluster.stop(signal.SIGQUIT)
        cluster.remove()
    assert (failure.phase, failure.reason, failure.status) == ("auth", "starting", Status.DOWN)


async def test_shutting_down(open_database: OpenDatabase) -> None:
    """A smart shutdown waits for its clients, and takes no new ones."""
    with running() as cluster, cluster.connect():
        os.kill(cluster.postmaster, signal.SIGTERM)
        failure = await first_other_failure(open_database(cluster), than="credentials")
    assert (failure.phase, failure.reason, failure.status) == ("auth", "shutting_down", Status.DOWN)


async def first_other_failure(database: Database, *, than: str) -> Failure:
    """Servers need a moment to get into the state that is wanted."""
    for _ in range(200):
        error, _ = await failure_within(database, 10)
        if error.failure.reason != than:
            return error.failure
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {than}")


async def test_nobody_listens(open_database: OpenDatabase) -> None:
    error, took = await failure_within(open_database(port=free_port()), 10)
    assert (error.failure.phase, error.failure.reason, error.failure.status) == ("tcp", "refused", Status.DOWN)
    assert error.failure.message == "Connection refused"
    assert took < 2


async def test_a_name_that_does_not_exist(open_database: OpenDatabase) -> None:
    def unknown(_host: str) -> tuple[str, ...]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    error, _ = await failure_within(open_database(host="db.invalid", lookup=unknown), 10)
    assert (error.failure.phase, error.failure.reason, error.failure.status) == ("resolve", "dns", Status.DOWN)
    assert error.failure.message == "db.invalid does not resolve: Name or service not known"


async def test_no_route(open_database: OpenDatabase) -> None:
    """255.255.255.255 refuses every TCP connection at once, in the kernel."""
    error, _ = await failure_within(open_database(host="255.255.255.255"), 10)
    assert (error.failure.phase, error.failure.reason) == ("tcp", "unreachable")


@pytest.mark.parametrize(
    ("handler", "phase", "reason"),
    [
        (servers.hang_up, "tls", "reset"),
        (servers.answer_with(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls", "protocol"),
    ],
    ids=["hangs up", "speaks HTTP"],
)
async def test_something_else_listens(
    open_database: OpenDatabase, handler: servers.Handler, phase: str, reason: str
) -> None:
    async with servers.serving(handler) as port:
        error, _ = await failure_within(open_database(port=port, sslmode="require"), 3)
    assert (error.failure.phase, error.failure.reason) == (phase, reason)
    assert error.failure.status is Status.DOWN


@pytest.fixture(scope="module")
def plain() -> Iterator[Cluster]:
    with running(tls=False) as cluster:
        cluster.add_role("app", "app", database="app")
        yield cluster


async def test_a_server_without_tls_is_refused_by_require(open_database: OpenDatabase, plain: Cluster) -> None:
    error, _ = await failure_within(open_database(plain, password="app", sslmode="require"), 10)
    assert (error.failure.phase, error.failure.reason, error.failure.status) == ("tls", "tls", Status.DOWN)


async def test_a_server_without_tls_is_taken_by_prefer(open_database: OpenDatabase, plain: Cluster) -> None:
    answer = await answer_of(open_database(plain, password="app"))
    assert not answer.tls
    assert answer.certificate_expires_at is None


@pytest.mark.parametrize("sslmode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
async def test_every_sslmode_logs_in(open_database: OpenDatabase, cluster: Cluster, sslmode: str) -> None:
    answer = await answer_of(open_database(cluster, host=HOST_NAME, sslmode=sslmode, ca_file=cluster.ca_file))
    assert answer.tls is (sslmode not in {"disable", "allow"})
    assert set(answer.phases) == {"resolve", "tcp", "auth", "query", *(["tls"] if answer.tls else [])}


async def test_verify_full_refuses_another_name(open_database: OpenDatabase, cluster: Cluster) -> None:
    database = open_database(
        cluster,
        host="other.test",
        sslmode="verify-full",
        ca_file=cluster.ca_file,
        lookup=lambda _host: ("127.0.0.1",),
    )
    error, _ = await failure_within(database, 10)
    assert (error.failure.phase, error.failure.reason) == ("tls", "tls")
    assert "does not match host name" in error.failure.message


async def test_verify_full_refuses_another_ca(open_database: OpenDatabase, cluster: Cluster, plain: Cluster) -> None:
    plain.make_certificates()
    database = open_database(cluster, host=HOST_NAME, sslmode="verify-full", ca_file=plain.ca_file)
    error, _ = await failure_within(database, 10)
    assert (error.failure.phase, error.failure.reason) == ("tls", "tls")
    assert "certificate verify failed" in error.failure.message


async def test_a_ca_file_that_cannot_be_read_is_our_fault(open_database: OpenDatabase, cluster: Cluster) -> None:
    database = open_database(cluster, sslmode="verify-full", ca_file=Path("/nonexistent/ca.pem"))
    with pytest.raises(NotConfigured, match=r"CA file /nonexistent/ca\.pem cannot be read: No such file"):
        await answer_of(database)


async def test_a_unix_socket_is_reached_by_its_directory(open_database: OpenDatabase, cluster: Cluster) -> None:
    answer = await answer_of(open_database(cluster, host=str(cluster.directory)))
    assert not answer.tls
    assert "tls" not in answer.phases


async def test_a_unix_socket_that_is_not_there_is_refused(open_database: OpenDatabase, tmp_path: Path) -> None:
    error, _ = await failure_within(open_database(host=str(tmp_path)), 10)
    assert (error.failure.phase, error.failure.reason) == ("tcp", "refused")
    assert error.failure.message == "No such file or directory"

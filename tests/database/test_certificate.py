"""The server's certificate is read beside the looks: it makes none slow, fails none, and takes no slot."""

from __future__ import annotations

import asyncio
import subprocess
import time
from datetime import datetime

import pytest

from monitor.database.certificate import read_expiry
from tests.database import servers
from tests.database.conftest import OpenDatabase
from tests.postgres import HOST_NAME, Cluster, running


def soon(seconds: float = 10.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_the_end_of_the_certificate_and_a_quiet_goodbye(cluster: Cluster) -> None:
    before = len(cluster.log.read_text())
    expires_at = await read_expiry(HOST_NAME, "127.0.0.1", cluster.port)
    assert expires_at == await asyncio.to_thread(_end_of, cluster)
    await asyncio.sleep(0.2)
    assert cluster.log.read_text()[before:] == ""


async def test_an_expired_certificate_has_its_date_too() -> None:
    """Nobody can log in with verify-full then, but the date is what explains it."""
    with running() as cluster:
        await asyncio.to_thread(_certify_for_a_moment, cluster)
        expires_at = await read_expiry(HOST_NAME, "127.0.0.1", cluster.port)
    assert expires_at is not None
    assert expires_at < time.time()


def _end_of(cluster: Cluster) -> float:
    """When the server's certificate ends, as openssl reads it from the file."""
    command = ["openssl", "x509", "-in", str(cluster.certificate), "-noout", "-enddate", "-dateopt", "iso_8601"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return datetime.fromisoformat(said.strip().partition("=")[2]).timestamp()


def _certify_for_a_moment(cluster: Cluster) -> None:
    cluster.certify(days=0)
    cluster.stop()
    cluster.start()
    time.sleep(1.1)


async def test_a_server_without_tls_has_none() -> None:
    async with servers.serving(servers.answer_with(b"N")) as port:
        assert await read_expiry(HOST_NAME, "127.0.0.1", port) is None


@pytest.mark.parametrize("handler", [servers.hang_up, servers.answer_with(b"S\x15\x03\x03\x00\x02\x02\x28")])
async def test_a_broken_answer_is_one_of_three_errors(handler: servers.Handler) -> None:
    async with servers.serving(handler) as port:
        with pytest.raises((OSError, EOFError, ValueError)):
            async with asyncio.timeout(5):
                await read_expiry(HOST_NAME, "127.0.0.1", port)


async def test_a_certificate_that_does_not_come_delays_the_first_look_a_little_and_later_ones_not(
    open_database: OpenDatabase, cluster: Cluster
) -> None:
    async with servers.Proxy(cluster.port, stall_from=2) as proxy:
        database = open_database(port=proxy.port)
        began = time.monotonic()
        answer = await database.look(deadline=soon())
        first = time.monotonic() - began
        assert answer.certificate_expires_at is None
        assert first < 2.0
        assert first - sum(answer.phases.values()) < 0.5
        assert proxy.accepted == 2
        await database.close()
    assert cluster.backends("infra-monitor") == 0


async def test_it_is_read_once_an_hour(open_database: OpenDatabase, cluster: Cluster) -> None:
    async with servers.Proxy(cluster.port) as proxy:
        database = open_database(port=proxy.port)
        answers = [await database.look(deadline=soon()) for _ in range(4)]
        assert proxy.accepted == 5
    assert len({answer.certificate_expires_at for answer in answers}) == 1
    assert answers[0].certificate_expires_at is not None

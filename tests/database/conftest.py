"""A real PostgreSQL for the tests of this folder, and databases that are closed behind each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from monitor.database import Database, DatabaseConfig, DatabaseFailed
from monitor.sources.resolver import Resolver
from tests.postgres import HOST_NAME, Cluster, running

PASSWORD = "canary p@ss'w\\ord/#%? 비밀"
OpenDatabase = Callable[..., Database]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running() as server:
        server.add_role("app", PASSWORD, database="app")
        yield server


@pytest.fixture
async def open_database() -> AsyncIterator[OpenDatabase]:
    """Makes databases; `lookup` replaces the system's resolver."""
    opened: list[tuple[Database, Resolver]] = []

    def make(cluster: Cluster | None = None, *, lookup: Any = None, **settings: Any) -> Database:
        base = {"host": "127.0.0.1", "name": "app", "user": "app", "password": PASSWORD}
        if cluster is not None:
            base["port"] = cluster.port  # type: ignore[assignment]
        resolver = Resolver(lookup or (lambda host: {HOST_NAME: ("127.0.0.1",)}.get(host, ())))
        database = Database(DatabaseConfig(**{**base, **settings}), resolver)
        opened.append((database, resolver))
        return database

    yield make
    for database, resolver in opened:
        await database.close()
        resolver.close()


async def failure_within(database: Database, limit: float) -> tuple[DatabaseFailed, float]:
    """The failure of a look, and the seconds that it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(DatabaseFailed) as caught:
        await database.look(deadline=began + limit)
    return caught.value, loop.time() - began

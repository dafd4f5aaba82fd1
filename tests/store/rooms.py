"""A store on a disk of its own, and ways to look past its words, for tests."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitor.core.model import (
    Incident,
    Notice,
    NoticeKind,
    ServiceState,
    Severity,
    State,
    Status,
)
from monitor.store import Store, Waiting

INCIDENT = Incident("inc-1", "rds", Severity.CRITICAL, 100.0)
STATE = State({"rds": ServiceState(Status.DOWN, 100.0)}, (INCIDENT,), sequence=3)


def notice(number: int = 0, kind: NoticeKind = NoticeKind.OPENED) -> Notice:
    return Notice(kind, replace(INCIDENT, id=f"inc-{number}"), {"rds": Status.DOWN}, 100.0 + number)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(tmp_path / "state")
    yield store
    await store.close()


async def reopened(store: Store, directory: Path) -> Store:
    await store.close()
    return Store.open(directory)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def first(store: Store, channel: str) -> Waiting:
    waiting = await store.next(channel)
    assert waiting
    return waiting


async def rows(store: Store) -> list[str]:
    """The states of all rows; there is no other way to see the ones that are done."""
    return [state for (state,) in await execute(store, "SELECT state FROM outbox ORDER BY number")]


async def execute(store: Store, statement: str) -> list[tuple[str]]:
    return await store._run(lambda: store._connection.execute(statement).fetchall())


@contextmanager
def small_disk() -> Iterator[Path]:
    """16 MiB; needs root."""
    with TemporaryDirectory() as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", name], check=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def fill(disk: Path) -> None:
    """To the last byte."""
    with suppress(OSError), (disk / "large").open("wb", buffering=0) as large:
        while True:
            large.write(b"x" * 4096)

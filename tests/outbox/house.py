"""An outbox with its store, its clock and a real receiver, for tests."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from monitor.core.model import Incident, Notice, NoticeKind, Severity, State, Status
from monitor.notify.base import Channel, Post
from monitor.notify.webhook import WebhookChannel
from monitor.outbox import Outbox, Patience
from monitor.store import Outgoing, Store
from tests.delivery.receiver import Receiver, Request, posting, receiving

HASTY = Patience(shortest=0.001, longest=0.004)


def notice(number: int, kind: NoticeKind = NoticeKind.OPENED, at: float = 100.0) -> Notice:
    return Notice(kind, Incident(f"inc-{number}", "rds", Severity.CRITICAL, at), {"rds": Status.DOWN}, at)


def webhook(receiver: Receiver, name: str | None = None, seconds: float = 15.0) -> WebhookChannel:
    return WebhookChannel(kind="webhook", url=SecretStr(receiver.url), name=name, timeout=seconds)


def incident_of(request: Request) -> str:
    return str(json.loads(request.body)["data"]["incident"]["id"])


def told(receiver: Receiver) -> list[str]:
    return [incident_of(request) for request in receiver.requests]


async def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


@dataclass
class House:
    """A store and, while `running`, an outbox on it."""

    store: Store
    post: Post
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    sequence: int = 0

    async def commit(self, *notices: Notice, channels: tuple[str, ...] = ("webhook",)) -> None:
        self.sequence += 1
        await self.store.commit(
            State(sequence=self.sequence - 1),
            State(sequence=self.sequence),
            [Outgoing(each, channels) for each in notices],
        )

    @asynccontextmanager
    async def running(
        self, *channels: Channel, patience: Patience = HASTY, chance: Callable[[], float] = lambda: 0.5
    ) -> AsyncIterator[Outbox]:
        def outcome(channel: str, kind: str, outcome: str) -> None:
            self.outcomes[channel, kind, outcome] += 1

        outbox = Outbox(
            store=self.store,
            channels=channels,
            post=self.post,
            language="en",
            url="http://127.0.0.1:10142",
            outcome=outcome,
            patience=patience,
            chance=chance,
        )
        await outbox.start()
        try:
            yield outbox
        finally:
            await outbox.close()


@asynccontextmanager
async def furnished(directory: Path) -> AsyncIterator[House]:
    store = Store.open(directory)
    async with posting() as post:
        yield House(store, post)
    await store.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with furnished(tmp_path) as house:
        yield house


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def execute(store: Store, statement: str) -> None:
    """Past the store's own words, on its own thread."""
    await store._run(lambda: store._connection.execute(statement).fetchall())

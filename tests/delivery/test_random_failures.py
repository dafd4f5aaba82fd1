"""10,000 notices through a channel that fails at random arrive once each by id, and in order."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Literal

import pytest
from pydantic import PrivateAttr
from structlog.testing import capture_logs

from monitor.core.model import Incident, Notice, NoticeKind, Severity, State, Status
from monitor.notify.base import Channel, Delivery, NotTaken, Post
from monitor.outbox import Outbox, Patience
from monitor.store import Outgoing, Store
from tests.delivery.receiver import posting
from tests.outbox.house import until

NOTICES = 10_000
FAILING = 0.3
HASTY = Patience(shortest=0.0, longest=0.002)


class FickleChannel(Channel):
    """A receiver that refuses, or loses the connection before or after it has taken a notice."""

    kind: Literal["fickle"] = "fickle"
    _random: random.Random = PrivateAttr(default_factory=lambda: random.Random(7))
    _arrived: list[tuple[str, str]] = PrivateAttr(default_factory=list)

    async def send(self, delivery: Delivery, post: Post) -> str:  # noqa: ARG002 — the contract's names
        chance = self._random.random() / FAILING
        if chance < 0.5:
            raise NotTaken("HTTP 503", retry_after=0.0)
        self._arrived.append((delivery.id, delivery.notice.incident.id))
        if chance < 1:
            raise NotTaken("the connection was closed before an answer came")
        return "taken"


def of(number: int) -> Notice:
    incident = Incident(f"inc-{number}", "rds", Severity.CRITICAL, float(number))
    return Notice(NoticeKind.OPENED, incident, {"rds": Status.DOWN}, float(number))


@pytest.mark.timeout(300)
async def test_10000_notices_arrive_once_each_by_id_and_in_order(tmp_path: Path) -> None:
    """Some arrive more than once (their answer was lost), always under the same id, and next to each other: whoever
    drops the ids that it has had sees each once, and in the order in which they came about."""
    channel, store = FickleChannel(), Store.open(tmp_path)
    outcomes: Counter[str] = Counter()
    with capture_logs():
        await _deliver(channel, store, outcomes)
    assert await store.backlog() == {}
    await store.close()
    arrived = channel._arrived
    once = list(dict.fromkeys(arrived))
    assert [incident for _, incident in once] == [f"inc-{number}" for number in range(NOTICES)]
    assert len({name for name, _ in once}) == NOTICES
    assert [pair for place, pair in enumerate(arrived) if place == 0 or arrived[place - 1] != pair] == once
    assert len(arrived) > NOTICES * 1.1
    assert outcomes["retried"] > NOTICES * 0.3
    assert outcomes.keys() == {"delivered", "retried"}


async def _deliver(channel: FickleChannel, store: Store, outcomes: Counter[str]) -> None:
    async with posting() as post:
        outbox = Outbox(
            store=store,
            channels=[channel],
            post=post,
            language="en",
            url="",
            outcome=lambda _channel, _kind, outcome: outcomes.update((outcome,)),
            patience=HASTY,
        )
        await outbox.start()
        for begin in range(0, NOTICES, 500):
            notices = [Outgoing(of(number), ("fickle",)) for number in range(begin, begin + 500)]
            await store.commit(State(sequence=begin), State(sequence=begin + 500), notices)
            outbox.wake()
        await until(lambda: outcomes["delivered"] == NOTICES, seconds=280)
        await outbox.close()

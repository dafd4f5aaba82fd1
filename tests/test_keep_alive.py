"""What is open is told again to receivers that would take it for over; with a channel that notes what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Literal

import pytest
from pydantic import PrivateAttr
from structlog.testing import capture_logs

from monitor.clock import SystemClock
from monitor.core.model import Incident, NoticeKind, ServiceState, State, Status
from monitor.keep_alive import OVER_SECONDS, KeepAlive
from monitor.notify.base import Channel, Delivery, NotTaken, Post
from tests.delivery.receiver import posting
from tests.notify.notices import INCIDENT
from tests.outbox.house import until


class ForgetfulChannel(Channel):
    kind: Literal["all"] = "all"
    every: float | None = 0.02
    _told: list[tuple[Delivery, ...]] = PrivateAttr(default_factory=list)
    _refuses: list[bool] = PrivateAttr(default_factory=lambda: [False])

    @property
    def refreshed_every(self) -> float | None:
        return self.every

    async def send(self, delivery: Delivery, post: Post) -> str:
        raise AssertionError(delivery, post)  # what is only kept alive is never sent as a notice of its own

    async def refresh(self, deliveries: Sequence[Delivery], post: Post) -> None:  # noqa: ARG002 — the contract's names
        self._told.append(tuple(deliveries))
        if self._refuses[-1]:
            raise NotTaken("HTTP 503")


@asynccontextmanager
async def repeating(channel: Channel, *incidents: Incident) -> AsyncIterator[None]:
    state = State(services={"app": ServiceState(Status.DOWN)}, incidents=incidents)
    async with posting() as post:
        one = KeepAlive(state=lambda: state, post=post, url="http://m")
        one.use([channel], language="ko", timezone="Asia/Seoul")
        try:
            yield
        finally:
            await one.close()


async def test_what_the_channel_knows_of_is_told_again_and_again() -> None:
    channel = ForgetfulChannel()
    async with repeating(channel, INCIDENT, replace(INCIDENT, id="unheard", told=())):
        await until(lambda: len(channel._told) >= 3)
    assert {tuple(each.notice.incident.id for each in told) for told in channel._told} == {("inc-1",)}
    (one,) = channel._told[0]
    assert (one.notice.kind, one.language, one.url, one.timezone) == (
        NoticeKind.UPDATED, "ko", "http://m", "Asia/Seoul",
    )  # fmt: skip
    assert one.notice.statuses == {"app": Status.DOWN}


@pytest.mark.parametrize(("ago", "is_told"), [(OVER_SECONDS - 30, True), (OVER_SECONDS + 1, False)])
async def test_what_is_over_is_told_for_five_minutes(ago: float, *, is_told: bool) -> None:
    channel = ForgetfulChannel()
    over = replace(INCIDENT, resolved_at=SystemClock().now() - ago)
    async with repeating(channel, over):
        await asyncio.sleep(0.2)
    assert bool(channel._told) is is_told
    if is_told:
        assert channel._told[0][0].notice.kind is NoticeKind.RESOLVED


async def test_trouble_is_said_once_and_its_end_too() -> None:
    channel = ForgetfulChannel()
    channel._refuses.append(True)
    with capture_logs() as logs:
        async with repeating(channel, INCIDENT):
            await until(lambda: len(channel._told) >= 4)
            channel._refuses.append(False)
            await until(lambda: len(logs) >= 2)
    assert logs == [
        {"event": "channel.refresh_failed", "channel": "all", "error": "HTTP 503", "log_level": "warning"},
        {"event": "channel.refreshed_again", "channel": "all", "log_level": "info"},
    ]


async def test_how_often_it_failed_and_why_is_known_until_it_works_again_or_the_channel_leaves() -> None:
    channel = ForgetfulChannel()
    channel._refuses.append(True)
    async with posting() as post:
        one = KeepAlive(state=lambda: State(incidents=(INCIDENT,)), post=post, url="http://m")
        one.use([channel], language="en", timezone="UTC")
        assert (one.troubles, dict(one.failures)) == ({}, {"all": 0})
        await until(lambda: one.failures["all"] >= 2)
        assert one.troubles == {"all": "HTTP 503"}
        channel._refuses.append(False)
        await until(lambda: one.troubles == {})
        assert one.failures["all"] >= 2
        channel._refuses.append(True)
        await until(lambda: one.troubles)
        one.use([], language="en", timezone="UTC")
        assert (one.troubles, dict(one.failures)) == ({}, {})
        await one.close()


async def test_who_does_not_ask_for_it_hears_nothing_again() -> None:
    channel = ForgetfulChannel(every=None)
    async with repeating(channel, INCIDENT):
        await asyncio.sleep(0.1)
    assert channel._told == []


async def test_a_bug_is_heard_of_at_once() -> None:
    class Broken(ForgetfulChannel):
        async def refresh(self, deliveries: Sequence[Delivery], post: Post) -> None:
            raise ArithmeticError(deliveries, post)

    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
    async with repeating(Broken(), INCIDENT):
        await until(lambda: heard)
    assert isinstance(heard[0]["exception"], ArithmeticError)

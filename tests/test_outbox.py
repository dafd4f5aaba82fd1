"""What is owed is sent until it is taken: in order, at least once, and no channel waits for another."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.testing import capture_logs

from monitor import outbox as outbox_module
from monitor.core.model import Incident, Notice, NoticeKind, Severity, State, Status
from monitor.notify.base import Channel, Delivery, NotTaken, Post
from monitor.notify.webhook import WebhookChannel
from monitor.outbox import BUG_TRIES, Outbox, Patience
from monitor.store import Backlog, Outgoing, Store, StoreError, Waiting
from tests.delivery.busy import held
from tests.delivery.receiver import Receiver, Request, accept, posting, receiving

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


class TestDelivery:
    async def test_what_is_owed_at_the_start_is_sent(self, house: House, receiver: Receiver) -> None:
        await house.commit(notice(1), notice(2))
        async with house.running(webhook(receiver)):
            await until(lambda: len(receiver.requests) == 2)
        assert told(receiver) == ["inc-1", "inc-2"]
        assert house.outcomes == {("webhook", "opened", "delivered"): 2}
        assert await house.store.backlog() == {}

    async def test_what_comes_later_is_sent_when_it_is_told_so(self, house: House, receiver: Receiver) -> None:
        async with house.running(webhook(receiver)) as outbox:
            for number in range(3):
                await house.commit(notice(number))
                outbox.wake()
                await until(lambda: len(receiver.requests) == number + 1)  # noqa: B023 — awaited in its own round
        assert told(receiver) == ["inc-0", "inc-1", "inc-2"]

    async def test_every_channel_gets_its_own(self, house: House, receiver: Receiver) -> None:
        async with receiving() as other:
            await house.commit(notice(1), channels=("a", "b"))
            async with house.running(webhook(receiver, "a"), webhook(other, "b")):
                await until(lambda: receiver.requests and other.requests)
            assert receiver.requests[0].id != other.requests[0].id

    async def test_a_failure_is_tried_again_under_the_same_id(self, house: House, receiver: Receiver) -> None:
        receiver.answers(503)
        await house.commit(notice(1))
        async with house.running(webhook(receiver)):
            await until(lambda: len(receiver.requests) >= 5)
            receiver.answer = accept
            await until(lambda: house.outcomes["webhook", "opened", "delivered"])
        assert len({(request.id, request.body) for request in receiver.requests}) == 1
        assert house.outcomes["webhook", "opened", "retried"] == len(receiver.requests) - 1

    async def test_a_later_notice_does_not_overtake(self, house: House, receiver: Receiver) -> None:
        receiver.answers(503)
        await house.commit(notice(1), notice(1, NoticeKind.RESOLVED))
        async with house.running(webhook(receiver)) as outbox:
            await until(lambda: len(receiver.requests) >= 5)
            await house.commit(notice(2))
            outbox.wake()
            assert {json.loads(request.body)["type"] for request in receiver.requests} == {"incident.opened"}
            receiver.answer = accept
            await until(lambda: told(receiver)[-1:] == ["inc-2"])
        assert [json.loads(request.body)["type"] for request in receiver.requests[-3:]] == [
            "incident.opened",
            "incident.resolved",
            "incident.opened",
        ]

    async def test_a_slow_channel_delays_no_other(self, house: House, receiver: Receiver) -> None:
        async def hang(_request: Request) -> web.Response:
            await asyncio.sleep(60)
            return web.Response()

        async with receiving() as slow:
            slow.answer = hang
            await house.commit(*(notice(number) for number in range(20)), channels=("slow", "quick"))
            async with house.running(webhook(slow, "slow", seconds=3), webhook(receiver, "quick")):
                await until(lambda: len(receiver.requests) == 20)
                assert len(slow.requests) <= 1
        assert told(receiver) == [f"inc-{number}" for number in range(20)]

    async def test_the_wait_that_was_asked_for_is_kept(self, house: House, receiver: Receiver) -> None:
        times: list[float] = []

        async def answer(_request: Request) -> web.Response:
            times.append(house.post.clock.monotonic())
            return web.Response(status=429 if len(times) == 1 else 200, headers={"Retry-After": "1"})

        receiver.answer = answer
        await house.commit(notice(1))
        async with house.running(webhook(receiver)) as outbox:
            await until(lambda: len(times) == 1)
            outbox.wake()  # news from elsewhere shortens no pause
            await until(lambda: len(times) == 2)
        assert times[1] - times[0] >= 0.99

    async def test_refused_for_good_is_dead_and_said_loudly(self, house: House, receiver: Receiver) -> None:
        receiver.answers(404)
        await house.commit(notice(1))
        with capture_logs() as logs:
            async with house.running(webhook(receiver)) as outbox:
                await until(lambda: house.outcomes)
                receiver.answer = accept
                await house.commit(notice(2))
                outbox.wake()
                await until(lambda: len(receiver.requests) == 2)
        assert house.outcomes["webhook", "opened", "dead"] == 1
        assert told(receiver) == ["inc-1", "inc-2"]
        assert (await house.store.backlog())["webhook"].dead == 1
        (dead,) = (line for line in logs if line["event"] == "notice.dead")
        assert (dead["log_level"], dead["error"], dead["incident"], dead["id"]) == (
            "error",
            "HTTP 404",
            "inc-1",
            receiver.requests[0].id,
        )

    async def test_410_stops_the_channel_until_the_next_start(self, house: House, receiver: Receiver) -> None:
        """The notice is kept: what is gone is the address, and the next configuration may have another."""
        receiver.answers(410)
        await house.commit(notice(1), notice(2))
        async with house.running(webhook(receiver)) as outbox:
            await until(lambda: house.outcomes)
            outbox.wake()
            await asyncio.sleep(0.1)
        assert house.outcomes == {("webhook", "opened", "stopped"): 1}
        assert len(receiver.requests) == 1
        receiver.answer = accept
        async with house.running(webhook(receiver)):
            await until(lambda: len(receiver.requests) == 3)
        assert told(receiver) == ["inc-1", "inc-1", "inc-2"]

    async def test_a_channel_that_is_gone_keeps_its_notices_and_is_reported(self, house: House) -> None:
        await house.commit(notice(1), channels=("old",))
        with capture_logs() as logs:
            async with house.running() as outbox:
                assert outbox.backlog["old"].pending == 1
        assert {"event": "outbox.unconfigured", "channel": "old", "pending": 1, "log_level": "warning"} in logs
        assert (await house.store.backlog())["old"].pending == 1

    async def test_a_pause_does_not_outlive_a_restart(self, house: House, receiver: Receiver) -> None:
        """Nor does a clock that was a year ahead."""
        await house.commit(notice(1))
        waiting = await house.store.next("webhook")
        assert waiting
        await house.store.postpone(waiting, house.post.clock.now() + 365 * 86400, "HTTP 503")
        async with house.running(webhook(receiver)):
            await until(lambda: receiver.requests)


class TestCounts:
    async def test_pending_and_age_are_known_without_asking_the_disk(self, house: House, receiver: Receiver) -> None:
        receiver.answers(503)
        now = house.post.clock.now()
        async with house.running(webhook(receiver)) as outbox:
            assert outbox.backlog == {}
            await house.commit(notice(1, at=now - 50), notice(2, at=now - 20))
            outbox.wake()
            await until(lambda: outbox.backlog == {"webhook": Backlog(pending=2, oldest_created_at=now - 50)})
            receiver.answer = accept
            await until(lambda: outbox.backlog == {})


class Broken(Channel):
    """A channel with a bug of ours."""

    kind: Literal["broken"] = "broken"
    poison: str

    async def send(self, delivery: Delivery, post: Post) -> None:
        if delivery.notice.incident.id == self.poison:
            raise KeyError(f"http://me:canary@host/{post}")


class TestTrouble:
    async def test_a_bug_of_ours_costs_one_notice_and_not_the_pager(self, house: House) -> None:
        await house.commit(notice(1), notice(2), notice(3), channels=("broken",))
        with capture_logs() as logs:
            async with house.running(Broken(poison="inc-2")):
                await until(lambda: house.outcomes["broken", "opened", "delivered"] == 2)
        assert house.outcomes["broken", "opened", "retried"] == BUG_TRIES - 1
        assert house.outcomes["broken", "opened", "dead"] == 1
        (dead,) = (line for line in logs if line["event"] == "notice.dead")
        assert dead["error"].startswith("KeyError in test_outbox.py:")
        assert "canary" not in str(logs)

    async def test_a_channel_that_never_ends_is_cut_off(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        class Endless(Channel):
            kind: Literal["endless"] = "endless"

            async def send(self, delivery: Delivery, post: Post) -> None:  # noqa: ARG002 — the contract's names
                await asyncio.sleep(3600)

        monkeypatch.setattr(outbox_module, "SEND_SECONDS", 0.05)
        await house.commit(notice(1), channels=("endless",))
        with capture_logs() as logs:
            async with house.running(Endless()):
                await until(lambda: house.outcomes["endless", "opened", "retried"] >= 2)
        assert logs[0]["error"] == "no end within 0.05 s"

    async def test_what_cannot_be_noted_as_sent_is_not_sent_again_meanwhile(
        self, house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The disk refuses writes (really: by `query_only`) while the notice is on its way."""
        monkeypatch.setattr(outbox_module, "STORE_RETRY_SECONDS", 0.02)

        async def refuse_writes(_request: Request) -> web.Response:
            await execute(house.store, "PRAGMA query_only = 1")
            return web.Response()

        receiver.answer = refuse_writes
        await house.commit(notice(1))
        with capture_logs() as logs:
            async with house.running(webhook(receiver)):
                await until(lambda: sum(line["event"] == "store.failed" for line in logs) >= 5)
                assert len(receiver.requests) == 1
                await execute(house.store, "PRAGMA query_only = 0")
                await until(lambda: house.outcomes["webhook", "opened", "delivered"])
        assert len(receiver.requests) == 1

    async def test_a_pager_that_dies_of_a_bug_is_heard_of_at_once(self, house: House, receiver: Receiver) -> None:
        """Not a bug of a channel but of ours around it: here, whoever counts the outcomes raises."""
        heard: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))

        def outcome(*_: str) -> None:
            raise ArithmeticError

        outbox = Outbox(
            store=house.store, channels=[webhook(receiver)], post=house.post, language="en", url="", outcome=outcome
        )
        await house.commit(notice(1))
        await outbox.start()
        await until(lambda: heard)
        assert isinstance(heard[0]["exception"], ArithmeticError)
        await outbox.close()

    async def test_the_start_says_when_the_disk_refuses(self, house: House) -> None:
        await house.commit(notice(1))
        await execute(house.store, "UPDATE outbox SET next_attempt_at = 9e15")
        await execute(house.store, "PRAGMA query_only = 1")
        with pytest.raises(StoreError, match="readonly"):
            async with house.running():
                pass
        await execute(house.store, "PRAGMA query_only = 0")


async def execute(store: Store, statement: str) -> None:
    await store._run(lambda: store._connection.execute(statement).fetchall())


class TestClose:
    async def test_what_is_being_sent_arrives_and_the_rest_stays(self, house: House, receiver: Receiver) -> None:
        arrived = asyncio.Event()

        async def slowly(_request: Request) -> web.Response:
            arrived.set()
            await asyncio.sleep(0.3)
            return web.Response()

        receiver.answer = slowly
        await house.commit(notice(1), notice(2))
        async with house.running(webhook(receiver)):
            await arrived.wait()
        assert house.outcomes == {("webhook", "opened", "delivered"): 1}
        assert len(receiver.requests) == 1
        assert (await house.store.backlog())["webhook"].pending == 1

    async def test_nothing_is_begun_any_more(self, house: House, receiver: Receiver) -> None:
        """The end comes while the disk is still looking for the next notice."""
        async with house.running(webhook(receiver)) as outbox:
            await asyncio.sleep(0.05)
            await house.commit(notice(1))
            with held(house.store):
                outbox.wake()
                await asyncio.sleep(0.05)
                closing = asyncio.create_task(outbox.close())
                await asyncio.sleep(0.05)
            await closing
        assert not receiver.requests
        assert (await house.store.backlog())["webhook"].pending == 1

    async def test_it_does_not_wait_for_ever(
        self, house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outbox_module, "DRAIN_SECONDS", 0.1)
        arrived = asyncio.Event()

        async def hang(_request: Request) -> web.Response:
            arrived.set()
            await asyncio.sleep(60)
            return web.Response()

        receiver.answer = hang
        await house.commit(notice(1))
        async with asyncio.timeout(10):
            async with house.running(webhook(receiver)):
                await arrived.wait()
        waiting = await house.store.next("webhook")
        assert waiting
        assert waiting.id == receiver.requests[0].id

    async def test_a_pause_or_an_empty_outbox_does_not_hold_up_the_end(self, house: House) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            dead = WebhookChannel(kind="webhook", url=SecretStr(f"http://127.0.0.1:{unused.getsockname()[1]}/"))
            await house.commit(notice(1))
            async with asyncio.timeout(8), house.running(dead, patience=Patience()):
                await until(lambda: house.outcomes["webhook", "opened", "retried"])
            async with asyncio.timeout(8), house.running():
                pass

    async def test_closing_what_never_began_is_harmless(self, house: House, receiver: Receiver) -> None:
        await Outbox(
            store=house.store,
            channels=[webhook(receiver)],
            post=house.post,
            language="en",
            url="",
            outcome=lambda *_: None,
        ).close()


ANSWERS = st.sampled_from([200, 200, 500, 503, 429, 408, 301, 400, 404])


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers=st.lists(ANSWERS, max_size=30), batches=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_whatever_it_answers_every_notice_is_told_in_order_30_stories(answers: list[int], batches: list[int]) -> None:
    """Each notice is tried, over and over under one id, until it is taken or refused for good; only then the next."""

    async def story(directory: Path) -> None:
        script = iter(answers)
        log: list[tuple[str, str, int]] = []

        async def answer(request: Request) -> web.Response:
            status = next(script, 200)
            log.append((incident_of(request), request.id, status))
            return web.Response(status=status)

        async with receiving() as receiver, furnished(directory) as house:
            receiver.answer = answer
            numbers = iter(range(100))
            async with house.running(webhook(receiver)) as outbox:
                for batch in batches:
                    await house.commit(*(notice(next(numbers)) for _ in range(batch)))
                    outbox.wake()
                ended = sum(batches)
                await until(lambda: house.outcomes.total() - house.outcomes["webhook", "opened", "retried"] == ended)
        ends = [(incident, status) for incident, _, status in log if status in (200, 400, 404)]
        assert [incident for incident, _ in ends] == [f"inc-{number}" for number in range(sum(batches))]
        assert [incident for incident, _, _ in log] == sorted((i for i, _, _ in log), key=lambda i: int(i[4:]))
        assert len({(incident, name) for incident, name, _ in log}) == sum(batches)

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(story(Path(directory)))


def waiting(attempts: int, created_at: float = 0.0) -> Waiting:
    return Waiting("msg_1", "webhook", notice(1), attempts, created_at, created_at)


CHANCES = st.floats(0.0, 1.0, exclude_max=True)
ATTEMPTS = st.integers(0, 10_000)


class TestPatience:
    @given(ATTEMPTS, CHANCES)
    def test_pauses_are_between_one_second_and_five_minutes(self, attempts: int, chance: float) -> None:
        assert 1.0 <= Patience().pause(attempts, chance) <= 300.0

    def test_pauses_double_at_most_and_are_spread_over_all_that_is_below(self) -> None:
        longest = [Patience().pause(attempts, 1.0) for attempts in range(1, 12)]
        assert longest == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
        assert {Patience().pause(attempts, 0.0) for attempts in range(12)} == {1.0}

    @given(ATTEMPTS, st.floats(0, 24 * 3600), CHANCES, st.none() | st.floats(0, 3600))
    def test_what_may_be_asked_again_is_never_given_up_within_a_day(
        self, attempts: int, age: float, chance: float, wait: float | None
    ) -> None:
        refusal = NotTaken("HTTP 503", retry_after=wait)
        again = Patience().next_try(waiting(attempts), refusal, now=age, chance=chance)
        assert again is not None
        assert again >= age + max(1.0, wait or 0.0)

    @given(st.integers(0, 8), st.floats(0, 1e9), CHANCES)
    def test_nor_before_it_was_tried_ten_times_however_old_it_is(
        self, attempts: int, age: float, chance: float
    ) -> None:
        assert Patience().next_try(waiting(attempts), NotTaken("HTTP 503"), now=age, chance=chance) is not None

    def test_after_a_long_weekend_it_is(self) -> None:
        after = 72 * 3600.0
        assert Patience().next_try(waiting(9), NotTaken("HTTP 503"), now=after, chance=0.5) is None
        assert Patience().next_try(waiting(9), NotTaken("HTTP 503"), now=after - 1, chance=0.5) is not None

    def test_what_is_refused_for_good_is_given_up_at_once(self) -> None:
        assert Patience().next_try(waiting(0), NotTaken("HTTP 404", permanent=True), now=0.0, chance=0.5) is None

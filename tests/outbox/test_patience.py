"""How an outbox ends: closed in order, patient with its receivers, and in order whatever they answer."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from monitor import outbox as outbox_module
from monitor.notify.base import NotTaken
from monitor.notify.webhook import WebhookChannel
from monitor.outbox import Outbox, Patience
from monitor.store import Waiting
from tests.delivery.busy import held
from tests.delivery.receiver import Receiver, Request, receiving
from tests.outbox.house import House, furnished, incident_of, notice, until, webhook

HASTY = Patience(shortest=0.001, longest=0.004)


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

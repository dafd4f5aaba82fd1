"""What is owed is sent until it is taken: in order, at least once, and no channel waits for another."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from monitor import outbox as outbox_module
from monitor.core.model import NoticeKind
from monitor.notify.base import Channel, Delivery, Post
from monitor.outbox import BUG_TRIES, Outbox, Patience
from monitor.store import Backlog, StoreError
from tests.delivery.receiver import Receiver, Request, accept, receiving
from tests.outbox.house import House, execute, notice, told, until, webhook

HASTY = Patience(shortest=0.001, longest=0.004)


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
        await house.commit(notice(1, at=house.post.clock.now()), channels=("old",))
        with capture_logs() as logs:
            async with house.running() as outbox:
                (old,) = outbox.standings
                assert (old.channel, old.kind, old.owed.pending) == ("old", None, 1)
        assert {"event": "outbox.unconfigured", "channel": "old", "pending": 1, "log_level": "warning"} in logs
        assert (await house.store.backlog())["old"].pending == 1

    async def test_what_a_channel_that_is_gone_is_owed_is_abandoned_in_the_end_and_each_is_told_of(
        self, house: House, receiver: Receiver
    ) -> None:
        """As late as for a receiver that is away; what is younger goes on waiting, and so does another channel's."""
        now = house.post.clock.now()
        await house.commit(notice(1, at=now - 101), notice(2, at=now - 100.5), notice(3, at=now), channels=("old",))
        receiver.answers(503)
        await house.commit(notice(4, at=now - 500), channels=("webhook",))
        patience = Patience(shortest=0.001, longest=0.004, give_up_after=100.0, tries=10**9)
        with capture_logs() as logs:
            async with house.running(webhook(receiver), patience=patience) as outbox:
                await until(lambda: house.outcomes["old", "opened", "abandoned"] == 2)
                await until(lambda: outbox.standings[1].owed == Backlog(pending=1, dead=2, oldest_created_at=now))
        told_of = [line for line in logs if line["event"] == "notice.abandoned"]
        assert [(line["incident"], line["log_level"]) for line in told_of] == [("inc-1", "error"), ("inc-2", "error")]
        assert {line["error"] for line in told_of} == {"no channel of this name is configured any more"}
        assert house.outcomes["webhook", "opened", "abandoned"] == 0

    async def test_a_channel_that_leaves_owing_something_is_reported_and_one_that_comes_back_is_served(
        self, house: House, receiver: Receiver
    ) -> None:
        receiver.answers(503)
        now = house.post.clock.now()
        await house.commit(notice(1, at=now))
        with capture_logs() as logs:
            async with house.running(webhook(receiver)) as outbox:
                await until(lambda: receiver.requests)
                outbox.reload([], language="en")
                assert [(each.channel, each.kind) for each in outbox.standings] == [("webhook", None)]
                receiver.answer = accept
                outbox.reload([webhook(receiver)], language="en")
                await until(lambda: house.outcomes["webhook", "opened", "delivered"])
        assert "outbox.unconfigured" in [line["event"] for line in logs]

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
            assert outbox.standings[0].owed == Backlog()
            await house.commit(notice(1, at=now - 50), notice(2, at=now - 20))
            outbox.wake()
            await until(lambda: outbox.standings[0].owed == Backlog(pending=2, oldest_created_at=now - 50))
            receiver.answer = accept
            await until(lambda: outbox.standings[0].owed == Backlog())


class TestStandings:
    async def test_they_say_what_came_of_the_newest_try(self, house: House, receiver: Receiver) -> None:
        receiver.answers(503)
        async with house.running(webhook(receiver), webhook(receiver, "other")) as outbox:
            one, other = outbox.standings
            assert (one.channel, one.kind, one.newest, one.delivered_at) == ("webhook", "webhook", None, None)
            await house.commit(notice(1))
            outbox.wake()
            await until(lambda: (newest := outbox.standings[0].newest) and newest.error == "HTTP 503")
            receiver.answer = accept
            await until(lambda: outbox.standings[0].delivered_at)
            newest = outbox.standings[0].newest
            assert newest
            assert (newest.outcome, newest.error, newest.at) == ("delivered", "", outbox.standings[0].delivered_at)
            assert outbox.standings[1] == other

    async def test_they_are_known_after_a_restart(self, house: House, receiver: Receiver) -> None:
        """The newest end of any kind, and beside it when a notice was taken last."""
        await house.commit(notice(1), notice(2))

        async def answer(_request: Request) -> web.Response:
            return web.Response(status=200 if len(receiver.requests) == 1 else 404)

        receiver.answer = answer
        async with house.running(webhook(receiver)):
            await until(lambda: house.outcomes["webhook", "opened", "dead"])
        async with house.running(webhook(receiver)) as outbox:
            (known,) = outbox.standings
        assert known.newest
        assert (known.newest.outcome, known.newest.error, known.owed.dead) == ("dead", "HTTP 404", 1)
        assert known.delivered_at
        assert known.delivered_at <= known.newest.at

    async def test_a_stop_lasts_until_the_channel_is_begun_anew(self, house: House, receiver: Receiver) -> None:
        receiver.answers(410)
        await house.commit(notice(1))
        async with house.running(webhook(receiver)) as outbox:
            await until(lambda: outbox.standings[0].stopped)
            stopped = outbox.standings[0].stopped
            assert stopped
            assert (stopped.outcome, stopped.error) == ("stopped", "HTTP 410, the receiver wants nothing more")
            receiver.answer = accept
            await until(outbox._sending["webhook"].done)
            outbox.reload([webhook(receiver)], language="en")
            await until(lambda: outbox.standings[0].delivered_at)
            assert outbox.standings[0].stopped is None


class Broken(Channel):
    """A channel with a bug of ours."""

    kind: Literal["broken"] = "broken"
    poison: str

    async def send(self, delivery: Delivery, post: Post) -> str:
        if delivery.notice.incident.id == self.poison:
            raise KeyError(f"http://me:canary@host/{post}")
        return "taken"


class TestTrouble:
    async def test_a_bug_of_ours_costs_one_notice_and_not_the_pager(self, house: House) -> None:
        await house.commit(notice(1), notice(2), notice(3), channels=("broken",))
        with capture_logs() as logs:
            async with house.running(Broken(poison="inc-2")):
                await until(lambda: house.outcomes["broken", "opened", "delivered"] == 2)
        assert house.outcomes["broken", "opened", "retried"] == BUG_TRIES - 1
        assert house.outcomes["broken", "opened", "dead"] == 1
        (dead,) = (line for line in logs if line["event"] == "notice.dead")
        assert dead["error"].startswith("KeyError in test_delivery.py:")
        assert "canary" not in str(logs)

    async def test_a_channel_that_never_ends_is_cut_off(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        class Endless(Channel):
            kind: Literal["endless"] = "endless"

            async def send(self, delivery: Delivery, post: Post) -> str:  # noqa: ARG002 — the contract's names
                await asyncio.sleep(3600)
                return "never"

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
        stopped = outbox.standings[0].stopped
        assert stopped
        assert stopped.error == "ArithmeticError, a bug of the monitor; its log says more"
        await outbox.close()

    async def test_the_start_says_when_the_disk_refuses(self, house: House) -> None:
        await house.commit(notice(1))
        await execute(house.store, "UPDATE outbox SET next_attempt_at = 9e15")
        await execute(house.store, "PRAGMA query_only = 1")
        with pytest.raises(StoreError, match="readonly"):
            async with house.running():
                pass
        await execute(house.store, "PRAGMA query_only = 0")


class TestReload:
    async def test_a_channel_that_is_new_gets_what_waits_for_it(self, house: House, receiver: Receiver) -> None:
        await house.commit(notice(1))
        async with house.running() as outbox:
            outbox.reload([webhook(receiver)], language="en")
            await until(lambda: told(receiver) == ["inc-1"])

    async def test_what_is_being_sent_arrives_before_the_changed_channel_goes_on(
        self, house: House, receiver: Receiver
    ) -> None:
        async with receiving() as other, house.running(webhook(receiver)) as outbox:
            for number in range(1, 30):
                await house.commit(notice(number))
                outbox.wake()
                outbox.reload([webhook((receiver, other)[number % 2])], language="en")
            await until(lambda: len(told(receiver)) + len(told(other)) == 29)
        ids = [request.headers["webhook-id"] for each in (receiver, other) for request in each.requests]
        assert len(set(ids)) == 29, "none was sent twice"
        assert told(receiver) == sorted(told(receiver), key=lambda each: int(each[4:]))

    async def test_a_channel_that_left_is_sent_nothing_and_one_that_stayed_goes_on(
        self, house: House, receiver: Receiver
    ) -> None:
        async with receiving() as gone:
            stays, leaves = webhook(receiver, "stays"), webhook(gone, "leaves")
            async with house.running(stays, leaves) as outbox:
                task = outbox._sending["stays"]
                for _ in range(100):
                    outbox.reload([webhook(receiver, "stays")], language="en")
                await house.commit(notice(1), channels=("stays", "leaves"))
                outbox.wake()
                await until(lambda: told(receiver) == ["inc-1"])
                assert outbox._sending["stays"] is task, "it was never begun anew"
            assert gone.requests == []

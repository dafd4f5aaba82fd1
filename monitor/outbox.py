"""Takes what is owed to each channel from the disk and sends it until it is taken."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Final, TypeAlias, TypeVar

import structlog

from monitor.notify.base import Channel, Delivery, NotTaken, Post
from monitor.standings import Standing, Try
from monitor.store import Backlog, Store, StoreError, Waiting

log = structlog.get_logger(__name__)

_T = TypeVar("_T")

SEND_SECONDS: Final = 30.0
DRAIN_SECONDS: Final = 10.0
STORE_RETRY_SECONDS: Final = 5.0
COUNT_SECONDS: Final = 1.0
PRUNE_SECONDS: Final = 3600.0
BUG_TRIES: Final = 5
LEFT: Final = "no channel of this name is configured any more"
_ENDED: Final = {"done": "delivered", "dead": "dead"}
"""What the store calls the end of a notice, and what it is called here."""

Outcome: TypeAlias = Callable[[str, str, str], None]
"""Told of each try: the channel's label, the notice's kind, and `delivered`, `retried`, `dead`, `stopped` or
`abandoned`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait between tries, and when to give up: not before a long weekend is over, and never before
    `tries`, so that notices which lay in a stopped monitor get their chance."""

    shortest: float = 1.0
    longest: float = 300.0
    give_up_after: float = 72 * 3600.0
    tries: int = 10

    def pause(self, attempts: int, chance: float) -> float:
        """Full jitter: anywhere between the shortest pause and one that doubles with each try. `chance` is 0 … 1."""
        highest = min(self.longest, self.shortest * 2.0 ** min(attempts, 32))
        return self.shortest + chance * (highest - self.shortest)

    def next_try(self, waiting: Waiting, refusal: NotTaken, *, now: float, chance: float) -> float | None:
        """When to try again what was refused just now; None when it is to be given up."""
        attempts = waiting.attempts + 1
        if refusal.permanent:
            return None
        if attempts >= self.tries and now - waiting.created_at >= self.give_up_after:
            return None
        return now + max(self.pause(attempts, chance), refusal.retry_after or 0.0)


class Outbox:
    """At least once, in order, and no channel waits for another.

    One task for each channel sends its oldest notice until that is taken or dead, then the next. What is owed to a
    channel that is no longer configured waits for it to come back for as long as for a receiver that is away; then it
    is abandoned.
    """

    def __init__(
        self,
        *,
        store: Store,
        channels: Sequence[Channel],
        post: Post,
        language: str,
        url: str,
        outcome: Outcome,
        timezone: str = "UTC",
        patience: Patience = Patience(),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._channels = {channel.label: channel for channel in channels}
        self._post = post
        self._language = language
        self._url = url
        self._timezone = timezone
        self._outcome = outcome
        self._patience = patience
        self._chance = chance
        self._news = {label: asyncio.Event() for label in self._channels}
        self._counting = asyncio.Event()
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._backlog: dict[str, Backlog] = {}
        self._newest: dict[str, Try] = {}
        self._delivered: dict[str, Try] = {}
        self._stopped: dict[str, Try] = {}
        self._closing = False

    @property
    def standings(self) -> tuple[Standing, ...]:
        """Every configured channel in its order, then those that have left while something is owed to them. What is
        owed is counted once a second at most."""
        left = [label for label, owed in self._backlog.items() if owed.pending and label not in self._channels]
        return tuple(map(self._standing, (*self._channels, *left)))

    def _standing(self, label: str) -> Standing:
        channel, delivered = self._channels.get(label), self._delivered.get(label)
        return Standing(
            channel=label,
            kind=channel.kind if channel else None,
            owed=self._backlog.get(label, Backlog()),
            newest=self._newest.get(label),
            delivered_at=delivered.at if delivered else None,
            stopped=self._stopped.get(label),
        )

    async def start(self) -> None:
        """Begin to send. What an earlier run still owes is tried at once, whatever pause it was in: the reason may be
        gone with the restart, and its clock may have been another. Raises StoreError."""
        await self._store.hasten(self._post.clock.now())
        self._backlog = await self._store.backlog()
        for label, ended in (await self._store.endings()).items():
            tries = {state: Try(at, _ENDED[state], error) for state, (at, error) in ended.items()}
            self._newest[label] = max(tries.values(), key=lambda each: each.at)
            if "done" in tries:
                self._delivered[label] = tries["done"]
        self._warn_of_left(self._backlog)
        self._sending = {label: self._begin(self._serve_after(None, each)) for label, each in self._channels.items()}
        self._keeping = self._begin(self._keep())

    def reload(
        self, channels: Sequence[Channel], *, language: str, timezone: str = "UTC", patience: Patience = Patience()
    ) -> None:
        """From now on these channels. One that stayed as it was goes on; for another, what is being sent arrives first,
        so that nothing overtakes it."""
        self._language, self._timezone, self._patience = language, timezone, patience
        before, self._channels = self._channels, {channel.label: channel for channel in channels}
        for label, old in before.items():
            if self._channels.get(label) != old:
                self._news[label].set()  # it sees that it has left
        for label, channel in self._channels.items():
            self._news.setdefault(label, asyncio.Event())
            earlier = self._sending.get(label)
            if before.get(label) != channel or earlier is None or earlier.done():
                self._sending[label] = self._begin(self._serve_after(earlier, channel))
        self._sending = {label: task for label, task in self._sending.items() if not task.done()}
        self._warn_of_left(before.keys())
        self.wake()

    def _warn_of_left(self, labels: Iterable[str]) -> None:
        for label in labels:
            owed = self._backlog.get(label, Backlog())
            if owed.pending and label not in self._channels:
                log.warning("outbox.unconfigured", channel=label, pending=owed.pending)

    def _is_current(self, channel: Channel) -> bool:
        return not self._closing and self._channels.get(channel.label) == channel

    async def _serve_after(self, earlier: asyncio.Task[None] | None, channel: Channel) -> None:
        if earlier:
            await asyncio.wait([earlier])
        self._stopped.pop(channel.label, None)
        try:
            await self._serve(channel)
        except Exception as bug:
            why = f"{type(bug).__name__}, a bug of the monitor; its log says more"
            self._stopped[channel.label] = Try(self._post.clock.wall(), "stopped", why)
            raise

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(_surface)
        return task

    def wake(self) -> None:
        """There is something new on the disk."""
        self._counting.set()
        for news in self._news.values():
            news.set()

    async def close(self) -> None:
        """Let what is being sent arrive, for `DRAIN_SECONDS`; the rest stays on the disk."""
        self._closing = True
        self.wake()
        if self._sending:
            await asyncio.wait(self._sending.values(), timeout=DRAIN_SECONDS)
        tasks = [*self._sending.values(), *([self._keeping] if self._keeping else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, channel: Channel) -> None:
        """Send the channel's notices, oldest first, until it wants no more or we are closing."""
        news = self._news[channel.label]
        wanted = True
        while wanted and self._is_current(channel):
            news.clear()
            waiting = await self._insist(partial(self._store.next, channel.label))
            if waiting is None:
                await _pause(news, None)
            elif (early := waiting.next_attempt_at - self._post.clock.now()) > 0:
                await _pause(news, early)
            elif self._is_current(channel):
                wanted = await self._deliver(channel, waiting)
                self._counting.set()

    async def _deliver(self, channel: Channel, waiting: Waiting) -> bool:
        """Try once and note on the disk what came of it; whether the channel goes on."""
        answer = await self._send(channel, waiting)
        now = self._post.clock.now()
        if isinstance(answer, str):
            await self._insist(partial(self._store.taken, waiting, now))
            self._tell(waiting, "delivered", answer)
            return True
        refusal = answer
        again = self._patience.next_try(waiting, refusal, now=now, chance=self._chance())
        if refusal.stop:
            # Not the notice is refused but the channel: it is kept for the day the channel is mended.
            await self._insist(partial(self._store.postpone, waiting, now, refusal.reason))
            self._tell(waiting, "stopped", refusal.reason)
            return False
        if again is None:
            await self._insist(partial(self._store.bury, waiting, now, refusal.reason))
            self._tell(waiting, "dead", refusal.reason)
        else:
            await self._insist(partial(self._store.postpone, waiting, again, refusal.reason))
            self._tell(waiting, "retried", refusal.reason)
        return True

    async def _send(self, channel: Channel, waiting: Waiting) -> NotTaken | str:
        delivery = Delivery(
            id=waiting.id,
            notice=waiting.notice,
            language=channel.language or self._language,
            url=self._url,
            timezone=self._timezone,
        )
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await channel.send(delivery, self._post)
        except NotTaken as refusal:
            return refusal
        except TimeoutError:
            return NotTaken(f"no end within {SEND_SECONDS:g} s")
        except Exception as bug:  # noqa: BLE001 — the one place where a bug of a channel lands: it must cost one notice
            # after a few tries, not the whole pager. Its text is left out: it may hold the channel's address.
            where = [f"{PurePath(at.filename).name}:{at.lineno}" for at in traceback.extract_tb(bug.__traceback__)]
            reason = f"{type(bug).__name__} in {' < '.join(reversed(where))}"
            return NotTaken(reason, permanent=waiting.attempts + 1 >= BUG_TRIES)

    def _tell(self, waiting: Waiting, outcome: str, answer: str) -> None:
        kind, incident = waiting.notice.kind.value, waiting.notice.incident.id
        is_taken = outcome == "delivered"
        newest = Try(self._post.clock.wall(), outcome, "" if is_taken else answer)
        self._newest[waiting.channel] = newest
        if is_taken:
            self._delivered[waiting.channel] = newest
        if outcome == "stopped":
            self._stopped[waiting.channel] = newest
        loud = {"delivered": log.info, "retried": log.warning}.get(outcome, log.error)
        loud(
            f"notice.{outcome}",
            channel=waiting.channel,
            id=waiting.id,
            kind=kind,
            incident=incident,
            attempt=waiting.attempts + 1,
            **{"answer" if is_taken else "error": answer},
        )
        self._outcome(waiting.channel, kind, outcome)

    async def _insist(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """A full disk passes. Until then nothing is sent: what cannot be noted as sent would be sent for ever."""
        while True:
            try:
                return await work()
            except StoreError as error:
                log.error("store.failed", error=str(error))  # noqa: TRY400 — the text is for the operator
                await asyncio.sleep(STORE_RETRY_SECONDS)

    async def _keep(self) -> None:
        """Count what is owed, once a second at most; forget, once an hour, what ended long ago."""
        due = self._post.clock.now()
        while True:
            self._counting.clear()
            if (now := self._post.clock.now()) >= due:
                due = now + PRUNE_SECONDS
                await self._insist(partial(self._store.prune, now))
                await self._abandon(now)
            self._backlog = await self._insist(self._store.backlog)
            await asyncio.sleep(COUNT_SECONDS)
            await _pause(self._counting, PRUNE_SECONDS)

    async def _abandon(self, now: float) -> None:
        """What has waited long enough for a channel that has left."""
        for label in self._backlog:
            while label not in self._channels:
                waiting = await self._insist(partial(self._store.next, label))
                if waiting is None or now - waiting.created_at < self._patience.give_up_after:
                    break
                await self._insist(partial(self._store.bury, waiting, now, LEFT))
                self._tell(waiting, "abandoned", LEFT)


def _surface(task: asyncio.Task[None]) -> None:
    """A pager that died of a bug must not look like one with nothing to say: the loop's handler is told."""
    if not task.cancelled():
        task.result()


async def _pause(news: asyncio.Event, seconds: float | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()

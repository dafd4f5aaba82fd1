"""When to look: every check in its own stable rhythm, and at once when somebody wants it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from monitor.clock import Clock

log = structlog.get_logger(__name__)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
STEP_SECONDS: Final = 1.5
"""A difference between the machine's clock and the steady one that grew by more than this in a second is a step."""


class Key(NamedTuple):
    """One check of one service."""

    service: str
    check: str


class Rhythm(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Fires each `every` seconds at a phase of its own, so that checks are spread and keep their place over restarts.

    In whole microseconds: floats returned a slot that was not after `now`, and APScheduler then never ended.
    """

    def __init__(self, key: Key, every: float) -> None:
        self.interval = max(1, round(every * 1_000_000))
        digest = hashlib.blake2b("\0".join(key).encode(), digest_size=8).digest()
        self.phase = int.from_bytes(digest, "big") % self.interval

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """The next slot strictly after `now`."""
        n = (now - EPOCH) // MICROSECOND
        return EPOCH + MICROSECOND * (self.phase + ((n - self.phase) // self.interval + 1) * self.interval)


class Schedule:
    """Starts looks: at the start, when due, and when wanted. One look of a check at a time."""

    def __init__(
        self,
        *,
        clock: Clock,
        run: Callable[[str, str], Awaitable[None]],
        skipped: Callable[[str], None],
        lagged: Callable[[float], None],
        pulse: Callable[[], None],
        stepped: Callable[[float], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._run = run
        self._skipped = skipped
        self._lagged = lagged
        self._alive = pulse
        self._stepped = stepped
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None})
        self._keys: set[Key] = set()
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._began: dict[Key, float] = {}
        self._armed: dict[Key, tuple[float, asyncio.TimerHandle]] = {}  # wishes with a timer
        self._after: dict[Key, float] = {}  # wishes that the look under way began too early for
        self._pulse: asyncio.Task[None] | None = None

    def start(self, checks: Mapping[Key, float]) -> None:
        """Look at every check now, and from then on each `every` seconds."""
        self._scheduler.start()
        self._pulse = asyncio.create_task(self._feel_the_pulse())
        self.add(checks)

    def add(self, checks: Mapping[Key, float]) -> None:
        """Look at these, too: now, and from then on each `every` seconds."""
        for key, every in checks.items():
            self._keys.add(key)
            self._scheduler.add_job(self._due, Rhythm(key, every), args=(key,), id="/".join(key))
            self._begin(key)

    async def drop(self, keys: Iterable[Key]) -> None:
        """Look at these no longer; when this returns, no look of theirs is under way."""
        ended = []
        for key in self._keys.intersection(keys):
            self._keys.discard(key)
            self._scheduler.remove_job("/".join(key))
            self._began.pop(key, None)
            self._after.pop(key, None)
            if armed := self._armed.pop(key, None):
                armed[1].cancel()
            if task := self._running.get(key):
                task.cancel()
                ended.append(task)
        await asyncio.gather(*ended, return_exceptions=True)

    def want(self, service: str, check: str, at: float) -> None:
        """Have a look that begins at `at` or soon after; the earliest wish counts, and many wishes make one look."""
        key = Key(service, check)
        if key in self._keys:
            self._arm(key, at)

    async def close(self, *, within_seconds: float) -> None:
        """Start no more looks; give those under way some time, then end them."""
        self._keys = set()
        if self._scheduler.running:
            self._scheduler.remove_all_jobs()  # first: shutdown() logs an error for each job it cancels
            self._scheduler.shutdown(wait=False)
        for _, handle in self._armed.values():
            handle.cancel()
        self._armed.clear()
        if self._pulse:
            self._pulse.cancel()
            await asyncio.gather(self._pulse, return_exceptions=True)
        tasks = list(self._running.values())
        if tasks:
            await asyncio.wait(tasks, timeout=within_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _due(self, key: Key) -> None:
        if key not in self._keys:
            return  # it was dropped while this was on its way
        if key in self._running:
            self._skipped("overrun")
            log.debug("look.skipped", service=key.service, check=key.check, reason="overrun")
        else:
            self._begin(key)

    def _begin(self, key: Key) -> None:
        self._began[key] = self._clock.now()
        task = asyncio.create_task(self._one(key), name=f"look {key.service}/{key.check}")
        self._running[key] = task

    async def _one(self, key: Key) -> None:
        try:
            await self._run(key.service, key.check)
        finally:
            self._running.pop(key, None)
            wish = self._after.pop(key, None)
            if wish is not None and key in self._keys:
                self._arm(key, wish)

    def _arm(self, key: Key, at: float) -> None:
        """The earlier of two wishes counts."""
        known = self._armed.get(key)
        if known and known[0] <= at:
            return
        if known:
            known[1].cancel()
        handle = asyncio.get_running_loop().call_later(max(0.0, at - self._clock.now()), self._fire, key)
        self._armed[key] = (at, handle)

    def _fire(self, key: Key) -> None:
        """A look that began at the wished moment or later has met the wish; one that began before has not."""
        at, _ = self._armed.pop(key)
        if self._began.get(key, 0.0) >= at:
            return
        if key in self._running:
            self._after[key] = at
        else:
            self._begin(key)

    async def _feel_the_pulse(self) -> None:
        """Each second: how late is the loop, and did the machine's clock step?"""
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(1.0)
            if self._scheduler.running:
                self._alive()
            self._lagged(max(0.0, self._clock.monotonic() - before - 1.0))
            drift = self._clock.wall() - self._clock.now()
            if abs(drift) > STEP_SECONDS:
                log.warning("clock.stepped", seconds=round(drift, 3))
                self._realign()
                await self._stepped(drift)

    def move(self, by: float) -> None:
        """The clock was put right: all moments are so much later."""
        self._began = {key: at + by for key, at in self._began.items()}
        self._armed = {key: (at + by, handle) for key, (at, handle) in self._armed.items()}
        self._after = {key: at + by for key, at in self._after.items()}

    def _realign(self) -> None:
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=job.trigger.get_next_fire_time(None, now))

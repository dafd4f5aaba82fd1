"""The dead-man's switch: somebody else's service expects to hear from us, and wakes people when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiohttp
import structlog

from monitor.clock import Clock
from monitor.config.model import HeartbeatConfig

log = structlog.get_logger(__name__)

LIMIT_SECONDS: Final = 10.0
TAKEN: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of the signs of life. `error`: why the newest did not arrive; None if it did, or none was sent yet."""

    failures: int
    arrived_at: float | None
    error: str | None


class Heartbeat:
    """Sends a sign of life every so often, as long as `unwell` has nothing to say. That it does not arrive is the other
    side's to tell: here it is a number and, once, a line."""

    def __init__(self, *, http: aiohttp.ClientSession, clock: Clock, unwell: Callable[[], str | None]) -> None:
        self._http = http
        self._clock = clock
        self._unwell = unwell
        self._config: HeartbeatConfig | None = None
        self._task: asyncio.Task[None] | None = None
        self._missing: str | None = None
        self._failures = 0
        self._arrived_at: float | None = None

    @property
    def sent(self) -> Sent | None:
        """What came of it so far; None if nobody expects it."""
        return Sent(self._failures, self._arrived_at, self._missing) if self._config else None

    async def use(self, config: HeartbeatConfig | None) -> None:
        """From now on so; None = nobody expects it."""
        if config == self._config:
            return
        await self.close()
        self._config = config
        if config:
            self._task = asyncio.create_task(self._beat(config), name="heartbeat")

    async def close(self) -> None:
        """Send no more."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _beat(self, config: HeartbeatConfig) -> None:
        while True:
            why = self._unwell() or await self._send(config)
            if why is None:
                self._arrived_at = self._clock.now()
            else:
                self._failures += 1
            if why and not self._missing:
                log.warning("heartbeat.missed", error=why)
            elif self._missing and not why:
                log.info("heartbeat.arrives_again")
            self._missing = why
            await asyncio.sleep(config.every)

    async def _send(self, config: HeartbeatConfig) -> str | None:
        """None when it was taken, else why not. The address is a secret."""
        timeout = aiohttp.ClientTimeout(total=LIMIT_SECONDS)
        try:
            async with self._http.request(
                config.method, config.url.get_secret_value(), timeout=timeout, allow_redirects=False
            ) as answer:
                return None if answer.status in TAKEN else f"the answer was {answer.status}"
        except TimeoutError:
            return f"no answer within {LIMIT_SECONDS:g} s"
        except (aiohttp.ClientError, ValueError) as error:
            return type(error).__name__

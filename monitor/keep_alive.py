"""Tells receivers again what they would take for over if they heard nothing: open incidents, and that we live."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import structlog

from monitor.core.audience import OPENING
from monitor.core.model import Incident, Notice, NoticeKind, State
from monitor.core.uptime import shown
from monitor.notify.base import Channel, Delivery, NotTaken, Post

log = structlog.get_logger(__name__)

OVER_SECONDS: Final = 300.0
"""How long it is repeated that an incident is over."""


class KeepAlive:
    """For each channel that asks for it, all that it was told of is told again at its rhythm, as the state has it then:
    what is open, and for a while what is over. Nothing of this needs to be on the disk; a round that fails is made up
    for by the next one. What is new still comes by the outbox. A channel that is a watchdog hears as well that the
    monitor lives, as long as `unwell` has nothing to say."""

    def __init__(
        self,
        *,
        state: Callable[[], State],
        post: Post,
        url: str,
        unwell: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._state = state
        self._unwell = unwell
        self._post = post
        self._url = url
        self._language = "en"
        self._timezone = "UTC"
        self._tasks: list[asyncio.Task[None]] = []
        self.troubles: dict[str, str] = {}
        self.failures = Counter[str]()

    def use(self, channels: Sequence[Channel], *, language: str, timezone: str) -> None:
        """From now on these channels. It begins at once: after a long stop they may be taken for over already."""
        self._language, self._timezone = language, timezone
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        wanted = {channel.label for channel in channels if channel.refreshed_every is not None}
        self.troubles = {label: why for label, why in self.troubles.items() if label in wanted}
        self.failures = Counter({label: self.failures[label] for label in wanted})
        for channel in channels:
            if (every := channel.refreshed_every) is not None:
                task = asyncio.create_task(self._serve(channel, every))
                task.add_done_callback(_surface)
                self._tasks.append(task)

    async def close(self) -> None:
        """Stop, in the middle of a round if need be."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, channel: Channel, every: float) -> None:
        while True:
            trouble = await self._round(channel)
            before = self.troubles.pop(channel.label, "")
            if trouble:
                self.troubles[channel.label] = trouble
                self.failures[channel.label] += 1
            if trouble and not before:
                log.warning("channel.refresh_failed", channel=channel.label, error=trouble)
            elif before and not trouble:
                log.info("channel.refreshed_again", channel=channel.label)
            await asyncio.sleep(every)

    async def _round(self, channel: Channel) -> str:
        """What was in the way, if anything."""
        deliveries = tuple(self._deliveries(channel))
        try:
            if deliveries:
                await channel.refresh(deliveries, self._post)
            if channel.is_watchdog and self._unwell() is None:
                await channel.live(self._post, language=channel.language or self._language, url=self._url)
        except NotTaken as refusal:
            return refusal.reason
        return ""

    def _deliveries(self, channel: Channel) -> Iterator[Delivery]:
        state, now = self._state(), self._post.clock.now()
        for incident in state.incidents:
            over = incident.resolved_at is not None
            if _knows(channel, incident) and now - (incident.resolved_at or now) < OVER_SECONDS:
                statuses = {name: shown(state, name, now) for name in incident.impacted if name in state.services}
                yield Delivery(
                    id=incident.id,
                    notice=Notice(NoticeKind.RESOLVED if over else NoticeKind.UPDATED, incident, statuses, now),
                    language=channel.language or self._language,
                    url=self._url,
                    timezone=self._timezone,
                )


def _knows(channel: Channel, incident: Incident) -> bool:
    return any(channel.label in told.channels for told in incident.told if told.kind in OPENING)


def _surface(task: asyncio.Task[None]) -> None:
    """A bug of ours must not look like silence: the loop's handler is told."""
    if not task.cancelled():
        task.result()

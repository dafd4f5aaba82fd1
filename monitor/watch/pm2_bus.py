"""Keeps the bus of a PM2 open, and never becomes a burden to it: whoever cannot keep up hangs up.

PM2 holds in its memory whatever a reader of its bus has not taken. So a monitor that is held up lets go, and comes back
when it is well again; meanwhile the kernel tells that processes end, only not whether they were meant to.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from monitor.sources.pm2 import Pm2Source, Pm2Unanswered, Pm2Unreadable
from monitor.sources.pm2_bus import Bus, listen

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0


class BusWatch:
    """The bus of one PM2. `tend` is to be called once a second."""

    def __init__(self, source: Pm2Source) -> None:
        self.source = source
        self._bus: Bus | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._moment = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it is listened to."""
        return self._bus is not None

    async def tend(self) -> None:
        """Connect if that is due, after a pause that doubles until a connection has held. A PM2 that does not answer is
        left alone: it has other troubles."""
        now, home = asyncio.get_running_loop().time(), self.source.answering_home
        if self._bus is not None:
            if now - self._moment > LONGEST_PAUSE_SECONDS:
                self._pause = FIRST_PAUSE_SECONDS
            return
        if home is None or now - self._moment < self._pause:
            return
        self._moment, self._pause = now, min(LONGEST_PAUSE_SECONDS, self._pause * 2)
        try:
            self._bus = await listen(home, heard=self.source.heard, lost=self._lost)
        except (Pm2Unanswered, Pm2Unreadable, OSError) as error:
            log.info("watch.no_bus", home=str(home), error=str(error))
        else:
            self.source.missed()

    def cut(self) -> None:
        """Stop listening, from whatever thread: the loop may stand still."""
        if (bus := self._bus) is not None:
            bus.cut()

    def hang_up(self) -> None:
        """Let go of it."""
        if self._bus is not None:
            self._bus.hang_up()
            self._lost()

    def _lost(self) -> None:
        self._bus = None
        self._moment = asyncio.get_running_loop().time()

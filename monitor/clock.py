"""The one place that asks what time it is."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the shell needs of time."""

    def now(self) -> float:
        """Unix seconds that never jump by themselves: a step of the machine's clock neither pages nor mutes anybody.
        When that clock was stepped, the owner of the state moves all that is remembered and this clock together."""

    def wall(self) -> float:
        """Unix seconds as the machine has them at this moment, for what leaves the house (signatures, logs)."""

    def monotonic(self) -> float:
        """Seconds for measuring how long something took; the same clock as asyncio's `loop.time()`."""


class SystemClock:
    """The machine's clock, read at the start and when told to, and carried on by the monotonic one."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()  # noqa: TID251 — here it is read, nowhere else

    def correct(self, by: float) -> None:
        """From now on `now` is later by this; whoever remembers moments has to move them at the same time."""
        self._offset += by

    def now(self) -> float:
        """See `Clock.now`."""
        return time.monotonic() + self._offset

    def wall(self) -> float:
        """See `Clock.wall`."""
        return time.time()  # noqa: TID251 — here it is read, nowhere else

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()

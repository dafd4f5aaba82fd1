"""Whether the monitor itself is alive: each of its parts has to show it, again and again."""

from __future__ import annotations

from typing import Final

from monitor.clock import Clock

LIMIT_SECONDS: Final = 15.0
"""A part that has not shown itself for this long stands still. systemd waits twice as long before it acts."""


class Vitals:
    """Parts call `beat`; whoever vouches for the monitor asks `unwell` first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beats: dict[str, float] = {}

    def expect(self, *parts: str) -> None:
        """From now on these have to show themselves, also one that never begins to."""
        for part in parts:
            self._beats.setdefault(part, self._clock.monotonic())

    def beat(self, part: str) -> None:
        """This part has just done its work."""
        self._beats[part] = self._clock.monotonic()

    def unwell(self) -> str | None:
        """Which parts stand still, and for how long; None when all live."""
        now = self._clock.monotonic()
        still = [
            f"the {part} has stood still for {now - at:.0f} s"
            for part, at in self._beats.items()
            if now - at > LIMIT_SECONDS
        ]
        return "; ".join(still) or None

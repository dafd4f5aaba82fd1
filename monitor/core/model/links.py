"""What was seen to use what."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.core.words import Message


@dataclass(frozen=True, slots=True)
class Link:
    """`service` uses `needs`, seen from `since` on, the last time at `seen_at`. `through` is the address by which it
    does, as it was seen; `how` says so in words."""

    service: str
    needs: str
    through: str
    how: Message
    since: float
    seen_at: float

"""A service's past in equal parts: how it was shown in each, for people who look back at a glance."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from monitor.core.uptime import Availability, Stay
from monitor.core.words import Status

HALF_HOUR: Final = 1800.0
HALF_HOURS: Final = 48
DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Slot:
    """One part of the time; `seconds` are those in which the service was watched, by how it was shown."""

    began: float
    ended: float
    seconds: Mapping[Status, float]

    @property
    def status(self) -> Status | None:
        """The worst trouble, however short; without any, what it was for longest. None when nobody watched."""
        failing = [status for status in self.seconds if status.failing]
        if failing:
            return max(failing, key=lambda status: status.rank)
        return max(self.seconds, key=lambda status: (self.seconds[status], status), default=None)

    @property
    def availability(self) -> Availability:
        """As `core.uptime.availability` counts it."""
        known = sum(self.seconds.get(each, 0.0) for each in Status if each not in (Status.MAINTENANCE, Status.UNKNOWN))
        return Availability(known - self.down_seconds, known)

    @property
    def down_seconds(self) -> float:
        """For how long it did not answer."""
        return self.seconds.get(Status.DOWN, 0.0)


def slots(stays: Iterable[Stay], edges: Sequence[float]) -> tuple[Slot, ...]:
    """One between each two neighbouring edges, which ascend; the stays are those of one service."""
    seconds: list[dict[Status, float]] = [{} for _ in edges[1:]]
    for stay in stays:
        place = max(0, bisect_right(edges, stay.began) - 1)
        while place < len(seconds) and edges[place] < stay.ended:
            shared = min(stay.ended, edges[place + 1]) - max(stay.began, edges[place])
            if shared > 0:
                seconds[place][stay.status] = seconds[place].get(stay.status, 0.0) + shared
            place += 1
    return tuple(Slot(began, ended, found) for began, ended, found in zip(edges[:-1], edges[1:], seconds, strict=True))


def half_hours(now: float, zone: tzinfo) -> tuple[float, ...]:
    """The edges of the last day's half-hours, the present one with them, as the clocks of the zone strike them."""
    local = datetime.fromtimestamp(now, UTC).astimezone(zone)
    into = timedelta(minutes=local.minute % 30, seconds=local.second, microseconds=local.microsecond)
    present = now - into.total_seconds()
    return tuple(present + HALF_HOUR * n for n in range(1 - HALF_HOURS, 2))


def days(now: float, zone: tzinfo) -> tuple[float, ...]:
    """The edges of the zone's last ninety days, today with them; some have 23 or 25 hours."""
    today = datetime.fromtimestamp(now, UTC).astimezone(zone).date()
    midnights = (datetime.combine(today + timedelta(days=n), time.min, zone) for n in range(1 - DAYS, 2))
    return tuple(midnight.timestamp() for midnight in midnights)

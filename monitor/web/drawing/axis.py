"""Where an axis is labelled: round numbers of a unit, and moments at which a clock on the wall strikes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_KIBI: Final = 1024.0
_MINUTE: Final = 60.0
_LONG: Final = (60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21_600.0, 86_400.0, 604_800.0)
"""Steps of a time in seconds that is no fraction of a minute."""
_CLOCK: Final = (60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0)
_SAME: Final = 1e-12
_CALENDAR: Final = (1, 2, 7, 14, 30)
_DAY: Final = 86_400.0
MOST_MOMENTS: Final = 7


def scale(low: float, high: float, unit: str) -> tuple[float, ...]:
    """Ascending round numbers that enclose both, three to six of them. What is not negative and reaches down to half of
    its height is shown from zero."""
    if unit == "count" and low == high:
        low, high = (min(low, 0.0), max(high, 1.0))
    if high - low <= max(_SAME, _SAME * abs(low), _SAME * abs(high)):
        half = abs(low) / 2 if abs(low) > _SAME else 0.5
        low, high = (max(0.0, low - half) if low >= 0 else low - half), high + half
    if 0 <= low < high / 2:
        low = 0.0
    step = _step((high - low) / 4, unit)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(n * step for n in range(first, last + 1))


def moments(since: float, until: float, zone: tzinfo) -> tuple[float, ...]:
    """Seven at most, ascending, within the two: round times of the zone's clock, or its midnights."""
    for step in _CLOCK:
        if (until - since) / step <= MOST_MOMENTS:
            return tuple(_struck(since, until, step, zone))
    days = next((days for days in _CALENDAR if (until - since) / _DAY / days <= MOST_MOMENTS), _CALENDAR[-1])
    return tuple(_midnights(since, until, days, zone))[-MOST_MOMENTS:]


def at_midnight(at: float, zone: tzinfo) -> bool:
    """Whether a day of the zone begins then."""
    return _local(at, zone).time() == time.min


def _step(rough: float, unit: str) -> float:
    """The smallest round number that is at least so large."""
    if unit == "seconds" and rough > _MINUTE / 2:
        return next((step for step in _LONG if step >= rough), _decimal(rough / _LONG[-1]) * _LONG[-1])
    if unit == "count":
        step = _decimal(max(rough, 1.0))
        return step if step.is_integer() else 2 * step
    if unit == "bytes" and rough >= 1:
        whole = _KIBI ** min(math.floor(math.log(rough, _KIBI)), 4)
        return whole * (next((2.0**n for n in range(10) if 2.0**n * whole >= rough), 0.0) or _decimal(rough / whole))
    return _decimal(rough)


def _decimal(rough: float) -> float:
    whole = 10.0 ** math.floor(math.log10(max(rough, 1e-300)))
    return next(step * whole for step in (*_STEPS, 20.0) if step * whole >= rough)


def _struck(since: float, until: float, step: float, zone: tzinfo) -> Iterator[float]:
    midnight = datetime.combine(_local(since, zone).date(), time.min, zone).timestamp()
    at = midnight + math.ceil((since - midnight) / step) * step
    while at <= until:
        yield at
        at += step


def _midnights(since: float, until: float, days: int, zone: tzinfo) -> Iterator[float]:
    """Counted back from the last, so that today stands there."""
    last, found = _local(until, zone).date(), list[float]()
    for n in range(MOST_MOMENTS + 1):
        at = datetime.combine(last - timedelta(days=n * days), time.min, zone).timestamp()
        if since <= at <= until:
            found.append(at)
    yield from reversed(found)


def _local(at: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(zone)

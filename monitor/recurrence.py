"""When maintenance that comes back begins: cron expressions as cron itself reads them, in a time zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from monitor.core.model import Recurring

_FIELDS: Final = ("minute", "hour", "day", "month", "day_of_week")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAY: Final = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?", re.ASCII)
_LONGEST: Final = 128
_SHIFT: Final = timedelta(hours=3)
"""No zone puts its clocks forward or back by more."""
_STEP: Final = timedelta(seconds=1)


class Unclear(ValueError):  # noqa: N818 — it is the answer to an order, not an error of ours
    """An expression or a time zone that says nothing, in words for people."""


def check(cron: str, time_zone: str) -> None:
    """Raises Unclear."""
    _trigger(cron, time_zone)


def next_start(cron: str, time_zone: str, after: float) -> float | None:
    """The first moment after `after` at which the expression holds; None when it never does. Raises Unclear.

    Where clocks are put forward or back it does as cron does: a time of day that is left out comes all the same, by the
    clock as it was, and one that comes twice counts once; only a rhythm (`*` hours or minutes) goes on through both."""
    trigger, zone = _trigger(cron, time_zone), _zone(time_zone)
    if any(field.startswith("*") for field in cron.split()[:2]):
        found = trigger.get_next_fire_time(None, datetime.fromtimestamp(after + 1, UTC))
        return None if found is None else float(found.timestamp())
    trigger.timezone = (
        UTC  # the times that a clock on the wall shows; which moments those are is asked of the zone below
    )
    shown = (datetime.fromtimestamp(after, zone) - _SHIFT).replace(tzinfo=UTC)
    while (shown := trigger.get_next_fire_time(None, shown + _STEP)) is not None:
        moment = shown.replace(tzinfo=zone).timestamp()
        if moment > after:
            return float(moment)
    return None


def due(rule: Recurring, now: float) -> float | None:
    """The start of the window to add for a rule, if its last one is over: the next that is not over already."""
    if rule.last_start is not None and rule.last_start + rule.seconds > now:
        return None
    after = now - rule.seconds
    return next_start(rule.cron, rule.time_zone, after if rule.last_start is None else max(after, rule.last_start))


def _trigger(cron: str, time_zone: str) -> CronTrigger:
    fields = cron.split()
    if len(fields) != len(_FIELDS) or len(cron) > _LONGEST or not cron.isascii():
        raise Unclear("cron must be five fields: minute, hour, day of month, month, day of week; for example 0 3 * * 0")
    if fields[2] != "*" and fields[4] != "*":
        raise Unclear("cron can name days of the month or days of the week, not both")
    zone = _zone(time_zone)
    values = dict(zip(_FIELDS, fields, strict=True)) | {"day_of_week": _days_of_week(fields[4])}
    try:
        return CronTrigger(**values, timezone=zone)
    except ValueError as error:
        raise Unclear(f"cron cannot be {cron!r}: {error}") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, a directory of zones
        raise Unclear(f"time_zone cannot be {name[:64]!r}; write for example Asia/Seoul or UTC") from None


def _days_of_week(field: str) -> str:
    """By names: 0 and 7 are Sunday to cron, but Monday and nothing to APScheduler, whose weeks also never wrap."""
    if field == "*":
        return field
    days = set[int]()
    for part in field.lower().split(","):
        match = _DAY.fullmatch(part)
        if match is None:
            raise Unclear(f"cron: {field!r} is no day of the week; write for example 0, sun, 1-5 or mon-fri")
        star, first, last, stride = match.groups()
        low, high = (0, 6) if star else (_day(first), _day(last or first))
        if stride and not last and not star:
            high = 6
        if high < low:
            high += 7
        days |= {day % 7 for day in range(low, high + 1, max(1, int(stride or 1)))}
    return ",".join(_DAYS[day] for day in sorted(days))


def _day(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text in {"0", "1", "2", "3", "4", "5", "6", "7"}:
        return int(text)
    raise Unclear(f"cron: {text[:16]!r} is no day of the week; write for example 0, sun, 1-5 or mon-fri")

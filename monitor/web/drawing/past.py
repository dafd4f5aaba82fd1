"""A service's past in bars, in words for one reader."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any, Final

from monitor.core.words import Message
from monitor.locale import lasting, speak
from monitor.web.drawing.bars import Bar, bars
from monitor.web.drawing.svg import Svg

_WHOLE: Final = 100.0
_DIGITS: Final = 100.0


def past(found: Mapping[str, Any], window: str, *, language: str, zone: tzinfo) -> Svg:
    """The bars of one answer of `Questions.statuses`, with what each was. Neighbours of which the same is to be said
    are one place to point at."""
    runs = [list(run) for _, run in groupby(found["slots"], key=_what)]
    parts = [Bar(run[0]["status"], _said(run, window, language, zone), len(run)) for run in runs]
    values = {"service": str(found["service"]), "uptime": uptime(found, language)}
    return bars(parts, label=speak(Message(f"page.past.label.{window}", values), language))


def uptime(found: Mapping[str, Any], language: str) -> str:
    """`99.95 % up, down for 2m`: of an answer of `Questions.statuses`. Never 100 % of a service that was down."""
    if found["percent"] is None:
        return speak(Message("page.past.unwatched"), language)
    down = sum(slot["down_seconds"] for slot in found["slots"])
    percent = math.floor(found["percent"] * _DIGITS) / _DIGITS
    if down and percent >= _WHOLE:
        percent = _WHOLE - 1 / _DIGITS
    values: dict[str, str | float] = {"percent": f"{percent:g}"}
    if not down:
        return speak(Message("page.past.up", values), language)
    return speak(Message("page.past.up_and_down", values | {"duration": lasting(down, language)}), language)


def _what(slot: Mapping[str, Any]) -> tuple[str | None, float, str]:
    """Parts of which the same is to be said. One in which the service was down is told by itself."""
    return slot["status"], slot["down_seconds"], slot["from"] if slot["down_seconds"] else ""


def _said(run: Sequence[Mapping[str, Any]], window: str, language: str, zone: tzinfo) -> str:
    first, last = run[0], run[-1]
    began, ended = datetime.fromisoformat(first["from"]), datetime.fromisoformat(last["to"])
    time = _time(began.astimezone(zone), ended.astimezone(zone), window, alone=first is last)
    if first["down_seconds"]:
        values = {"time": time, "duration": lasting(first["down_seconds"], language)}
        return speak(Message("page.past.part_down", values), language)
    key = "page.past.unwatched" if first["status"] is None else f"notice.status.{first['status']}"
    return speak(Message("page.past.part", {"time": time, "status": speak(Message(key), language)}), language)


def _time(began: datetime, ended: datetime, window: str, *, alone: bool) -> str:
    if window == "90d":
        last = ended - timedelta(seconds=1)  # the midnight at its end is of the next day
        return f"{began:%Y-%m-%d}" if alone else f"{began:%Y-%m-%d} – {last:%Y-%m-%d}"
    same = began.date() == ended.date() or alone
    return f"{began:%m-%d %H:%M}–{ended:%H:%M}" if same else f"{began:%m-%d %H:%M} – {ended:%m-%d %H:%M}"

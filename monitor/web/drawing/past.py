"""A service's past in bars, in words for one reader."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from monitor.core.words import Message
from monitor.locale import lasting, speak
from monitor.web.drawing.bars import Bar, bars
from monitor.web.drawing.svg import Svg

_WHOLE: Final = 100.0
_DIGITS: Final = 100.0


def past(found: Mapping[str, Any], window: str, *, language: str, zone: tzinfo) -> Svg:
    """The bars of one answer of `Questions.statuses`, with what each part was."""
    parts = [Bar(slot["status"], _said(slot, window, language, zone)) for slot in found["slots"]]
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


def _said(slot: Mapping[str, Any], window: str, language: str, zone: tzinfo) -> str:
    began, ended = (datetime.fromisoformat(slot[key]).astimezone(zone) for key in ("from", "to"))
    time = f"{began:%Y-%m-%d}" if window == "90d" else f"{began:%m-%d %H:%M}–{ended:%H:%M}"
    if slot["down_seconds"]:
        values = {"time": time, "duration": lasting(slot["down_seconds"], language)}
        return speak(Message("page.past.part_down", values), language)
    key = "page.past.unwatched" if slot["status"] is None else f"notice.status.{slot['status']}"
    return speak(Message("page.past.part", {"time": time, "status": speak(Message(key), language)}), language)

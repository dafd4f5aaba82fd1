"""A card for each service: how it is and was, in the few numbers that say most."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Final

from monitor.answers import Json
from monitor.main_metric import main_metric
from monitor.questions import Questions
from monitor.state_directory import StoreError
from monitor.web.drawing import Svg, past, sparkline, uptime
from monitor.web.pages.words import Words

MOST_NUMBERS: Final = 4

_HOUR: Final = 3600.0
_FINEST: Final = 60.0
_GAP: Final = 1.5
_WINDOWS: Final = ("24h", "90d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A row of bars, and what they say in a few words."""

    window: str
    bars: Svg
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One service, ready to be written. `numbers`: the key of a label below `page.number.`, and the number in words."""

    service: Json
    numbers: tuple[tuple[str, str], ...]
    spark: Svg
    pasts: tuple[Past, ...]


async def cards_of(questions: Questions, services: Sequence[Json], words: Words) -> list[Card]:
    """In the order of the services. Where the history cannot be read, its pictures are left out."""
    pasts = await _pasts(questions, words)
    return [
        Card(
            service=each,
            numbers=tuple(_numbers(each, words))[:MOST_NUMBERS],
            spark=await _spark(questions, each, words),
            pasts=tuple(pasts.get(each["name"], ())),
        )
        for each in services
    ]


def _numbers(service: Json, words: Words) -> Iterator[tuple[str, str]]:
    """Those that this service has, the most telling first."""
    metrics: Mapping[str, float] = service["metrics"]
    if service["response_time_ms"] is not None:
        yield "response", words.amount(service["response_time_ms"] / 1000, "seconds")
    if service["error_rate"] is not None:
        yield "errors", words.amount(service["error_rate"], "percent")
    alive, expected = _values(metrics, "app_instances", 'state="alive"'), _values(metrics, "app_instances", "expected")
    if alive and expected:
        yield "workers", f"{sum(alive):g}/{sum(expected):g}"
    for key, name, unit, together in (
        ("sessions", "connections_used", "ratio", max),
        ("cpu", "cpu", "ratio", max),
        ("memory", "memory", "ratio", max),
        ("memory", "process_memory", "bytes", math.fsum),
        ("disk", "disk", "ratio", max),
        ("restarts", "process_restarts", "", math.fsum),
        ("requests", "requests", "", math.fsum),
        ("certificate", "certificate_remaining", "seconds", min),
    ):
        if found := _values(metrics, name):
            yield key, words.amount(together(found), unit)


def _values(metrics: Mapping[str, float], name: str, label: str = "") -> list[float]:
    return [value for key, value in metrics.items() if key.partition("{")[0] == name and label in key]


async def _spark(questions: Questions, service: Json, words: Words) -> Svg:
    """The last hour of its main number."""
    metric = main_metric(service["metrics"])
    if metric is None:
        return Svg()
    try:
        found = await questions.history(service["name"], metric=metric, hours=1.0, resolution="full")
    except StoreError:
        return Svg()
    line = max(found["series"], key=lambda each: _newest(each["points"]), default=None)
    if line is None or not line["points"]:
        return Svg()
    values = [each["value"] for each in line["points"]]
    label = words.say(
        "page.card.spark",
        metric=words.say(f"page.metric.{metric}"),
        least=words.amount(min(values), line["unit"]),
        most=words.amount(max(values), line["unit"]),
        now=words.amount(values[-1], line["unit"]),
    )
    return sparkline(_evenly(line["points"], words.now), label=label)


def _newest(points: Sequence[Json]) -> float:
    return float(points[-1]["value"]) if points else -math.inf


def _evenly(points: Sequence[Json], now: float) -> list[float | None]:
    """The hour up to now in equal parts, each so long that a look falls into it; nothing where there was none."""
    known = [(datetime.fromisoformat(each["at"]).timestamp(), float(each["value"])) for each in points]
    apart = [later - at for (at, _), (later, _) in pairwise(known)]
    count = math.ceil(_HOUR / max(_FINEST, _GAP * median(apart) if apart else 0.0))
    parts: list[list[float]] = [[] for _ in range(count)]
    for at, value in known:
        place = int((at - now + _HOUR) / _HOUR * count)
        parts[min(max(place, 0), count - 1)].append(value)
    return [math.fsum(each) / len(each) if each else None for each in parts]


async def _pasts(questions: Questions, words: Words) -> dict[str, list[Past]]:
    found = dict[str, list[Past]]()
    try:
        for window in _WINDOWS:
            for each in await questions.statuses(window, zone=words.zone):
                bars = past(each, window, language=words.language, zone=words.zone)
                said = uptime(each, words.language)
                found.setdefault(each["service"], []).append(Past(window=window, bars=bars, said=said))
    except StoreError:
        return {}
    return found

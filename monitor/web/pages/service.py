"""The page of a service: how it is and was, what its checks see, what it is made of, and its numbers over time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from monitor.answers import Json
from monitor.core.step import UnknownId
from monitor.history import Line
from monitor.web.drawing import Svg, past, uptime
from monitor.web.pages.charts import METRICS, figures, marks_of, phases_of
from monitor.web.pages.site import Reader, Site
from monitor.web.pages.span import RANGES, Span, span_of
from monitor.web.pages.words import Words

_MOMENTS: Final = frozenset({"booted", "start", "process_start", "certificate_expiry"})
"""Metrics that are no amount but a time."""


class Services:
    """`/services/NAME`"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """The paths of this page."""
        return [web.get("/services/{name}", self.service)]

    async def service(self, request: web.Request) -> web.Response:
        """Raises UnknownId and Refused."""
        name, reader = request.match_info["name"], self._site.reader(request)
        if name not in self._site.monitoring.plan.services:
            raise UnknownId("service", name)
        span = span_of(request, reader.words.now)
        service = await reader.questions.service(name)
        chain = reader.questions.topology()
        return self._site.page(
            request,
            "service.html",
            words=reader.words,
            service=service,
            node=next(each for each in chain["services"] if each["name"] == name),
            statuses={each["name"]: each["status"] for each in chain["services"]},
            needs=[each for each in chain["edges"] if each["from"] == name],
            needed_by=[each for each in chain["edges"] if each["to"] == name],
            numbers=[
                _number(key, value, service["units"][key], reader.words) for key, value in service["metrics"].items()
            ],
            found=reader.questions.found(name),
            usable=service["metrics"].get("usable_connections"),
            span=span,
            ranges=tuple(RANGES),
            **await self._drawn(service, span, reader),
        )

    async def _drawn(self, service: Json, span: Span, reader: Reader) -> dict[str, Any]:
        """The charts are put together in a thread: they take some time, and others wait for the loop."""
        name, monitoring = service["name"], self._site.monitoring
        incidents, trouble = await reader.incidents(service=name, hours=span.hours_back)
        series: tuple[Line, ...] = ()
        if monitoring.history is not None and trouble is None:
            series = await monitoring.history.lines(
                name, metric=METRICS, hours=span.hours_back, resolution=span.resolution, buckets=span.buckets
            )
        changes = reader.questions.changes(service=name, hours=span.hours_back)
        marks = marks_of(incidents, changes, span.now)
        plan = monitoring.plan.services[name]
        found = await asyncio.to_thread(lambda: list(figures(series, plan, span, marks=marks, words=reader.words)))
        inside = [
            each for each in changes if span.since <= datetime.fromisoformat(each["at"]).timestamp() <= span.until
        ]
        drawn, parts = phases_of(service["metrics"], series, span, reader.words)
        return {
            "trouble": trouble,
            "pasts": () if trouble else await _pasts(name, reader),
            "figures": found,
            "phases": drawn,
            "phase_parts": parts,
            "changes": inside,
        }


async def _pasts(name: str, reader: Reader) -> list[tuple[str, Svg, str]]:
    """Window, bars, and what they come to."""
    words, found = reader.words, list[tuple[str, Svg, str]]()
    for window in ("24h", "90d"):
        (told,) = await reader.questions.statuses("24h" if window == "24h" else "90d", service=name, zone=words.zone)
        drawn = past(told, window, language=words.language, zone=words.zone)
        found.append((window, drawn, uptime(told, words.language)))
    return found


def _number(metric: str, value: float, unit: str, words: Words) -> tuple[str, str]:
    if metric.partition("{")[0] in _MOMENTS:
        return metric, words.when(datetime.fromtimestamp(value, UTC).isoformat())
    return metric, words.amount(value, unit)

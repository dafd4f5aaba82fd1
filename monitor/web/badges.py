"""`/badge/NAME.svg`: how a service is, as a picture for pages of others."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from monitor.core.step import UnknownId
from monitor.core.uptime import overall, shown
from monitor.core.words import Message, Status
from monitor.locale import LANGUAGES, speak
from monitor.service_monitoring import ServiceMonitoring
from monitor.web.drawing import badge
from monitor.web.requests import one_of, parameters

IMAGE: Final = "image/svg+xml"
_OURSELVES: Final = "infra-monitor"


class Badges:
    """They say the status and nothing else, and are drawn anew each time."""

    def __init__(self, monitoring: ServiceMonitoring) -> None:
        self._monitoring = monitoring

    def routes(self) -> list[web.RouteDef]:
        """One of each service, and one of all together."""
        return [web.get("/badge.svg", self.overall), web.get("/badge/{name}.svg", self.service)]

    async def overall(self, request: web.Request) -> web.Response:
        """The worst of all services."""
        monitoring = self._monitoring
        return _drawn(request, _OURSELVES, overall(monitoring.plan, monitoring.state, monitoring.clock.now()))

    async def service(self, request: web.Request) -> web.Response:
        """One service. Raises UnknownId."""
        name, monitoring = request.match_info["name"], self._monitoring
        if name not in monitoring.plan.services:
            raise UnknownId("service", name)
        return _drawn(request, name, shown(monitoring.state, name, monitoring.clock.now()))


def _drawn(request: web.Request, name: str, status: Status) -> web.Response:
    """In English unless the address says otherwise: who embeds a badge knows who reads it."""
    language = one_of("lang", parameters(request, "lang").get("lang", "en"), LANGUAGES)
    said = speak(Message(f"notice.status.{status.value}"), language)
    return web.Response(
        body=badge(name, status.value, said=said).encode(errors="replace"),
        content_type=IMAGE,
        charset="utf-8",
        headers={hdrs.CACHE_CONTROL: "no-cache, no-store, max-age=0"},
    )

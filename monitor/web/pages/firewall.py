"""The firewall page: who may come in to the database, by which rules, and what was changed."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from monitor.answers import Json
from monitor.web.pages.site import Reader, Site


class Firewall:
    """`/firewall`"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """The paths of this page."""
        return [web.get("/firewall", self.firewall)]

    async def firewall(self, request: web.Request) -> web.Response:
        """Of every service that has a check of security groups."""
        reader = self._site.reader(request)
        services = [each async for each in _services(self._site, reader)]
        return self._site.page(request, "firewall.html", words=reader.words, firewalls=services)


async def _services(site: Site, reader: Reader) -> AsyncIterator[Json]:
    for name in site.monitoring.plan.services:
        for firewall in reader.questions.found(name)["firewalls"]:
            service = await reader.questions.service(name)
            check = next(each for each in service["checks"] if each["check"] == firewall["check"])
            yield {"service": service, "check": check, "firewall": firewall}

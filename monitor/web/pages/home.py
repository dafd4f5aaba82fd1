"""The first page: is all well, and if not, what is broken, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from monitor.answers import Json
from monitor.core.words import Status
from monitor.web.pages.cards import cards_of
from monitor.web.pages.picture import chain_of, roots_of
from monitor.web.pages.site import Site, worst


class Home:
    """`/`"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """The paths of this page."""
        return [web.get("/", self.home)]

    async def home(self, request: web.Request) -> web.Response:
        """What the API says under `explanation` and `services`, and of the monitor itself what is wrong with it."""
        reader = self._site.reader(request)
        explained, services = reader.questions.explanation(), await reader.questions.services()
        times = {each["name"]: each["response_time_ms"] for each in services}
        return self._site.page(
            request,
            "home.html",
            words=reader.words,
            incidents=sorted(explained["incidents"], key=lambda each: -Status(worst(each)).rank),
            cards=await cards_of(reader.questions, services, reader.words),
            odd=list(_odd(explained)),
            troubles=self._site.troubles(reader.words),
            chain=chain_of(explained["topology"], front_ms=times),
            roots=roots_of(explained["incidents"]),
        )


def _odd(explained: Json) -> Iterator[dict[str, Any]]:
    """The services that are neither healthy nor part of an incident, the worst first."""
    told = {name for incident in explained["incidents"] for name in _concerned(incident)}
    services = [each for each in explained["topology"]["services"] if each["name"] not in told]
    for each in sorted(services, key=lambda each: -Status(each["status"]).rank):
        if each["status"] != Status.HEALTHY:
            yield each


def _concerned(incident: Json) -> Iterator[str]:
    yield incident["root"]
    yield from (each["name"] for each in incident["impacted"])
    yield from (each["service"] for each in incident["alerts"])

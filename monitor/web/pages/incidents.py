"""What is broken and was: the list of incidents, and each one with its whole story."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from monitor.web.pages.site import Site
from monitor.web.routes import IDENTITY

A_PAGE: Final = 50
DAYS: Final = (1, 7, 30, 90)
"""How far back one can look; the last is all that is kept."""

_HOURS: Final = 24.0
_MOST_DIGITS: Final = 4


class Incidents:
    """`/incidents` and `/incidents/ID`"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """The paths of these pages."""
        return [web.get("/incidents", self.listed), web.get(f"/incidents/{{id:{IDENTITY}}}", self.one)]

    async def listed(self, request: web.Request) -> web.Response:
        """Open ones first, then those that are over, newest first, a page of them at a time."""
        reader = self._site.reader(request)
        known = reader.questions.known_services()
        service = request.query.get("service") if request.query.get("service") in known else None
        days = next((each for each in DAYS if str(each) == request.query.get("days")), DAYS[-1])
        found, trouble = await reader.incidents(service=service, hours=days * _HOURS)
        now_open = [each for each in found if each["status"] == "open" and each["part_of"] is None]
        over = [each for each in found if each not in now_open]
        pages = max(1, -(-len(over) // A_PAGE))
        page = min(_number(request.query.get("page", "")), pages)
        return self._site.page(
            request,
            "incidents.html",
            words=reader.words,
            open=now_open,
            over=over[(page - 1) * A_PAGE : page * A_PAGE],
            count=len(over),
            page=page,
            pages=pages,
            known=known,
            service=service,
            days=days,
            choices=DAYS,
            trouble=trouble,
        )

    async def one(self, request: web.Request) -> web.Response:
        """What the API says of it, with its timeline."""
        reader = self._site.reader(request)
        found = await reader.questions.incident(request.match_info["id"])
        return self._site.page(request, "incident.html", words=reader.words, incident=found)


def _number(text: str) -> int:
    """Of a page; the first for whatever is no number."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 1

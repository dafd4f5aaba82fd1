"""The status page: HTML for people, made from the very answers that the API gives to programs."""

from __future__ import annotations

from aiohttp import web

from monitor.web.pages import assets
from monitor.web.pages.actions import Actions
from monitor.web.pages.firewall import Firewall
from monitor.web.pages.home import Home
from monitor.web.pages.incidents import Incidents
from monitor.web.pages.service import Services
from monitor.web.pages.site import Site, wants_page, warm

__all__ = ["Site", "routes_of", "wants_page", "warm"]


def routes_of(site: Site) -> list[web.RouteDef]:
    """Every page, and what they are dressed in."""
    pages = (Home(site), Incidents(site), Services(site), Firewall(site), Actions(site))
    return [web.get("/static/{name}", assets.serve), *(route for page in pages for route in page.routes())]

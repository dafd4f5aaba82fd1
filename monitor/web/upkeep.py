"""What the HTTP side asks the daemon about itself: is it well, what is its configuration, take that anew."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import web

from monitor.answers import rfc3339
from monitor.reloading import NotReloaded, Reloads
from monitor.web.answer import Refused


class Upkeep(Protocol):
    """The daemon, as far as it is asked here."""

    def unwell(self) -> str | None:
        """What of it stands still; None if nothing does."""

    @property
    def reloads(self) -> Reloads:
        """What came of the newest reload."""

    async def reload(self) -> None:
        """Take the configuration anew. Raises NotReloaded."""


class UpkeepRoutes:
    """The paths of upkeep."""

    def __init__(self, upkeep: Upkeep) -> None:
        self._upkeep = upkeep

    def routes(self) -> list[web.RouteDef]:
        """Under the names that Prometheus' own programs have them."""
        return [
            web.get("/-/healthy", self.healthy),
            web.post("/-/reload", self.reload),
            web.put("/-/reload", self.reload),
        ]

    async def healthy(self, _request: web.Request) -> web.Response:
        """Whoever gets this answer knows that the loop turns; it says what else does not."""
        unwell = self._upkeep.unwell()
        if unwell:
            return web.Response(text=f"not healthy: {unwell}\n", status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(text="healthy\n")

    async def reload(self, _request: web.Request) -> web.Response:
        """The answer comes when the new configuration is used, or says why the old one still is."""
        try:
            await self._upkeep.reload()
        except NotReloaded as error:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "not_reloaded", str(error)) from error
        return web.Response(text="reloaded\n")


def reloads_of(reloads: Reloads) -> dict[str, Any]:
    """The JSON shape of it."""
    return {
        "file": str(reloads.path),
        "taken_at": rfc3339(reloads.taken_at),
        "tried_at": rfc3339(reloads.tried_at),
        "successful": reloads.successful,
        "errors": list(reloads.lines),
        "warnings": list(reloads.warnings),
    }

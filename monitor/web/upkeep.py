"""What the HTTP side asks the daemon about itself: is it well, what is its configuration, take that anew."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import web

from monitor.answers import Json, rfc3339
from monitor.heartbeat import Sent
from monitor.reloading import NotReloaded, Reloads
from monitor.standings import Condition, Standing
from monitor.web.answer import Refused


class Upkeep(Protocol):
    """The daemon, as far as it is asked here."""

    def unwell(self) -> str | None:
        """What of it stands still; None if nothing does."""

    @property
    def reloads(self) -> Reloads:
        """What came of the newest reload."""

    @property
    def condition(self) -> Condition:
        """How channels, heartbeat and memory are."""

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


def upkeep_of(upkeep: Upkeep) -> Json:
    """What `/api/v1/monitoring` says of the daemon itself, beside what the monitoring knows."""
    condition = upkeep.condition
    return {
        "unwell": upkeep.unwell(),
        "store_error": condition.store_error,
        "channels": [_channel(each) for each in condition.channels],
        "configuration": reloads_of(upkeep.reloads),
        "heartbeat": _heartbeat(condition.heartbeat),
    }


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


def _channel(standing: Standing) -> Json:
    newest, stopped = standing.newest, standing.stopped
    return {
        "channel": standing.channel,
        "kind": standing.kind,
        "configured": standing.kind is not None,
        "pending": standing.owed.pending,
        "oldest_at": rfc3339(standing.owed.oldest_created_at),
        "dead": standing.owed.dead,
        "tried_at": rfc3339(newest.at) if newest else None,
        "outcome": newest.outcome if newest else None,
        "error": (newest.error or None) if newest else None,
        "delivered_at": rfc3339(standing.delivered_at),
        "stopped_at": rfc3339(stopped.at) if stopped else None,
        "stopped_why": stopped.error if stopped else None,
        "refresh_error": standing.unrefreshed or None,
    }


def _heartbeat(sent: Sent | None) -> Json | None:
    if sent is None:
        return None
    return {"arrived_at": rfc3339(sent.arrived_at), "failures": sent.failures, "error": sent.error}

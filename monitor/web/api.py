"""The API under `/api/v1`: the questions and orders of `monitor.questions` and `monitor.orders` over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from aiohttp import web

from monitor.core.model import Severity
from monitor.history import MOST_HOURS, Resolution
from monitor.orders import Orders
from monitor.questions import Questions, Window
from monitor.service_monitoring import ServiceMonitoring
from monitor.web.answer import bad_request, json_response, success
from monitor.web.bodies import LookBody, MaintenanceBody, NoteBody, SilenceBody, body_of
from monitor.web.events import Events
from monitor.web.openapi import document
from monitor.web.requests import hours, one_of, parameters, time_zone
from monitor.web.routes import ROUTES
from monitor.web.upkeep import Upkeep, reloads_of, upkeep_of


class Api:
    """Answers from the state as committed. Lists are lists, newest first; keys are always there, null if unknown."""

    def __init__(
        self,
        monitoring: ServiceMonitoring,
        *,
        language: Callable[[], str],
        url: str,
        upkeep: Upkeep,
        users: Callable[[], bool],
    ) -> None:
        self._monitoring = monitoring
        self._questions = Questions(monitoring, language=language, url=url)
        self._orders = Orders(monitoring, self._questions)
        self.events_stream = Events(monitoring, self._questions)
        self._url = url
        self._upkeep = upkeep
        self._users = users

    def routes(self) -> list[web.RouteDef]:
        """Every path of the table."""
        return [web.route(route.method, route.pattern, getattr(self, route.does)) for route in ROUTES] + [
            web.head(route.pattern, getattr(self, route.does)) for route in ROUTES if not route.writes
        ]

    async def config(self, request: web.Request) -> web.Response:
        """Which configuration is used since when, and why the newest one is not."""
        parameters(request)
        return success(reloads_of(self._upkeep.reloads))

    async def openapi(self, request: web.Request) -> web.Response:
        """What the API takes and answers."""
        parameters(request)
        return json_response(document(self._url, users=self._users()))

    async def summary(self, request: web.Request) -> web.Response:
        """How many services are how, and the worst of it."""
        parameters(request)
        return success(self._questions.summary())

    async def monitoring(self, request: web.Request) -> web.Response:
        """Whether the monitoring itself is well."""
        parameters(request)
        return success(await self._questions.monitoring() | upkeep_of(self._upkeep))

    async def services(self, request: web.Request) -> web.Response:
        """Every service, in the order of the configuration."""
        parameters(request)
        return success(await self._questions.services())

    async def service(self, request: web.Request) -> web.Response:
        """One service."""
        parameters(request)
        return success(await self._questions.service(request.match_info["name"]))

    async def found(self, request: web.Request) -> web.Response:
        """What the last looks at a service found beside numbers."""
        parameters(request)
        return success(self._questions.found(request.match_info["name"]))

    async def changes(self, request: web.Request) -> web.Response:
        """What was changed."""
        given = parameters(request, "service", "hours")
        return success(self._questions.changes(service=given.get("service"), hours=hours(given, MOST_HOURS)))

    async def statuses(self, request: web.Request) -> web.Response:
        """How every service was in each part of a day or of ninety."""
        given = parameters(request, "window", "service", "time_zone")
        window = one_of("window", given.get("window", "24h"), ("24h", "90d"))
        if "service" in given:
            one_of("service", given["service"], tuple(self._monitoring.plan.services))
        found = await self._questions.statuses(
            cast("Window", window), service=given.get("service"), zone=time_zone(given)
        )
        return success(found)

    async def history(self, request: web.Request) -> web.Response:
        """What a metric of the service was, or which there are."""
        given = parameters(request, "metric", "hours", "check", "resolution")
        if "resolution" in given:
            one_of("resolution", given["resolution"], ("full", "5m"))
        found = await self._questions.history(
            request.match_info["name"],
            metric=given.get("metric"),
            hours=hours(given, MOST_HOURS) or 1.0,
            check=given.get("check"),
            resolution=cast("Resolution | None", given.get("resolution")),
        )
        return success(found)

    async def look(self, request: web.Request) -> web.Response:
        """Have every check of the service look at once."""
        parameters(request)
        await body_of(request, LookBody)
        return success(await self._orders.look(request.match_info["name"]))

    async def incidents(self, request: web.Request) -> web.Response:
        """Open ones, without those that became part of another; with `state=all` every one that is remembered."""
        given = parameters(request, "service", "state", "hours")
        back = hours(given, MOST_HOURS)
        state = one_of("state", given.get("state", "open" if back is None else "all"), ("open", "all"))
        found = await self._questions.incidents(service=given.get("service"), active=state == "open", hours=back)
        return success(found)

    async def incident(self, request: web.Request) -> web.Response:
        """One incident with its timeline, open or over."""
        parameters(request)
        return success(await self._questions.incident(request.match_info["id"]))

    async def alerts(self, request: web.Request) -> web.Response:
        """Active alerts, of one service or severity if asked; with `state=all` also the resolved ones."""
        given = parameters(request, "service", "severity", "state", "hours")
        back = hours(given, MOST_HOURS)
        state = one_of("state", given.get("state", "active" if back is None else "all"), ("active", "all"))
        if "severity" in given:
            one_of("severity", given["severity"], [severity.value for severity in Severity])
        if "service" in given:
            one_of("service", given["service"], self._questions.known_services())
        found = await self._questions.alerts(
            service=given.get("service"), severity=given.get("severity"), active=state == "active", hours=back
        )
        return success(found)

    async def explanation(self, request: web.Request) -> web.Response:
        """What is wrong and why, with the chain around it."""
        given = parameters(request, "services")
        names = tuple(filter(None, given.get("services", "").split(",")))
        for name in names:
            one_of("services", name, tuple(self._monitoring.plan.services))
        return success(self._questions.explanation(names))

    async def topology(self, request: web.Request) -> web.Response:
        """Who depends on whom."""
        parameters(request)
        return success(self._questions.topology())

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Everything that happens from now on, as server-sent events."""
        parameters(request)
        return await self.events_stream.answer(request)

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Somebody is on it."""
        parameters(request)
        body = await body_of(request, NoteBody)
        return success(await self._orders.acknowledge(request.match_info["id"], by=body.by, note=body.note))

    async def resolve(self, request: web.Request) -> web.Response:
        """It is over because somebody says so."""
        parameters(request)
        body = await body_of(request, NoteBody)
        return success(await self._orders.resolve(request.match_info["id"], by=body.by, note=body.note))

    async def silences(self, request: web.Request) -> web.Response:
        """Those that run or will."""
        parameters(request)
        return success(self._questions.silences())

    async def silence(self, request: web.Request) -> web.Response:
        """Tell nobody of incidents that match."""
        parameters(request)
        body = await body_of(request, SilenceBody)
        made = await self._orders.silence(
            body.matchers, by=body.by, seconds=body.seconds, until=body.until, starts=body.starts, reason=body.reason
        )
        return success(made)

    async def end_silence(self, request: web.Request) -> web.Response:
        """People are told again."""
        parameters(request)
        await self._orders.end_silence(request.match_info["id"])
        return success({"id": request.match_info["id"]})

    async def maintenance(self, request: web.Request) -> web.Response:
        """Windows that run or will, then the rules that make them."""
        parameters(request)
        return success(self._questions.maintenance())

    async def maintain(self, request: web.Request) -> web.Response:
        """Declare a service as being worked on: now, once from a later moment, or whenever cron says."""
        parameters(request)
        body = await body_of(request, MaintenanceBody)
        if body.cron is None:
            if body.time_zone is not None:
                raise bad_request("time_zone belongs to cron")
            made = await self._orders.maintain(
                body.service,
                by=body.by,
                seconds=body.seconds,
                until=body.until,
                starts=body.starts,
                reason=body.reason,
            )
            return success(made)
        if body.seconds is None or body.until is not None or body.starts is not None:
            raise bad_request("with cron, say only for how long each window is")
        made = await self._orders.maintain_again(
            body.service,
            cron=body.cron,
            time_zone=body.time_zone or "UTC",
            seconds=body.seconds,
            by=body.by,
            reason=body.reason,
        )
        return success(made)

    async def end_maintenance(self, request: web.Request) -> web.Response:
        """The work is done; of a rule, no window comes any more."""
        parameters(request)
        await self._orders.end_maintenance(request.match_info["id"])
        return success({"id": request.match_info["id"]})

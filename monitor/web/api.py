"""The API under `/api/v1`: what is believed, and the two orders about alerts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

from aiohttp import web

from monitor import answers
from monitor.core.model import AcknowledgeAlert, Alert, Incident, Order, ResolveAlert, Severity
from monitor.core.step import UnknownId
from monitor.core.uptime import shown
from monitor.service_monitoring import ServiceMonitoring
from monitor.web.answer import not_found, success
from monitor.web.requests import json_body, one_of, parameters, who

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """Answers from the state as committed. Lists are lists, newest first; keys are always there, null if unknown."""

    def __init__(self, monitoring: ServiceMonitoring, *, language: Callable[[], str], url: str) -> None:
        self._monitoring = monitoring
        self._language = language
        self._url = url

    def routes(self) -> list[web.RouteDef]:
        """Every path of the API."""
        identity = "{id:[A-Za-z0-9_-]{1,64}}"
        return [
            web.get("/api/v1/summary", self.summary),
            web.get("/api/v1/services", self.services),
            web.get("/api/v1/services/{name}", self.service),
            web.get("/api/v1/incidents", self.incidents),
            web.get(f"/api/v1/incidents/{identity}", self.incident),
            web.get("/api/v1/alerts", self.alerts),
            web.post(f"/api/v1/alerts/{identity}/acknowledge", self._ordering(AcknowledgeAlert)),
            web.post(f"/api/v1/alerts/{identity}/resolve", self._ordering(ResolveAlert)),
            web.get("/api/v1/topology", self.topology),
        ]

    async def summary(self, request: web.Request) -> web.Response:
        """How many services are how, and the worst of it."""
        parameters(request)
        return success(answers.summary(self._monitoring.plan, self._monitoring.state, self._monitoring.clock.now()))

    async def services(self, request: web.Request) -> web.Response:
        """Every service, in the order of the configuration."""
        parameters(request)
        return success([self._service(name) for name in self._monitoring.plan.services])

    async def service(self, request: web.Request) -> web.Response:
        """One service."""
        parameters(request)
        name = request.match_info["name"]
        if name not in self._monitoring.plan.services:
            raise not_found("there is no such service; /api/v1/services lists them")
        return success(self._service(name))

    async def incidents(self, request: web.Request) -> web.Response:
        """Open ones, without those that became part of another; with `state=all` every one that is remembered."""
        wanted = one_of("state", parameters(request, "state").get("state", "open"), ("open", "all"))
        found = [
            each
            for each in self._monitoring.state.incidents
            if wanted == "all" or (each.resolved_at is None and each.adopted_by is None)
        ]
        found.sort(key=lambda incident: incident.opened_at, reverse=True)
        return success([self._incident(each) for each in found])

    async def incident(self, request: web.Request) -> web.Response:
        """One incident, open or resolved."""
        parameters(request)
        for each in self._monitoring.state.incidents:
            if each.id == request.match_info["id"]:
                return success(self._incident(each))
        raise not_found("there is no such incident; /api/v1/incidents?state=all lists them")

    async def alerts(self, request: web.Request) -> web.Response:
        """Active alerts, of one service or severity if asked; with `state=all` also the resolved ones."""
        given = parameters(request, "service", "severity", "state")
        state = one_of("state", given.get("state", "active"), ("active", "all"))
        if "severity" in given:
            one_of("severity", given["severity"], [severity.value for severity in Severity])
        if "service" in given:
            one_of("service", given["service"], self._known_services())
        found = [
            (incident, alert)
            for incident, alert in self._alerts()
            if (state == "all" or alert.resolved_at is None)
            and given.get("severity", alert.severity) == alert.severity
            and given.get("service", alert.service) == alert.service
        ]
        found.sort(key=lambda each: each[1].opened_at, reverse=True)
        return success([answers.alert_of(alert, incident.id, self._language()) for incident, alert in found])

    async def topology(self, request: web.Request) -> web.Response:
        """Who depends on whom."""
        parameters(request)
        return success(answers.topology(self._monitoring.plan, self._monitoring.state, self._monitoring.clock.now()))

    def _ordering(self, order: Callable[[str, str], Order]) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            """Give the order in the name of `by`; the answer is the alert as it then is."""
            parameters(request)
            by, name = who(await json_body(request)), request.match_info["id"]
            try:
                await self._monitoring.take(order(name, by))
            except UnknownId:
                raise not_found("there is no such alert; /api/v1/alerts?state=all lists them") from None
            incident, alert = next(each for each in self._alerts() if each[1].id == name)
            return success(answers.alert_of(alert, incident.id, self._language()))

        return handle

    def _alerts(self) -> Iterator[tuple[Incident, Alert]]:
        for incident in self._monitoring.state.incidents:
            for alert in incident.alerts:
                yield incident, alert

    def _known_services(self) -> list[str]:
        """The planned ones and those that left, but are remembered for their alerts."""
        return list(dict.fromkeys([*self._monitoring.plan.services, *(alert.service for _, alert in self._alerts())]))

    def _service(self, name: str) -> answers.Json:
        plan, state = self._monitoring.plan, self._monitoring.state
        return answers.service(plan, state, name, self._monitoring.clock.now(), self._language())

    def _incident(self, incident: Incident) -> answers.Json:
        state, now = self._monitoring.state, self._monitoring.clock.now()
        statuses = {name: shown(state, name, now) for name in incident.impacted}
        return answers.incident(incident, statuses, language=self._language(), url=self._url)

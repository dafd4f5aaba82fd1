"""The questions one can put to the monitoring, by API, command line and Python alike; the answers are JSON values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, tzinfo
from typing import Final, Literal, TypeAlias

from monitor import __version__, answers, chain, found
from monitor.answers import Json
from monitor.core.model import Incident, Plan, State
from monitor.core.slots import days, half_hours, slots
from monitor.core.step import UnknownId
from monitor.core.timeline import timeline
from monitor.core.topology import linked
from monitor.core.uptime import Stay, shown
from monitor.history import FULL_HOURS, History, Resolution
from monitor.history_file import Point, Size
from monitor.service_monitoring import ServiceMonitoring
from monitor.state_directory import StoreError

Window: TypeAlias = Literal["24h", "90d"]

_HOUR: Final = 3600.0


class Questions:
    """Everything is answered from the state as committed, and from the history where it has to look back.

    Raises UnknownId for what does not exist, and StoreError while the history cannot be read."""

    def __init__(
        self, monitoring: ServiceMonitoring, *, language: Callable[[], str] = lambda: "en", url: str = ""
    ) -> None:
        self._monitoring = monitoring
        self._language = language
        self._url = url

    @property
    def _state(self) -> State:
        return self._monitoring.state

    @property
    def _plan(self) -> Plan:
        """With the dependencies that were found out."""
        return linked(self._monitoring.plan, self._state.links)

    @property
    def _now(self) -> float:
        return self._monitoring.clock.now()

    def summary(self) -> Json:
        """How many services are how, and the worst of it."""
        return answers.summary(self._monitoring.plan, self._state, self._now)

    def topology(self) -> Json:
        """Who depends on whom, and how each is."""
        return chain.topology(self._monitoring.plan, self._state, self._now, self._language())

    def explanation(self, names: Collection[str] = ()) -> Json:
        """What is wrong and why, of these services or of all."""
        for name in names:
            self._known(name)
        plan, state, language = self._monitoring.plan, self._state, self._language()
        return chain.explained(plan, state, self._now, names=names, language=language, url=self._url)

    async def services(self) -> list[Json]:
        """Every service, in the order of the configuration."""
        return [await self.service(name) for name in self._monitoring.plan.services]

    async def service(self, name: str) -> Json:
        """One service."""
        self._known(name)
        uptime = await self._uptime(name)
        return answers.service(self._plan, self._state, name, self._now, self._language(), uptime=uptime)

    def found(self, name: str) -> Json:
        """What the last looks at a service found beside numbers: workers, peers, sessions, firewall rules."""
        self._known(name)
        return found.found(self._plan.services[name], self._state.services[name])

    def changes(self, *, service: str | None = None, hours: float | None = None) -> list[Json]:
        """What was changed, newest first, of every service (or this one) and of the monitor itself."""
        return [
            answers.change(each, None, self._language())
            for each in sorted(self._state.changes, key=lambda each: -each.at)
            if service in (None, each.service) and self._within(each.at, hours)
        ]

    async def statuses(self, window: Window = "24h", *, service: str | None = None, zone: tzinfo = UTC) -> list[Json]:
        """How every service (or this one) was in each half-hour of a day, or each of the zone's last ninety days."""
        if service is not None:
            self._known(service)
        edges = (half_hours if window == "24h" else days)(self._now, zone)
        kept = self._monitoring.history
        pasts = {} if kept is None else await kept.slots(edges)
        unwatched = slots((), edges)
        names = self._plan.services if service is None else (service,)
        return [answers.past(name, pasts.get(name, unwatched)) for name in names]

    async def alerts(
        self,
        *,
        service: str | None = None,
        severity: str | None = None,
        active: bool = True,
        hours: float | None = None,
    ) -> list[Json]:
        """Alerts, newest first. `hours`: those that were active at some time in the last so many hours."""
        found = [
            (incident, alert)
            for incident in await self._incidents(None if active else hours, past=not active)
            for alert in incident.alerts
            if not (active and alert.resolved_at is not None)
            and service in (None, alert.service)
            and severity in (None, alert.severity)
            and self._within(alert.resolved_at, hours)
        ]
        found.sort(key=lambda each: each[1].opened_at, reverse=True)
        return [answers.alert_of(alert, incident.id, self._language()) for incident, alert in found]

    async def incidents(
        self, *, service: str | None = None, active: bool = True, hours: float | None = None
    ) -> list[Json]:
        """Incidents, newest first; open ones without those that became part of another."""
        found = [
            each
            for each in await self._incidents(hours, past=not active)
            if not (active and (each.resolved_at is not None or each.adopted_by is not None))
            and (service is None or service in (each.root, *each.impacted, *(alert.service for alert in each.alerts)))
            and self._within(each.resolved_at, hours)
        ]
        found.sort(key=lambda incident: incident.opened_at, reverse=True)
        return [self.incident_of(each) for each in found]

    async def incident(self, name: str) -> Json:
        """One incident with its timeline, open or over."""
        found = next((each for each in self._state.incidents if each.id == name), None)
        if found is None and self._monitoring.history is not None:
            found = await self._monitoring.history.incident(name)
        if found is None:
            raise UnknownId("incident", name)
        moments = timeline(found, await self._stays(found.opened_at))
        return self.incident_of(found) | {"timeline": [answers.moment(each, self._language()) for each in moments]}

    def incident_of(self, incident: Incident) -> Json:
        """An incident that is at hand, in the words of `incidents`."""
        statuses = {name: shown(self._state, name, self._now) for name in incident.impacted}
        return answers.incident(incident, statuses, language=self._language(), url=self._url)

    def alert(self, name: str) -> Json:
        """One alert that the state still holds."""
        for incident in self._state.incidents:
            for alert in incident.alerts:
                if alert.id == name:
                    return answers.alert_of(alert, incident.id, self._language())
        raise UnknownId("alert", name)

    async def history(
        self,
        service: str,
        *,
        metric: str | None = None,
        hours: float = 1.0,
        check: str | None = None,
        resolution: Resolution | None = None,
    ) -> Json:
        """The series of a service: of one metric with their points, else only which there are."""
        self._known(service)
        kept = self._monitoring.history
        resolution = resolution or ("full" if hours <= FULL_HOURS else "5m")
        answer: Json = {
            "service": service,
            "hours": hours,
            "resolution": resolution,
            "from": answers.rfc3339(self._now - hours * _HOUR),
            "to": answers.rfc3339(self._now),
            "series": [],
        }
        if kept is None:
            return answer
        if metric is None:
            names = await kept.names(service)
            lines = [_line(each.check, each.metric, each.unit, None) for each in names if check in (None, each.check)]
        else:
            found = await kept.lines(service, metric=metric, hours=hours, check=check, resolution=resolution)
            lines = [_line(each.series.check, each.series.metric, each.series.unit, each.points) for each in found]
        return answer | {"series": lines}

    async def monitoring(self) -> Json:
        """Whether the monitoring itself is well: what it looks at how often, and how much it remembers."""
        monitoring = self._monitoring
        size, trouble = await _size(monitoring.history)
        return {
            "running": True,
            "version": __version__,
            "started_at": answers.rfc3339(monitoring.started_at),
            "uptime_seconds": round(self._now - monitoring.started_at, 3),
            "services": len(monitoring.plan.services),
            "open_incidents": sum(
                each.resolved_at is None and each.adopted_by is None for each in self._state.incidents
            ),
            "checks": list(self._checks()),
            "stored_samples": size.samples if size else None,
            "history": {
                "samples": size.samples if size else None,
                "rollups": size.rollups if size else None,
                "series": size.series if size else None,
                "bytes": size.bytes if size else None,
                "oldest": answers.rfc3339(size.oldest) if size else None,
                "error": trouble,
            },
        }

    def silences(self) -> list[Json]:
        """Those that run or will."""
        return [answers.silence(each, self._now) for each in self._state.silences]

    def maintenance(self) -> list[Json]:
        """Windows that run or will, then the rules that make them."""
        windows = [answers.maintenance(each, self._now) for each in self._state.maintenance]
        return windows + [answers.recurring(each, self._state, self._now) for each in self._state.recurring]

    def known_services(self) -> list[str]:
        """The planned ones and those that left, but are remembered for their alerts."""
        left = (alert.service for incident in self._state.incidents for alert in incident.alerts)
        return list(dict.fromkeys([*self._monitoring.plan.services, *left]))

    def _checks(self) -> Iterable[Json]:
        for name, service in self._monitoring.plan.services.items():
            for check in service.checks:
                known = self._state.services[name].checks.get(check.name)
                yield {
                    "service": name,
                    "check": check.name,
                    "kind": check.kind,
                    "every_seconds": check.every,
                    "timeout_seconds": check.timeout,
                    "last_look": answers.rfc3339(known.last.began if known and known.last else None),
                }

    def _known(self, service: str) -> None:
        if service not in self._monitoring.plan.services:
            raise UnknownId("service", service)

    def _within(self, ended: float | None, hours: float | None) -> bool:
        return hours is None or ended is None or ended >= self._now - hours * _HOUR

    async def _incidents(self, hours: float | None, *, past: bool) -> list[Incident]:
        """Those of the state; with `past` also the ones that only the history still knows."""
        found = {each.id: each for each in self._state.incidents}
        if past and self._monitoring.history is not None:
            since = 0.0 if hours is None else self._now - hours * _HOUR
            for each in await self._monitoring.history.incidents(since):
                found.setdefault(each.id, each)
        return list(found.values())

    async def _uptime(self, name: str) -> Json | None:
        """None while it cannot be read: that is no reason not to answer the rest."""
        if self._monitoring.history is None:
            return None
        try:
            return (await self._monitoring.history.availability()).get(name)
        except StoreError:
            return None

    async def _stays(self, since: float) -> tuple[Stay, ...]:
        """None while they cannot be read: what is broken now must be seen all the same."""
        if self._monitoring.history is None:
            return ()
        try:
            return await self._monitoring.history.stays(since)
        except StoreError:
            return ()


async def _size(history: History | None) -> tuple[Size | None, str | None]:
    if history is None:
        return None, "no history is kept"
    try:
        return await history.size(), history.failed
    except StoreError as error:
        return None, str(error)


def _line(check: str, metric: str, unit: str, points: tuple[Point, ...] | None) -> Json:
    return {
        "check": check,
        "metric": metric,
        "unit": unit,
        "points": None if points is None else [_point(each) for each in points],
    }


def _point(point: Point) -> Json:
    return {
        "at": answers.rfc3339(point.at),
        "value": point.value,
        "min": point.low,
        "max": point.high,
        "n": point.n,
    }

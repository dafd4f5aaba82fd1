"""What is new since it was last told, as events: found by comparing, so that nothing is told twice or forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from monitor.answers import Json, rfc3339
from monitor.core.model import Incident, Maintenance, Recurring, Silence, Status
from monitor.core.uptime import overall, shown
from monitor.questions import Questions
from monitor.service_monitoring import ServiceMonitoring


class Happening(NamedTuple):
    """One event: its type, and the object that says more."""

    kind: str
    data: Json


@dataclass(frozen=True, slots=True)
class _Seen:
    """What whoever listens knows."""

    statuses: Mapping[str, Status]
    incidents: tuple[Incident, ...]
    mutes: tuple[tuple[Silence, ...], tuple[Maintenance, ...], tuple[Recurring, ...]]


class News:
    """From the moment at which it is made; `begin` says how things stand then, `since` what has happened since."""

    def __init__(self, monitoring: ServiceMonitoring, questions: Questions) -> None:
        self._monitoring = monitoring
        self._questions = questions
        self._told = self._see()
        self._looked: dict[str, None] = {}

    def looked(self, service: str) -> None:
        """A look at that service has ended."""
        self._looked[service] = None

    def begin(self) -> Happening:
        """How things stand, as far as it was told: what a new listener hears first."""
        monitoring, told = self._monitoring, self._told
        state: Json = {
            "overall_status": overall(monitoring.plan, monitoring.state, monitoring.clock.now()).value,
            "services": [{"name": name, "status": status.value} for name, status in told.statuses.items()],
            "incidents": [self._questions.incident_of(each) for each in told.incidents if _is_open(each)],
            "at": self._now(),
        }
        return Happening("state", state)

    def since(self, *, looks: bool) -> Iterator[Happening]:
        """All that has happened since it was last asked; the ends of looks only with `looks`."""
        before, self._told = self._told, self._see()
        yield from self._statuses(before)
        yield from self._incidents(before)
        if before.mutes != self._told.mutes:
            silences, windows, rules = map(len, self._told.mutes)
            yield Happening("mutes", {"silences": silences, "maintenance": windows + rules, "at": self._now()})
        if looks and self._looked:
            services, self._looked = list(self._looked), {}
            yield Happening("looks", {"services": services, "at": self._now()})

    def _see(self) -> _Seen:
        monitoring, state = self._monitoring, self._monitoring.state
        now = monitoring.clock.now()
        statuses = {name: shown(state, name, now) for name in monitoring.plan.services}
        return _Seen(statuses, state.incidents, (state.silences, state.maintenance, state.recurring))

    def _statuses(self, before: _Seen) -> Iterator[Happening]:
        for name, status in self._told.statuses.items():
            was = before.statuses.get(name, Status.UNKNOWN)
            if status is not was:
                change: dict[str, Any] = {"service": name, "before": was.value, "after": status.value}
                yield Happening("status", change | {"at": self._now()})

    def _incidents(self, before: _Seen) -> Iterator[Happening]:
        if before.incidents is self._told.incidents:
            return
        known = {each.id: each for each in before.incidents}
        for each in self._told.incidents:
            was = known.get(each.id)
            if was is each or was == each:
                continue
            if was is None:
                kind = "opened"
            elif was.resolved_at is None and each.resolved_at is not None:
                kind = "resolved"
            else:
                kind = "updated"
            yield Happening(f"incident.{kind}", self._questions.incident_of(each))

    def _now(self) -> str | None:
        return rfc3339(self._monitoring.clock.now())


def _is_open(incident: Incident) -> bool:
    return incident.resolved_at is None and incident.adopted_by is None

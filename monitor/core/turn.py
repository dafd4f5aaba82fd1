"""One step under way: the state so far, and what has happened in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from monitor.core.model import CheckState, Event, Incident, LookWanted, Plan, ServiceState, Settled, State, Status
from monitor.core.topology import dependencies, linked

RESOLVED_KEPT = 100

_NOTHING_KNOWN = ServiceState()
_NEVER_LOOKED = CheckState()


@dataclass(slots=True)
class Turn:
    """The values of one step. It lives no longer than the step; the state it holds is replaced, never changed."""

    plan: Plan
    state: State
    now: float
    events: list[Event] = field(default_factory=list)
    observed: str | None = None
    configured: Plan = field(init=False)

    def __post_init__(self) -> None:
        """`plan` is what counts, with the dependencies that were found out; `configured` is without them."""
        self.configured = self.plan
        self.plan = linked(self.plan, self.state.links)

    def service(self, name: str) -> ServiceState:
        """What is known of a service; of one that is not planned, nothing."""
        return self.state.services.get(name, _NOTHING_KNOWN)

    def status(self, name: str) -> Status:
        """What we believe of a service."""
        return self.service(name).status

    def check(self, service: str, name: str) -> CheckState:
        """What is known through one check."""
        return self.service(service).checks.get(name, _NEVER_LOOKED)

    def checks(self, service: str) -> Iterator[tuple[str, CheckState]]:
        """The planned checks of a service with what is known through them."""
        planned = self.plan.services.get(service)
        for each in planned.checks if planned else ():
            yield each.name, self.check(service, each.name)

    def failing(self, service: str) -> Iterator[tuple[str, str, Settled]]:
        """Check, metric and what is believed of it, for each metric of the service that is failing."""
        for name, known in self.checks(service):
            for metric, settled in known.settled.items():
                if settled.status.failing:
                    yield name, metric, settled

    def recovered_at(self, root: str) -> float:
        """When the last of the services that `root` depends on ceased to fail; 0 if none ever did."""
        return max((_recovered_at(self.service(name)) for name in dependencies(self.plan, root)), default=0.0)

    def open_incidents(self) -> tuple[Incident, ...]:
        """Those that are not resolved and have not been adopted by another."""
        return tuple(each for each in self.state.incidents if each.resolved_at is None and each.adopted_by is None)

    def incident(self, incident_id: str) -> Incident:
        """The present value of an incident that exists."""
        return next(each for each in self.state.incidents if each.id == incident_id)

    def put_service(self, name: str, known: ServiceState) -> None:
        """Replace what is known of a service."""
        self.state = replace(self.state, services={**self.state.services, name: known})

    def put_check(self, service: str, name: str, known: CheckState) -> None:
        """Replace what is known through one check."""
        before = self.service(service)
        self.put_service(service, replace(before, checks={**before.checks, name: known}))

    def put_metric(self, service: str, check: str, metric: str, settled: Settled) -> None:
        """Replace what is believed of one metric of one check."""
        known = self.check(service, check)
        self.put_check(service, check, replace(known, settled={**known.settled, metric: settled}))

    def put(self, incident: Incident) -> Incident:
        """Replace an incident by its new value, or add it; of the resolved ones only the last are kept."""
        others = [incident if each.id == incident.id else each for each in self.state.incidents]
        if incident not in others:
            others.append(incident)
        resolved = [each.id for each in others if each.resolved_at is not None]
        surplus = set(resolved[:-RESOLVED_KEPT])
        self.state = replace(self.state, incidents=tuple(each for each in others if each.id not in surplus))
        return incident

    def remove(self, incident: Incident) -> None:
        """Forget an incident nobody was told of."""
        left = tuple(each for each in self.state.incidents if each.id != incident.id)
        self.state = replace(self.state, incidents=left)

    def new_id(self, kind: str) -> str:
        """An id that is never used again, not even when the state is lost: it holds the moment."""
        number = self.state.sequence + 1
        self.state = replace(self.state, sequence=number)
        return f"{kind}-{int(self.now * 1000):x}-{number}"

    def want(self, service: str, check: str, at: float) -> None:
        """Have a check looked at."""
        wanted = LookWanted(service, check, at)
        if wanted not in self.events:
            self.events.append(wanted)


def _recovered_at(known: ServiceState) -> float:
    changes = known.changes
    for (_, before), (at, after) in zip(reversed(changes[:-1]), reversed(changes[1:]), strict=True):
        if before.failing and not after.failing:
            return at
    return 0.0

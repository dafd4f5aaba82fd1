"""What is believed of the services and their incidents, as lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from monitor.core.model import (
    Event,
    Incident,
    Plan,
    RulesChanged,
    ServiceState,
    Severity,
    State,
    Status,
    StatusChanged,
)
from monitor.core.uptime import shown
from monitor.metrics.body import Blocks, Owner
from monitor.metrics.catalogue import (
    INCIDENT_CAUSE,
    RULE_CHANGES,
    RULES_READ,
    SERVICE_STATUS,
    SERVICE_UP,
    STATUS_CHANGES,
)
from monitor.metrics.exposition import label_pairs, sample

_UP: Final = {Status.HEALTHY: 1, Status.WARNING: 1, Status.CRITICAL: 1, Status.DOWN: 0}
_TAKEN_ON: Final = tuple(status for status in Status if status is not Status.MAINTENANCE)
_EVERYWHERE: Final = Owner("")


class Beliefs:
    """Takes every change and renders at the next scrape, and then only what differs."""

    def __init__(self, blocks: Blocks) -> None:
        self.incidents: dict[Severity, int] | None = None
        self._blocks = blocks
        self._latest: tuple[Plan, State, float] | None = None
        self._published: dict[str, tuple[Status, Status]] = {}
        self._became: dict[str, Counter[Status]] = {}
        self._rules: dict[str, tuple[float, int]] = {}
        self._rule_changes = Counter[str]()

    def changed(self, plan: Plan, state: State, events: Iterable[Event], now: float) -> None:
        """This is believed from `now` on."""
        self._latest = (plan, state, now)
        for event in events:
            if isinstance(event, StatusChanged):
                self._became.setdefault(event.service, Counter())[event.after] += 1
                self._publish_changes(event.service)
            elif isinstance(event, RulesChanged):
                self._rule_changes[event.service] += 1

    def publish(self) -> None:
        """Bring the lines up to date."""
        if self._latest is None:
            return
        plan, state, now = self._latest
        self._latest = None
        for service in (self._published.keys() | self._became.keys()) - plan.services.keys():
            self._blocks.drop(Owner(service))
            self._published.pop(service, None)
            self._became.pop(service, None)
            self._rules.pop(service, None)
            self._rule_changes.pop(service, None)
        for service in plan.services:
            if service not in self._became:
                self._became[service] = Counter()
                self._publish_changes(service)
            if service in state.services:
                self._publish_status(service, shown(state, service, now), state.services[service].status)
                self._publish_rules(service, state.services[service])
        self._publish_incidents(
            [each for each in state.incidents if each.resolved_at is None and each.adopted_by is None]
        )

    def _publish_status(self, service: str, status: Status, beneath: Status) -> None:
        """`beneath` is what it would be without maintenance: work on a service does not make it answer."""
        if self._published.get(service) == (status, beneath):
            return
        self._published[service] = (status, beneath)
        lines = (
            sample(SERVICE_STATUS.name, label_pairs({"service": service, "status": each}), each is status)
            for each in Status
        )
        self._blocks.put(SERVICE_STATUS.name, Owner(service), "".join(lines))
        up = _UP.get(beneath)
        line = "" if up is None else sample(SERVICE_UP.name, label_pairs({"service": service}), up)
        self._blocks.put(SERVICE_UP.name, Owner(service), line)

    def _publish_changes(self, service: str) -> None:
        """From the first scrape on, zeros too: `increase()` does not see what a series begins with."""
        lines = (
            sample(
                STATUS_CHANGES.name, label_pairs({"service": service, "status": status}), self._became[service][status]
            )
            for status in _TAKEN_ON
        )
        self._blocks.put(STATUS_CHANGES.name, Owner(service), "".join(lines))

    def _publish_rules(self, service: str, known: ServiceState) -> None:
        """Of services that read firewall rules: how old the oldest of what is known is, and how often it changed."""
        read = [check.seen_at for check in known.checks.values() if check.rules_of and check.seen_at is not None]
        about = (min(read), self._rule_changes[service]) if read else None
        if about is None or self._rules.get(service) == about:
            return
        self._rules[service] = about
        for metric, value in zip((RULES_READ, RULE_CHANGES), about, strict=True):
            self._blocks.put(metric.name, Owner(service), sample(metric.name, label_pairs({"service": service}), value))

    def _publish_incidents(self, incidents: list[Incident]) -> None:
        counted = Counter(incident.severity for incident in incidents)
        self.incidents = {severity: counted[severity] for severity in Severity}
        causes = {(incident.root, incident.diagnosis.cause) for incident in incidents if incident.diagnosis}
        lines = (
            sample(INCIDENT_CAUSE.name, label_pairs({"service": root, "cause": cause}), 1)
            for root, cause in sorted(causes)
        )
        self._blocks.put(INCIDENT_CAUSE.name, _EVERYWHERE, "".join(lines))

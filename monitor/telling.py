"""Carries each change of the state to everybody who lives by it."""

from __future__ import annotations

import structlog

from monitor.core.model import LookWanted, NoticeDue, RulesChanged, StatusChanged
from monitor.metrics import Metrics
from monitor.outbox import Outbox
from monitor.schedule import Schedule
from monitor.service_monitoring import Change, ServiceMonitoring

log = structlog.get_logger(__name__)


def told(change: Change, monitoring: ServiceMonitoring, metrics: Metrics, outbox: Outbox, schedule: Schedule) -> None:
    """Carry one change to everybody who lives by it."""
    metrics.changed(monitoring.plan, change.state, change.events, change.at)
    for event in change.events:
        match event:
            case LookWanted(service, check, at):
                schedule.want(service, check, at)
            case NoticeDue(notice, channels):
                outbox.wake()
                incident = notice.incident
                log.warning(
                    "incident.told",
                    kind=notice.kind.value,
                    incident=incident.id,
                    root=incident.root,
                    severity=incident.severity.value,
                    channels=list(channels),
                    cause=incident.diagnosis.cause if incident.diagnosis else None,
                )
            case StatusChanged(service, before, after):
                log.info("service.status", service=service, before=before.value, after=after.value)
            case RulesChanged(service, _, rules):
                log.warning("firewall.rules_changed", service=service, added=rules.added, removed=rules.removed)
            case _:
                pass

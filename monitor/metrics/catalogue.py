"""The metrics that every check and every service has, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from monitor.checks.base import Check, Family
from monitor.metrics.exposition import Metric

SERVICE_STATUS: Final = Metric(
    "infra_service_status",
    "gauge",
    "1 for the status that the service has now, 0 for each other one.",
    ("service", "status"),
)
SERVICE_UP: Final = Metric(
    "infra_service_up",
    "gauge",
    "1 if the service answers (healthy, warning, critical), 0 if it is down; absent while that is unknown.",
    ("service",),
)
STATUS_CHANGES: Final = Metric(
    "infra_service_status_changes_total",
    "counter",
    "How often the service took on that status; shows troubles that fit between two scrapes.",
    ("service", "status"),
)
INCIDENT_CAUSE: Final = Metric(
    "infra_incident_cause",
    "gauge",
    "1 for each diagnosed open incident, with the service that is its root and the cause.",
    ("service", "cause"),
)
CHECK_SUCCESS: Final = Metric(
    "infra_check_success",
    "gauge",
    "1 if the last look saw what it looked at, 0 if it failed; absent when it could not look.",
    ("service", "check"),
)
CHECK_DURATION: Final = Metric(
    "infra_check_duration_seconds",
    "histogram",
    "How long looks took, whatever they brought back.",
    ("service", "check"),
    (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0),
)
LAST_LOOK: Final = Metric(
    "infra_check_last_look_timestamp_seconds",
    "gauge",
    "When the last look ended, whatever it brought back; the check's other numbers are as old as this.",
    ("service", "check"),
)
CHECKS: Final = Metric(
    "infra_checks_total",
    "counter",
    "Looks, by what they brought back: seen, failed or blind (could not look).",
    ("service", "check", "outcome"),
)
SERIES_DROPPED: Final = Metric(
    "infra_series_dropped_total",
    "counter",
    "Readings that were not published: over the limit of series, with an unusable label, or not a possible value.",
    ("service", "check", "reason"),
)

RULE_CHANGES: Final = Metric(
    "infra_security_group_rule_changes_total",
    "counter",
    "Looks that found the rules around the database's port changed since the one before.",
    ("service",),
)
RULES_READ: Final = Metric(
    "infra_security_group_last_read_timestamp_seconds",
    "gauge",
    "When the rules were last read; it stays while they cannot be.",
    ("service",),
)

GENERIC: Final = (
    SERVICE_STATUS,
    SERVICE_UP,
    STATUS_CHANGES,
    INCIDENT_CAUSE,
    CHECK_SUCCESS,
    CHECK_DURATION,
    LAST_LOOK,
    CHECKS,
    SERIES_DROPPED,
    RULE_CHANGES,
    RULES_READ,
)


def published(family: Family) -> Metric:
    """A check's family as a metric: what a tally adds up to is a counter for whoever reads it."""
    kind = "counter" if family.type == "tally" else family.type
    return Metric(family.metric, kind, family.help, buckets=family.buckets)


def kind_specific(checks: Iterable[Check]) -> Iterator[Metric]:
    """The metrics of these checks' kinds."""
    for kind in {type(check): None for check in checks}:
        yield from map(published, kind.families)

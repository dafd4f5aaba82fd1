"""The table of the API: every path with what it takes and answers. The server and the OpenAPI document read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from monitor.core.model import Severity
from monitor.history import MOST_HOURS
from monitor.orders import MOST
from monitor.web.bodies import LookBody, MaintenanceBody, NoteBody, SilenceBody

__all__ = ["ROUTES", "Parameter", "Route"]

IDENTITY: Final = "[A-Za-z0-9_-]{1,64}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter; never required."""

    name: str
    schema: dict[str, Any]
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation. `does`: the method of `Api` that answers; `answer`: the schema of `data`, in the words of
    `schemas.shape`; None is an answer without envelope. `finds`: it is about a thing that may not exist. `examples`: of
    its body. `leads_to`: which operations take the `id` or `name` that stands at `pointer` in its answer. `streams`: it
    answers with server-sent events that do not end."""

    method: str
    path: str
    does: str
    said: str
    answer: str | None
    parameters: tuple[Parameter, ...] = ()
    body: type[BaseModel] | None = None
    finds: bool = False
    examples: tuple[Mapping[str, Any], ...] = ()
    leads_to: tuple[str, ...] = ()
    pointer: str = ""
    streams: bool = False

    @property
    def writes(self) -> bool:
        """Whether it changes something, and needs the token."""
        return self.method != "GET"

    @property
    def pattern(self) -> str:
        """The path for aiohttp: ids hold nothing but what we put into them."""
        return self.path.replace("{id}", f"{{id:{IDENTITY}}}")


_HOURS: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_HOURS}
_SERVICE: Final = Parameter("service", {"type": "string"}, "Only those of this service.")
_BACK: Final = Parameter("hours", _HOURS, "Those that were active at some time in the last so many hours.")

ROUTES: Final = (
    Route(method="GET", path="/api/v1/summary", does="summary", said="How many services are how", answer="Summary"),
    Route(
        method="GET",
        path="/api/v1/monitoring",
        does="monitoring",
        said="Whether the monitoring itself is well, what it looks at how often, how much it remembers",
        answer="Monitoring",
    ),
    Route(
        method="GET",
        path="/api/v1/config",
        does="config",
        said="Which configuration is used since when, and why the newest one is not",
        answer="Configuration",
    ),
    Route(
        method="GET",
        path="/api/v1/services",
        does="services",
        said="Every service, in the order of the configuration",
        answer="[Service]",
        leads_to=("service", "history", "look"),
        pointer="/data/0/name",
    ),
    Route(
        method="GET",
        path="/api/v1/services/{name}",
        does="service",
        said="One service",
        answer="Service",
        finds=True,
    ),
    Route(
        method="GET",
        path="/api/v1/services/{name}/history",
        does="history",
        said="What a metric of the service was; without `metric`, which there are",
        answer="History",
        parameters=(
            Parameter("metric", {"type": "string"}, "A name, which stands for all its labels, or one with labels."),
            Parameter("hours", _HOURS, "How far back. Default: 1. Up to 24, every sample; beyond, five minutes each."),
            Parameter("check", {"type": "string"}, "Only of this check."),
            Parameter(
                "resolution", {"type": "string", "enum": ["full", "5m"]}, "Another resolution than `hours` gives."
            ),
        ),
        finds=True,
    ),
    Route(
        method="GET",
        path="/api/v1/services/{name}/found",
        does="found",
        said="What the last looks found beside numbers: workers, peers, sessions, firewall rules",
        answer="Found",
        finds=True,
    ),
    Route(
        method="GET",
        path="/api/v1/changes",
        does="changes",
        said="What was changed, newest first: restarts, deployments, reloads, edits, rules",
        answer="[Change]",
        parameters=(
            Parameter("service", {"type": "string"}, "Only those of this service."),
            Parameter("hours", _HOURS, "Only those of the last so many hours."),
        ),
    ),
    Route(
        method="GET",
        path="/api/v1/statuses",
        does="statuses",
        said="How each service was in every half-hour of a day, or on every day of ninety",
        answer="[Past]",
        parameters=(
            Parameter("window", {"type": "string", "enum": ["24h", "90d"]}, "Default: 24h."),
            Parameter("service", {"type": "string"}, "Only this one."),
            Parameter("time_zone", {"type": "string"}, "Whose clock divides the time. Default: UTC."),
        ),
    ),
    Route(
        method="POST",
        path="/api/v1/services/{name}/look",
        does="look",
        said="Have every check of the service look at once",
        answer="LooksWanted",
        body=LookBody,
        finds=True,
        examples=({},),
    ),
    Route(
        method="GET",
        path="/api/v1/alerts",
        does="alerts",
        said="Alerts, newest first",
        answer="[Alert]",
        leads_to=("acknowledge", "resolve"),
        pointer="/data/0/id",
        parameters=(
            _SERVICE,
            Parameter("severity", {"type": "string", "enum": [each.value for each in Severity]}, "Only of this one."),
            Parameter("state", {"type": "string", "enum": ["active", "all"]}, "Default: active; with `hours`: all."),
            _BACK,
        ),
    ),
    Route(
        method="POST",
        path="/api/v1/alerts/{id}/acknowledge",
        does="acknowledge",
        said="Somebody is on it",
        answer="Alert",
        body=NoteBody,
        finds=True,
        examples=({"by": "ann", "note": "looking into it"},),
    ),
    Route(
        method="POST",
        path="/api/v1/alerts/{id}/resolve",
        does="resolve",
        said="It is over; the next failing look opens it again",
        answer="Alert",
        body=NoteBody,
        finds=True,
        examples=({"by": "ann", "note": "opened the security group"},),
    ),
    Route(
        method="GET",
        path="/api/v1/incidents",
        does="incidents",
        said="Incidents, newest first",
        answer="[Incident]",
        leads_to=("incident",),
        pointer="/data/0/id",
        parameters=(
            _SERVICE,
            Parameter("state", {"type": "string", "enum": ["open", "all"]}, "Default: open; with `hours`: all."),
            _BACK,
        ),
    ),
    Route(
        method="GET",
        path="/api/v1/incidents/{id}",
        does="incident",
        said="One incident with its timeline",
        answer="IncidentWithTimeline",
        finds=True,
    ),
    Route(method="GET", path="/api/v1/silences", does="silences", said="Those that run or will", answer="[Silence]"),
    Route(
        method="POST",
        path="/api/v1/silences",
        does="silence",
        said=f"Tell nobody of incidents that match; {MOST} at most",
        answer="Silence",
        body=SilenceBody,
        examples=(
            {
                "by": "ann",
                "matchers": {"service": "rds", "severity": "warning"},
                "for": "2h",
                "reason": "known",
            },
        ),
        leads_to=("end_silence",),
        pointer="/data/id",
    ),
    Route(
        method="DELETE",
        path="/api/v1/silences/{id}",
        does="end_silence",
        said="People are told again",
        answer="Ended",
        finds=True,
    ),
    Route(
        method="GET",
        path="/api/v1/maintenance",
        does="maintenance",
        said="Windows that run or will, and the rules that make them",
        answer="[Maintenance]",
    ),
    Route(
        method="POST",
        path="/api/v1/maintenance",
        does="maintain",
        said="Declare a service as being worked on: now, once, or again and again",
        answer="Maintenance",
        body=MaintenanceBody,
        finds=True,
        examples=(
            {"by": "ann", "service": "rds", "for": "30m", "reason": "minor upgrade"},
            {"by": "ann", "service": "rds", "cron": "0 3 * * 0", "time_zone": "Asia/Seoul", "for": "1h"},
        ),
        leads_to=("end_maintenance",),
        pointer="/data/id",
    ),
    Route(
        method="DELETE",
        path="/api/v1/maintenance/{id}",
        does="end_maintenance",
        said="The work is done; of a rule, no window comes any more",
        answer="Ended",
        finds=True,
    ),
    Route(
        method="GET",
        path="/api/v1/explanation",
        does="explanation",
        said="What is wrong and why, with the chain around it",
        answer="Explanation",
        parameters=(Parameter("services", {"type": "string"}, "Only these, with commas between them."),),
    ),
    Route(method="GET", path="/api/v1/topology", does="topology", said="Who depends on whom", answer="Topology"),
    Route(
        method="GET",
        path="/api/v1/events",
        does="events",
        said="How things stand, and then everything that happens, as server-sent events",
        answer=None,
        streams=True,
    ),
    Route(method="GET", path="/api/v1/openapi.json", does="openapi", said="This document", answer=None),
)

"""Notices for the tests of channels: one incident in every stage, one with texts that mean harm, one that is a test."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from monitor.cli import notify as command
from monitor.core.model import (
    Alert,
    Confidence,
    Diagnosis,
    Evidence,
    Incident,
    Message,
    Notice,
    NoticeKind,
    RuledOut,
    Severity,
    Status,
    Told,
)
from monitor.notify.base import Delivery

OPENED_AT: Final = 1_700_000_000.25
URL: Final = "http://127.0.0.1:10142"
INCIDENT_URL: Final = f"{URL}/incidents/inc-1"
HARMFUL: Final = "</b><script>1</script> <!channel> *bold* &amp; \x1b[31m\u202eevil\r\nBcc: everybody@example.com"
ALERT: Final = Alert(
    "alert-1",
    "rds",
    "rds",
    None,
    Severity.CRITICAL,
    Status.DOWN,
    Message("trouble.failed", {"phase": "tcp", "text": "timeout"}),
    None,
    None,
    OPENED_AT,
)
INCIDENT: Final = Incident(
    "inc-1",
    "rds",
    Severity.CRITICAL,
    OPENED_AT,
    alerts=(ALERT,),
    impacted=("app", "nginx"),
    diagnosis=Diagnosis(
        "network_path_blocked",
        Message("cause.network_path_blocked.summary", {"service": "rds"}),
        Confidence.LIKELY,
        evidence=(Evidence("rds", Message("evidence.dependency_healthy", {"service": "pm2"}), OPENED_AT),),
        ruled_out=(RuledOut("dns_failure", Message("ruled_out.dns_failure.address", {"address": "10.0.2.20"})),),
        remedy=Message("cause.network_path_blocked.remedy", {"service": "rds"}),
        commands=("nc -vz -w 5 db.test 5432",),
    ),
    told=(Told(NoticeKind.OPENED, OPENED_AT + 3, "rds", Severity.CRITICAL, "network_path_blocked", ("all",)),),
)
STATUSES: Final = {"rds": Status.DOWN, "app": Status.DOWN, "nginx": Status.HEALTHY}


def delivery(
    kind: NoticeKind = NoticeKind.OPENED,
    incident: Incident = INCIDENT,
    *,
    language: str = "en",
    timezone: str = "UTC",
    after: float = 3.0,
) -> Delivery:
    """A notice `after` seconds from the beginning; one that it is over ends it at that moment."""
    at = OPENED_AT + after
    if kind is NoticeKind.RESOLVED:
        alerts = tuple(replace(each, resolved_at=at) for each in incident.alerts)
        incident = replace(incident, resolved_at=at, alerts=alerts)
    notice = Notice(kind, incident, STATUSES, at)
    return Delivery(id="msg_0123", notice=notice, language=language, url=URL, timezone=timezone)


def harmful(kind: NoticeKind = NoticeKind.OPENED) -> Delivery:
    """Every text that others can write means harm."""
    message = Message("trouble.failed", {"phase": "tcp", "text": HARMFUL})
    alert = replace(ALERT, message=message)
    diagnosis = Diagnosis("unknown", message, Confidence.UNKNOWN, evidence=(Evidence("rds", message, OPENED_AT),))
    incident = replace(INCIDENT, alerts=(alert,), diagnosis=diagnosis, reopens=HARMFUL)
    if kind is NoticeKind.RESOLVED:
        incident = replace(incident, resolved_by=HARMFUL)
    return delivery(kind, incident)


def trial(language: str = "en") -> Delivery:
    """What `infra-monitor notify test` sends."""
    return command.trial(OPENED_AT, language=language, url=URL, timezone="UTC")

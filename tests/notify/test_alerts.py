"""Incidents as Alertmanager's alerts, and its webhook message (version 4)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from monitor.core.model import NoticeKind, Severity, Told
from monitor.notify.alerts import alertmanager_message, alerts_of, fingerprint
from monitor.notify.base import Post
from monitor.notify.webhook import WebhookChannel
from tests.delivery.receiver import Receiver
from tests.notify.notices import INCIDENT, INCIDENT_URL, OPENED_AT, URL, delivery, trial

LABELS = {"alertname": "InfraMonitorIncident", "service": "rds", "severity": "critical"}
GROWN = replace(
    INCIDENT,
    told=(
        Told(NoticeKind.OPENED, OPENED_AT + 3, "rds", Severity.WARNING, "database_slow", ("all",)),
        Told(NoticeKind.UPDATED, OPENED_AT + 60, "rds", Severity.CRITICAL, "network_path_blocked", ("all",)),
    ),
)


async def message(receiver: Receiver, post: Post, kind: NoticeKind) -> dict[str, Any]:
    channel = WebhookChannel(kind="webhook", url=SecretStr(receiver.url), format="alertmanager", name="hook")
    await channel.send(delivery(kind, after=60.0), post)
    request = receiver.requests[-1]
    assert request.headers["webhook-id"] == "msg_0123"
    body: dict[str, Any] = json.loads(request.body)
    return body


async def test_a_firing_message_field_by_field(receiver: Receiver, post: Post) -> None:
    body = await message(receiver, post, NoticeKind.OPENED)
    (alert,) = body["alerts"]
    labels, annotations = {**LABELS, "incident": "inc-1"}, alert["annotations"]
    assert annotations.keys() == {"summary", "description", "incident", "cause", "kind"}
    assert annotations["summary"] == "[Critical] rds is down"
    assert annotations["cause"] == "network_path_blocked"
    assert alert == {
        "status": "firing",
        "labels": labels,
        "annotations": annotations,
        "startsAt": "2023-11-14T22:13:20.250Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": INCIDENT_URL,
        "fingerprint": fingerprint(labels),
    }
    assert body == {
        "version": "4",
        "groupKey": '{}:{alertname="InfraMonitorIncident", incident="inc-1"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hook",
        "groupLabels": {"alertname": "InfraMonitorIncident", "incident": "inc-1"},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": URL,
        "alerts": [alert],
    }


async def test_a_resolved_message(receiver: Receiver, post: Post) -> None:
    body = await message(receiver, post, NoticeKind.RESOLVED)
    assert (body["status"], body["alerts"][0]["status"]) == ("resolved", "resolved")
    assert body["alerts"][0]["endsAt"] == "2023-11-14T22:14:20.250Z"


def test_what_grew_more_severe_is_another_alert_and_the_first_is_over() -> None:
    """Labels are what an alert is: the one that it was would else never end."""
    first, second = alerts_of(delivery(incident=GROWN, after=61.0), {}, until=None)
    assert first["labels"] == {**LABELS, "severity": "warning"}
    assert first["endsAt"] == "2023-11-14T22:14:20.250Z"
    assert second["labels"] == LABELS
    assert second["endsAt"] == "0001-01-01T00:00:00Z"
    body = alertmanager_message(delivery(incident=GROWN, after=61.0), receiver="hook")
    assert [alert["status"] for alert in body["alerts"]] == ["resolved", "firing"]
    assert body["status"] == "firing"
    assert body["commonLabels"] == {"alertname": "InfraMonitorIncident", "service": "rds", "incident": "inc-1"}


def test_what_grew_more_severe_and_was_not_yet_told_so_ends_now() -> None:
    unsaid = replace(GROWN, told=GROWN.told[:1])
    first, _ = alerts_of(delivery(incident=unsaid, after=61.0), {}, until=None)
    assert first["endsAt"] == "2023-11-14T22:14:21.250Z"


def test_an_alert_never_ends_before_it_began() -> None:
    odd = replace(INCIDENT, resolved_at=OPENED_AT - 5)
    (alert,) = alerts_of(delivery(incident=odd), {}, until=None)
    assert alert["endsAt"] == alert["startsAt"]


def test_a_test_has_a_name_of_its_own() -> None:
    (alert,) = alerts_of(trial(), {"environment": "lab"}, until=None)
    assert alert["labels"] == {
        "alertname": "InfraMonitorTest", "service": "infra-monitor-test", "severity": "info", "environment": "lab",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "expected"),
    [({}, "cbf29ce484222325"), ({"alertname": "x"}, None), ({"b": "2", "a": "1"}, None)],
)
def test_the_fingerprint_depends_on_nothing_but_the_labels(labels: dict[str, str], expected: str | None) -> None:
    """That it is the one of Prometheus shows the real Alertmanager in test_alertmanager.py."""
    assert fingerprint(labels) == fingerprint(dict(reversed(labels.items())))
    assert expected in (None, fingerprint(labels))

"""An incident as Alertmanager has it: alerts with labels that stay the same from its beginning to its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from monitor import answers
from monitor.core.model import Incident, Message, Severity
from monitor.locale import speak
from monitor.notify.base import Delivery
from monitor.notify.wording import words

NAME: Final = "InfraMonitorIncident"
TEST_NAME: Final = "InfraMonitorTest"
TEST_CAUSE: Final = "test"
WATCHDOG_NAME: Final = "Watchdog"
NOT_ENDED: Final = "0001-01-01T00:00:00Z"
_FNV_OFFSET: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3


def alerts_of(delivery: Delivery, labels: Mapping[str, str], *, until: float | None) -> list[answers.Json]:
    """The incident's alert, `endsAt` at `until` while it is open. Labels say what it is and never which cause or which
    incident, so that several monitors that see the same trouble mean the same alert. When another root was found, or
    it grew more severe, the alert that it was before is over."""
    incident, at = delivery.notice.incident, delivery.notice.at
    now = (incident.root, incident.severity)
    annotations = _annotations(delivery)
    begun = answers.rfc3339(incident.opened_at)
    return [
        {
            "labels": {**labels, **_labels(incident, root, severity)},
            "annotations": annotations,
            "startsAt": begun,
            "endsAt": answers.rfc3339(max(ended, incident.opened_at)) if ended is not None else NOT_ENDED,
            "generatorURL": f"{delivery.url.rstrip('/')}/incidents/{incident.id}",
        }
        for (root, severity), ended in (
            *_earlier(incident, now, at),
            (now, until if incident.resolved_at is None else incident.resolved_at),
        )
    ]


def watchdog_of(labels: Mapping[str, str], *, begun: float, until: float, language: str, url: str) -> answers.Json:
    """The alert that is open while all is well, named and graded as Prometheus' own rules have it. Alertmanager keeps
    the earliest of the beginnings that it is told."""
    return {
        "labels": {**labels, "alertname": WATCHDOG_NAME, "severity": "none"},
        "annotations": {
            "summary": speak(Message("watchdog.summary"), language),
            "description": speak(Message("watchdog.description"), language),
        },
        "startsAt": answers.rfc3339(begun),
        "endsAt": answers.rfc3339(until),
        "generatorURL": f"{url.rstrip('/')}/",
    }


def alertmanager_message(delivery: Delivery, *, receiver: str) -> answers.Json:
    """What Alertmanager sends to its webhooks, version 4. Its group is the incident."""
    own = {"incident": delivery.notice.incident.id}
    alerts = [
        {"status": _status(alert), **alert, "fingerprint": fingerprint(alert["labels"])}
        for alert in alerts_of(delivery, own, until=None)
    ]
    group = {"alertname": alerts[-1]["labels"]["alertname"], **own}
    return {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{name}="{value}"' for name, value in group.items()) + "}",
        "truncatedAlerts": 0,
        "status": "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved",
        "receiver": receiver,
        "groupLabels": group,
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": delivery.url,
        "alerts": alerts,
    }


def fingerprint(labels: Mapping[str, str]) -> str:
    """As Prometheus computes it: FNV-1a over the sorted names and values, each with 0xFF behind it."""
    total = _FNV_OFFSET
    for name, value in sorted(labels.items()):
        for byte in (*name.encode(), 0xFF, *value.encode("utf-8", "replace"), 0xFF):
            total = ((total ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{total:016x}"


def is_test(incident: Incident) -> bool:
    """Whether somebody is trying the channel by hand."""
    return incident.diagnosis is not None and incident.diagnosis.cause == TEST_CAUSE


def _labels(incident: Incident, root: str, severity: Severity) -> dict[str, str]:
    name = TEST_NAME if is_test(incident) else NAME
    return {"alertname": name, "service": root, "severity": severity.value}


def _earlier(incident: Incident, now: tuple[str, Severity], at: float) -> Iterator[tuple[tuple[str, Severity], float]]:
    """What it was told as before, and until when: the first notice that said otherwise."""
    told = [((each.root, each.severity), each.at) for each in incident.told if each.root]
    for what in dict.fromkeys(what for what, _ in told if what != now):
        last = max(index for index, (each, _) in enumerate(told) if each == what)
        yield what, told[last + 1][1] if last + 1 < len(told) else at


def _annotations(delivery: Delivery) -> dict[str, str]:
    incident, said = delivery.notice.incident, words(delivery)
    return {
        "summary": said.title,
        "description": said.text,
        "incident": incident.id,
        "cause": incident.diagnosis.cause if incident.diagnosis else "unknown",
        "kind": delivery.notice.kind.value,
    }


def _status(alert: answers.Json) -> str:
    return "firing" if alert["endsAt"] == NOT_ENDED else "resolved"


def _common(sets: list[dict[str, str]]) -> dict[str, str]:
    first, *others = sets
    return {key: value for key, value in first.items() if all(each.get(key) == value for each in others)}

"""Incidents in PagerDuty, by its Events API v2."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final, Literal

from pydantic import Field, SecretStr

from monitor import answers
from monitor.core.model import NoticeKind
from monitor.notify.base import Channel, Delivery, Post, TryTime
from monitor.notify.posting import WebAddress, post_body
from monitor.notify.wording import words

EVENTS: Final = "https://events.pagerduty.com/v2/enqueue"
LONGEST_SUMMARY: Final = 1024
LONGEST_KEY: Final = 255


class PagerDutyChannel(Channel):
    """POST to the Events API v2. Every notice of an incident carries its id as `dedup_key`, so that it is one incident
    there too, and is resolved there with it."""

    keeps_open: ClassVar[bool] = True

    kind: Literal["pagerduty"]
    routing_key: SecretStr = Field(min_length=1, description="The integration key of the service in PagerDuty.")
    url: WebAddress | None = Field(
        default=None,
        description=f"Default: `{EVENTS}`; in the EU `https://events.eu.pagerduty.com/v2/enqueue`.",
    )
    timeout: TryTime = Field(default=15.0, description="How long one try may take.")

    async def send(self, delivery: Delivery, post: Post) -> str:
        """See `post_body`; PagerDuty answers 202."""
        event = event_of(delivery, self.routing_key.get_secret_value())
        body = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
        return await post_body(post, self.address, body, seconds=self.timeout)

    @property
    def address(self) -> str:
        """Where the events go."""
        return self.url.get_secret_value() if self.url else EVENTS


def event_of(delivery: Delivery, routing_key: str) -> dict[str, Any]:
    """`resolve` needs the key alone; everything else is a `trigger`, which PagerDuty adds to what has the same key."""
    notice, incident = delivery.notice, delivery.notice.incident
    event = {
        "routing_key": routing_key,
        "event_action": "resolve" if notice.kind is NoticeKind.RESOLVED else "trigger",
        "dedup_key": incident.id[:LONGEST_KEY],
    }
    if notice.kind is NoticeKind.RESOLVED:
        return event
    said = words(delivery)
    return event | {
        "payload": {
            "summary": f"{said.title}: {said.summary}"[:LONGEST_SUMMARY] if said.summary else said.title,
            "source": incident.root,
            "severity": incident.severity.value,
            "timestamp": answers.rfc3339(notice.at),
            "component": incident.root,
            "class": incident.diagnosis.cause if incident.diagnosis else "unknown",
            "custom_details": dict(said.facts),
        },
        "client": "infra-monitor",
        "client_url": said.url,
        "links": [{"href": said.url, "text": incident.id}],
    }

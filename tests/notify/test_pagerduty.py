"""What arrives at PagerDuty's Events API v2."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from monitor.core.model import NoticeKind
from monitor.notify.base import Delivery, NotTaken, Post
from monitor.notify.pagerduty import PagerDutyChannel
from tests.delivery.receiver import Receiver
from tests.notify.notices import INCIDENT, INCIDENT_URL, delivery, harmful, trial

KEY = "canary0123456789canary0123456789"


def channel(receiver: Receiver) -> PagerDutyChannel:
    return PagerDutyChannel(kind="pagerduty", url=SecretStr(receiver.url), routing_key=SecretStr(KEY))


async def sent(receiver: Receiver, post: Post, one: Delivery) -> dict[str, Any]:
    receiver.answers(202)
    assert await channel(receiver).send(one, post) == "HTTP 202"
    request = receiver.requests[-1]
    assert (request.method, request.headers["content-type"]) == ("POST", "application/json")
    assert len(request.body) < 512_000
    event: dict[str, Any] = json.loads(request.body)
    return event


async def test_a_trigger_field_by_field(receiver: Receiver, post: Post) -> None:
    event = await sent(receiver, post, delivery())
    details = event["payload"].pop("custom_details")
    assert event == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "inc-1",
        "payload": {
            "summary": "[Critical] rds is down: Nothing comes back from rds: packets are dropped on the way",
            "source": "rds",
            "severity": "critical",
            "timestamp": "2023-11-14T22:13:23.250Z",
            "component": "rds",
            "class": "network_path_blocked",
        },
        "client": "infra-monitor",
        "client_url": INCIDENT_URL,
        "links": [{"href": INCIDENT_URL, "text": "inc-1"}],
    }
    assert details["Depends on it"] == "app (down), nginx (healthy)"


async def test_a_resolve_needs_the_key_alone(receiver: Receiver, post: Post) -> None:
    event = await sent(receiver, post, delivery(NoticeKind.RESOLVED))
    assert event == {"routing_key": KEY, "event_action": "resolve", "dedup_key": "inc-1"}


@pytest.mark.parametrize("kind", [NoticeKind.UPDATED, NoticeKind.REMINDER, NoticeKind.FLAPPING])
async def test_what_comes_in_between_belongs_to_the_same_incident(
    receiver: Receiver, post: Post, kind: NoticeKind
) -> None:
    event = await sent(receiver, post, delivery(kind))
    assert (event["event_action"], event["dedup_key"]) == ("trigger", "inc-1")


async def test_a_test_is_an_info(receiver: Receiver, post: Post) -> None:
    event = await sent(receiver, post, trial())
    assert event["payload"]["severity"] == "info"
    assert event["payload"]["class"] == "test"
    assert event["payload"]["summary"].startswith("[Test]")


async def test_the_limits_are_kept(receiver: Receiver, post: Post) -> None:
    long = replace(INCIDENT, id="i" * 300, root="r" * 3000)
    event = await sent(receiver, post, delivery(incident=long))
    assert len(event["dedup_key"]) <= 255
    assert len(event["payload"]["summary"]) <= 1024
    assert await sent(receiver, post, harmful())


@pytest.mark.parametrize(("status", "permanent"), [(400, True), (429, False), (500, False)])
async def test_what_its_answers_mean(receiver: Receiver, post: Post, status: int, *, permanent: bool) -> None:
    receiver.answers(status)
    with pytest.raises(NotTaken) as caught:
        await channel(receiver).send(delivery(), post)
    assert caught.value.permanent is permanent


def test_the_key_is_a_secret_and_the_address_pagerdutys() -> None:
    one = PagerDutyChannel(kind="pagerduty", routing_key=SecretStr(KEY))
    assert one.address == "https://events.pagerduty.com/v2/enqueue"
    assert "canary" not in f"{one} {one!r} {one.model_dump_json()}"

"""Against a real Alertmanager: alerts open, stay open only while they are repeated, and end."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from monitor.clock import SystemClock
from monitor.core.model import Incident, NoticeKind, State
from monitor.keep_alive import KeepAlive
from monitor.notify import alertmanager as module
from monitor.notify.alertmanager import AlertmanagerChannel
from monitor.notify.alerts import alertmanager_message, fingerprint
from monitor.notify.base import Delivery, Post
from tests.delivery.receiver import Receiver
from tests.notify.alertmanagers import Alertmanager, alertmanager, told
from tests.notify.notices import INCIDENT, delivery
from tests.notify.test_alerts import GROWN
from tests.outbox.house import until


@pytest.fixture
async def server(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Alertmanager]:
    async with alertmanager(tmp_path, receiver) as running:
        yield running


def channel(server: Alertmanager, **labels: str) -> AlertmanagerChannel:
    return AlertmanagerChannel(kind="alertmanager", name="all", url=SecretStr(f"{server.url}/"), labels=labels)


def current(kind: NoticeKind = NoticeKind.OPENED, incident: Incident = INCIDENT) -> Delivery:
    """A notice of this moment."""
    now = SystemClock().now()
    moved = replace(incident, opened_at=now - 5)
    one = delivery(kind, moved)
    if kind is NoticeKind.RESOLVED:
        moved = replace(moved, resolved_at=now)
    return replace(one, notice=replace(one.notice, incident=moved, at=now))


async def test_it_opens_and_is_over(server: Alertmanager, receiver: Receiver, post: Post) -> None:
    """Field by field, as Alertmanager itself gives it back."""
    opened = current()
    assert await channel(server, environment="lab").send(opened, post) == "HTTP 200"
    (alert,) = await server.alerts()
    labels = {"alertname": "InfraMonitorIncident", "service": "rds", "severity": "critical", "environment": "lab"}
    assert alert["labels"] == labels
    assert alert["annotations"]["summary"] == "[Critical] rds is down"
    assert alert["generatorURL"] == "http://127.0.0.1:10142/incidents/inc-1"
    assert alert["fingerprint"] == fingerprint(labels)
    assert alert["startsAt"] < alert["endsAt"]
    await until(lambda: told(receiver) == [("firing", "rds")])
    await channel(server, environment="lab").send(current(NoticeKind.RESOLVED), post)
    await until(lambda: told(receiver) == [("firing", "rds"), ("resolved", "rds")])
    assert await server.alerts() == []


async def test_our_webhook_message_has_the_fields_of_its_own(
    server: Alertmanager, receiver: Receiver, post: Post
) -> None:
    await channel(server).send(current(), post)
    await until(lambda: receiver.requests)
    theirs, ours = json.loads(receiver.requests[0].body), alertmanager_message(current(), receiver="hook")
    assert ours.keys() == theirs.keys()
    assert ours["alerts"][0].keys() == theirs["alerts"][0].keys()
    assert {key: type(value) for key, value in ours.items()} == {key: type(value) for key, value in theirs.items()}
    assert ours["alerts"][0]["endsAt"] == theirs["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    alert = theirs["alerts"][0]
    assert fingerprint(alert["labels"]) == alert["fingerprint"]


async def test_what_grew_more_severe_is_one_open_alert(server: Alertmanager, receiver: Receiver, post: Post) -> None:
    mild = replace(GROWN, told=GROWN.told[:1], severity=GROWN.told[0].severity)
    await channel(server).send(current(incident=mild), post)
    await until(lambda: len(told(receiver)) == 1)
    await channel(server).send(current(NoticeKind.UPDATED, replace(GROWN, told=GROWN.told[:1])), post)
    (alert,) = await server.alerts()
    assert alert["labels"]["severity"] == "critical"
    await until(lambda: sorted(told(receiver)) == [("firing", "rds"), ("firing", "rds"), ("resolved", "rds")])


async def test_two_monitors_that_see_the_same_trouble_mean_one_alert(server: Alertmanager, post: Post) -> None:
    await channel(server).send(current(), post)
    await channel(server).send(current(incident=replace(INCIDENT, id="inc-of-another")), post)
    assert len(await server.alerts()) == 1


async def test_it_lives_only_while_it_is_repeated(
    server: Alertmanager, receiver: Receiver, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rhythm of a second instead of a minute; repeated from the state alone, as after a restart."""
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.5)
    monkeypatch.setattr(module, "LASTING_SECONDS", 2.0)
    states = [State(incidents=(current().notice.incident,))]
    repeating = KeepAlive(state=lambda: states[-1], post=post, url="")
    repeating.use([channel(server)], language="en", timezone="UTC")
    await until(lambda: told(receiver) == [("firing", "rds")])
    for _ in range(4):
        before = (await server.alerts())[0]["updatedAt"]
        await until_later(server, before)
    assert told(receiver) == [("firing", "rds")]
    await repeating.close()
    await until(lambda: told(receiver) == [("firing", "rds"), ("resolved", "rds")])


async def until_later(server: Alertmanager, before: str) -> None:
    """It was repeated, and has not been over in between."""
    while True:
        (alert,) = await server.alerts()
        if alert["updatedAt"] > before:
            return


async def test_what_is_over_is_repeated_until_it_is_known(
    server: Alertmanager, receiver: Receiver, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.2)
    await channel(server).send(current(), post)
    await until(lambda: told(receiver) == [("firing", "rds")])
    states = [State(incidents=(current(NoticeKind.RESOLVED).notice.incident,))]
    repeating = KeepAlive(state=lambda: states[-1], post=post, url="")
    repeating.use([channel(server)], language="en", timezone="UTC")
    await until(lambda: told(receiver) == [("firing", "rds"), ("resolved", "rds")])
    await repeating.close()


def watchdog(server: Alertmanager, **labels: str) -> AlertmanagerChannel:
    return channel(server, **labels).model_copy(update={"watchdog": True})


async def test_the_watchdog_is_open_while_the_monitor_is_well_and_ends_when_it_is_not(
    server: Alertmanager, receiver: Receiver, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any incident, in the rhythm of half a second instead of a minute."""
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.5)
    monkeypatch.setattr(module, "LASTING_SECONDS", 2.0)
    unwell: list[str | None] = [None]
    living = KeepAlive(state=State, post=post, url="http://127.0.0.1:10142", unwell=lambda: unwell[-1])
    living.use([watchdog(server, environment="lab")], language="en", timezone="UTC")
    await until(lambda: told(receiver) == [("firing", "Watchdog")])
    (alert,) = await server.alerts()
    assert alert["labels"] == {
        "alertname": "Watchdog", "severity": "none", "host": socket.gethostname(), "environment": "lab",
    }  # fmt: skip
    assert alert["annotations"]["summary"] == "infra-monitor is alive"
    assert alert["generatorURL"] == "http://127.0.0.1:10142/"
    for _ in range(5):
        await until_later(server, (await server.alerts())[0]["updatedAt"])
    assert (await server.alerts())[0]["startsAt"] == alert["startsAt"], "it is the same alert all the time"
    assert told(receiver) == [("firing", "Watchdog")]
    unwell.append("the core has stood still for 16 s")
    await until(lambda: told(receiver) == [("firing", "Watchdog"), ("resolved", "Watchdog")])
    await living.close()


async def test_each_machine_has_a_watchdog_of_its_own_and_a_test_by_hand_sends_none(
    server: Alertmanager, post: Post
) -> None:
    """That one monitor lives says nothing of another; `host` is what the configuration says, if it does."""
    for host in ("ec2-a", "ec2-b", "ec2-a"):
        await watchdog(server, host=host).live(post, language="ko", url="http://127.0.0.1:10142")
    alerts = await server.alerts()
    assert sorted(each["labels"]["host"] for each in alerts) == ["ec2-a", "ec2-b"]
    assert {each["annotations"]["summary"] for each in alerts} == {"infra-monitor가 정상 동작 중입니다"}
    await watchdog(server).send(current(), post)
    assert len(await server.alerts()) == 3


async def test_who_did_not_ask_for_it_gets_no_watchdog(server: Alertmanager, post: Post) -> None:
    living = KeepAlive(state=State, post=post, url="http://127.0.0.1:10142")
    living.use([channel(server)], language="en", timezone="UTC")
    await asyncio.sleep(0.3)
    assert await server.alerts() == []
    await living.close()

"""What the daemon says of itself over HTTP."""

from __future__ import annotations

from dataclasses import replace

from monitor.heartbeat import Sent
from monitor.standings import Condition, Standing, Try
from monitor.store import Backlog
from tests.web.conftest import BEARER, START, Served


async def test_it_is_healthy_until_a_part_stands_still(served: Served) -> None:
    answer = await served.client.get("/-/healthy")
    assert (answer.status, await answer.text()) == (200, "healthy\n")
    served.upkeep.stands_still = "the store has stood still for 20 s"
    answer = await served.client.get("/-/healthy")
    assert (answer.status, await answer.text()) == (503, "not healthy: the store has stood still for 20 s\n")


async def test_reload_says_that_it_was_taken_or_why_not(served: Served) -> None:
    for method in (served.client.post, served.client.put):
        answer = await method("/-/reload", headers=BEARER)
        assert (answer.status, await answer.text()) == (200, "reloaded\n")
    served.upkeep.reloads = replace(served.upkeep.reloads, lines=("config.yaml:1:1: no", "config.yaml:2:1: neither"))
    answer = await served.client.post("/-/reload", headers=BEARER)
    assert (answer.status, await answer.text()) == (422, "config.yaml:1:1: no\nconfig.yaml:2:1: neither\n")
    assert served.upkeep.count == 3


async def test_reload_needs_the_token(served: Served) -> None:
    assert (await served.client.post("/-/reload")).status == 401
    assert (await served.client.get("/-/reload", headers=BEARER)).status == 405
    assert served.upkeep.count == 0


async def test_the_configuration_in_use_is_told(served: Served) -> None:
    served.upkeep.reloads = replace(served.upkeep.reloads, lines=("no",), warnings=("hm",))
    assert await served.data("/api/v1/config") == {
        "file": "config.yaml",
        "taken_at": "2023-11-14T22:13:20.000Z",
        "tried_at": "2023-11-14T22:13:20.000Z",
        "successful": False,
        "errors": ["no"],
        "warnings": ["hm"],
    }


async def test_the_status_says_how_channels_configuration_and_heartbeat_stand(served: Served) -> None:
    status = await served.data("/api/v1/monitoring")
    assert [status[key] for key in ("unwell", "store_error", "channels", "heartbeat")] == [None, None, [], None]
    assert status["configuration"] == await served.data("/api/v1/config")
    stopped = Try(START + 9.0, "stopped", "HTTP 410")
    channels = (
        Standing(channel="chat", kind="slack", newest=Try(START, "delivered"), delivered_at=START, unrefreshed="no"),
        Standing(channel="gone", kind="webhook", owed=Backlog(2, 1, START), newest=stopped, stopped=stopped),
        Standing(channel="left", kind=None, owed=Backlog(1, 0, START)),
    )
    served.upkeep.condition = Condition(
        channels=channels, heartbeat=Sent(3, START, "the answer was 503"), store_error="the disk is full"
    )
    served.upkeep.stands_still = "the core has stood still for 20 s"
    status = await served.data("/api/v1/monitoring")
    begun, later = "2023-11-14T22:13:20.000Z", "2023-11-14T22:13:29.000Z"
    nothing = dict.fromkeys(
        ("oldest_at", "tried_at", "outcome", "error", "delivered_at", "stopped_at", "stopped_why", "refresh_error")
    )
    assert status["channels"] == [
        nothing
        | {"channel": "chat", "kind": "slack", "configured": True, "pending": 0, "dead": 0}
        | {"tried_at": begun, "outcome": "delivered", "delivered_at": begun, "refresh_error": "no"},
        nothing
        | {"channel": "gone", "kind": "webhook", "configured": True, "pending": 2, "dead": 1, "oldest_at": begun}
        | {"tried_at": later, "outcome": "stopped", "error": "HTTP 410"}
        | {"stopped_at": later, "stopped_why": "HTTP 410"},
        nothing | {"channel": "left", "kind": None, "configured": False, "pending": 1, "dead": 0, "oldest_at": begun},
    ]
    assert status["heartbeat"] == {"arrived_at": begun, "failures": 3, "error": "the answer was 503"}
    assert status["unwell"] == "the core has stood still for 20 s"
    assert status["store_error"] == "the disk is full"
